// The spectrum of a rule's step on a quadratic: for each curvature the largest absolute eigenvalue of the step's matrix,
// which is the share of the distance that a step leaves in the long run. Below 1 the mode decays, above it grows.

import { leastSquares } from "./numbers.js";
import { dot, radiusWith, stability } from "./stability.js";

const RATES = 220, BEYOND = 1.25; // points of a curve, and how far beyond the limit it goes
const COLUMNS = 90, ROWS = 60; // cells of a map
const MOST_MOMENTUM = 0.99;
const GOLDEN = (Math.sqrt(5) - 1) / 2, TURNS = 40; // of the search for the least, each to 0.62 of what is left
const FLAT = 1e-9; // a double eigenvalue is known to the root of a number's precision only

/** The share of the distance that a step of a rule leaves at a curvature. */
export function shareLeft(rule, settings, lr, curvature) { return radiusWith(rule, settings)(lr, curvature); }

/** The same of the slowest of some modes, as a function of the learning rate. */
function slowest(rule, settings, curvatures) {
  const radius = radiusWith(rule, settings);
  return (lr) => {
    let most = 0;
    for (const { lambda } of curvatures) most = Math.max(most, radius(lr, lambda));
    return most;
  };
}

/** The share of the distance that a step leaves of the slowest mode of a quadratic. */
export function worstShare(landscape, rule, settings) {
  return slowest(rule, settings, stability(landscape, rule, settings).curvatures)(settings.lr);
}

/** Where a function that falls and then rises is least, and its value there; the first such place, where it is flat. */
function leastOf(f, low, high, turns) {
  let [left, right] = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)], [atLeft, atRight] = [f(left), f(right)];
  for (let turn = 0; turn < turns; turn++) {
    if (atLeft <= atRight + FLAT) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - GOLDEN * (high - low);
      atLeft = f(left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + GOLDEN * (high - low);
      atRight = f(right);
    }
  }
  return atLeft <= atRight ? [left, atLeft] : [right, atRight];
}

/**
 * The curves over the learning rate: {modes: [{lambda, label, shares}], rates, high, limit, best, share}: for each curvature the
 * share that a step leaves at each of `rates`, which go up to `high`; `best` is the rate at which the slowest mode decays
 * fastest, and `share` what a step leaves of it there. Null where there is no limit.
 */
export function spectrumOf(landscape, rule, settings) {
  const found = stability(landscape, rule, settings);
  if (!found || !(found.limit > 0) || !Number.isFinite(found.limit)) return null;
  const high = BEYOND * found.limit, rates = Array.from({ length: RATES }, (_, i) => high * (i + 1) / RATES);
  const radius = radiusWith(rule, settings), modes = found.curvatures.map(({ lambda, label }) => ({ lambda, label, shares: rates.map((lr) => radius(lr, lambda)) }));
  const [best, share] = leastOf(slowest(rule, settings, found.curvatures), 0, found.limit, TURNS);
  return { modes, rates, high, limit: found.limit, best, share };
}

/**
 * The map over learning rate and momentum: {share, columns, rows, high, most, best: {lr, momentum, share}}: what a step leaves
 * of the slowest mode in each cell, the lowest momentum first, with rates up to `high` and momenta up to `most`; and the pair at which
 * that is least. Null for rules without momentum, and where there is no limit.
 */
export function pairsOf(landscape, rule, settings) {
  const still = Number.isFinite(settings.momentum) ? stability(landscape, rule, { ...settings, momentum: 0 }) : null;
  if (!still || !(still.limit > 0) || !Number.isFinite(still.limit)) return null;
  const { curvatures, limit } = still, high = 2.1 * limit, share = new Float64Array(COLUMNS * ROWS); // the limit is at most doubled
  const worst = (momentum) => slowest(rule, { ...settings, momentum }, curvatures);
  for (let j = 0, at = 0; j < ROWS; j++) {
    const inRow = worst(MOST_MOMENTUM * j / (ROWS - 1));
    for (let i = 0; i < COLUMNS; i++, at++) share[at] = inRow(high * i / (COLUMNS - 1));
  }
  const over = (momentum) => leastOf(worst(momentum), 0, high, TURNS);
  const [momentum, least] = leastOf((momentum) => over(momentum)[1], 0, MOST_MOMENTUM, TURNS);
  return { share, columns: COLUMNS, rows: ROWS, high, most: MOST_MOMENTUM, best: { lr: over(momentum)[0], momentum, share: least } };
}

/**
 * How a path on a quadratic decays, mode by mode: for each curvature {lambda, label, shares}, the distance from the minimum along its
 * direction at each step, as a share of that at the start. Null where there is no minimum.
 */
export function decayOf({ landscape, x, n, dims }, curvatures) {
  const point = (step) => Array.from(x.subarray(dims * step, dims * (step + 1))), start = point(0);
  if (!curvatures.every(({ lambda }) => lambda > 0)) return null;
  const centre = start.map((value, i) => value - leastSquares(landscape.hessian(...start), landscape.grad(...start))[i]);
  return curvatures.map(({ lambda, label, direction }) => {
    const along = (step) => Math.abs(dot(direction, point(step).map((value, i) => value - centre[i]))), whole = along(0);
    return { lambda, label, shares: Array.from({ length: n + 1 }, (_, step) => along(step) / whole) };
  });
}
