// One rule on one landscape, as steepest.trace does it: the same operations in the same order.

import { CHECKPOINT, copyOf } from "./step.js";
import { landscapeOf } from "./landscapes.js";
import { explain } from "./outcome.js";
import { Generator } from "./random.js";
import { factorsOf } from "./schedules.js";
import { rules, settingsOf } from "./settings.js";
import { explanations } from "./why.js";

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

const NORMALS = { seed: null, values: new Float64Array(0), generator: null };

/** The first numbers of a seed's generator; cached, as a page needs the same ones at every frame. */
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
