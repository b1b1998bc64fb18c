// Stationary points: the one within reach of a point, its kind told by the values around it, and its name.

import { allFinite, diagonalOf, distance, general, leastSquares, norm } from "./numbers.js";
import { AROUND, IN_REACH, NEAR, largest, outsideOf, smallest } from "./outcome.js";
import { Generator } from "./random.js";

/** The stationary point within reach of `end`; a minimum goes before others unless one of these is reached. */
export function nearestStationary(course, end) {
  const { landscape, diagonal } = course;
  const points = [...landscape.minima, ...landscape.localMinima, ...landscape.saddles];
  const newton = newtonFrom(landscape, end, IN_REACH * diagonal);
  if (newton !== null) points.push(newton);
  const found = points
    .filter((point) => distance(point, end) <= IN_REACH * diagonal)
    .map((point) => ({ point, kind: kindOf(landscape, point), far: distance(point, end) }));
  const other = (each) => (each.far > NEAR * diagonal && each.kind !== "minimum" ? 1 : 0);
  return found.reduce(
    (a, b) => (a === null || other(b) < other(a) || (other(b) === other(a) && b.far < a.far) ? b : a),
    null,
  );
}

/** Where Newton's method leads from `end`, if that is in reach and the gradient vanishes there. */
export function newtonFrom(landscape, end, reach) {
  const diagonal = diagonalOf(landscape.window), steepness = norm(landscape.grad(...end));
  let point = end;
  for (let turn = 0; turn < 100; turn++) {
    const gradient = landscape.grad(...point), hessian = landscape.hessian(...point);
    if (!allFinite(gradient) || !hessian.every(allFinite)) return null;
    const step = leastSquares(hessian, gradient.map((each) => -each));
    point = point.map((value, i) => value + step[i]);
    if (!(distance(point, end) <= reach)) return null;
    if (norm(step) <= 1e-9 * diagonal) { // where a slope has no curvature the step is 0, too
      return norm(landscape.grad(...point)) <= 1e-6 * Math.max(1, steepness) ? point : null;
    }
  }
  return null;
}

/** Told by the values around the point, which also holds where the curvature vanishes, as for x**4. */
export function kindOf(landscape, point) {
  const size = AROUND * diagonalOf(landscape.window), tiny = 1e-12 * spreadOf(landscape), here = landscape.f(...point);
  const rises = directions(point.length).map(
    (each) => landscape.f(...point.map((value, i) => value + size * each[i])) - here,
  );
  const up = rises.some((each) => each > tiny), down = rises.some((each) => each < -tiny);
  if (up && down) return "saddle";
  return up ? "minimum" : down ? "maximum" : "flat point";
}

const DIRECTIONS = new Map();

function directions(dims) {
  if (!DIRECTIONS.has(dims)) DIRECTIONS.set(dims, dims === 1 ? [[-1], [1]] : drawn(dims));
  return DIRECTIONS.get(dims);
}

function drawn(dims) {
  const random = new Generator(0);
  const vectors = Array.from({ length: 50 * dims }, () => Array.from({ length: dims }, () => random.normal()));
  const units = vectors.map((vector) => vector.map((each) => each / norm(vector)));
  return [...units, ...units.slice(0, dims).map((_, i) => Array.from({ length: dims }, (_, k) => (k === i ? 1 : 0)))];
}

const SPREADS = new WeakMap();

/** The range of values in the window, from some points of it. */
export function spreadOf(landscape) {
  if (!SPREADS.has(landscape)) SPREADS.set(landscape, measuredSpread(landscape));
  return SPREADS.get(landscape);
}

function measuredSpread({ f, window }) {
  const random = new Generator(0), values = [];
  for (let i = 0; i < 500; i++) values.push(f(...window.map(([low, high]) => low + (high - low) * random.uniform())));
  const finite = values.filter(Number.isFinite);
  return finite.length ? largest(finite) - smallest(finite) : 0;
}

const KINDS = { saddle: "鞍点", maximum: "极大点", "flat point": "平坦点", minimum: "极小点" };

export function describe(course, { point, kind }) {
  const { landscape } = course, place = course.show(point);
  if (kind !== "minimum") return { en: `the ${kind} at ${place}`, zh: `${KINDS[kind]} ${place} ` };
  if (outsideOf(landscape.window, point) > 0) {
    return { en: `a minimum outside the window, at ${place}`, zh: `窗口外的极小点 ${place} ` };
  }
  if (landscape.minimum === null) return { en: `a minimum at ${place}`, zh: `极小点 ${place} ` };
  const value = landscape.f(...point), lowest = landscape.minimum;
  if (value <= lowest + 1e-6 * Math.max(1, Math.abs(lowest))) {
    return { en: `${landscape.minima.length === 1 ? "the" : "a"} global minimum at ${place}`, zh: `全局极小点 ${place} ` };
  }
  const values = [general(value), general(lowest)];
  return {
    en: `the local minimum at ${place} (value ${values[0]}, the global one ${values[1]})`,
    zh: `局部极小点 ${place}（函数值 ${values[0]}，全局最小为 ${values[1]}）`,
  };
}
