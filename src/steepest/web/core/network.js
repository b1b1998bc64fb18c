// What is trained in the page, and how. A small network: images, one hidden layer of rectified units, softmax and cross-entropy, in
// float64, by the same printed rules as paths. `steepest.lecture.network` does the same in Python, weight for weight.

import { Generator } from "./random.js";
import { factorsOf } from "./schedules.js";
import { rules, settingsOf } from "./settings.js";

export const EVERY = 10; // steps between two measurements on held-out images

/** Images as Python packs them: a letter a pixel, "a" for 0, "q" for 16; a digit a label; those to train on first. */
export function readImages({ pixels, labels, train, hidden, classes }) {
  const count = labels.length, inputs = pixels.length / count;
  const images = Float64Array.from({ length: pixels.length }, (_, i) => (pixels.charCodeAt(i) - 97) / 16);
  return { images, labels: Uint8Array.from(labels, Number), train, count, sizes: [inputs, hidden, classes] };
}

/** The places of the parts in the flat array of weights: of the hidden layer, its biases, the output layer, its biases, the end. */
function places([inputs, hidden, classes]) {
  const b1 = inputs * hidden, w2 = b1 + hidden, b2 = w2 + hidden * classes;
  return [b1, w2, b2, b2 + classes];
}

/** Weights as torch begins with: uniform within one over the root of a layer's inputs. */
export function firstWeights(sizes, seed) {
  const random = new Generator(seed), [, w2, , end] = places(sizes);
  return Float64Array.from({ length: end }, (_, i) => (2 * random.uniform() - 1) / Math.sqrt(i < w2 ? sizes[0] : sizes[1]));
}

/** A layer: its weights from `at` on, row by row, and its biases, on the inputs from `from` on; into `outputs` from `to` on. */
function layer(weights, at, biases, inputs, from, size, outputs, to, count) {
  for (let k = 0; k < count; k++) {
    let sum = weights[biases + k];
    for (let i = 0; i < size; i++) sum += weights[at++] * inputs[from + i];
    outputs[to + k] = sum;
  }
}

/** Adds a multiple of some numbers to others. */
function addTo(sums, to, factor, values, from, count) {
  for (let i = 0; i < count; i++) sums[to + i] += factor * values[from + i];
}

/** What goes into the hidden units, for each of some rows: linear in the weights. */
export function unitsOf({ images, sizes }, weights, rows) {
  const [inputs, hidden] = sizes, [b1] = places(sizes), sums = new Float64Array(rows.length * hidden);
  rows.forEach((row, n) => layer(weights, 0, b1, images, row * inputs, inputs, sums, n * hidden, hidden));
  return sums;
}

/** Turns scores into exponentials above the greatest of them; {best, top: the greatest, total: their sum}. */
function exponentials(scores) {
  let best = 0, total = 0;
  for (let k = 1; k < scores.length; k++) if (scores[k] > scores[best]) best = k;
  const top = scores[best];
  for (let k = 0; k < scores.length; k++) total += scores[k] = Math.exp(scores[k] - top);
  return { best, top, total };
}

/** Adds to the gradient what one image adds; `slopes` are those of the loss by the scores. */
function addGradient({ images, sizes: [inputs, hidden, classes] }, weights, [b1, w2, b2], slopes, units, from, gradient) {
  addTo(gradient, b2, 1, slopes, 0, classes);
  for (let k = 0; k < classes; k++) addTo(gradient, w2 + k * hidden, slopes[k], units, 0, hidden);
  for (let j = 0; j < hidden; j++) {
    if (units[j] === 0) continue;
    let slope = 0;
    for (let k = 0; k < classes; k++) slope += slopes[k] * weights[w2 + k * hidden + j];
    gradient[b1 + j] += slope;
    addTo(gradient, j * inputs, slope, images, from, inputs);
  }
}

/**
 * The mean loss on some rows and how many are told right, {loss, right}; its gradient goes into `gradient`, if given. What
 * `unitsOf` tells of the rows need not be computed again where it is given as `sums`.
 */
export function lossOf(data, weights, rows, gradient = null, sums = unitsOf(data, weights, rows)) {
  const { labels, sizes } = data, [inputs, hidden, classes] = sizes, parts = places(sizes), [, w2, b2] = parts;
  const units = new Float64Array(hidden), scores = new Float64Array(classes), share = 1 / rows.length;
  let loss = 0, right = 0;
  gradient?.fill(0);
  rows.forEach((row, n) => {
    const label = labels[row];
    for (let j = 0; j < hidden; j++) units[j] = Math.max(0, sums[n * hidden + j]);
    layer(weights, w2, b2, units, 0, hidden, scores, 0, classes);
    const told = scores[label], { best, top, total } = exponentials(scores);
    loss += Math.log(total) - (told - top);
    right += best === label;
    if (!gradient) return;
    for (let k = 0; k < classes; k++) scores[k] = share * (scores[k] / total - (k === label));
    addGradient(data, weights, parts, scores, units, row * inputs, gradient);
  });
  return { loss: share * loss, right };
}

/** How far the gradient of one image to train on is from that of all of them: the root of the mean square. */
export function noiseOf(data, weights) {
  const all = Int32Array.from({ length: data.train }, (_, i) => i), mean = new Float64Array(weights.length), own = mean.slice();
  lossOf(data, weights, all, mean);
  let total = 0;
  for (const row of all) {
    lossOf(data, weights, [row], own);
    for (let k = 0; k < own.length; k++) total += (own[k] - mean[k]) ** 2;
  }
  return Math.sqrt(total / data.train);
}

/** Numbers from 0 below `count`, shuffled (Fisher and Yates). */
function shuffled(count, random) {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random.uniform() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

const IMAGES = { first: ({ sizes }, seed) => firstWeights(sizes, seed), lossOf };

/**
 * Several rules that train the same model from the same weights on the same batches.
 *
 * data: with `train`, how many to train on, and `count`, how many there are; problem: {first(data, seed), lossOf(...)}, the
 * weights at the start, and the loss as above. spec: {rules: [{id, settings, schedule}], batch, seed, steps, keeps, watched}.
 * `runners` have the curves: `losses` of the batches; every `EVERY` steps `accuracies` on what is held out and, where `keeps`
 * says so, the weights, as `path`; and `rates`, for each step the rate of each of the `watched` weights, which is how far it
 * went, over its gradient: NaN where that is 0.
 */
export class Training {
  constructor(data, { rules: chosen, batch, seed, steps, keeps = false, watched = [] }, problem = IMAGES) {
    Object.assign(this, { data, problem, batch, steps, keeps, watched, step: 0, order: [], random: new Generator(seed, 1) });
    this.held = Int32Array.from({ length: data.count - data.train }, (_, i) => data.train + i);
    this.runners = chosen.map(({ id, settings: given, schedule }) => {
      const settings = settingsOf(id, given), { init, step } = rules[id].variant(settings), weights = problem.first(data, seed);
      const lr = factorsOf(schedule, steps).map((factor) => factor * settings.lr);
      return { settings, step, lr, rates: [], weights, state: init(settings, weights), gradient: new Float64Array(weights.length), losses: [], accuracies: [], path: [] };
    });
    this.measure();
  }

  get done() { return this.step >= this.steps; }

  /** The rows of the next batch; a pass over the images is in a new order each time. */
  rows() {
    const { data, batch } = this, size = Math.min(batch, data.train);
    if (this.order.length < size) this.order = [...shuffled(data.train, this.random)];
    return this.order.splice(0, size);
  }

  advanceOne() {
    const rows = this.rows();
    this.step += 1;
    for (const runner of this.runners) {
      const { weights, gradient, settings } = runner, before = this.watched.map((i) => weights[i]);
      runner.losses.push(this.problem.lossOf(this.data, weights, rows, gradient).loss);
      settings.lr = runner.lr[this.step - 1];
      runner.step(settings, gradient, weights, runner.state, this.step);
      if (before.length) runner.rates.push(before.map((value, k) => (value - weights[this.watched[k]]) / gradient[this.watched[k]]));
    }
    if (this.step % EVERY === 0 || this.done) this.measure();
  }

  measure() {
    for (const { weights, accuracies, path } of this.runners) {
      if (this.keeps) path.push(weights.slice());
      accuracies.push([this.step, this.problem.lossOf(this.data, weights, this.held).right / this.held.length]);
    }
  }

  /** Trains for so many milliseconds, at least a step, or to the end. */
  advance(milliseconds = Infinity) {
    const until = performance.now() + milliseconds;
    do if (!this.done) this.advanceOne(); while (!this.done && performance.now() < until);
  }
}
