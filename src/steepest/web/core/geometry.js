// Geometry of a landscape, as in steepest.landscapes.geometry: the window's size, the spread of values, Newton's method,
// stationary points and their kinds.

import { allFinite, distance, largest, leastSquares, norm, smallest } from "./numbers.js";
import { Generator } from "./random.js";

const CONSTANTS = {};

/** The numbers of Python's `geometry.CONSTANTS`, by name. */
export function fillGeometry(constants) {
  Object.assign(CONSTANTS, constants);
}

export function diagonalOf(window) {
  return norm(window.map(([low, high]) => high - low));
}

/** Distance of a point to the window; 0 inside. */
export function outsideOf(window, point) {
  return norm(point.map((value, i) => Math.max(window[i][0] - value, value - window[i][1], 0)));
}

const SPREADS = new WeakMap();

/** The range of the finite values at random points of the window. */
export function spreadOf(landscape) {
  if (!SPREADS.has(landscape)) SPREADS.set(landscape, measuredSpread(landscape));
  return SPREADS.get(landscape);
}

function measuredSpread({ f, window }) {
  const random = new Generator(0);
  const values = Array.from(
    { length: CONSTANTS.sample },
    () => f(...window.map(([low, high]) => low + (high - low) * random.uniform())),
  ).filter(Number.isFinite);
  return values.length ? largest(values) - smallest(values) : 0;
}

/**
 * The stationary point within `reach` of `end`, of those stated and that which Newton's method finds: {point, kind} or
 * null. A minimum goes before others unless one of these is within `near`.
 */
export function nearestStationary(landscape, end, near, reach) {
  const points = [...landscape.minima, ...landscape.localMinima, ...landscape.saddles];
  const newton = newtonFrom(landscape, end, reach);
  if (newton !== null) points.push(newton);
  const found = points
    .filter((point) => distance(point, end) <= reach)
    .map((point) => ({ point, kind: kindOf(landscape, point), far: distance(point, end) }));
  const order = ({ far, kind }) => far + (far > near && kind !== "minimum" ? 2 * reach : 0);
  return found.reduce((a, b) => (a === null || order(b) < order(a) ? b : a), null);
}

/** Where Newton's method leads from `end`, if that is in reach and the gradient vanishes there; else null. */
export function newtonFrom(landscape, end, reach) {
  const diagonal = diagonalOf(landscape.window), steepness = norm(landscape.grad(...end));
  let point = end;
  for (let turn = 0; turn < CONSTANTS.turns; turn++) {
    const gradient = landscape.grad(...point), hessian = landscape.hessian(...point);
    if (!allFinite(gradient) || !hessian.every(allFinite)) return null;
    const step = leastSquares(hessian, gradient.map((slope) => -slope));
    point = point.map((value, i) => value + step[i]);
    if (!(distance(point, end) <= reach)) return null;
    if (norm(step) <= CONSTANTS.settled * diagonal) { // where a slope has no curvature the step is 0, too
      return norm(landscape.grad(...point)) <= CONSTANTS.vanished * Math.max(1, steepness) ? point : null;
    }
  }
  return null;
}

/** Told by the values around the point, which also holds where the curvature vanishes, as for x**4. */
export function kindOf(landscape, point) {
  const size = CONSTANTS.around * diagonalOf(landscape.window), here = landscape.f(...point);
  const level = CONSTANTS.level * spreadOf(landscape);
  const rises = directions(point.length).map(
    (direction) => landscape.f(...point.map((value, i) => value + size * direction[i])) - here,
  );
  const up = rises.some((rise) => rise > level), down = rises.some((rise) => rise < -level);
  if (up && down) return "saddle";
  return up ? "minimum" : down ? "maximum" : "flat point";
}

/** Whether the values at some distance to both sides of a point are the same as there. */
export function isLevel(landscape, point, direction, far) {
  const here = landscape.f(...point), level = CONSTANTS.level * spreadOf(landscape);
  const there = (side) => landscape.f(...point.map((value, i) => value + side * far * direction[i]));
  return [-1, 1].every((side) => Math.abs(there(side) - here) <= level);
}

const DIRECTIONS = new Map();

function directions(dims) {
  if (!DIRECTIONS.has(dims)) DIRECTIONS.set(dims, dims === 1 ? [[-1], [1]] : drawn(dims));
  return DIRECTIONS.get(dims);
}

function drawn(dims) {
  const random = new Generator(0);
  const vectors = Array.from(
    { length: CONSTANTS.directions * dims },
    () => Array.from({ length: dims }, () => random.normal()),
  );
  const units = vectors.map((vector) => vector.map((value) => value / norm(vector)));
  return [...units, ...Array.from({ length: dims }, (_, i) => Array.from({ length: dims }, (_, k) => (k === i ? 1 : 0)))];
}
