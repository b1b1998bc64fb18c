// The landscapes: the built-in ones by name, or a formula.

import { parse } from "./formula.js";
import { inBoth } from "./settings.js";

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
