// What the parts of a page, its worker and node may use.

export { phrase, textOf } from "./catalogue.js";
export { equations, filledEquations } from "./equations.js";
export { exports } from "./exports.js";
export { useFacts, version } from "./facts.js";
export { parse } from "./formula.js";
export { link } from "./link.js";
export { maps } from "./maps.js";
export { general, generalPoint, percent } from "./numbers.js";
export { landscapes } from "./landscapes.js";
export { run } from "./run.js";
export { proposedRate } from "./rates.js";
export { schedules } from "./schedules.js";
export { check, look, rules, settingsOf, within } from "./settings.js";
export { slider } from "./sliders.js";
export { stateAt } from "./step.js";
export { ownRates, predicted, stability } from "./stability.js";
export { checkedState, defaultState, tour } from "./state.js";
