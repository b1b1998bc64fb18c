// The table of one run.

import { Steepest, answer } from "./harness.mjs";

await answer((spec) => Steepest.exports.csv([Steepest.run(spec)]));
