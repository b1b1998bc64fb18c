// What the parts of a page, its worker and node may use.

export { phrase, textOf } from "./catalogue.js";
export { equations, filledEquations } from "./equations.js";
export { isSolved } from "./exercises.js";
export { exports } from "./exports.js";
export { useFacts, version } from "./facts.js";
export { parse } from "./formula.js";
export { link } from "./link.js";
export { maps } from "./maps.js";
export { EVERY, Training, firstWeights, lossOf, noiseOf, readImages } from "./network.js";
export { general, generalPoint, percent, readNumber } from "./numbers.js";
export { landscapes } from "./landscapes.js";
export { slicing } from "./slice.js";
export { run } from "./run.js";
export { TEXTS, drawTexts, lossOfTexts } from "./rare_words.js";
export { proposedRate } from "./rates.js";
export { schedules } from "./schedules.js";
export { check, look, rules, settingsOf, within } from "./settings.js";
export { slider } from "./sliders.js";
export { decayOf, pairsOf, shareLeft, spectrumOf } from "./spectrum.js";
export { stateAt } from "./step.js";
export { ownRates, predicted, stability, stepMatrix } from "./stability.js";
export { checkedState, defaultState, tour } from "./state.js";
export { filled } from "./typeset.js";
