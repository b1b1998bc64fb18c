// Every form that a rule's equations take, by its switches and zeros, and the numbers of their symbols at a step of a run.

import { Steepest } from "./harness.mjs";

export default ({ landscape, steps, at }) => Object.values(Steepest.rules).flatMap(({ id, switches, equations: { optional } }) =>
  forms(switches, optional).map((given) => {
    const settings = { lr: 0.01, ...given }, run = Steepest.run({ landscape, rule: id, settings, steps });
    const seen = Steepest.stateAt(run, at), symbols = Steepest.equations(id, settings), filled = Steepest.filledEquations(id, settings, seen, 0);
    return { id, settings, values: seen.values, symbols, filled };
  }));

function forms(switches, optional) {
  const names = [...switches, ...optional];
  return Array.from({ length: 2 ** names.length }, (_, bits) => Object.fromEntries(names.map((name, i) => {
    const on = Boolean(bits & (1 << i));
    return [name, i < switches.length ? on : on ? value(name) : 0];
  })));
}

function value(name) {
  return name.includes("warmup") ? 20 : 0.3;
}
