// What the parts of a page, its worker and node may use.

import { basin, sweep } from "./maps.js";

export { textOf } from "./catalogue.js";
export { equations, filledEquations } from "./equations.js";
export { exports } from "./exports.js";
export { useFacts, version } from "./facts.js";
export { parse } from "./formula.js";
export { link } from "./link.js";
export { general, generalPoint, percent } from "./numbers.js";
export { Generator } from "./random.js";
export { landscapeOf, landscapes, run, stateAt } from "./run.js";
export { schedules } from "./schedules.js";
export { look, rules, settingsOf } from "./settings.js";
export { slider, within } from "./sliders.js";
export { limitsAt, predicted, stability } from "./stability.js";
export { check, checkedState, defaultState, tour } from "./state.js";

export const maps = { basin, sweep };
