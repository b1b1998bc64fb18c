// Maps: the end of a run from every start (basin), or with every pair of values of two settings (sweep). Coarse to
// fine, in short slices of time, so that a page or a worker can draw what is there and stop what is no longer wanted. Without noise.
// A slice of the network's loss is computed in the same way.

import { LIMITS } from "./catalogue.js";
import { diagonalOf, kindOf, newtonFrom, outsideOf } from "./geometry.js";
import { distance } from "./numbers.js";
import { landscapeOf } from "./landscapes.js";
import { explain } from "./outcome.js";
import { factorsOf } from "./schedules.js";
import { rules, settingsOf } from "./settings.js";
import { slicing } from "./slice.js";
import { SCALES } from "./sliders.js";

const SLICE = 12; // milliseconds
const COARSE = 8;
const NOWHERE = -1, ESCAPED = -2;

/**
 * Which minimum each start of the window reaches.
 *
 * spec: {landscape, rule, settings, schedule, steps, size, window}. Calls onRows(map) after each row, where map is
 * {which, steps, value, size, rows, minima, block, row, done}: arrays of rows * size cells, the lowest y first; `which`
 * is a place in `minima`, -1 for none reached, -2 for escaped; `steps` until within a thousandth of the diagonal
 * (Infinity: never); `value` at the end. Until it is done, cells of a block not yet computed have the value of its first.
 */
function basin(spec, onRows = () => {}) {
  const landscape = landscapeOf(spec.landscape), window = spec.window ?? landscape.window, { size } = spec;
  const rows = landscape.dims === 1 ? 1 : size;
  const minima = [...landscape.minima, ...landscape.localMinima].map((point) => [...point]);
  const map = { ...emptyMap(rows, size), which: new Int16Array(rows * size).fill(NOWHERE), minima };
  const walk = walker(landscape, spec), centre = ([low, high], i) => low + ((i + 0.5) / size) * (high - low);
  const near = arrivalRadius(landscape);
  return job(map, onRows, (at, row, column) => {
    const start = landscape.dims === 1
      ? [centre(window[0], column)]
      : [centre(window[0], column), centre(window[1], row)];
    const end = walk(settingsOf(spec.rule, spec.settings), start);
    map.which[at] = end.lost ? ESCAPED : arrivedAt(landscape, minima, end.x);
    if (map.which[at] === NOWHERE && end.escaped) map.which[at] = ESCAPED;
    map.steps[at] = map.which[at] < 0 ? Infinity : end.since([minima[map.which[at]]], near);
    map.value[at] = end.value;
  });
}

function emptyMap(rows, size) {
  const cells = rows * size;
  return { steps: new Float32Array(cells), value: new Float32Array(cells), size, rows, block: COARSE, row: 0, done: false };
}

/** How near a point a path has arrived there. */
function arrivalRadius({ window }) {
  return LIMITS.near * diagonalOf(window);
}

/** The minimum that a point is at; one that the landscape does not state is added to the list. */
function arrivedAt(landscape, minima, x) {
  const near = arrivalRadius(landscape), at = minima.findIndex((point) => distance(point, x) <= near);
  if (at >= 0) return at;
  const found = newtonFrom(landscape, x, near);
  if (found === null || kindOf(landscape, found) !== "minimum") return NOWHERE;
  const known = minima.findIndex((point) => distance(point, found) <= near);
  return known >= 0 ? known : minima.push(found) - 1;
}

/**
 * The final value, and the steps to the minimum, for all pairs of two settings.
 *
 * spec: {landscape, rule, settings, start, schedule, steps, size, x: setting, y: setting}, where x and y are
 * {name, place, low, high, least, scale} as in a rule's settings. Calls onRows(map) as `basin` does, with {value, steps}.
 * `steps` is the step from which on the path stays within a thousandth of the window's diagonal of a global minimum
 * (Infinity: never), as in `steepest.map_sweep`; where none is stated, of the lowest minimum that a pair reaches.
 */
function sweep(spec, onRows = () => {}) {
  const landscape = landscapeOf(spec.landscape), { size, start = landscape.start } = spec;
  const map = emptyMap(size, size);
  const walk = walker(landscape, spec), share = (i) => (i + 0.5) / size, near = arrivalRadius(landscape);
  const reached = []; // minima, where the landscape states none
  let lowest = null;
  const stepsOf = (end) => {
    if (end.lost) return Infinity;
    if (landscape.minima.length) return end.since(landscape.minima, near);
    const at = arrivedAt(landscape, reached, end.x);
    if (at < 0) return Infinity;
    if (lowest === null || landscape.f(...reached[at]) < landscape.f(...reached[lowest])) {
      lowest = at;
      map.steps.fill(Infinity); // of pairs that reached a higher one
    }
    return at === lowest ? end.since([reached[at]], near) : Infinity;
  };
  return job(map, onRows, (at, row, column) => {
    const settings = settingsOf(spec.rule, spec.settings);
    for (const [setting, i] of [[spec.x, column], [spec.y, row]]) {
      const value = SCALES[setting.scale][0](setting, share(i));
      if (setting.place === null || setting.place === undefined) settings[setting.name] = value;
      else settings[setting.name][setting.place] = value;
    }
    const end = walk(settings, start);
    map.value[at] = end.escaped ? Infinity : end.value;
    map.steps[at] = stepsOf(end);
  });
}

/** A function that runs a rule from a start and returns the end; one path of memory serves all runs. */
function walker(landscape, { rule, schedule, steps }) {
  const { dims, f, grad } = landscape, factors = factorsOf(schedule, steps);
  const path = new Float64Array((steps + 1) * dims);
  return (settings, start) => {
    const { init, step } = rules[rule].variant(settings), x = Float64Array.from(start), state = init(settings, x);
    const { lr } = settings;
    path.set(x);
    let n = 0, lost = false;
    for (; n < steps && !lost; n++) {
      settings.lr = lr * factors[n];
      step(settings, grad(...x), x, state, n + 1);
      path.set(x, (n + 1) * dims);
      for (let i = 0; i < dims; i++) lost ||= !(Math.abs(x[i]) < 1e100);
    }
    const value = f(...x);
    return new Walk(landscape, path, n, x, value, lost || !Number.isFinite(value));
  };
}

/** Where a run ended: last position and value, and whether it was lost. */
class Walk {
  constructor(landscape, path, n, x, value, lost) {
    Object.assign(this, { landscape, path, n, x, value, lost });
  }

  point(step) {
    return this.path.subarray(step * this.x.length, (step + 1) * this.x.length);
  }

  /** Whether it overflowed, or diverged or ran down out of the window. */
  get escaped() {
    const { landscape, n } = this;
    if (this.lost || outsideOf(landscape.window, this.x) === 0) return this.lost;
    const points = [this.point(0)];
    for (let step = Math.max(1, n - LIMITS.tail + 1); step <= n; step++) points.push(this.point(step));
    const f = points.map((point) => landscape.f(...point));
    const path = { landscape, spec: { noise: 0 }, n: points.length - 1, f, point: (i) => points[i] };
    return explain(path).status === "diverged";
  }

  /** The step from which on it stays near one of some points; Infinity if it is not there at the end. */
  since(targets, near) {
    let step = this.n;
    while (step >= 0 && targets.some((target) => distance(this.point(step), target) <= near)) step -= 1;
    return step === this.n ? Infinity : step + 1;
  }
}

/** Computes all cells, coarse to fine; {cancel(), done (a promise of the map, null if cancelled)}. */
function job(map, onRows, compute) {
  let stopped = false;
  const { size, rows } = map, cells = Object.values(map).filter(ArrayBuffer.isView);
  async function go() {
    let since = now();
    for (let block = COARSE; block >= 1; block /= 2) {
      for (let row = 0; row < rows; row += block) {
        for (let column = 0; column < size; column += block) {
          const seen = block < COARSE && row % (2 * block) === 0 && column % (2 * block) === 0;
          if (!seen) cell(block, row, column);
          if (now() - since < SLICE) continue;
          await new Promise((resolve) => setTimeout(resolve));
          since = now();
          if (stopped) return null;
        }
        Object.assign(map, { block, row, done: block === 1 && row + block >= rows });
        onRows(map);
      }
    }
    return map;
  }
  function cell(block, row, column) {
    const at = row * size + column;
    compute(at, row, column);
    for (let i = row; i < Math.min(rows, row + block); i++) {
      for (let j = column; j < Math.min(size, column + block); j++) {
        for (const values of cells) values[i * size + j] = values[at];
      }
    }
  }
  return { cancel: () => { stopped = true; }, done: go() };
}

const now = () => performance.now();

/** A slice of the network's loss, as core/slice.js says; calls onPiece(slice) after each piece. */
function slice(spec, onPiece = () => {}) {
  let stopped = false;
  async function go() {
    let since = now(), last = null;
    for (last of slicing(spec)) {
      onPiece(last);
      if (now() - since < SLICE) continue;
      await new Promise((resolve) => setTimeout(resolve));
      since = now();
      if (stopped) return null;
    }
    return last;
  }
  return { cancel: () => { stopped = true; }, done: go() };
}

export const maps = { basin, sweep, slice };

/** Computes the map of {kind, spec}, and calls tell(map) at most every 60 milliseconds; {cancel(), done}. */
export function computeMap({ kind, spec }, tell) {
  let told = 0;
  return maps[kind](spec, (map) => {
    if (!map.done && now() - told < 60) return;
    told = now();
    tell(map);
  });
}

/** In a worker: answers each message with its map. */
export function answerMaps() {
  self.onmessage = ({ data }) => computeMap(data, (map) => self.postMessage(map));
}
