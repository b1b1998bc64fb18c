// What the state means: the landscape, and a track for each rule: its path, its look, its name.

import * as Steepest from "../core/api.js";
import { pretty } from "./frame.js";

const WHAT_MATTERS = ["landscape", "start", "rules", "steps", "schedule", "noise", "seed", "predicted", "selected", "tracks"];

/** The landscape of a state: one of ours, a formula of the reader's own, or one that came with its paths. */
export function landscapeOf(part, { landscape }) {
  const { memory } = part;
  if (landscape.f) return landscape;
  if (typeof landscape === "string") return Steepest.landscapes[landscape];
  if (memory.text !== landscape.formula) {
    Object.assign(memory, { text: landscape.formula, parsed: Steepest.parse(landscape.formula) });
  }
  return memory.parsed;
}

export function sceneOf(part, state) {
  const { memory } = part, key = WHAT_MATTERS.map((name) => state[name]);
  if (key.some((value, i) => value !== memory.key[i])) Object.assign(memory, { key, scene: makeScene(part, state) });
  return memory.scene;
}

function makeScene(part, state) {
  const landscape = landscapeOf(part, state), seen = {};
  if (state.tracks) {
    const shipped = state.tracks.map((track) => shippedTrack(track, landscape));
    return { landscape, tracks: shipped, ...startsAndSteps(state), selected: -1 };
  }
  const tracks = state.rules.map(({ id, settings }) => {
    const rule = Steepest.rules[id], uses = (seen[id] = (seen[id] ?? -1) + 1);
    const track = { id, rule, settings, look: rule.looks[uses % rule.looks.length], run: runOf(part, state, id, settings) };
    track.predicted = state.predicted && landscape.quadratic ? Steepest.predicted(track.run)?.x ?? null : null;
    return track;
  });
  for (const track of tracks) track.short = shortName(track, tracks);
  return { landscape, tracks, ...startsAndSteps(state), selected: Math.min(state.selected ?? 0, tracks.length - 1) };
}

function startsAndSteps(state) {
  return { starts: state.starts ?? [state.start], steps: state.steps, name: (step) => stepName(state, step) };
}

/** A path that was computed elsewhere, by Python: {label, look, x, f, status, message}. */
function shippedTrack({ label, look, x, f, status, message }, { dims }) {
  const run = { x: Float64Array.from(x), f: Float64Array.from(f), n: f.length - 1, dims, status };
  run.finding = { text: (lang) => message[lang] };
  run.point = (step) => Array.from(run.x.subarray(step * dims, (step + 1) * dims));
  return { short: label, look, run };
}

/** What a step is called: its number, or, of a long path of which not every point was kept, the number that it had. */
export function stepName({ kept }, step) { return kept ? kept[step] : step; }

function runOf(part, { landscape, start, steps, schedule, noise, seed }, rule, settings) {
  const on = typeof landscape === "string" ? landscape : landscapeOf(part, { landscape });
  return Steepest.run({ landscape: on, rule, settings, start, steps, schedule, noise, seed });
}

/** The rule's title; with its learning rate or a number where several tracks have the same rule. */
function shortName(track, tracks) {
  const same = tracks.filter(({ id }) => id === track.id);
  if (same.length === 1) return track.rule.title;
  const rates = same.map(({ run }) => run.settings.lr);
  if (new Set(rates).size === same.length) return `${track.rule.title} (η ${pretty(track.run.settings.lr)})`;
  return `${track.rule.title} ${same.indexOf(track) + 1}`;
}

/** The rule whose numbers and maps are shown. */
export function selectedRule({ rules, selected }) { return rules[Math.min(selected, rules.length - 1)]; }

/** The step in view; null in the state means the end. */
export function stepOf({ step, steps }) { return step ?? steps; }

/** The part of the landscape to draw: what the reader chose, or the landscape's own, with room around the first start:
 * it must not change while the start is dragged. */
export function windowOf(part, state) {
  const { home } = part;
  if (state.view.window) return state.view.window;
  if (home.landscape !== state.landscape) Object.assign(home, { landscape: state.landscape, start: state.start });
  return landscapeOf(part, state).window.map(([low, high], i) => {
    const room = 0.05 * (high - low), at = home.start[i];
    return [Math.min(low, at - room), Math.max(high, at + room)];
  });
}

/** Shows a state that comes from elsewhere: a link, a stop of the tour. */
export function adopt(part, state) {
  part.stage.touched = true;
  part.home.landscape = null;
  part.change(state);
}

/** How the stage shows the landscape: contours, surface or a map. */
export function modeOf(part, { view, landscape }) {
  const mode = view?.mode ?? "contours";
  return mode === "surface" && landscapeOf(part, { landscape }).dims !== 2 ? "contours" : mode;
}

/** A landscape's title in the language of the part. */
export function titleOf(part, { title, id }) { return title?.[part.lang()] ?? title ?? id ?? part.say("ownFormula"); }

export function pointText(point) {
  const numbers = Array.from(point, (value) => pretty(value)).join(", ");
  return point.length === 1 ? numbers : `(${numbers})`;
}

/** A state whose map goes over settings that the selected rule has: what was changed may have been which rule that is. */
export function withOwnMap(state) {
  if (!state.map || !state.rules.length) return state.map ? { ...state, map: null } : state;
  const { x, y } = axesOf(state), map = { ...state.map, x: axisName(x), y: axisName(y ?? x) };
  return map.x === state.map.x && map.y === state.map.y ? state : { ...state, map };
}

/** A setting's name as an axis of a map: "lr", "betas.0". */
export function axisName({ name, place }) { return place === null ? name : `${name}.${place}`; }

/** The settings along the axes: those of the state, or the learning rate and the first other one. */
export function axesOf(state) {
  const { map } = state, choices = Steepest.rules[selectedRule(state).id].settings.filter(({ kind }) => kind === "number");
  const named = (name) => choices.find((setting) => axisName(setting) === name);
  const x = named(map?.x) ?? named("lr"), y = named(map?.y);
  const others = choices.filter((setting) => setting !== x);
  return { choices, x, y: y && y !== x ? y : others.find(({ scale }) => scale === "memory") ?? others[0] };
}
