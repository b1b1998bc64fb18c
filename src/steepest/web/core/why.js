// Why a path ended as it did: the explanations of steepest.findings.why, from the curvature along the path and the rule's
// linear step.

import { Finding, LIMITS } from "./catalogue.js";
import { diagonalOf, isLevel } from "./geometry.js";
import { eigenvalues } from "./linear.js";
import { coordinateNames } from "./names.js";
import { allFinite, distance, eigenSymmetric, largest, norm, smallest } from "./numbers.js";
import { tidy } from "./outcome.js";
import { rules } from "./settings.js";
import { stateAt } from "./step.js";
import { areTied, dot, labelOf, limitNow, limitOf, limitsAt, ownRates, stepMatrix } from "./stability.js";

const MINIMA = ["only_global", "global", "local", "minimum", "minimum_outside"];
const FORMULAS = { "2/λ": "plain", "2(1 + μ)/λ": "momentum" };

/** The explanations of a path, each a finding: none, one or two. */
export function explanations(path) {
  const { code, numbers, status } = path.finding, minimum = minimumOf(path);
  const candidates = EXPLANATIONS[code] ?? byStatus(path, code, status), told = [first(path, candidates)];
  if (minimum && isLocal(path.landscape, minimum)) told.push(first(path, [leaptOver, () => new Finding("in_its_valley")]));
  return told.filter((finding) => finding !== null);
}

function byStatus(path, code, status) {
  if (status === "became non-finite") return [];
  if (status === "diverged") return [aboveLimit];
  if (path.spec.noise > 0) return [noiseStays];
  if (["swings", "leaps", "falls_in_swings"].includes(code)) return [aboveLimit, atEdge, overshoots, hopsOver];
  return [pace, askew, ratesApart, fixedSteps];
}

function first(path, candidates) {
  for (const candidate of candidates) {
    const finding = candidate(path);
    if (finding !== null) return finding;
  }
  return null;
}

/** The minimum at or near which the path ended; null if there is none. */
function minimumOf({ finding: { numbers } }) {
  return MINIMA.includes(numbers.kind) ? numbers.point : null;
}

// --- the path and its linear step ------------------------------------------------------------------------------------

const rate = (path, step) => path.settings.lr * path.factors[Math.min(Math.max(step, 0), path.factors.length - 1)];
const lastRate = (path) => rate(path, path.n - 1);
const lastStep = (path) => distance(path.point(path.n), path.point(path.n - 1));
const variantOf = (path) => rules[path.rule].variant(path.settings);
const isScaled = (path) => variantOf(path).scales?.length > 0;
const axisName = ({ landscape }, i) => coordinateNames(landscape)[i];

/** The coordinate along which a direction lies, or its unit vector with a positive first component. */
function directionOf(vector, landscape) {
  const label = labelOf(vector, coordinateNames(landscape));
  if (label !== "eigenvector") return label;
  const sign = Math.sign(vector.find((value) => Math.abs(value) > LIMITS.straight));
  return vector.map((value) => sign * value);
}

function limitsOf(path, point) {
  return limitsAt(path.landscape, point, path.rule, path.settings);
}

/** The largest eigenvalue of the rule's step at a curvature. */
function modeAt(path, lambda, lr = lastRate(path)) {
  const modes = eigenvalues(stepMatrix(path.rule, path.settings, lr, lambda)).map(
    ([real, imaginary]) => ({ real, imaginary, size: Math.hypot(real, imaginary) }),
  );
  return modes.reduce((a, b) => (b.size > a.size ? b : a));
}

const turns = ({ real, imaginary }) => imaginary !== 0 || real < 0;

/** The curvatures of the largest mode, each with its mode, the smallest first. */
function slowestOf(path, curvatures) {
  const all = curvatures.map((curvature) => ({ ...curvature, mode: modeAt(path, curvature.lambda) }));
  const size = largest(all.map(({ mode }) => mode.size));
  return all.filter(({ mode }) => mode.size >= size * (1 - LIMITS.exact)).reverse();
}

/** How far a unit of gradient moves each coordinate at a step, NaN without one; of a rule whose step is not linear, moved. */
function ratesAt(path, step) {
  const { noisyGradient, effectiveStep } = stateAt(path, step), own = ownRates(path, step);
  return noisyGradient.map((slope, i) => (own === null ? -effectiveStep[i] : slope === 0 ? NaN : own[i]));
}

function eigenAt(landscape, point) {
  const hessian = landscape.hessian(...point);
  return hessian.every(allFinite) ? eigenSymmetric(hessian) : { values: [NaN], vectors: [] };
}

// --- explanations ----------------------------------------------------------------------------------------------------

/** The first point of the path where the learning rate is above the stability limit of a curvature. */
function aboveLimit(path) {
  if (isScaled(path)) return null;
  const last = path.landscape.quadratic ? 0 : Math.min(path.n - 1, LIMITS.looked);
  for (let step = 0; step <= last; step++) {
    const limits = limitsOf(path, path.point(step)), lr = rate(path, step);
    const worst = limits?.curvatures.find(({ lambda, limit }) => lambda > 0 && lr >= limit * (1 - LIMITS.exact));
    if (worst) return ofLimit(path, worst, lr, step, areTied(limits.curvatures.map(({ lambda }) => lambda)));
  }
  return null;
}

function ofLimit(path, { lambda, limit, formula, direction }, lr, step, tied = false) {
  const mode = modeAt(path, lambda, lr);
  return new Finding("above_limit", {
    lr, limit, formula: FORMULAS[formula] ?? "number", direction: directionOf(direction, path.landscape), curvature: lambda,
    factor: mode.imaginary === 0 ? mode.real : mode.size, step, everywhere: path.landscape.quadratic,
    exactly: lr <= limit * (1 + LIMITS.exact), tied,
  });
}

function downhill(path) {
  const numbers = downwards(path, path.point(0));
  return numbers ? new Finding("leaves_ridge", numbers) : new Finding("falls_for_ever");
}

/** The direction in which the surface curves downwards most; null if it does in none. */
function downwards({ landscape }, point) {
  const { values, vectors } = eigenAt(landscape, point);
  return values[0] < 0 ? { direction: directionOf(vectors[0], landscape), curvature: values[0], tied: areTied(values) } : null;
}

/** Rules that divide by a scale, which shrinks with the gradient until the learning rate is at its limit. */
function atEdge(path) {
  const point = minimumOf(path);
  if (!isScaled(path) || point === null) return null;
  const hessian = path.landscape.hessian(...point), lr = lastRate(path);
  const edges = point.map((_, i) => ({ axis: axisName(path, i), limit: limitNow(path, i, hessian[i][i]) }));
  const edge = edges.filter(({ limit }) => limit > 0 && lr > LIMITS.edge * limit).sort((a, b) => a.limit - b.limit)[0];
  if (!edge) return null;
  const numbers = { ...edge, lr, beyond: lr > LIMITS.beyond * edge.limit }, { swing } = path.finding.numbers;
  if (swing === undefined) return new Finding("at_edge", { ...numbers, jumps: "none" });
  const jumps = Math.abs(swing / lr - 0.5) < LIMITS.half ? "half" : "some";
  return new Finding("at_edge", { ...numbers, jumps, swing });
}

/** Steps that stay as long as the learning rate however small the gradient is. */
function hopsOver(path) {
  if (!isScaled(path)) return fixedSteps(path);
  if (!(lastStep(path) > LIMITS.length * lastRate(path))) return ratesApart(path);
  return new Finding("jumps_across", { lr: lastRate(path) });
}

function fixedSteps(path) {
  if (isScaled(path) || !variantOf(path).linear || limitOf(path.rule, path.settings, 1) !== null) return null;
  return new Finding("fixed_steps", { length: lastStep(path) });
}

function flatThere(path) {
  const { point } = path.finding.numbers, numbers = downwards(path, point);
  if (numbers === null) return new Finding("flat_point", { point: tidy(path.landscape, point) });
  const away = path.point(path.n).map((value, i) => value - point[i]);
  const off = numbers.tied ? norm(away) : Math.abs(dot(eigenAt(path.landscape, point).vectors[0], away));
  return off < LIMITS.ridge ? new Finding("on_ridge", numbers) : new Finding("near_ridge", { ...numbers, distance: off });
}

function smallSteps(path) {
  const length = lastStep(path), gradient = norm(path.landscape.grad(...path.point(path.n)));
  if (!(length > 0)) return new Finding("no_steps");
  if (gradient === 0) return new Finding("coasts", { length });
  return new Finding("small_steps", { gradient, length, steps: diagonalOf(path.landscape.window) / length });
}

function rateFell(path) {
  if (path.n < 2) return null;
  const before = ratesAt(path, 1), now = ratesAt(path, path.n);
  const i = now.findIndex((rate, k) => rate > 0 && before[k] > LIMITS.fell * rate);
  return i < 0 ? null : new Finding("rate_fell", { axis: axisName(path, i), first: before[i], last: now[i] });
}

/** The spread of the stationary distribution, where the rule is plain gradient descent near a minimum. */
function noiseStays(path) {
  const { noise } = path.spec, lr = lastRate(path), point = minimumOf(path);
  const plain = new Finding("noise_shakes", { noise });
  const limits = point && !isScaled(path) && limitsOf(path, point);
  if (!limits) return plain;
  const simple = stepMatrix(path.rule, path.settings, lr, 1)?.length === 1 || path.settings.momentum === 0;
  if (!simple || !(lr < limits.limit) || path.settings.weight_decay || lr !== rate(path, 0)) return plain;
  const { curvatures } = limits, tied = areTied(curvatures.map(({ lambda }) => lambda));
  const spreads = (tied ? curvatures.slice(0, 1) : curvatures).map(({ lambda, direction }) => ({
    size: noise * Math.sqrt(lr / (lambda * (2 - lr * lambda))), direction: directionOf(direction, path.landscape), tied,
  }));
  return new Finding("noise_spreads", { lr, spreads });
}

function overshoots(path) {
  const point = minimumOf(path), limits = point && !isScaled(path) && limitsOf(path, point);
  const swinging = limits ? limits.curvatures.filter(({ lambda }) => turns(modeAt(path, lambda))) : [];
  if (!swinging.length) return null;
  const slowest = slowestOf(path, swinging), [{ direction, mode }] = slowest, tied = path.dims > 1 && slowest.length === path.dims;
  return new Finding("overshoots", { direction: directionOf(direction, path.landscape), share: mode.size, tied });
}

/** The share of the distance that the slowest direction keeps at each step. */
function pace(path) {
  if (isScaled(path)) return null;
  const minimum = minimumOf(path), point = minimum ?? (path.landscape.quadratic ? path.point(0) : null);
  const valley = minimum && valleyAt(path, minimum);
  if (minimum && !valley && !(eigenAt(path.landscape, minimum).values[0] > LIMITS.curved)) return new Finding("flat_bottom");
  const limits = point && limitsOf(path, point);
  const curvatures = limits ? limits.curvatures.filter(({ direction }) => !valley || String(directionOf(direction, path.landscape)) !== String(valley)) : [];
  if (!curvatures.length || curvatures.some(({ lambda }) => !(lambda > 0))) return null;
  const slowest = slowestOf(path, curvatures), [{ lambda, direction, mode }] = slowest;
  if (mode.size >= 1) return aboveLimit(path);
  const numbers = { curvature: lambda, share: mode.size, turns: turns(mode) };
  if (valley) return new Finding("valley", { ...numbers, direction: valley });
  if (path.dims === 1) return new Finding("pace", numbers);
  if (slowest.length === path.dims) return new Finding("alike", { share: mode.size, turns: slowest.some((one) => turns(one.mode)) });
  return new Finding("slowest", { ...numbers, direction: directionOf(direction, path.landscape) });
}

/** The direction in which a minimum is exactly flat, one of a line of minima; null if it is none of that kind. */
function valleyAt({ landscape }, point) {
  const { values, vectors } = eigenAt(landscape, point);
  if (!(values[0] <= LIMITS.curved)) return null;
  return isLevel(landscape, point, vectors[0], LIMITS.in_reach * diagonalOf(landscape.window)) ? directionOf(vectors[0], landscape) : null;
}

/** A valley that is much steeper across than along it, seen from the last point. */
function askew(path) {
  const limits = isScaled(path) || path.dims < 2 ? null : limitsOf(path, path.point(path.n));
  if (!limits) return null;
  const steep = limits.curvatures[0], flat = limits.curvatures.at(-1), lr = lastRate(path);
  if (lr >= limits.limit && steep.limit === limits.limit) return ofLimit(path, steep, lr, path.n);
  if (!(steep.lambda > LIMITS.askew * Math.abs(flat.lambda))) return null;
  const [across, down] = [steep, flat].map(({ direction }) => directionOf(direction, path.landscape));
  return new Finding("askew", { steep: steep.lambda, across, limit: steep.limit, flat: flat.lambda, down, level: flat.lambda === 0 });
}

function ratesApart(path) {
  if (path.dims < 2 || path.n < 1 || !isScaled(path)) return null;
  const rates = ratesAt(path, path.n).map(Math.abs);
  const told = rates.every((rate) => Number.isFinite(rate) && rate > 0) && largest(rates) >= LIMITS.apart * smallest(rates);
  return told ? new Finding("own_rates", { rates: rates.map((rate, i) => ({ axis: axisName(path, i), rate })) }) : null;
}

// --- a local minimum -------------------------------------------------------------------------------------------------

function isLocal({ minimum, f }, point) {
  return minimum !== null && f(...point) > minimum + LIMITS.lowest * Math.max(1, Math.abs(minimum));
}

/** In one dimension: the step that leapt over a global minimum, if one did. */
function leaptOver(path) {
  if (path.dims > 1) return null;
  for (let step = 1; step <= path.n; step++) {
    const [before, after] = [path.x[step - 1], path.x[step]];
    const over = path.landscape.minima.find(([x]) => (before - x) * (after - x) < 0);
    if (over) return new Finding("leapt_over", { step, minimum: over[0], before, after });
  }
  return null;
}

/** What explains each ending, the first that holds; the others by status and noise. */
const EXPLANATIONS = {
  ran_down: [downhill],
  cycles: [aboveLimit, atEdge, hopsOver],
  stuck_at: [flatThere],
  slows_down: [flatThere],
  plateau: [smallSteps],
  drifts: [smallSteps],
  rests: [rateFell, smallSteps],
  hardly_moves: [rateFell, smallSteps],
};
