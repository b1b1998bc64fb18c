// The largest stable learning rate at a curvature: steepest.program.stability on the rule's linear step, printed
// from the same analysis. One step u -> M u of parameter and moving states; scales (averages of squares) are frozen.

import { LIMITS } from "./catalogue.js";
import { radiusOf, radiusOfPair } from "./linear.js";
import { coordinateNames } from "./names.js";
import { allFinite, eigenSymmetric, largest, leastSquares, smallest, sum } from "./numbers.js";
import { landscapeOf } from "./landscapes.js";
import { rules, settingsOf } from "./settings.js";
import { stateAt } from "./step.js";

const LATE = 1e12, TINY = 2 ** -30, SMALLEST = 1e-6, LARGEST = 1e15, GROWTH = 1.1;

/** The linear step of a rule with these settings at a step, as a matrix; null if the rule has none. */
export function stepMatrix(rule, settings, lr, curvature, step = LATE) {
  const { linear, scales } = rules[rule].variant(settings);
  return linear ? matrixOf(rule, { ...settings, lr, eps: 0 }, curvature, step, scales.map(() => 1)) : null;
}

/** The largest absolute eigenvalue of that matrix as a function of learning rate and curvature, for thousands of them in a frame. */
export function radiusWith(rule, settings) {
  const { linear, moving, scales } = rules[rule].variant(settings), size = 1 + moving.length, h = { ...settings, eps: 0 };
  const frozen = scales.map(() => 1), units = Array.from({ length: size }, (_, i) => unit(size, i));
  return (lr, curvature) => {
    h.lr = lr;
    const columns = units.map((column) => linear(h, LATE, curvature, column, frozen));
    return (size === 2 ? radiusOfPair(columns) : radiusOf(columns)) / TINY; // of a matrix and its transpose the same
  };
}

function matrixOf(rule, h, curvature, step, frozen) {
  const { linear, moving } = rules[rule].variant(h), size = 1 + moving.length;
  const columns = Array.from(
    { length: size },
    (_, i) => linear(h, step, curvature, unit(size, i), frozen).map((value) => value / TINY),
  );
  return columns.map((_, i) => columns.map((column) => column[i]));
}

function unit(size, place) {
  return Array.from({ length: size }, (_, i) => (i === place ? TINY : 0));
}

/** Whether the step is linear near 0, and stays the same. */
function isLinear(rule, settings, curvature) {
  const at = (step) => stepMatrix(rule, settings, 1 / curvature, curvature, step);
  const matrix = at(LATE), later = at(2 * LATE), still = stepMatrix(rule, settings, 0, curvature);
  if (matrix === null || !matrix.every(allFinite)) return false;
  const apart = (a, b) => Math.max(...a.flatMap((row, i) => row.map((value, j) => Math.abs(value - b[i][j]))));
  if (!(apart(later, matrix) <= 1e-9 * apart(matrix, still))) return false;
  const point = matrix.map((_, i) => TINY * (0.3 + 0.4 * i) * (i % 2 ? -1 : 1));
  const { linear, scales } = rules[rule].variant(settings);
  const moved = linear({ ...settings, lr: 1 / curvature, eps: 0 }, LATE, curvature, point, scales.map(() => 1));
  return matrix.every((row, i) => Math.abs(dot(row, point) - moved[i]) <= 1e-9 * (TINY + Math.abs(moved[i])));
}

/** The learning rate from which on the rule no longer converges at this curvature; null if it has no such limit. */
function limitAt(rule, settings, curvature) {
  if (!(curvature > 0) || !isLinear(rule, settings, curvature)) return null;
  const radius = (scaled) => radiusOf(stepMatrix(rule, settings, scaled / curvature, curvature));
  return firstUnstable(radius) / curvature;
}

/** Where the radius first reaches 1 as the learning rate (times the curvature) grows. */
function firstUnstable(radius) {
  let stable = SMALLEST, unstable = SMALLEST * GROWTH;
  if (radius(stable) > 1 - 1e-12) return 0;
  while (radius(unstable) < 1) {
    stable = unstable;
    unstable *= GROWTH;
    if (unstable > LARGEST) return Infinity;
  }
  for (;;) {
    const middle = (stable + unstable) / 2;
    if (!(stable < middle && middle < unstable)) return unstable;
    if (radius(middle) < 1) stable = middle;
    else unstable = middle;
  }
}

/** The limit of a rule that divides by a scale, with its scales and step as they are at the end of a path. */
export function limitNow(path, coordinate, curvature) {
  const { rule, settings, n } = path, { states } = stateAt(path, n), { linear, scales } = rules[rule].variant(settings);
  if (!linear || !(curvature > 0) || !isLinear(rule, settings, curvature)) return null;
  const frozen = scales.map((name) => states[name][coordinate]);
  return firstUnstable((lr) => radiusOf(matrixOf(rule, { ...settings, lr }, curvature, n, frozen)));
}

/** Whether a rule's step is not in proportion to the gradient: it divides by a scale, or takes signs. */
export function isAdaptive(rule, settings) {
  const { linear, scales } = rules[rule].variant(settings);
  return !linear || scales.length > 0;
}

/**
 * How far the update that led to point `step` moves each coordinate whose gradient was 1 at every step so far, with the
 * scales as they are there: for Adam lr over the root of v. Null for rules whose step is not linear.
 */
export function ownRates(path, step) {
  const { rule, settings, dims } = path, { linear, scales } = rules[rule].variant(settings);
  if (!linear || limitOf(rule, settings, 1) === null) return null;
  const { states, lr } = stateAt(path, step);
  return Array.from({ length: dims }, (_, i) => {
    const frozen = scales.map((name) => states[name][states[name].length === 1 ? 0 : i]);
    const at = (curvature) => matrixOf(rule, { ...settings, lr }, curvature, step, frozen), still = at(0);
    const kick = at(1).map((row, k) => row[0] - still[k][0]), rows = still.map((row) => row.slice(1));
    let memory = rows[0].map(() => 0);
    for (let n = 1; n < step; n++) memory = rows.slice(1).map((row, k) => dot(row, memory) + kick[k + 1]);
    return -(kick[0] + dot(rows[0], memory));
  });
}

const KNOWN = new Map();

/** The limit, cached: a page needs it at every frame while only the learning rate changes. */
export function limitOf(rule, settings, curvature) {
  const { lr, ...others } = settings, key = JSON.stringify([rule, others, curvature]);
  if (KNOWN.size > 500) KNOWN.clear();
  if (!KNOWN.has(key)) KNOWN.set(key, limitAt(rule, settings, curvature));
  return KNOWN.get(key);
}

/** The formula of a limit that equals "2/λ" or "2(1 + μ)/λ". */
function formulaOf(limit, settings, lambda) {
  const close = (value) => Math.abs(limit * lambda - value) < 1e-9 * value;
  if (close(2)) return "2/λ";
  return settings.momentum > 0 && close(2 * (1 + settings.momentum)) ? "2(1 + μ)/λ" : null;
}

/**
 * The stability limit of a rule on a quadratic: {limit, curvatures: [{lambda, direction, limit, formula, label}], scaled,
 * tied (whether all are the same)}, the steepest direction first; null elsewhere and for rules without such a limit. `scaled` rules (AdaGrad, RMSProp,
 * Adam...) divide by a scale that this takes as 1. A direction that curves downwards has limit 0.
 */
export function stability(on, rule, given) {
  const landscape = landscapeOf(on);
  if (!landscape.quadratic) return null;
  return limitsAt(landscape, landscape.start, rule, settingsOf(rule, given));
}

/** The same for the curvature of any landscape at a point. */
export function limitsAt(landscape, point, rule, settings) {
  const hessian = landscape.hessian(...point);
  if (!hessian.every(allFinite)) return null;
  const { values, vectors } = eigenSymmetric(hessian);
  const curvatures = values.map((lambda, i) => {
    const limit = lambda > 0 ? limitOf(rule, settings, lambda) : lambda < 0 ? 0 : Infinity;
    return {
      lambda,
      direction: vectors[i],
      limit,
      formula: lambda > 0 && limit ? formulaOf(limit, settings, lambda) : null,
      label: labelOf(vectors[i], coordinateNames(landscape)),
    };
  }).sort(steepestFirst);
  if (curvatures.some(({ limit }) => limit === null)) return null;
  if (!curvatures.some(({ lambda }) => lambda > 0)) return null;
  const limit = Math.min(...curvatures.map((curvature) => curvature.limit));
  const tied = areTied(values);
  return { limit, curvatures, scaled: rules[rule].variant(settings).scales.length > 0, tied };
}

/** Of curvatures that differ by rounding only, the last coordinate comes first. */
function steepestFirst(a, b) {
  const [first, second] = [a, b].map(({ lambda }) => Number(lambda.toExponential(9)));
  return second - first || (b.label > a.label ? 1 : -1);
}

/** Whether there are several sizes, all the same. */
export function areTied(sizes) {
  const most = largest(sizes.map(Math.abs));
  return sizes.length > 1 && largest(sizes) - smallest(sizes) <= LIMITS.exact * most;
}

/** The name of the coordinate along which a direction lies, of those of the landscape. */
export function labelOf(direction, names) {
  if (direction.length === 1) return names[0];
  const axis = direction.findIndex((value) => Math.abs(value) > 1 - LIMITS.straight);
  return axis < 0 ? "eigenvector" : names[axis];
}

// --- the path that the linear step predicts --------------------------------------------------------------------------

/**
 * {x}: positions (like a path's) that the linear step predicts, each axis of the quadratic by itself; with noise, their
 * mean. Null where it does not hold: elsewhere than on quadratics, and for rules that divide by a scale.
 */
export function predicted(path) {
  const { landscape, rule, settings, dims, n, factors } = path, variant = rules[rule].variant(settings);
  if (!landscape.quadratic || !variant.linear || variant.scales.length) return null;
  const { values, vectors } = eigenSymmetric(landscape.hessian(...path.point(0)));
  const centre = centreOf(landscape, path.point(0));
  if (centre === null || !values.every((lambda) => isLinear(rule, settings, Math.abs(lambda) || 1))) return null;
  const x = new Float64Array((n + 1) * dims), from = path.point(0).map((value, i) => value - centre[i]);
  const tracks = vectors.map((vector, i) => track(rule, settings, values[i], dot(vector, from), factors, n));
  for (let step = 0; step <= n; step++) {
    for (let i = 0; i < dims; i++) {
      x[step * dims + i] = centre[i] + sum(tracks.map((distances, k) => distances[step] * vectors[k][i]));
    }
  }
  return { x };
}

export const dot = (a, b) => a.reduce((total, value, i) => total + value * b[i], 0);

function track(rule, settings, lambda, start, factors, n) {
  const state = [start, ...rules[rule].variant(settings).moving.map(() => 0)], distances = [start];
  let matrix = null, known = null;
  for (let step = 1; step <= n; step++) {
    const lr = settings.lr * factors[step - 1];
    if (lr !== known || step <= 2) matrix = stepMatrix(rule, settings, (known = lr), lambda, step);
    const next = matrix.map((row) => dot(row, state));
    next.forEach((value, i) => (state[i] = value));
    distances.push(state[0]);
  }
  return distances;
}

/** The point of a quadratic where the gradient vanishes; null if there is none or more than one. */
function centreOf(landscape, point) {
  const hessian = landscape.hessian(...point), { values } = eigenSymmetric(hessian);
  if (values.some((value) => value === 0)) return null;
  const step = leastSquares(hessian, landscape.grad(...point));
  return point.map((value, i) => value - step[i]);
}
