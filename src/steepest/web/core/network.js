// A small network that is trained in the page: images, one hidden layer of rectified units, softmax and cross-entropy, in
// float64, by the same printed rules as paths. `steepest.lecture.network` does the same in Python, weight for weight.

import { Generator } from "./random.js";
import { rules, settingsOf } from "./settings.js";

const EVERY = 10; // steps between two measurements on held-out images

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

/** The mean loss on some rows and how many are told right, {loss, right}; its gradient goes into `gradient`, if given. */
export function lossOf({ images, labels, sizes }, weights, rows, gradient = null) {
  const [inputs, hidden, classes] = sizes, [b1, w2, b2] = places(sizes);
  const units = new Float64Array(hidden), shares = new Float64Array(classes), share = 1 / rows.length;
  let loss = 0, right = 0;
  gradient?.fill(0);
  for (const row of rows) {
    const from = row * inputs, label = labels[row];
    for (let j = 0, at = 0; j < hidden; j++) {
      let sum = weights[b1 + j];
      for (let i = 0; i < inputs; i++) sum += weights[at++] * images[from + i];
      units[j] = sum > 0 ? sum : 0;
    }
    let top = -Infinity, best = 0;
    for (let k = 0, at = w2; k < classes; k++) {
      let sum = weights[b2 + k];
      for (let j = 0; j < hidden; j++) sum += weights[at++] * units[j];
      shares[k] = sum;
      if (sum > top) [top, best] = [sum, k];
    }
    let total = 0;
    for (let k = 0; k < classes; k++) total += Math.exp(shares[k] - top);
    loss += Math.log(total) - (shares[label] - top);
    right += best === label;
    if (!gradient) continue;
    for (let k = 0; k < classes; k++) {
      const slope = share * (Math.exp(shares[k] - top) / total - (k === label)), at = w2 + k * hidden;
      gradient[b2 + k] += slope;
      shares[k] = slope;
      for (let j = 0; j < hidden; j++) gradient[at + j] += slope * units[j];
    }
    for (let j = 0; j < hidden; j++) {
      if (units[j] === 0) continue;
      let slope = 0;
      for (let k = 0; k < classes; k++) slope += shares[k] * weights[w2 + k * hidden + j];
      gradient[b1 + j] += slope;
      for (let i = 0, at = j * inputs; i < inputs; i++) gradient[at + i] += slope * images[from + i];
    }
  }
  return { loss: share * loss, right };
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

/**
 * Several rules that train the same network from the same weights on the same batches.
 *
 * spec: {rules: [{id, settings}], batch, seed, steps}. `runners` have the curves: `losses` of the batches, `accuracies` on
 * held-out images every `EVERY` steps.
 */
export class Training {
  constructor(data, { rules: chosen, batch, seed, steps }) {
    Object.assign(this, { data, batch, steps, step: 0, order: [], random: new Generator(seed, 1) });
    this.held = Int32Array.from({ length: data.count - data.train }, (_, i) => data.train + i);
    this.runners = chosen.map(({ id, settings: given }) => {
      const settings = settingsOf(id, given), { init, step } = rules[id].variant(settings), weights = firstWeights(data.sizes, seed);
      return { settings, step, weights, state: init(settings, weights), gradient: new Float64Array(weights.length), losses: [], accuracies: [] };
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
      runner.losses.push(lossOf(this.data, runner.weights, rows, runner.gradient).loss);
      runner.step(runner.settings, runner.gradient, runner.weights, runner.state, this.step);
    }
    if (this.step % EVERY === 0 || this.done) this.measure();
  }

  measure() {
    for (const { weights, accuracies } of this.runners) {
      accuracies.push([this.step, lossOf(this.data, weights, this.held).right / this.held.length]);
    }
  }

  /** Trains for so many milliseconds, at least a step, or to the end. */
  advance(milliseconds = Infinity) {
    const until = performance.now() + milliseconds;
    do if (!this.done) this.advanceOne(); while (!this.done && performance.now() < until);
  }
}
