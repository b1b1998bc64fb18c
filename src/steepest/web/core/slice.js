// A slice of the network's loss: the plane through a path of weights that holds most of its variance (principal components),
// other paths projected on it, and the loss on a grid of the plane, over all images that are trained on.

import { lossOf, unitsOf } from "./network.js";
import { eigenSymmetric, sum } from "./numbers.js";

const COARSEST = 4; // the first grid has every fourth point of the last
const MARGIN = 0.12, REACH = 2.5; // of the window around the paths; how far from the middle, in times of the path's own reach, another still counts

/** The points of a path before it overflowed. */
function finite(path) {
  const end = path.findIndex((point) => !point.every(Number.isFinite));
  return end < 0 ? path : path.slice(0, end);
}

const dot = (a, b) => a.reduce((total, value, i) => total + value * b[i], 0);

/**
 * The plane of the first two principal components of a path: {origin (the mean), axes (two unit vectors), explained (each
 * one's share of the variance)}. The first axis points on from the start, and the start has a positive second coordinate.
 * Null where a path has no two directions.
 */
export function planeThrough(path) {
  const origin = new Float64Array(path[0].length);
  for (const point of path) for (let i = 0; i < origin.length; i++) origin[i] += point[i] / path.length;
  const from = path.map((point) => point.map((value, i) => value - origin[i]));
  const { values, vectors } = eigenSymmetric(from.map((a) => from.map((b) => dot(a, b))));
  const last = values.length - 1, total = sum(values);
  if (last < 2 || !(values[last - 1] > 1e-14 * total)) return null;
  const axes = [0, 1].map((k) => {
    const axis = new Float64Array(origin.length), shares = vectors[last - k], length = Math.sqrt(values[last - k]);
    const sign = (k ? 1 : -1) * (shares[0] < 0 ? -1 : 1);
    from.forEach((point, n) => { for (let i = 0; i < axis.length; i++) axis[i] += sign * shares[n] * point[i] / length; });
    return axis;
  });
  return { origin, axes, explained: [values[last] / total, values[last - 1] / total] };
}

/** The coordinates of points on the plane, x and y by turns. */
function projected({ origin, axes }, path) {
  return Float64Array.from(path.flatMap((point) => {
    const from = point.map((value, i) => value - origin[i]);
    return axes.map((axis) => dot(from, axis));
  }));
}

/** The share of a path's variance that lies in the plane. */
function shareHeld(way, path) {
  const mean = new Float64Array(path[0].length);
  for (const point of path) for (let i = 0; i < mean.length; i++) mean[i] += point[i] / path.length;
  const whole = sum(path.map((point) => dot(point.map((value, i) => value - mean[i]), point.map((value, i) => value - mean[i]))));
  const held = [0, 1].map((axis) => {
    const values = path.map((_, k) => way[2 * k + axis]), middle = sum(values) / values.length;
    return sum(values.map((value) => (value - middle) ** 2));
  });
  return whole > 0 ? sum(held) / whole : NaN;
}

/**
 * The loss at a place of the plane, as a function of its coordinates. What goes into the hidden units is linear in the
 * weights, hence in the coordinates: it is computed for each image three times, and not for each image and place.
 */
export function lossOnPlane(data, { origin, axes }, rows) {
  const parts = [origin, ...axes].map((weights) => unitsOf(data, weights, rows)), weights = new Float64Array(origin.length);
  const inputs = new Float64Array(parts[0].length);
  return (x, y) => {
    for (let i = 0; i < weights.length; i++) weights[i] = origin[i] + x * axes[0][i] + y * axes[1][i];
    for (let i = 0; i < inputs.length; i++) inputs[i] = parts[0][i] + x * parts[1][i] + y * parts[2][i];
    return lossOf(data, weights, rows, null, inputs).loss;
  };
}

/** A window of a shape (width over height) around ways, the first of which it holds whole; the others unless they go far. */
function windowAround(ways, through, shape) {
  const reach = REACH * Math.max(...pairs(ways[through]).map((point) => Math.hypot(...point)));
  const points = ways.flatMap((way, i) => pairs(way).filter((point) => i === through || Math.hypot(...point) <= reach));
  const ends = [0, 1].map((axis) => [Math.min(...points.map((point) => point[axis])), Math.max(...points.map((point) => point[axis]))]);
  const middles = ends.map(([low, high]) => (low + high) / 2), [wide, tall] = ends.map(([low, high]) => (1 + 2 * MARGIN) * (high - low));
  const height = Math.max(tall, wide / shape), halves = [height * shape / 2, height / 2];
  return middles.map((middle, axis) => [middle - halves[axis], middle + halves[axis]]);
}

function pairs(way) { return Array.from({ length: way.length / 2 }, (_, k) => [way[2 * k], way[2 * k + 1]]); }

/**
 * Computes a slice, and yields it after each piece of the work, so that others may have their turn.
 *
 * spec: {data (as `readImages` makes it), paths (lists of arrays of weights), through (the place of the path that the plane
 * is laid through), size (points on a side of the grid, four times something and one), shape (of the window)}.
 * The slice has {explained, window, ways (coordinates of each path), shares (of each path's variance that the plane holds),
 * own, beneath (for each path, at each of its points, the loss there and on the plane beneath it), value (of the grid, lowest y
 * first), count (points on a side that are computed; 0 for none), done}; or only {plane: null, done} where there is no plane.
 */
export function* slicing({ data, paths: given, through, size, shape }) {
  const paths = given.map(finite), plane = paths[through].length > 2 ? planeThrough(paths[through]) : null;
  if (!plane) return yield { plane: null, done: true };
  const rows = Int32Array.from({ length: data.train }, (_, i) => i), onPlane = lossOnPlane(data, plane, rows);
  const ways = paths.map((path) => projected(plane, path)), window = windowAround(ways, through, shape);
  const slice = {
    explained: plane.explained, window, ways, shares: ways.map((way, i) => shareHeld(way, paths[i])),
    own: paths.map(() => []), beneath: paths.map(() => []), value: null, count: 0, done: false,
  };
  yield slice;
  const value = new Float64Array(size * size).fill(NaN), [[left, right], [low, high]] = window;
  for (let every = COARSEST; every >= 1; every /= 2) {
    for (let j = 0; j < size; j += every) {
      for (let i = 0; i < size; i += every) {
        const at = j * size + i;
        if (Number.isNaN(value[at])) value[at] = onPlane(left + i / (size - 1) * (right - left), low + j / (size - 1) * (high - low));
        yield slice;
      }
    }
    const count = (size - 1) / every + 1;
    slice.value = Float64Array.from({ length: count * count }, (_, k) => value[every * (Math.floor(k / count) * size + k % count)]);
    slice.count = count;
    if (every < COARSEST) continue;
    for (let i = 0; i < paths.length; i++) { // heights of paths, before the grid is made finer
      for (let k = 0; k < paths[i].length; k++) {
        slice.own[i].push(lossOf(data, paths[i][k], rows).loss);
        slice.beneath[i].push(onPlane(ways[i][2 * k], ways[i][2 * k + 1]));
        yield slice;
      }
    }
  }
  slice.done = true;
  yield slice;
}
