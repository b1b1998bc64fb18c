// Paths as a table, and a state of the page as the Python code that gives the same paths.

import { version } from "./facts.js";
import { changed, specOfSchedule } from "./link.js";
import { coordinateNames, quoted } from "./names.js";
import { rules } from "./settings.js";
import { checkedState } from "./state.js";

export const exports = {
  /** A line a point: path, rule, step, coordinates, value. */
  csv(runs) {
    const dims = Math.max(1, ...runs.map((run) => run.dims)), names = dims <= 2 && runs.length ? coordinateNames(runs[0].landscape) : [];
    const lines = [["path", "rule", "step", ...names, "f"].join(",")];
    runs.forEach((run, i) => {
      const label = `"${labelOfRule(run.rule, run.settings)}"`;
      for (let step = 0; step <= run.n; step++) {
        lines.push([i + 1, label, step, ...run.point(step), run.f[step]].join(","));
      }
    });
    return `${lines.join("\n")}\n`;
  },

  python(given) {
    const state = checkedState(given);
    const on = typeof state.landscape === "string" ? state.landscape : state.landscape.formula;
    const point = state.start.map(pythonNumber);
    const shared = [`start=(${point.join(", ")}${point.length === 1 ? "," : ""})`, `steps=${state.steps}`];
    if (state.schedule) {
      shared.push(`schedule=${quoted(specOfSchedule(state.schedule))}`);
    }
    if (state.noise) shared.push(`noise=${pythonNumber(state.noise)}`, `seed=${state.seed}`);
    const calls = state.rules.map(({ id, settings }) => {
      const own = changed(id, settings).map(
        ([name, value]) => `${name}=${pythonValue(value, rules[id].settings.find((setting) => setting.name === name))}`,
      );
      return `    steepest.trace(${[quoted(id), quoted(on), ...shared, ...own].join(", ")}),`;
    });
    return [
      `"""Paths of the steepest playground (steepest ${version})."""`, "", "import steepest", "",
      "paths = [", ...calls, "]", "for path in paths:",
      '    print(path.rule.label(), path.x[-1], path.outcome, sep="  ")', "",
    ].join("\n");
  },
};

/** As in Python: `SGD lr=0.6, momentum=0.25`. */
function labelOfRule(id, settings) {
  const text = (value) => (Array.isArray(value) ? `(${value.join(", ")})` : value);
  const shown = changed(id, settings).map(([name, value]) => `${name}=${text(value)}`);
  return `${rules[id].title} ${shown.join(", ")}`;
}

function pythonValue(value, { scale }) {
  if (Array.isArray(value)) return `(${value.map(pythonNumber).join(", ")})`;
  if (typeof value === "boolean") return value ? "True" : "False";
  return scale === "whole" ? String(value) : pythonNumber(value);
}

function pythonNumber(value) {
  return Number.isInteger(value) && Math.abs(value) < 1e16 ? `${value}.0` : String(value);
}
