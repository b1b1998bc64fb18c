// The equations of a rule with these settings, and the numbers of a step for every symbol in them.

import { mathml, readLatex, valueOfRow } from "./latex.js";
import { rules, settingsOf } from "./settings.js";

/** LaTeX lines of a rule's step: which ones depends on its switches and on what is exactly 0. */
export function linesOf(rule, settings) {
  const { lines, optional, of } = rules[rule].equations;
  const there = optional.map((name) => settings[name] !== 0);
  const flags = [...rules[rule].switches.map((name) => settings[name]), ...there];
  const key = flags.map((each) => (each ? "1" : "0")).join("");
  return of[key].map((i) => lines[i]);
}

/** Equations as MathML, a string each; the elements of symbols carry their names as data-v. */
export function equations(rule, given) {
  return linesOf(rule, settingsOf(rule, given)).map((line) => mathml(line, symbolsOf(rule)));
}

/** The same with the numbers of one coordinate at a step (of `stateAt`) in place of the symbols, and the result. */
export function filledEquations(rule, given, seen, coordinate) {
  const numbers = numbersOf(seen, coordinate);
  return linesOf(rule, settingsOf(rule, given)).map((line) => mathml(line, symbolsOf(rule), numbers));
}

function numbersOf(seen, coordinate) {
  return Object.fromEntries(Object.entries(seen.values).map(([name, values]) => [name, values[coordinate]]));
}

/** What the right side of each equation comes to, beside what the rule itself computed: [name, rule's, equation's]. */
export function rightSides(rule, given, seen, coordinate) {
  const numbers = numbersOf(seen, coordinate);
  return linesOf(rule, settingsOf(rule, given)).map((line) => {
    const { items } = readLatex(line, symbolsOf(rule));
    return [items[0].name, numbers[items[0].name], valueOfRow(items.slice(2), numbers)];
  });
}

const SYMBOLS = new Map();

/** Names of the pieces of LaTeX that have a number: settings, states at t and t - 1, gradient, parameter, step. */
function symbolsOf(rule) {
  if (!SYMBOLS.has(rule)) SYMBOLS.set(rule, collectSymbols(rules[rule]));
  return SYMBOLS.get(rule);
}

function collectSymbols({ settings, states, equations: { lines } }) {
  const symbols = { "\\nabla f(x_{t-1})": "grad", g_t: "g", x_t: "x", "x_{t-1}": "@x", t: "step" };
  for (const { name, place, symbol, kind } of settings) {
    if (kind === "number") symbols[symbol] = place === null ? name : `${name}_${place}`;
  }
  for (const [name, [now, before]] of Object.entries(states)) {
    Object.assign(symbols, { [now]: name, [before]: `@${name}` });
  }
  for (const line of lines) symbols[line.split(" = ")[0]] ??= line.split(" = ")[0];
  return symbols;
}

/** Adds what the lines themselves define (the decayed gradient, named parts) to the numbers of a coordinate. */
export function completed(rule, settings, numbers) {
  for (const line of linesOf(rule, settings)) {
    const { items } = readLatex(line, symbolsOf(rule)), [left] = items;
    numbers[left.name] ??= valueOfRow(items.slice(2), numbers);
  }
  return numbers;
}
