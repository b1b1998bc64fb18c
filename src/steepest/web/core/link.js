// A state as the part of a link behind "#", to be read by people too, and back:
// on=ravine&start=-5,-2&rule=sgd(lr=0.6)&rule=momentum(lr=0.6,momentum=0.25)&steps=20

import { quoted } from "./names.js";
import { landscapeOf } from "./landscapes.js";
import { settingsOf } from "./settings.js";
import { StateError, checkedState } from "./state.js";

const LONGEST_LINK = 4000;

export const link = {
  /** The text for a state; what is at its default is left out. */
  encode(given) {
    const state = checkedState(given), { view, map } = state, landscape = landscapeOf(state.landscape), parts = [];
    const add = (name, value) => parts.push(`${name}=${escapeLink(value)}`);
    if (state.tour) add("tour", state.tour);
    if (state.tour && same(state, checkedState({ tour: state.tour, step: state.step ?? 0, lang: state.lang }))) {
      if (state.step) add("step", state.step);
      if (state.lang) add("lang", state.lang);
      return parts.join("&");
    }
    if (typeof state.landscape === "string") add("on", state.landscape);
    else add("f", state.landscape.formula);
    if (state.start.some((value, i) => value !== landscape.start[i])) add("start", state.start.join(","));
    for (const { id, settings } of state.rules) add("rule", specOf(id, changed(id, settings)));
    if (state.steps !== 60) add("steps", state.steps);
    if (state.schedule) add("schedule", specOfSchedule(state.schedule));
    for (const name of ["noise", "seed", "selected"]) if (state[name] !== 0) add(name, state[name]);
    if (state.step !== null) add("step", state.step);
    if (state.predicted) add("predicted", 1);
    if (view.mode !== "contours") add("view", view.mode);
    if (view.window) add("window", view.window.map((ends) => ends.join(":")).join(","));
    if (view.turn) add("turn", view.turn.map((angle) => Number(angle.toFixed(3))).join(","));
    if (map) add("map", [map.x, map.y, map.show].join(","));
    if (state.lang) add("lang", state.lang);
    return parts.join("&");
  },

  /** {state} or {state: null, reason: {en, zh}}. */
  decode(text) {
    try {
      if (text.length > LONGEST_LINK) throw new StateError("the link is too long", "链接太长");
      return { state: checkedState(readParts(text.replace(/^#/, ""))) };
    } catch (error) {
      if (error instanceof StateError) return { state: null, reason: error.message };
      if (error instanceof URIError) {
        return { state: null, reason: { en: "the link is cut off or mistyped", zh: "链接不完整或有误" } };
      }
      throw error;
    }
  },
};

function same(state, other) { return JSON.stringify(state) === JSON.stringify(other); }

/** Percent signs for what would end or garble a link; the rest stays readable. */
function escapeLink(value) {
  return encodeURIComponent(String(value)).replace(
    /%(2C|3A|3D|2F|40|20)/g,
    (code) => ({ "%20": "+" })[code] ?? decodeURIComponent(code),
  );
}

function specOf(name, settings) {
  const shown = settings.map(([key, value]) => `${key}=${Array.isArray(value) ? `(${value.join(",")})` : value}`);
  return shown.length ? `${name}(${shown.join(",")})` : name;
}

export function specOfSchedule({ id, ...settings }) {
  return specOf(id, Object.entries(settings));
}

/** The settings of a rule that are not its defaults; the learning rate always. */
export function changed(id, settings) {
  const usual = settingsOf(id);
  return Object.entries(settings).filter(([name, value]) => name === "lr" || String(value) !== String(usual[name]));
}

function readParts(text) {
  const given = { rules: [], view: {} };
  for (const part of text.split("&").filter(Boolean)) {
    const [name, ...rest] = part.split("="), value = decodeURIComponent(rest.join("=").replaceAll("+", " "));
    if (!Object.hasOwn(READERS, name)) {
      throw new StateError(`the link has an unknown part ${quoted(name)}`, `链接中有不认识的部分 ${quoted(name)}`);
    }
    READERS[name](given, value);
  }
  return given;
}

const READERS = {
  tour: (given, value) => { given.tour = value; },
  on: (given, value) => { given.landscape = value; },
  f: (given, value) => { given.landscape = { formula: value }; },
  start: (given, value) => { given.start = value.split(",").map(numberOf); },
  rule: (given, value) => { given.rules.push(readSpec(value)); },
  schedule: (given, value) => { const { id, settings } = readSpec(value); given.schedule = { ...settings, id }; },
  predicted: (given, value) => { given.predicted = value === "1"; },
  view: (given, value) => { given.view.mode = value; },
  window: (given, value) => { given.view.window = value.split(",").map((ends) => ends.split(":").map(numberOf)); },
  turn: (given, value) => { given.view.turn = value.split(",").map(numberOf); },
  lang: (given, value) => { given.lang = value; },
  map(given, value) {
    const [x, y, show] = value.split(",");
    given.map = { x, y, show };
  },
  ...Object.fromEntries(["steps", "noise", "seed", "selected", "step"].map((name) => [name, numberReader(name)])),
};

function numberReader(name) {
  return (given, value) => {
    given[name] = numberOf(value);
  };
}

function numberOf(text) {
  return /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$/i.test(text.trim()) ? Number(text) : NaN;
}

/** "adam(lr=0.1,betas=(0.9,0.98))" as {id, settings}. */
function readSpec(text) {
  const [, id, , inside = ""] = /^\s*([\w ]*?)\s*(\((.*)\))?\s*$/s.exec(text) ?? [];
  if (id === undefined) {
    throw new StateError(
      `cannot read ${quoted(text)}; write it as name(setting=value)`,
      `读不懂 ${quoted(text)}；请写成 名称(设置=值)`,
    );
  }
  const settings = {};
  for (const part of inside.split(/,(?![^(]*\))/).filter((text) => text.trim())) {
    const [name, value = ""] = part.split("=").map((text) => text.trim());
    settings[name] = readValue(value);
  }
  return { id, settings };
}

function readValue(text) {
  if (/^\(.*\)$/s.test(text)) return text.slice(1, -1).split(",").map(numberOf);
  return { true: true, false: false }[text.toLowerCase()] ?? numberOf(text);
}
