// How a path ended: the causes of steepest.findings.outcome, in its order, with its measures and thresholds.

import { Finding, LIMITS } from "./catalogue.js";
import { diagonalOf, nearestStationary, outsideOf, spreadOf } from "./geometry.js";
import { allFinite, differences, distance, grows, largest, norm, smallest, sum } from "./numbers.js";
import { isAdaptive } from "./stability.js";

/** The finding of a path, as `Path.finding` of `steepest.trace`. */
export function explain(path) {
  const measures = new Measures(path);
  const domain = leftTheDomain(measures);
  if (domain !== null) return domain;
  const [code, , numbers] = CAUSES.find(([, applies]) => applies(measures));
  return new Finding(code, numbers(measures));
}

/** A path up to its last finite point, and what is measured on it. */
class Measures {
  constructor(path) {
    const { landscape, spec, n, f, factors = [] } = path;
    Object.assign(this, { landscape, path });
    this.noisy = spec.noise > 0;
    this.decays = n > 0 && largest(factors.slice(0, n)) > factors[n - 1];
    this.all = Array.from({ length: n + 1 }, (_, step) => path.point(step));
    this.lost = !Number.isFinite(f[n]) || !allFinite(this.all[n]);
    this.x = this.lost ? this.all.slice(0, n) : this.all;
    this.f = Array.from(f).slice(0, this.x.length);
    this.steps = n;
    this.end = this.x.at(-1);
    this.diagonal = diagonalOf(landscape.window);
    this.near = LIMITS.near * this.diagonal;
    this.reach = LIMITS.in_reach * this.diagonal;
    this.outside = this.x.map((point) => outsideOf(landscape.window, point));
    this.exit = this.outside.lastIndexOf(0) + 1;
    this.hops = this.x.slice(1).map((point, i) => distance(point, this.x[i]));
    this.recent = Math.min(Math.max(LIMITS.recent_least, Math.floor((n + 1) / LIMITS.recent)), n);
    this.moved = sum(this.hops.slice(-this.recent));
  }

  slope(point) {
    return norm(this.landscape.grad(...point));
  }

  nearest(point) {
    return nearestStationary(this.landscape, point, this.near, this.reach);
  }

  /** The stationary point in reach of the end; a flat point does not count. */
  get found() {
    if (this.nearestOfEnd === undefined) this.nearestOfEnd = this.nearest(this.end);
    return this.nearestOfEnd?.kind === "flat point" ? null : this.nearestOfEnd;
  }

  get atMinimum() {
    return this.found?.kind === "minimum";
  }

  /** Distances to the stationary point in reach. */
  get distance() {
    return (this.far ??= this.x.map((point) => distance(point, this.found.point)));
  }
}

/** A point with what is next to nothing, measured by the window, as 0. */
export function tidy(landscape, point) {
  const zero = LIMITS.zero * diagonalOf(landscape.window);
  return point.map((value) => (Math.abs(value) <= zero ? 0 : value));
}

// --- paths that have no end ------------------------------------------------------------------------------------------

/** Came where the landscape has no value or no gradient, such as log(x) below 0. */
function leftTheDomain({ landscape, all, x, lost, end, diagonal, outside }) {
  const step = x.length, at = (point) => ({ point: tidy(landscape, point), step });
  if (step === 0) return new Finding("no_value_at_start", at(all[0]));
  if (!lost) return null;
  if (allFinite(all[step]) && distance(all[step], end) < diagonal) return new Finding("no_value", at(all[step]));
  const gradient = norm(landscape.grad(...end));
  return !Number.isFinite(gradient) && outside.at(-1) < diagonal ? new Finding("no_gradient", at(end)) : null;
}

/** Left the window downhill and found the slope no gentler outside. */
function ranDown(path) {
  const { f, x, exit, outside, diagonal, end } = path, edge = Math.max(exit - 1, 0);
  if (outside.at(-1) < diagonal || differences(f.slice(edge)).some((rise) => rise > 0)) return false;
  return f.at(-1) < f[0] && path.slope(end) >= path.slope(x[edge]);
}

/** Climbed away. */
function rises(path) {
  const { f, outside, diagonal } = path;
  return f.at(-1) > f[0] && (outside.at(-1) > LIMITS.gone * diagonal || climbsInGrowingLeaps(path));
}

function climbsInGrowingLeaps({ noisy, steps, f, hops }) {
  const { climbing } = LIMITS;
  return !noisy && steps >= climbing - 2 && grows(f.slice(-climbing)) && grows(hops.slice(1 - climbing));
}

const risesFrom = ({ f }) => ({ step: f.findLastIndex((value) => value <= f[0]) + 1, value: f.at(-1) });
const leftAt = ({ exit }) => ({ step: exit });

// --- paths that have one ---------------------------------------------------------------------------------------------

/** Leaps to and fro between the same two points. */
function cycles({ noisy, steps, x, hops: all, diagonal }) {
  if (noisy || steps <= LIMITS.cycle) return false;
  const tail = x.slice(-LIMITS.cycle - 1), hops = all.slice(-LIMITS.cycle), shortest = smallest(hops);
  const returns = tail.slice(2).map((point, i) => distance(point, tail[i]));
  const lasts = hops.at(-1) > LIMITS.cycle_lasts * hops[0] && shortest > LIMITS.cycle_least * diagonal;
  return lasts && largest(returns) <= LIMITS.cycle_returns * shortest;
}

function cycle(path) {
  const middle = path.x.at(-1).map((value, i) => (value + path.x.at(-2)[i]) / 2), found = path.nearest(middle);
  const place = found?.kind === "minimum" ? placeOf(path, found) : { kind: "point", point: tidy(path.landscape, middle) };
  return { ...place, swing: path.hops.at(-1) / 2, ...calm(path) };
}

/** The last points are at a stationary point, and swings about it do not grow. */
function arrived(path) {
  if (path.found === null) return false;
  const latest = path.distance.slice(1).slice(-(path.noisy ? path.recent : LIMITS.recent_least));
  const hops = path.hops.slice(-LIMITS.swings);
  const swinging = hops.length === LIMITS.swings && grows(hops) && hops.at(-1) > LIMITS.swings_least * path.near;
  return largest(latest) <= path.near && !swinging;
}

function comesCloser({ distance: all, recent, noisy }) {
  const far = all.slice(-2 * recent);
  if (noisy && far.length >= 2 * LIMITS.blocks) { // chance makes four blocks fall in 1 of 24 cases
    const levels = splitEvenly(far, LIMITS.blocks).map(
      (block) => Math.sqrt(sum(block.map((far) => far * far)) / block.length),
    );
    return differences(levels).every((rise) => rise < 0) && levels.at(-1) < LIMITS.closer_noisy * levels[0];
  }
  const [earlier, latest] = splitEvenly(far, 2);
  return largest(latest) < LIMITS.closer * largest(earlier);
}

function splitEvenly(values, parts) {
  const size = Math.floor(values.length / parts), longer = values.length % parts;
  let begin = 0;
  return Array.from({ length: parts }, (_, i) => values.slice(begin, (begin += size + (i < longer ? 1 : 0))));
}

/** Comes ever closer to a stationary point that is no minimum, and the gradient falls. */
function slowsDown(path) {
  if (path.found === null || path.atMinimum || !comesCloser(path)) return false;
  const earlier = path.slope(path.x.at(-path.recent - 1));
  const falls = differences(path.distance.slice(-path.recent)).every((rise) => rise < 0);
  return falls && path.slope(path.end) < LIMITS.slows * earlier;
}

const rests = (path) => path.atMinimum && path.moved < LIMITS.still * path.distance.at(-1);
const at = (path) => ({ ...placeOf(path, path.found), noisy: path.noisy });
const away = (path) => ({ ...placeOf(path, path.found), distance: path.distance.at(-1), decays: path.decays });
const swinging = (path) => ({
  ...placeOf(path, path.found), distance: largest(path.distance.slice(-path.recent)), ...calm(path),
});

/** The variant of the phrase `calmer`: what keeps it moving, and what is done against it already. */
function calm({ noisy, decays }) {
  return { calm: noisy && decays ? "fading_noise" : noisy ? "noise" : decays ? "decays" : "constant" };
}

/** A stationary point, by the kind that sentences name, and for a local minimum its value and the lowest. */
function placeOf({ landscape }, { point, kind }) {
  const lowest = landscape.minimum, place = { kind, point: tidy(landscape, point) };
  if (kind === "saddle" && landscape.dims === 1) return { ...place, kind: "inflection" };
  if (kind !== "minimum") return place;
  if (outsideOf(landscape.window, point) > 0) return { ...place, kind: "minimum_outside" };
  if (lowest === null) return place;
  const value = landscape.f(...point);
  if (value > lowest + LIMITS.lowest * Math.max(1, Math.abs(lowest))) return { ...place, kind: "local", value, lowest };
  return { ...place, kind: landscape.minima.length === 1 ? "only_global" : "global" };
}

// --- paths without a stationary point in reach -----------------------------------------------------------------------

const drifting = ({ moved, reach }) => moved > reach;

function gentle({ landscape, diagonal }) {
  return Math.min(LIMITS.flat, (LIMITS.flat * spreadOf(landscape)) / diagonal);
}

const drifts = (path) => drifting(path) && path.slope(path.end) <= LIMITS.flat_drifting * gentle(path);
const plateau = (path) => !drifting(path) && path.slope(path.end) <= gentle(path);

function falling({ f, recent: many }) {
  const recent = f.slice(-many - 1), falls = differences(recent).filter((rise) => rise < 0).length / many;
  return falls > LIMITS.falls && recent.at(-1) < recent[0];
}

function climbing({ f, recent: many }) {
  const recent = f.slice(-many - 1);
  return !differences(recent).some((rise) => rise < 0) && recent.at(-1) > recent[0];
}

function fallsInSwings({ f, recent: many }) {
  const recent = f.slice(-many - 1), earlier = f.slice(-2 * many - 1, -many), lowest = smallest(f);
  return largest(recent) - lowest < LIMITS.settles * (largest(earlier) - lowest);
}

function endOf(path) {
  const point = tidy(path.landscape, path.end), gradient = path.slope(path.end);
  return { point, outside: path.outside.at(-1) > 0, gradient, level: gradient === 0 };
}

const endAndPace = (path) => ({ ...endOf(path), decays: path.decays });
const endAndValue = (path) => ({ ...endAndPace(path), value: path.f.at(-1) });

/** The variant of the phrase `nudged`: what would move it, of what is not done already. */
function stuck(path) {
  const end = endOf(path);
  if (end.level) return { ...end, nudge: path.noisy ? "level_noise" : "level" };
  const { rule, settings } = path.path;
  return { ...end, nudge: rule && isAdaptive(rule, settings) ? "larger" : "adaptive" };
}

function leaping(path) {
  const recent = path.f.slice(-path.recent - 1);
  return { ...endOf(path), low: smallest(recent), high: largest(recent), ...calm(path) };
}

/** Codes with the condition of each and its numbers, in the order of precedence. */
const CAUSES = [
  ["ran_down", ranDown, leftAt],
  ["overflows", ({ lost }) => lost, ({ x }) => ({ step: x.length })],
  ["rises", rises, risesFrom],
  ["leapt_out", ({ outside, diagonal }) => outside.at(-1) > LIMITS.leapt * diagonal, leftAt],
  ["cycles", cycles, cycle],
  ["converged", (path) => path.atMinimum && arrived(path), at],
  ["stuck_at", (path) => !path.atMinimum && arrived(path), at],
  ["slows_down", slowsDown, away],
  ["approaches", (path) => path.atMinimum && comesCloser(path), away],
  ["rests", rests, away],
  ["swings", (path) => path.atMinimum, swinging],
  ["drifts", drifts, endOf],
  ["plateau", plateau, stuck],
  ["hardly_moves", ({ moved, near }) => moved <= near, endAndPace],
  ["falling", falling, endAndValue],
  ["climbing", climbing, endAndValue],
  ["falls_in_swings", fallsInSwings, endAndValue],
  ["leaps", () => true, leaping],
];
