// One step of a path in detail: what the rule saw and did.

import { completed, linesOf } from "./equations.js";
import { rules } from "./settings.js";

/** A path keeps its state at every so many steps; those between are computed again. */
export const CHECKPOINT = 32;

export function copyOf(state) {
  return Object.fromEntries(Object.entries(state).map(([name, values]) => [name, Array.from(values)]));
}

/**
 * What the rule saw and did at the update that led to point `step` (from 1), each an array with a number a coordinate:
 * {gradient, noisyGradient, states, delta, effectiveStep (delta / gradient), lr, values}. `values` has the numbers of the
 * equations' symbols by their data-v names; a name with "@" in front is the value before the update.
 */
export function stateAt(path, at) {
  const step = Math.min(at, path.n);
  const { dims, landscape, rule, settings, factors, shocks } = path;
  const variant = rules[rule].variant(settings), h = { ...settings };
  if (step < 1) return beforeTheFirst(path, variant.init(h, Float64Array.from(path.point(0))));
  const from = Math.floor((step - 1) / CHECKPOINT), state = copyOf(path.checkpoints[from]);
  let seen = null;
  for (let n = from * CHECKPOINT; n < step; n++) {
    const position = Float64Array.from(path.point(n)), gradient = landscape.grad(...position);
    const noisy = gradient.map((slope, i) => slope + (shocks ? path.spec.noise * shocks[n * dims + i] : 0));
    const before = n === step - 1 ? copyOf(state) : null;
    h.lr = settings.lr * factors[n];
    variant.step(h, noisy, position, state, n + 1);
    if (before) seen = { gradient, noisy, before };
  }
  const here = path.point(step - 1), there = path.point(step), delta = there.map((value, i) => value - here[i]);
  return {
    step,
    gradient: seen.gradient,
    noisyGradient: seen.noisy,
    states: shownStates(path, state),
    delta,
    effectiveStep: delta.map((change, i) => change / seen.noisy[i]),
    lr: h.lr,
    values: valuesOf(path, { step, h, state, before: seen.before, gradient: seen.noisy, here, there }),
  };
}

function beforeTheFirst(path, state) {
  const nothing = { gradient: null, noisyGradient: null, delta: null, effectiveStep: null, lr: null };
  return { step: 0, ...nothing, states: shownStates(path, state), values: {} };
}

/** The states that the rule keeps with these settings: those in its equations. */
function shownStates(path, state) {
  const lines = linesOf(path.rule, path.settings);
  const kept = ([name]) => lines.some((line) => line.name === name);
  return Object.fromEntries(Object.entries(copyOf(state)).filter(kept));
}

/** The numbers of all symbols in the rule's equations, an array with one a coordinate for each name. */
function valuesOf(path, { step, h, state, before, gradient, here, there }) {
  const values = {};
  there.forEach((position, i) => {
    const own = (values) => values[values.length === 1 ? 0 : i];
    const numbers = { step, grad: gradient[i], "@x": here[i], x: position };
    for (const { name, place, kind } of rules[path.rule].settings) {
      if (kind === "number") {
        numbers[place === null ? name : `${name}_${place}`] = place === null ? h[name] : h[name][place];
      }
    }
    for (const name of Object.keys(state)) {
      Object.assign(numbers, { [name]: own(state[name]), [`@${name}`]: own(before[name]) });
    }
    for (const [name, value] of Object.entries(completed(path.rule, path.settings, numbers))) {
      (values[name] ??= []).push(value);
    }
  });
  return values;
}
