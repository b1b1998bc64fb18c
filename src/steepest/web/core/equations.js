// The equations of a rule with these settings, and the numbers of a step for every symbol in them.

import { rules, settingsOf } from "./settings.js";
import { filled } from "./typeset.js";

/** The lines of a rule's step, {name, math, value}: which ones depends on its switches and on what is exactly 0. */
export function linesOf(rule, settings) {
  const { equations: { lines, optional, of }, switches, values } = rules[rule];
  const there = optional.map((name) => settings[name] !== 0), flags = [...switches.map((name) => settings[name]), ...there];
  const key = flags.map((flag) => (flag ? "1" : "0")).join("");
  return of[key].map((i) => ({ name: lines[i][0], math: lines[i][1], value: values[i] }));
}

/** Equations as MathML, a string each; the elements of symbols carry their names as data-v. */
export function equations(rule, given) {
  return linesOf(rule, settingsOf(rule, given)).map(({ math }) => math);
}

/** The same with the numbers of one coordinate at a step (of `stateAt`) in place of the symbols, and the result: {equation, result}. */
export function filledEquations(rule, given, seen, coordinate) {
  const numbers = Object.fromEntries(Object.entries(seen.values).map(([name, values]) => [name, values[coordinate]]));
  return linesOf(rule, settingsOf(rule, given)).map(({ name, math }) => filled(math, numbers, numbers[name]));
}

/** Adds what the lines themselves define (the decayed gradient, named parts) to the numbers of a coordinate. */
export function completed(rule, settings, numbers) {
  for (const { name, value } of linesOf(rule, settings)) if (value) numbers[name] = value(numbers);
  return numbers;
}
