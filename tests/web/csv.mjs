// The table of one run.

import { Steepest } from "./harness.mjs";

export default (spec) => Steepest.exports.csv([Steepest.run(spec)]);
