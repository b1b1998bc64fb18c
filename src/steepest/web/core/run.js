// One rule on one landscape, as steepest.trace does it: the same operations in the same order.

import { completed, linesOf } from "./equations.js";
import { parse } from "./formula.js";
import { explain } from "./outcome.js";
import { Generator } from "./random.js";
import { factorsOf } from "./schedules.js";
import { inBoth, rules, settingsOf } from "./settings.js";
import { explanations } from "./why.js";

const CHECKPOINT = 32;

/**
 * The path of a rule.
 *
 * spec: {landscape (a name or a landscape), rule, settings, start, steps, schedule, noise, seed}.
 * Returns {x, f, n, dims, rates, ...} with the positions of n + 1 points after each other and their values; it ends
 * early where it stops being finite. What happened (`finding`) and why (`why`, findings too) is computed when asked for.
 */
export function run(spec) {
  const landscape = landscapeOf(spec.landscape), { dims, f, grad } = landscape;
  const { rule, steps, noise = 0, seed = 0, start = landscape.start } = spec;
  const settings = settingsOf(rule, spec.settings), h = { ...settings };
  const { init, step } = rules[rule].variant(h);
  const factors = factorsOf(spec.schedule, steps), shocks = noise ? normals(seed, steps * dims) : null;
  const position = Float64Array.from(start), state = init(h, position);
  const x = new Float64Array((steps + 1) * dims), values = new Float64Array(steps + 1);
  const checkpoints = [];
  x.set(position);
  values[0] = f(...position);
  let n = 0, finite = Number.isFinite(values[0]);
  while (n < steps && finite) {
    if (n % CHECKPOINT === 0) checkpoints.push(copyOf(state));
    h.lr = settings.lr * factors[n];
    const gradient = grad(...position);
    if (shocks) for (let i = 0; i < dims; i++) gradient[i] += noise * shocks[n * dims + i];
    step(h, gradient, position, state, n + 1);
    n += 1;
    x.set(position, n * dims);
    values[n] = f(...position);
    finite = Number.isFinite(values[n]) && position.every(Number.isFinite);
  }
  return new Run({
    spec: { ...spec, noise, seed, start: Array.from(start) }, landscape, rule, settings, dims, steps, n, factors,
    shocks, checkpoints, x: x.subarray(0, (n + 1) * dims), f: values.subarray(0, n + 1),
  });
}

class Run {
  constructor(parts) {
    Object.assign(this, parts);
  }

  point(step) {
    return Array.from(this.x.subarray(step * this.dims, (step + 1) * this.dims));
  }

  get finding() {
    return (this.found ??= explain(this));
  }

  get status() {
    return this.finding.status;
  }

  /** The step at which it ended. */
  get at() {
    return this.finding.step ?? this.n;
  }

  get why() {
    return (this.reasons ??= explanations(this));
  }
}

function copyOf(state) {
  return Object.fromEntries(Object.entries(state).map(([name, values]) => [name, Array.from(values)]));
}

const NORMALS = { seed: null, values: new Float64Array(0), generator: null };

/** The first numbers of a seed's generator; remembered, as a page asks for the same ones at every frame. */
function normals(seed, count) {
  if (NORMALS.seed !== seed) {
    Object.assign(NORMALS, { seed, values: new Float64Array(0), generator: new Generator(seed) });
  }
  const known = NORMALS.values.length;
  if (known < count) {
    const more = new Float64Array(count);
    more.set(NORMALS.values);
    for (let i = known; i < count; i++) more[i] = NORMALS.generator.normal();
    NORMALS.values = more;
  }
  return NORMALS.values;
}

export const landscapes = {};

export function fillLandscapes(printed) {
  for (const [id, { facts, ...functions }] of Object.entries(printed)) landscapes[id] = makeLandscape(facts, functions);
}

function makeLandscape(facts, functions) {
  return { ...facts, title: inBoth(facts.title), group: inBoth(facts.group), about: inBoth(facts.about), ...functions };
}

/** A landscape by name, by formula ({formula: "x**2"}), or itself. */
export function landscapeOf(on) {
  if (typeof on === "string") return landscapes[on];
  return typeof on.f === "function" ? on : parse(on.formula);
}

// --- one step in detail ----------------------------------------------------------------------------------------------

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
    const noisy = gradient.map((each, i) => each + (shocks ? path.spec.noise * shocks[n * dims + i] : 0));
    const before = n === step - 1 ? copyOf(state) : null;
    h.lr = settings.lr * factors[n];
    variant.step(h, noisy, position, state, n + 1);
    if (before) seen = { gradient, noisy, before };
  }
  const here = path.point(step - 1), there = path.point(step), delta = there.map((each, i) => each - here[i]);
  return {
    step,
    gradient: seen.gradient,
    noisyGradient: seen.noisy,
    states: shownStates(path, state),
    delta,
    effectiveStep: delta.map((each, i) => each / seen.noisy[i]),
    lr: h.lr,
    values: valuesOf(path, { step, h, state, before: seen.before, gradient: seen.noisy, here, there }),
  };
}

function beforeTheFirst(path, state) {
  return {
    step: 0, gradient: null, noisyGradient: null, states: shownStates(path, state), delta: null, effectiveStep: null,
    lr: null,
    values: {},
  };
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
    const one = (each) => each[each.length === 1 ? 0 : i];
    const numbers = { step, grad: gradient[i], "@x": here[i], x: position };
    for (const { name, place, kind } of rules[path.rule].settings) {
      if (kind === "number") {
        numbers[place === null ? name : `${name}_${place}`] = place === null ? h[name] : h[name][place];
      }
    }
    for (const name of Object.keys(state)) {
      Object.assign(numbers, { [name]: one(state[name]), [`@${name}`]: one(before[name]) });
    }
    for (const [name, value] of Object.entries(completed(path.rule, path.settings, numbers))) {
      (values[name] ??= []).push(value);
    }
  });
  return values;
}
