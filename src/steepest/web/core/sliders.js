// Sliders: the ends of each setting's, how it is divided, and where on it a value stands.

const LOG = { lr: [1e-4, 10], eps: [1e-16, 1], step_sizes: [1e-8, 100] };
const LOG_FROM_ZERO = {
  weight_decay: [1e-4, 1], lr_decay: [1e-3, 10], initial_accumulator_value: [1e-3, 10], momentum_decay: [1e-4, 1],
  rate: [1e-4, 10],
};
const LINEAR = { r: [0, 3], weight_lr_power: [0, 3], dampening: [0, 0.99], warmup: [0, 0.9] };
const COUNTS = ["beta3_warmup", "alpha_warmup", "warmup_steps"];

/** {low, high, scale}, and `least`: "log", "zero" (0, then log from `least`), "memory" (log of 1 - value), "linear", "whole". */
export function scaleOf(name, value, within) {
  if (COUNTS.includes(name)) return { low: 0, high: 500, scale: "whole" };
  if (name in LOG) return { low: LOG[name][0], high: LOG[name][1], scale: "log" };
  if (name in LOG_FROM_ZERO) return { low: 0, least: LOG_FROM_ZERO[name][0], high: LOG_FROM_ZERO[name][1], scale: "zero" };
  const [low, high] = LINEAR[name] ?? [0, 10];
  if (name in LINEAR || value > 1) return { low, high, scale: "linear" };
  return { low: within.startsWith("[") ? 0 : 0.01, high: 0.9999, scale: "memory" };
}

// --- sliders: a share from 0 to 1 of the way, and the value there ----------------------------------------------------

export const SCALES = {
  linear: [({ low, high }, u) => low + u * (high - low), ({ low, high }, v) => (v - low) / (high - low)],
  whole: [({ low, high }, u) => Math.round(low + u * (high - low)), ({ low, high }, v) => (v - low) / (high - low)],
  log: [({ low, high }, u) => low * (high / low) ** u, ({ low, high }, v) => Math.log(v / low) / Math.log(high / low)],
  zero: [ // the first twentieth of the way is 0
    ({ least, high }, u) => (u < 0.05 ? 0 : least * (high / least) ** ((u - 0.05) / 0.95)),
    ({ least, high }, v) => (v <= 0 ? 0 : 0.05 + (0.95 * Math.log(v / least)) / Math.log(high / least)),
  ],
  memory: [ // equal ways for 0.9, 0.99, 0.999
    ({ low, high }, u) => 1 - (1 - low) * ((1 - high) / (1 - low)) ** u,
    ({ low, high }, v) => Math.log((1 - v) / (1 - low)) / Math.log((1 - high) / (1 - low)),
  ],
};

export const slider = {
  /** The value at a share of the way, rounded to three digits. */
  value(setting, share) {
    const value = SCALES[setting.scale][0](setting, Math.min(1, Math.max(0, share)));
    if (setting.scale === "memory") return Number((1 - Number((1 - value).toPrecision(2))).toFixed(6));
    return Number(value.toPrecision(3));
  },
  /** Where on the way a value stands; beyond the ends it stands at the end. */
  share(setting, value) {
    const share = SCALES[setting.scale][1](setting, value);
    return Number.isNaN(share) ? 1 : Math.min(1, Math.max(0, share));
  },
};
