// The landscapes: the built-in ones by name, or a formula.

import { parse } from "./formula.js";
import { coordinateNames } from "./names.js";
import { inBoth } from "./settings.js";

export const landscapes = {};

export function fillLandscapes(printed) {
  for (const [id, { facts, ...functions }] of Object.entries(printed)) landscapes[id] = makeLandscape(facts, functions);
}

function makeLandscape(facts, functions) {
  const names = coordinateNames(facts);
  const { title, group, about } = facts;
  return { ...facts, names, title: inBoth(title), group: inBoth(group), about: inBoth(about), ...functions };
}

/** A landscape by name, by formula ({formula: "x**2"}), or itself. */
export function landscapeOf(on) {
  if (typeof on === "string") return landscapes[on];
  return typeof on.f === "function" ? on : parse(on.formula);
}
