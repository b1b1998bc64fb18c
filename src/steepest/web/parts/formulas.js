// The formulas of a station: in symbols, and below them with the numbers of the figure in their place.

import * as Steepest from "../core/api.js";
import { fit, make } from "./dom.js";

/**
 * Places for formulas, each {math} (MathML with named symbols), `result` (the name of what stands at the left, if the
 * numbers are to give it), `numbers`, where they are not those of the figure, and `axis`, the coordinate whose numbers are put in; or {rule: true}, the equations of the rule
 * whose numbers the figure shows.
 */
export function formulasOf(formulas) {
  return make("div", { class: "formulas" }, ...formulas.map(({ math = "" }) =>
    make("div", { class: "formula-here" }, make("div", { class: "fits", html: math }), make("div", { class: "filled" }))));
}

export function fillFormulas(element, formulas, seen) {
  [...element.children].forEach((place, i) => {
    const { math, result, axis = 0, rule, plain } = formulas[i], [symbols, numbers] = place.children;
    const own = formulas[i].numbers ?? seen.numbers;
    if (plain || !(own || seen.track)) return;
    const told = seen.step > 0 ? Steepest.stateAt(seen.runs[seen.selected], seen.step) : null;
    if (rule) return fillRule(symbols, numbers, seen, told, axis);
    const known = own ?? numbersOf(seen, told, axis), { equation, result: value } = Steepest.filled(math, known, result && known[result]);
    numbers.replaceChildren(...filledParts(equation, value));
    numbers.hidden = equation === math || Object.keys(known).length === 0;
  });
  fit(...element.querySelectorAll(".fits"));
}

function fillRule(symbols, numbers, { track }, told, axis) {
  const lines = Steepest.equations(track.id, track.run.settings);
  if (symbols.dataset.lines !== lines.join("")) {
    symbols.dataset.lines = lines.join("");
    symbols.replaceChildren(...lines.map((html) => make("div", { class: "fits", html })));
  }
  if (!told) return numbers.replaceChildren();
  const filled = Steepest.filledEquations(track.id, track.run.settings, told, axis);
  return numbers.replaceChildren(...filled.flatMap(({ equation, result }) => [make("div", { class: "line" }, ...filledParts(equation, result))]));
}

function filledParts(equation, result) {
  return [make("span", { class: "fits", html: equation }), result ? make("span", { class: "result", html: result }) : null].filter(Boolean);
}

/** The numbers that formulas may name: of the step in view (as core/step.js has them), of the start, and of the curvature. */
function numbersOf({ runs, selected, step }, told, axis) {
  const run = runs[selected], of = (values) => values[values.length === 1 ? 0 : axis];
  const values = Object.fromEntries(Object.entries(told?.values ?? {}).map(([name, list]) => [name, of(list)]));
  const settings = Object.entries(run.settings).filter(([, value]) => typeof value === "number");
  const start = run.point(0), hessian = run.landscape.hessian(...start), curvature = hessian[axis][axis];
  const { lr, momentum = 0 } = run.settings, { noise, schedule, steps } = run.spec, t0 = Math.max(0, step - 1), rate = schedule?.rate ?? 0.1, [high, low] = hessian.map((row, i) => row[i]).sort((a, b) => b - a);
  const decayed = (id) => lr * Steepest.schedules[id].factor(t0, steps, { rate });
  const roots = Math.sqrt(high) + Math.sqrt(low ?? high);
  return {
    ...Object.fromEntries(settings), ...values, t: step, x0: start[axis], x: run.point(step)[axis], f: run.f[step], f0: run.f[0],
    curvature, gradient: of(run.landscape.grad(...run.point(step))), limit: Steepest.stability(run.landscape, run.rule, run.settings)?.limit,
    slope: told?.gradient ? of(told.gradient) : undefined, shock: run.shocks?.[t0 * run.dims + axis] ?? 0,
    lr0: lr, t0, rate, exponential: decayed("exponential"), inverse_sqrt: decayed("inverse_sqrt"),
    noise, spread: noise * Math.sqrt(lr / (curvature * (2 - lr * curvature))), gain: 1 / (1 - momentum),
    curvature_1: high, curvature_2: low, best_lr: (2 / roots) ** 2, best_mu: ((Math.sqrt(high) - Math.sqrt(low)) / roots) ** 2,
  };
}
