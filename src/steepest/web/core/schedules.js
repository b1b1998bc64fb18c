// Learning rate as a function of the step: factors that multiply the rule's own; steps count from 0.

import { roundHalfEven } from "./numbers.js";
import { inBoth, makeSetting } from "./settings.js";

const FACTORS = {
  constant: () => 1,
  exponential: (step, steps, { rate }) => Math.exp(-rate * step),
  inverse_sqrt: (step, steps, { rate }) => Math.pow(1 + rate * step, -0.5),
  cosine: (step, steps) => 0.5 * (1 + Math.cos((Math.PI * step) / steps)),
  warmup_cosine(step, steps, { warmup }) {
    const rise = Math.max(1, roundHalfEven(warmup * steps));
    if (!(warmup > 0)) return FACTORS.cosine(step, steps);
    return step < rise ? (step + 1) / rise : FACTORS.cosine(step - rise, Math.max(1, steps - rise));
  },
};

export const schedules = {};

export function fillSchedules(printed) {
  for (const [id, [title, settings]] of Object.entries(printed)) {
    schedules[id] = {
      id,
      title: inBoth(title),
      settings: settings.map(([name, value, within, about]) => makeSetting([name, null, "", about, value, within])),
      factor: (step, steps, given = {}) => FACTORS[id](step, steps, { ...scheduleDefaults(id), ...given }),
    };
  }
}

export function scheduleDefaults(id) {
  return Object.fromEntries(schedules[id].settings.map(({ name, value }) => [name, value]));
}

/** The factors of all steps of a run, for `{id, ...settings}` or null. */
export function factorsOf(schedule, steps) {
  const { id, ...settings } = schedule ?? { id: "constant" };
  const all = new Float64Array(steps), chosen = { ...scheduleDefaults(id), ...settings };
  for (let step = 0; step < steps; step++) all[step] = FACTORS[id](step, steps, chosen);
  return all;
}
