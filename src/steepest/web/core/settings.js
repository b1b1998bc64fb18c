// Rules with their settings, and which of a rule's printed variants the switches choose.

import { scaleOf } from "./sliders.js";

export const inBoth = ([en, zh]) => ({ en, zh });

/** The rules by name; `fillRules` fills them in. */
export const rules = {};

export function fillRules(printed, about) {
  for (const [id, { facts, values, variants }] of Object.entries(printed)) rules[id] = { ...makeRule(facts, variants, about), values };
}

function makeRule(facts, variants, about) {
  const variant = (h) => variants[[...facts.switches, ...facts.parts].map((name) => (h[name] ? "1" : "0")).join("")];
  const looks = facts.looks.map(readLook);
  return {
    ...facts,
    ...looks[0],
    looks,
    settings: facts.settings.map((setting) => makeSetting(setting, about)),
    helps: inBoth(facts.helps),
    fails: inBoth(facts.fails),
    variant,
  };
}

function readLook(text) {
  const [color, colorDark, marker, dashes] = text.split(" ");
  return { color, colorDark, marker, dash: dashes ? dashes.split(",").map(Number) : [] };
}

/** How a rule is drawn; `variant` counts further settings of the same rule in one picture. */
export function look(id, variant = 0) {
  return rules[id].looks[variant % rules[id].looks.length];
}

export function makeSetting([name, place, symbol, about, value, within], texts) {
  const shared = { name, place, symbol, about: inBoth(typeof about === "number" ? texts[about] : about), value };
  if (within === null) return { ...shared, kind: "switch" };
  return { ...shared, kind: "number", within, ...scaleOf(name, value, within) };
}

/** Every setting of a rule by torch's name, those not given at their default; a tuple such as betas is an array. */
export function settingsOf(rule, given = {}) {
  const all = {};
  for (const { name, place, value } of rules[rule].settings) {
    if (place === null) all[name] = given[name] ?? value;
    else (all[name] ??= [])[place] = given[name]?.[place] ?? value;
  }
  return all;
}

// --- allowed values ---------------------------------------------------------------------------------------------------

/** Whether a value lies in an interval such as "[0, 1)". */
function liesWithin(value, interval) {
  const [low, high] = interval.slice(1, -1).split(",").map((end) => Number(end.trim().replace("inf", "Infinity")));
  const above = interval.startsWith("[") ? value >= low : value > low;
  const below = interval.endsWith("]") ? value <= high : value < high;
  return Number.isFinite(value) && above && below;
}

/** What is wrong with the value of a setting; null if nothing is. */
export function check(setting, value) {
  const { name, kind, within, scale } = setting;
  if (kind === "switch") {
    return typeof value === "boolean" ? null : { en: `${name} must be true or false`, zh: `${name} 只能是 true 或 false` };
  }
  const fits = typeof value === "number" && liesWithin(value, within) && (scale !== "whole" || Number.isInteger(value));
  if (fits) return null;
  const kindOfNumber = scale === "whole" ? ["a whole number", "整数"] : ["a number", "数"];
  return { en: `${name} must be ${kindOfNumber[0]} in ${within}`, zh: `${name} 必须是 ${within} 中的${kindOfNumber[1]}` };
}

/** Whether a value is allowed for a setting of a rule or of a schedule. */
export function within(value, setting) {
  return check(setting, value) === null;
}
