// Runs: positions, values and, if asked, what happened, single steps, and the predicted path.

import { Steepest, answer } from "./harness.mjs";

await answer((specs) => specs.map((spec) => {
  const run = Steepest.run(spec), { x, f, n, dims } = run, told = {};
  if (spec.told) Object.assign(told, { status: run.status, message: run.message, why: run.why, at: run.at });
  if (spec.predict) told.predicted = Steepest.predicted(run)?.x ?? null;
  if (spec.at) told.steps = spec.at.map((step) => Steepest.stateAt(run, step));
  return { x, f, n, dims, ...told };
}));
