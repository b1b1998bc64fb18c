// The spectrum of a rule on a landscape: curves, the map over pairs, and how a path decays; and how long the map takes.

import { Steepest } from "./harness.mjs";

export default ({ landscape, rule, settings, start, steps }) => {
  const run = Steepest.run({ landscape, rule, settings, start, steps, schedule: null, noise: 0, seed: 0 });
  const on = Steepest.landscapes[landscape], spectrum = Steepest.spectrumOf(on, rule, run.settings), begun = performance.now();
  const pairs = Steepest.pairsOf(on, rule, run.settings), took = performance.now() - begun;
  return { spectrum, pairs, took, decay: Steepest.decayOf(run, Steepest.stability(on, rule, run.settings).curvatures) };
};
