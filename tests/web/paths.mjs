// Runs: positions, values and, if asked, what happened, single steps, and the predicted path.

import { Steepest } from "./harness.mjs";

const plain = (finding) => ({
  code: finding.code, numbers: finding.numbers, en: finding.text("en"), zh: finding.text("zh"), happened: finding.happened("en"),
});

export default (specs) => specs.map((spec) => {
  const run = Steepest.run(spec), { x, f, n, dims } = run, told = {};
  if (spec.told) Object.assign(told, { status: run.status, at: run.at, finding: plain(run.finding), why: run.why.map(plain) });
  if (spec.predict) told.predicted = Steepest.predicted(run)?.x ?? null;
  if (spec.at) told.steps = spec.at.map((step) => Steepest.stateAt(run, step));
  return { x, f, n, dims, ...told };
});
