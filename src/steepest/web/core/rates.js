// A learning rate to begin with: as steepest.paths.rates proposes it, by its numbers.

import { diagonalOf } from "./geometry.js";
import { landscapeOf } from "./landscapes.js";
import { allFinite, eigenSymmetric, largest } from "./numbers.js";
import { run } from "./run.js";
import { rules, settingsOf } from "./settings.js";
import { limitOf } from "./stability.js";

const CONSTANTS = {};

/** The numbers of Python's `rates.CONSTANTS`, by name. */
export function fillRates(constants) {
  Object.assign(CONSTANTS, constants);
}

const rough = (rate) => Number(rate.toPrecision(1));

/** A learning rate of one digit that suits a rule on a landscape; spec: {landscape, rule, settings, start}. */
export function proposedRate({ landscape: on, rule, settings = {}, start }) {
  const landscape = landscapeOf(on), from = start ?? landscape.start, usual = rules[rule].settings.find(({ name }) => name === "lr").value;
  let lr = usual >= CONSTANTS.factor ? usual : rough(first(landscape, rule, settingsOf(rule, settings), from));
  for (let n = 0; n < CONSTANTS.tries; n++) {
    const path = run({ landscape, rule, settings: { ...settings, lr }, start: from, steps: CONSTANTS.tried });
    if (!["diverged", "became non-finite"].includes(path.status) && !(path.f[path.n] > path.f[0])) return lr;
    lr = rough(CONSTANTS.smaller * lr);
  }
  return usual;
}

function first(landscape, rule, settings, start) {
  const across = Math.min(diagonalOf(landscape.window) / CONSTANTS.across, CONSTANTS.largest);
  const points = [start, ...landscape.minima, ...landscape.localMinima];
  const hessians = points.map((point) => landscape.hessian(...point)).filter((hessian) => hessian.every(allFinite));
  const steepest = largest([0, ...hessians.flatMap((hessian) => eigenSymmetric(hessian).values.map(Math.abs))]);
  if (!(steepest > 0) || limitOf(rule, settings, 1) === null || rules[rule].variant(settings).scales.length) return across;
  return Math.min((2 * CONSTANTS.share) / steepest, CONSTANTS.largest);
}
