// A learning rate that works for a rule on a landscape, to propose where nobody has chosen one.

import { landscapeOf } from "./landscapes.js";
import { largest } from "./numbers.js";
import { run } from "./run.js";

const RATES = [-4, -3, -2, -1, 0].flatMap((power) => [1, 2, 5].map((digit) => Number(`${digit}e${power}`)));
const MOST_STEPS = 300;

/**
 * The rate of 0.0001, 0.0002, 0.0005, 0.001 ... 5 with which the highest of the path's last tenth of values is lowest, of
 * those whose path stays within one window's width of the window; null if there is none. spec: as `run` takes it; the noise is left out.
 */
export function suitableRate(spec) {
  const { window, dims } = landscapeOf(spec.landscape), steps = Math.min(MOST_STEPS, spec.steps);
  const near = window.map(([low, high]) => [2 * low - high, 2 * high - low]);
  const stays = (x) => x.every((value, k) => value >= near[k % dims][0] && value <= near[k % dims][1]);
  const tries = RATES.map((lr) => run({ ...spec, steps, noise: 0, settings: { ...spec.settings, lr } }));
  const height = ({ f }) => largest(Array.from(f.subarray(Math.floor(0.9 * steps))));
  const best = tries.filter(({ x, n }) => n === steps && stays(x)).sort((a, b) => height(a) - height(b))[0];
  return best ? best.settings.lr : null;
}
