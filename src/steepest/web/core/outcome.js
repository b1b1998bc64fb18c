// What happened on a path, in a sentence with the cause and the remedy: the diagnoses of steepest.findings.outcome, in its order
// and with its measures, in two languages. Each gives {status, message, step, found} or null.

import { allFinite, diagonalOf, distance, general, norm } from "./numbers.js";
import { describe, nearestStationary, spreadOf } from "./stationary.js";

export const NEAR = 1e-3, IN_REACH = 0.05, AROUND = 5e-3; // shares of the window's diagonal

export const STATUS = {
  reached: "reached the target", finished: "finished", stuck: "stuck", diverged: "diverged",
  nonFinite: "became non-finite",
};

export function explain(path) {
  const course = new Course(path);
  for (const diagnosis of [leftTheDomain, ranDown, diverged, cycle, arrival, plateau, atRest]) {
    const found = diagnosis(course);
    if (found !== null) return found;
  }
  return underWay(course);
}

function outcome(status, en, zh, more = {}) {
  const close = zh.replace(/ (?=[，；：。（）]|$)/g, ""); // numbers stand apart from characters, not from their marks
  return { status: STATUS[status], message: { en, zh: close }, step: null, found: null, ...more };
}

// --- what the diagnoses look at --------------------------------------------------------------------------------------

class Course {
  constructor(path) {
    this.landscape = path.landscape;
    this.noisy = path.spec.noise > 0;
    this.x = Array.from({ length: path.n + 1 }, (_, step) => path.point(step));
    this.f = Array.from(path.f);
    this.steps = path.n;
    this.last = path.n;
    if (!Number.isFinite(this.f[path.n]) || !allFinite(this.x[path.n])) this.last -= 1;
    this.lost = this.last < path.n; // the point behind the last finite one is not
    this.diagonal = diagonalOf(this.landscape.window);
    this.outside = this.x.slice(0, this.last + 1).map((point) => outsideOf(this.landscape.window, point));
    this.exit = this.outside.lastIndexOf(0) + 1;
    this.hops = this.x.slice(1, this.last + 1).map((point, i) => distance(point, this.x[i]));
    this.recent = Math.min(Math.max(3, Math.floor(this.x.length / 4)), this.x.length - 1);
  }

  slope(step) {
    return norm(this.landscape.grad(...this.x.at(step)));
  }

  /** A point as people write it: `(1, -0.5)`, or `1` in one dimension. */
  show(point, digits = 4) {
    const texts = point.map((value) => (Math.abs(value) > 1e-8 * this.diagonal ? general(value, digits) : "0"));
    return texts.length === 1 ? texts[0] : `(${texts.join(", ")})`;
  }

  get end() {
    const place = this.show(this.x.at(-1)), out = this.outside.at(-1) > 0;
    return { en: out ? `${place}, outside the window` : place, zh: out ? `窗口外的 ${place}` : ` ${place} ` };
  }
}

export function outsideOf(window, point) {
  return norm(point.map((value, i) => Math.max(window[i][0] - value, value - window[i][1], 0)));
}

export const sum = (values) => values.reduce((total, each) => total + each, 0);
export const largest = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);
export const smallest = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);
const differences = (values) => values.slice(1).map((value, i) => value - values[i]);
const grows = (values) => differences(values).every((each) => each > 0);

// --- paths that have no end ------------------------------------------------------------------------------------------

/** Came where the landscape has no value or no gradient, such as log(x) below 0. */
function leftTheDomain(course) {
  const { x, last, lost, diagonal } = course, step = last + 1;
  if (step === 0) {
    const place = course.show(x[0]);
    return outcome(
      "nonFinite",
      `the start ${place} has no finite value; choose another start`,
      `起点 ${place} 处没有有限的函数值；请换一个起点`,
      { step: 0 },
    );
  }
  if (!lost) return null;
  const lacks = lackAt(course, step);
  if (lacks === null) return null;
  const place = course.show(lacks.place), more = { step };
  return lacks.value
    ? outcome(
      "nonFinite",
      `no finite value at ${place}, step ${step}; try a smaller learning rate or another start`,
      `第 ${step} 步，${place} 处没有有限的函数值；试试更小的学习率或换一个起点`,
      more,
    )
    : outcome(
      "nonFinite",
      `no finite gradient at ${place}, step ${step}; choose another start`,
      `第 ${step} 步，${place} 处没有有限的梯度；请换一个起点`,
      more,
    );
}

function lackAt({ landscape, x, outside, diagonal }, step) {
  if (allFinite(x[step]) && distance(x[step], x[step - 1]) < diagonal) return { place: x[step], value: true };
  const gradient = landscape.grad(...x[step - 1]);
  if (!Number.isFinite(norm(gradient)) && outside.at(-1) < diagonal) return { place: x[step - 1], value: false };
  return null;
}

/** Left the window downhill and found the slope no gentler outside. */
function ranDown(course) {
  const { f, last, exit, outside, diagonal } = course, edge = Math.max(exit - 1, 0);
  if (outside[last] < diagonal || differences(f.slice(edge, last + 1)).some((each) => each > 0)) return null;
  if (f[last] >= f[0] || course.slope(last) < course.slope(edge)) return null;
  return outcome(
    "diverged",
    `ran down without end, out of the window at step ${exit}: no minimum stops it there`,
    `一路下降没有尽头，第 ${exit} 步离开窗口：那里没有极小值让它停下`,
    { step: exit, cause: "downhill" },
  );
}

/** Climbed away, or leaped so far that where it is means nothing. */
function diverged(course) {
  const { f, last, lost, outside, diagonal, exit } = course;
  const en = "try a smaller learning rate", zh = "试试更小的学习率";
  if (lost) {
    const step = last + 1;
    return outcome("diverged", `diverged: overflows at step ${step}; ${en}`, `发散：第 ${step} 步数值溢出；${zh}`, { step });
  }
  if (f[last] > f[0] && (outside[last] > diagonal || climbsInGrowingLeaps(course))) {
    const step = f.findLastIndex((value) => value <= f[0]) + 1, value = general(f[last], 3);
    return outcome(
      "diverged",
      `diverged: the value rises from step ${step} on, to ${value}; ${en}`,
      `发散：从第 ${step} 步起函数值一直上升，到 ${value}；${zh}`,
      { step },
    );
  }
  if (!(outside[last] > 100 * diagonal)) return null;
  return outcome(
    "diverged",
    `diverged: leaped out of the window at step ${exit} and never came back; ${en}`,
    `发散：第 ${exit} 步跳出窗口，再也没有回来；${zh}`,
    { step: exit },
  );
}

function climbsInGrowingLeaps({ noisy, f, hops }) {
  return !noisy && f.length >= 4 && grows(f.slice(-5)) && grows(hops.slice(-4));
}

// --- paths that have one ---------------------------------------------------------------------------------------------

/** Leaps to and fro between the same two points. */
function cycle(course) {
  if (course.noisy || course.x.length < 22) return null;
  const tail = course.x.slice(-21), hops = course.hops.slice(-20), shortest = smallest(hops);
  const returns = tail.slice(2).map((point, i) => distance(point, tail[i]));
  const lasts = hops.at(-1) > 0.95 * hops[0] && shortest > 1e-6 * course.diagonal;
  if (!lasts || largest(returns) > 0.05 * shortest) return null;
  const middle = course.x.at(-1).map((value, i) => (value + course.x.at(-2)[i]) / 2);
  const found = nearestStationary(course, middle), share = general(hops.at(-1) / 2, 3);
  const shown = course.show(middle, 3);
  const place = found?.kind === "minimum" ? describe(course, found) : { en: shown, zh: ` ${shown} ` };
  const calmer = calmerOf(course);
  return outcome(
    "finished",
    `cycles around ${place.en}, ${share} to each side; ${calmer.en}`,
    `在${place.zh}两侧来回跳，每侧 ${share}；${calmer.zh}`,
    { found, cause: "cycle", swing: hops.at(-1) / 2 },
  );
}

/** Reached a stationary point, or is within its reach. */
function arrival(course) {
  const found = nearestStationary(course, course.x.at(-1));
  if (found === null || found.kind === "flat point") return null;
  const far = course.x.map((point) => distance(point, found.point));
  const latest = far.slice(1).slice(-(course.noisy ? course.recent : 3));
  if (largest(latest) <= NEAR * course.diagonal && !swingsGrow(course)) return arrived(course, found);
  return inReach(course, found, far);
}

function swingsGrow({ hops, diagonal }) {
  const tail = hops.slice(-5);
  return tail.length === 5 && grows(tail) && tail.at(-1) > 0.1 * NEAR * diagonal;
}

function arrived(course, found) {
  const name = describe(course, found);
  if (found.kind === "minimum") {
    return outcome("reached", `converged to ${name.en}`, `收敛到${name.zh}`, { found, cause: "arrived" });
  }
  return outcome(
    "stuck",
    `stuck on ${name.en}, where the gradient vanishes; a little noise would free it`,
    `卡在${name.zh}，那里梯度为零；加一点噪声就能离开`,
    { found, cause: "saddle" },
  );
}

function inReach(course, found, far) {
  const name = describe(course, found), now = far.at(-1), recent = far.slice(-course.recent), shown = general(now, 3);
  const closer = comesCloser(far.slice(-2 * course.recent), course.noisy);
  if (found.kind !== "minimum") {
    const slows = differences(recent).every((each) => each < 0)
      && course.slope(-1) < 0.75 * course.slope(-course.recent - 1);
    if (!closer || !slows) return null;
    const en = `slows down at ${name.en}, ${shown} away, where the gradient vanishes`;
    return outcome("finished", en, `在${name.zh}附近慢下来，相距 ${shown}，那里梯度为零`, { found, cause: "saddle" });
  }
  if (closer) {
    const en = `approaches ${name.en}, ${shown} away; more steps would get there`;
    return outcome("finished", en, `正在接近${name.zh}，还差 ${shown}；再走一些步就能到达`, { found, cause: "approaches" });
  }
  if (sum(course.hops.slice(-course.recent)) < 0.05 * now) {
    const en = `rests ${shown} from ${name.en}: weight decay, or a learning rate too small, holds it there`;
    return outcome("finished", en, `停在离${name.zh} ${shown} 处：权重衰减或太小的学习率把它留在那里`, { found, cause: "rests" });
  }
  const calmer = calmerOf(course), reach = general(largest(recent), 2);
  return outcome(
    "finished",
    `swings around ${name.en}, up to ${reach} away; ${calmer.en}`,
    `在${name.zh}周围摆动，最远 ${reach}；${calmer.zh}`,
    { found, cause: "swings" },
  );
}

function comesCloser(far, noisy) {
  if (noisy && far.length >= 8) { // block by block: chance makes four of them fall in 1 of 24 cases
    const levels = splitEvenly(far, 4).map((block) => Math.sqrt(sum(block.map((each) => each * each)) / block.length));
    return differences(levels).every((each) => each < 0) && levels.at(-1) < 0.6 * levels[0];
  }
  const [earlier, recent] = splitEvenly(far, 2);
  return largest(recent) < 0.95 * largest(earlier);
}

function splitEvenly(values, parts) {
  const size = Math.floor(values.length / parts), longer = values.length % parts;
  let begin = 0;
  return Array.from({ length: parts }, (_, i) => values.slice(begin, (begin += size + (i < longer ? 1 : 0))));
}

function calmerOf({ noisy }) {
  const en = "lower the learning rate or let it decay", zh = "降低学习率，或让它衰减";
  return noisy ? { en: `the noise keeps it moving: ${en}`, zh: `噪声让它停不下来：${zh}` } : { en, zh };
}

function plateau(course) {
  const slope = course.slope(-1), gentle = Math.min(0.05, (0.05 * spreadOf(course.landscape)) / course.diagonal);
  const drifts = sum(course.hops.slice(-course.recent)) > IN_REACH * course.diagonal;
  if (slope > (drifts ? 0.01 * gentle : gentle)) return null;
  const en = `a plateau at ${course.end.en}: the gradient is only ${general(slope, 2)}`;
  const zh = `平坦区${course.end.zh}，那里梯度只有 ${general(slope, 2)}`;
  return drifts
    ? outcome("stuck", `drifts over ${en}`, `在${zh}，只能缓慢漂移`, { cause: "plateau" })
    : outcome(
      "stuck",
      `stuck on ${en}; a larger learning rate or an adaptive rule would move it`,
      `卡在${zh}；更大的学习率或自适应优化器能让它动起来`,
      { cause: "plateau" },
    );
}

function atRest(course) {
  if (sum(course.hops.slice(-course.recent)) > NEAR * course.diagonal) return null;
  const slope = general(course.slope(-1), 2);
  return outcome(
    "finished",
    `hardly moves at ${course.end.en} though the gradient is ${slope}; try a larger learning rate`,
    `在${course.end.zh}处几乎不动，虽然梯度有 ${slope}；试试更大的学习率`,
    { cause: "rests" },
  );
}

function underWay(course) {
  const { f, recent: many } = course, recent = f.slice(-many - 1), earlier = f.slice(-2 * many - 1, -many);
  const facts = {
    en: `value ${general(f.at(-1))}, gradient ${general(course.slope(-1), 2)}`,
    zh: `函数值 ${general(f.at(-1))}，梯度 ${general(course.slope(-1), 2)}`,
  };
  const falls = differences(recent).filter((each) => each < 0).length / (recent.length - 1), lowest = smallest(f);
  const { en, zh } = course.end;
  if (falls > 0.75 && recent.at(-1) < recent[0]) {
    return outcome(
      "finished",
      `still falling at ${en}: ${facts.en}; more steps or a larger learning rate would help`,
      `在${zh}处仍在下降：${facts.zh}；再走一些步，或用更大的学习率`,
      { cause: "falling" },
    );
  }
  if (falls === 0 && recent.at(-1) > recent[0]) {
    return outcome(
      "finished",
      `climbing at ${en}: ${facts.en}; more steps would show whether it turns`,
      `在${zh}处正在上升：${facts.zh}；再走一些步才知道它会不会回头`,
      { cause: "climbing" },
    );
  }
  if (largest(recent) - lowest < 0.8 * (largest(earlier) - lowest)) {
    return outcome(
      "finished",
      `falling in swings, now at ${en}: ${facts.en}; more steps or a smaller learning rate would help`,
      `摆动着下降，现在在${zh}：${facts.zh}；再走一些步，或用更小的学习率`,
      { cause: "swings" },
    );
  }
  const calmer = calmerOf(course), low = general(smallest(recent)), high = general(largest(recent));
  return outcome(
    "finished",
    `leaps to and fro between the values ${low} and ${high}, now at ${en}; ${calmer.en}`,
    `函数值在 ${low} 与 ${high} 之间来回跳，现在在${zh}；${calmer.zh}`,
    { cause: "leaps" },
  );
}
