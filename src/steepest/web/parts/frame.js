// Where data stand on a picture: linear and logarithmic axes with their ticks, and the way back from a pixel.

/** Axes that fill the box [left, top, width, height]; with `equal`, one unit is as long on both, so that gradients look
 * perpendicular to contours, and the window grows in one direction to fill the box. */
export function makeFrame(window, box, equal) {
  let [[left, right], [low, high]] = window;
  const [boxLeft, boxTop, width, height] = box;
  if (equal) {
    const unit = Math.max((right - left) / width, (high - low) / height);
    const wider = (unit * width - (right - left)) / 2, taller = (unit * height - (high - low)) / 2;
    [left, right, low, high] = [left - wider, right + wider, low - taller, high + taller];
  }
  return {
    box, x: [left, right], y: [low, high],
    toX: (x) => boxLeft + (x - left) / (right - left) * width,
    toY: (y) => boxTop + (high - y) / (high - low) * height,
    fromX: (px) => left + (px - boxLeft) / width * (right - left),
    fromY: (py) => high - (py - boxTop) / height * (high - low),
  };
}

/** Pixels left of a box in which the names of ticks have room; `least` of them. */
export function roomFor(names, rem, least) {
  return Math.max(least, rem * (0.9 + 0.42 * Math.max(0, ...names.map((name) => name.length))));
}

/** Whether the axes of a window should be equal: not where it is far longer than wide. */
export function wantsEqual([[left, right], [low, high]]) {
  const shape = (right - left) / (high - low);
  return shape >= 0.25 && shape <= 4;
}

/** Round values from low to high, about `count` of them. */
export function roundTicks(low, high, count) {
  const rough = (high - low) / Math.max(1, count), decade = 10 ** Math.floor(Math.log10(rough));
  const step = decade * [1, 2, 5, 10].find((digit) => digit * decade >= rough * 0.999);
  if (!(step > 0) || !Number.isFinite(step)) return [];
  const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** Powers of ten from low to high, at most about `count`; round values where they span little more than a decade. */
export function logTicks(low, high, count) {
  const first = Math.ceil(Math.log10(low) - 1e-9), last = Math.floor(Math.log10(high) + 1e-9);
  if (last - first < 1) {
    const decades = Array.from({ length: last - first + 3 }, (_, i) => first - 1 + i);
    const fine = decades.flatMap((decade) => [1, 2, 5].map((digit) => Number(`${digit}e${decade}`)));
    return fine.filter((value) => value >= low && value <= high);
  }
  const every = Math.ceil((last - first + 1) / count);
  const ticks = [];
  for (let power = last; power >= first; power -= every) ticks.unshift(Number(`1e${power}`));
  return ticks;
}

/** A number as people write it: 3 or so digits, no trailing noughts, a true minus sign. */
export function pretty(value, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size && (size < 1e-3 || size >= 10 ** Math.max(5, digits))) return scientific(value, digits);
  return String(Number(value.toPrecision(digits))).replace("-", "−");
}

function scientific(value, digits) {
  const [head, power] = value.toExponential(Math.max(0, digits - 1)).split("e");
  return `${Number(head)}e${Number(power)}`.replaceAll("-", "−");
}

/** Names of ticks or levels, as short as they stay different. */
export function prettyAll(values) {
  for (let digits = 2; ; digits++) {
    const names = values.map((value) => pretty(Number(value.toPrecision(digits)), digits));
    if (new Set(names).size === names.length || digits > 9) return names;
  }
}
