// Whether an exercise is solved: conditions on what a figure shows, each a measure with a bound.

import { distance } from "./numbers.js";
import { worstShare } from "./spectrum.js";
import { stateAt } from "./step.js";

/** The value above the landscape's minimum, or the value itself where no minimum is stated. */
function excess(run, step = run.n) { return run.f[step] - (run.landscape.minimum ?? 0); }

/** Measures of a figure, {state, runs}, by name; `goal` is the condition that asks. */
const MEASURES = {
  end: ({ run }, { axis = 0 }) => run.point(run.n)[axis],
  start: ({ run }, { axis = 0 }) => run.point(0)[axis],
  growth: ({ run }, { axis = 0 }) => Math.abs(run.point(run.n)[axis]) / Math.abs(run.point(0)[axis]),
  distance: ({ run }, { point }) => distance(run.point(run.n), point),
  value: ({ run }) => run.f[run.n],
  excess: ({ run }) => excess(run),
  ratio: ({ run, runs }, { other = 1 }) => excess(run) / excess(runs[other]),
  setting: ({ run }, { name, place = null }) => (place === null ? run.settings[name] : run.settings[name][place]),
  swing: ({ run }, { axis = 0 }) => Math.abs(run.point(run.n)[axis] - run.point(Math.max(0, run.n - 1))[axis]),
  radius: ({ run: { landscape, rule, settings } }) => worstShare(landscape, rule, settings),
  gradient: ({ run }) => Math.hypot(...stateAt(run, run.n).gradient),
  steps: ({ state }) => state.steps,
  noise: ({ state }) => state.noise,
  typed: ({ typed }) => typed,
  measured: ({ measured }, { name }) => measured[name],
};

/**
 * Whether every condition holds. A goal is {of, rule, above, below, ...}: `of` names a measure of the run of that rule
 * (the first unless said), which must lie strictly between `above` and `below`, as far as they are given.
 *
 * seen: {state, runs} of a figure; `typed`, a number, of an exercise that asks for one; `measured`, numbers by name, of
 * figures without paths.
 */
export function isSolved(goals, seen) {
  return goals.every((goal) => {
    const { of, rule = 0, above, below } = goal;
    if (seen.runs && !seen.runs[rule]) return false;
    const value = MEASURES[of]({ ...seen, run: seen.runs?.[rule] }, goal);
    return (above === undefined || value > above) && (below === undefined || value < below); // never for NaN
  });
}
