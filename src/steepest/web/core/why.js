// Why it happened: the numbers behind an outcome, from the curvature along the path and the rule's linear step.

import { eigenvalues } from "./linear.js";
import { allFinite, diagonalOf, distance, eigenSymmetric, general, norm } from "./numbers.js";
import { STATUS, largest, smallest } from "./outcome.js";
import { stateAt } from "./run.js";
import { rules } from "./settings.js";
import { dot, labelOf, limitNow, limitOf, limitsAt, stepMatrix } from "./stability.js";

export function whyOf(path) {
  const { found, cause, status } = path.outcome, told = [];
  if (status === STATUS.diverged) told.push(cause === "downhill" ? downhill(path) : aboveTheLimit(path));
  else if (cause === "cycle") told.push(aboveTheLimit(path) ?? atTheEdge(path, found) ?? hopsOver(path));
  else if (cause === "saddle") told.push(flatThere(path, found.point));
  else if (cause === "plateau") told.push(smallSteps(path));
  else if (cause === "rests") told.push(ratesFell(path) ?? smallSteps(path));
  else if (path.spec.noise > 0) told.push(noiseStays(path, found));
  else if (cause === "swings" || cause === "leaps") {
    told.push(aboveTheLimit(path) ?? atTheEdge(path, found) ?? swingsInTime(path, found) ?? hopsOver(path));
  }
  else if (status !== STATUS.nonFinite) {
    told.push(pace(path, found) ?? askew(path) ?? ownRates(path) ?? (isScaled(path) ? null : hopsOver(path)));
  }
  if (found?.kind === "minimum" && isLocal(path.landscape, found.point)) told.push(leapt(path) ?? inItsValley());
  const all = told.filter((each) => each !== null && each !== undefined);
  return { en: all.map(({ en }) => en).join(" "), zh: all.map(({ zh }) => zh).join("") };
}

// --- words for numbers -----------------------------------------------------------------------------------------------

const rate = (path, step) => path.settings.lr * path.factors[Math.min(Math.max(step, 0), path.factors.length - 1)];

/** "along y", or along a direction. */
function along({ label, direction }) {
  const name = label === "eigenvector" ? `(${direction.map((each) => general(each, 2)).join(", ")})` : label;
  return { en: `along ${name}`, zh: `沿 ${name} 方向` };
}

const typeset = (text) => text.replaceAll("-", "−");

const capital = (text) => text[0].toUpperCase() + text.slice(1);

/** A point as in an outcome, next to nothing written as 0. */
function placed(path, point) {
  const tiny = 1e-8 * diagonalOf(path.landscape.window);
  const texts = point.map((each) => (Math.abs(each) > tiny ? typeset(general(each)) : "0"));
  return texts.length === 1 ? texts[0] : `(${texts.join(", ")})`;
}

function percent(share) {
  return `${general(100 * share, share > 0.99 ? 4 : 3)} %`;
}

/** Eigenvalues of the rule's step at a curvature, the largest first; null for rules that have no such step. */
function modesAt(path, lambda, lr = rate(path, path.n - 1)) {
  const matrix = stepMatrix(path.rule, path.settings, lr, lambda);
  if (matrix === null || !matrix.every(allFinite)) return null;
  return eigenvalues(matrix).map(
    ([real, imaginary]) => ({ real, imaginary, size: Math.hypot(real, imaginary) }),
  ).sort((a, b) => b.size - a.size);
}

const isScaled = (path) => rules[path.rule].variant(path.settings).scales?.length > 0;

// --- causes ----------------------------------------------------------------------------------------------------------

/** The first point of the path where a curvature bears no such learning rate. */
function aboveTheLimit(path) {
  if (isScaled(path)) return null;
  const last = path.landscape.quadratic ? 0 : Math.min(path.n - 1, 60);
  for (let step = 0; step <= last; step++) {
    const limits = limitsAt(path.landscape, path.point(step), path.rule, path.settings), lr = rate(path, step);
    const worst = limits?.curvatures.find(({ lambda, limit }) => lambda > 0 && lr >= limit * (1 - 1e-9));
    if (worst) return saidOfLimit(path, worst, lr, step);
  }
  return null;
}

function saidOfLimit(path, worst, lr, step) {
  const way = along(worst);
  const curve = general(worst.lambda, 3);
  const limit = `${worst.formula ? `${worst.formula} = ` : ""}${general(worst.limit, 4)}`;
  const [mode] = modesAt(path, worst.lambda, lr), factor = general(mode.imaginary === 0 ? mode.real : mode.size, 3);
  const here = path.landscape.quadratic ? { en: "The", zh: "" } : { en: `At step ${step}, the`, zh: `第 ${step} 步时，` };
  const exactly = lr <= worst.limit * (1 + 1e-9);
  const above = exactly ? { en: "is exactly at", zh: "恰好等于" } : { en: "is above", zh: "超过了" };
  const en = `${above.en} the stability limit ${limit} ${way.en} (curvature λ = ${curve})`;
  const zh = `${above.zh}${way.zh}的稳定上限 ${limit}（曲率 λ = ${curve}）`, lrText = general(lr, 4);
  return {
    en: `${here.en} learning rate ${lrText} ${en}: there each step multiplies the error by ${typeset(factor)}.`,
    zh: `${here.zh}学习率 ${lrText} ${zh}：在那里每一步都把误差乘以 ${typeset(factor)}。`,
  };
}

function downhill(path) {
  const { values, vectors } = eigenSymmetric(path.landscape.hessian(...path.point(0)));
  if (!(values[0] < 0)) return { en: "The surface falls for ever in this direction.", zh: "曲面沿这个方向一直下降。" };
  const way = along({ direction: vectors[0], label: labelOf(vectors[0]) }), curve = general(values[0], 3);
  return {
    en:
      `${capital(way.en)} the surface curves downwards (λ = ` +
      `${typeset(curve)}): each step takes it further from the ridge.`,
    zh: `${way.zh}曲面向下弯（λ = ${typeset(curve)}）：每一步都离山脊更远。`,
  };
}

/** Rules that divide by a scale, which shrinks with the gradient until the learning rate is at its limit. */
function atTheEdge(path, found) {
  if (!isScaled(path) || found?.kind !== "minimum") return null;
  const hessian = path.landscape.hessian(...found.point), lr = rate(path, path.n - 1);
  const edges = found.point.map(
    (_, i) => (
      { name: path.dims === 1 ? "x" : "xy"[i], curve: hessian[i][i], limit: limitNow(path, i, hessian[i][i]) }
    ),
  );
  const edge = edges.filter(({ limit }) => limit > 0 && lr > 0.9 * limit).sort((a, b) => a.limit - b.limit)[0];
  if (!edge) return null;
  const limit = general(edge.limit, 3), rateText = general(lr, 3), jumps = sizeOfJumps(path.outcome.swing, lr);
  const told = lr > 1.1 * edge.limit
    ? { en: "is above that, so it overshoots and the scale grows again", zh: "超过了它，于是冲过头，尺度又变大" }
    : { en: "is at that edge, where it neither comes closer nor leaves", zh: "正好在这个边缘，既不靠近也不离开" };
  return {
    en:
      `The scale shrinks with the gradient. At the last step the curvature along ${edge.name}, divided by it, ` +
      `bears a learning rate of ${limit}: ${rateText} ${told.en}${jumps.en}.`,
    zh:
      `尺度随梯度一起变小。最后一步时，沿 ${edge.name} 方向的曲率除以尺度之后，` +
      `能承受的学习率是 ${limit}：${rateText} ${told.zh}${jumps.zh}。`,
  };
}

/** How far it jumps to and fro, where it does. */
function sizeOfJumps(swing, lr) {
  if (swing === undefined) return { en: "", zh: "" };
  const size = general(swing, 3), half = Math.abs(swing / lr - 0.5) < 0.05;
  return {
    en: `; it jumps ${size} to each side${half ? ", about half the learning rate" : ""}`,
    zh: `；它在两侧各跳 ${size}${half ? "，约为学习率的一半" : ""}`,
  };
}

/** Rules whose steps stay as long as the learning rate however small the gradient is. */
function hopsOver(path) {
  const lr = rate(path, path.n - 1), step = distance(path.point(path.n), path.point(path.n - 1));
  if (!isScaled(path)) {
    const fixed = {
      en: `Each step is about ${general(step, 2)} long however small the gradient is.`,
      zh: `无论梯度多小，每步都约长 ${general(step, 2)}。`,
    };
    return rules[path.rule].variant(path.settings).linear && limitOf(path.rule, path.settings, 1) === null
      ? fixed
      : null;
  }
  if (!(step > 0.3 * lr)) return ownRates(path);
  return {
    en:
      `Near the minimum the gradient shrinks, and with it the scale that it is divided by: ` +
      `the steps stay about as long as the learning rate ${general(lr, 3)}, so it jumps across.`,
    zh: `靠近极小点时梯度变小，用来除它的尺度也随之变小：步长仍约为学习率 ${general(lr, 3)}，于是在极小点两侧来回跳。`,
  };
}

function flatThere(path, point) {
  const { values, vectors } = eigenSymmetric(path.landscape.hessian(...point)), place = placed(path, point);
  if (!(values[0] < 0)) {
    return {
      en:
        `At ${place} the gradient and the curvature both vanish, ` +
        `so the steps shrink to nothing, though it is no minimum.`,
      zh: `在 ${place} 处梯度与曲率都为零，步子缩到几乎没有，而那里并不是极小点。`,
    };
  }
  const way = along({ direction: vectors[0], label: labelOf(vectors[0]) }), curve = typeset(general(values[0], 3));
  const off = Math.abs(dot(vectors[0], path.point(path.n).map((each, i) => each - point[i])));
  if (off < 1e-12) {
    return {
      en:
        `${capital(way.en)} the surface falls away (λ = ${curve}), but the ` +
        `path runs exactly on the ridge, where the slope to the side is 0.`,
      zh: `${way.zh}曲面是向下的（λ = ${curve}），但路径正好沿着山脊走，那里向两侧的坡度为 0。`,
    };
  }
  return {
    en:
      `${capital(way.en)} the surface falls away (λ = ${curve}), but the path is ` +
      `only ${general(off, 2)} off the ridge there, so it feels almost no slope.`,
    zh: `${way.zh}曲面是向下的（λ = ${curve}），但路径离山脊只有 ${general(off, 2)}，几乎感觉不到坡度。`,
  };
}

function smallSteps(path) {
  const step = distance(path.point(path.n), path.point(path.n - 1));
  const slope = norm(path.landscape.grad(...path.point(path.n)));
  if (!(step > 0)) return { en: "Its steps are 0.", zh: "它的步长为 0。" };
  const across = general(diagonalOf(path.landscape.window) / step, 1);
  return {
    en:
      `A gradient of ${general(slope, 2)} makes a step of ${general(step, 2)}: ` +
      `at that pace it takes about ${across} steps to cross the window.`,
    zh: `梯度 ${general(slope, 2)} 只带来 ${general(step, 2)} 的一步：照这样走，横穿窗口约需 ${across} 步。`,
  };
}

/** How far a unit of gradient moves each coordinate, at a step. */
function effectiveRates(path, step) {
  return stateAt(path, step).effectiveStep.map((each) => -each);
}

function ratesFell(path) {
  if (path.n < 2) return null;
  const first = effectiveRates(path, 1), last = effectiveRates(path, path.n);
  const i = last.findIndex((each, k) => each > 0 && first[k] > 3 * each);
  if (i < 0) return null;
  const name = path.dims === 1 ? "x" : "xy"[i];
  return {
    en:
      `A unit of gradient moved ${name} by ${general(first[i], 2)} at the first ` +
      `step and moves it by ${general(last[i], 2)} now: the rate has fallen too soon.`,
    zh: `第一步时一个单位的梯度让 ${name} 移动 ${general(first[i], 2)}，现在只有 ${general(last[i], 2)}：有效学习率降得太早。`,
  };
}

function noiseStays(path, found) {
  const { noise } = path.spec;
  const lr = rate(path, path.n - 1);
  const plain = {
    en: `The noise (standard deviation ${general(noise, 3)}) shakes every step.`,
    zh: `噪声（标准差 ${general(noise, 3)}）让每一步都在抖动。`,
  };
  if (found?.kind !== "minimum" || isScaled(path)) return plain;
  const limits = limitsAt(path.landscape, found.point, path.rule, path.settings);
  const simple = stepMatrix(path.rule, path.settings, lr, 1)?.length === 1 || path.settings.momentum === 0;
  if (!limits || !simple || !(lr < limits.limit) || path.settings.weight_decay || lr !== rate(path, 0)) return plain;
  const spreads = limits.curvatures.map(
    (each) => ({ ...along(each), size: noise * Math.sqrt(lr / (each.lambda * (2 - lr * each.lambda))) }),
  );
  const list = (lang, comma) => spreads.map((each) => `${general(each.size, 2)} ${each[lang]}`).join(comma);
  return {
    en:
      `With the learning rate ${general(lr, 3)} the noise keeps it spread ` +
      `about the minimum by ${list("en", ", ")} (standard deviation).`,
    zh:
      `学习率 ${general(lr, 3)} 时，噪声使它散布在极小点周围，` +
      `标准差${spreads.map((each) => `${each.zh} ${general(each.size, 2)}`).join("，")}。`,
  };
}

function swingsInTime(path, found) {
  if (found?.kind !== "minimum" || isScaled(path)) return null;
  const limits = limitsAt(path.landscape, found.point, path.rule, path.settings);
  const swings = limits?.curvatures.map(
    (each) => ({ ...each, mode: modesAt(path, each.lambda)?.[0] }),
  ).filter(({ mode }) => mode && (mode.imaginary !== 0 || mode.real < 0));
  if (!swings?.length) return null;
  const slowest = swings.reduce((a, b) => (b.mode.size > a.mode.size ? b : a)), way = along(slowest);
  return {
    en: `It overshoots ${way.en}: each step leaves ${percent(slowest.mode.size)} of the swing.`,
    zh: `它${way.zh}冲过头：每一步还留下 ${percent(slowest.mode.size)} 的摆幅。`,
  };
}

/** What share of the distance the slowest direction keeps at each step. */
function pace(path, found) {
  if (isScaled(path)) return null;
  const point = found?.kind === "minimum" ? found.point : path.landscape.quadratic ? path.point(0) : null;
  const limits = point && limitsAt(path.landscape, point, path.rule, path.settings);
  if (found?.kind === "minimum" && !(eigenSymmetric(path.landscape.hessian(...point)).values[0] > 1e-6)) {
    return flatBottom();
  }
  if (!limits || limits.curvatures.some(({ lambda }) => !(lambda > 0))) return null;
  const all = limits.curvatures.map((each) => ({ ...each, mode: modesAt(path, each.lambda)[0] }));
  const slowest = all.reduce((a, b) => (b.mode.size > a.mode.size ? b : a));
  const way = along(slowest);
  const left = percent(slowest.mode.size);
  if (slowest.mode.size >= 1) return aboveTheLimit(path);
  const curve = general(slowest.lambda, 3);
  const turns = slowest.mode.imaginary !== 0 || slowest.mode.real < 0;
  if (path.dims === 1) {
    return {
      en: `Each step leaves ${left} of the ${turns ? "swing" : "distance"} (curvature λ = ${curve}).`,
      zh: `每一步还留下 ${left} 的${turns ? "摆幅" : "距离"}（曲率 λ = ${curve}）。`,
    };
  }
  return {
    en: `Slowest ${way.en} (curvature λ = ${curve}): each step leaves ${left} of the ${turns ? "swing" : "distance"}.`,
    zh: `最慢的是${way.zh}（曲率 λ = ${curve}）：每一步还留下 ${left} 的${turns ? "摆幅" : "距离"}。`,
  };
}

function flatBottom() {
  return {
    en: "The curvature vanishes at this minimum: the nearer it comes, the smaller its steps.",
    zh: "这个极小点处曲率为零：越靠近，步子越小。",
  };
}

/** A valley that is much steeper across than along it, seen from the last point. */
function askew(path) {
  if (isScaled(path) || path.dims < 2) return null;
  const limits = limitsAt(path.landscape, path.point(path.n), path.rule, path.settings);
  if (!limits) return null;
  const [steep, flat] = [limits.curvatures[0], limits.curvatures.at(-1)], across = along(steep), down = along(flat);
  if (rate(path, path.n - 1) >= limits.limit && steep.limit === limits.limit) {
    return saidOfLimit(path, steep, rate(path, path.n - 1), path.n);
  }
  if (!(steep.lambda > 10 * Math.abs(flat.lambda))) return null;
  const [high, low] = [general(steep.lambda, 3), typeset(general(flat.lambda, 2))], limit = general(steep.limit, 2);
  return {
    en:
      `Here the curvature is ${high} ${across.en}, which limits the learning rate ` +
      `to ${limit}, and only ${low} ${down.en}, where such steps get along slowly.`,
    zh: `这里${across.zh}的曲率是 ${high}，把学习率限制在 ${limit} 以下；而${down.zh}只有 ${low}，这样的步子走得很慢。`,
  };
}

function ownRates(path) {
  if (path.dims < 2 || path.n < 1 || !isScaled(path)) return null;
  const rates = effectiveRates(path, path.n).map(Math.abs);
  if (!rates.every((each) => Number.isFinite(each) && each > 0) || largest(rates) < 1.5 * smallest(rates)) return null;
  const [x, y] = rates.map((each) => general(each, 2));
  return {
    en: `Each coordinate has a rate of its own: at the last step a unit of gradient moved x by ${x} and y by ${y}.`,
    zh: `每个坐标有自己的学习率：最后一步里，一个单位的梯度让 x 移动 ${x}，让 y 移动 ${y}。`,
  };
}

function isLocal({ minimum, f }, point) {
  return minimum !== null && f(...point) > minimum + 1e-6 * Math.max(1, Math.abs(minimum));
}

/** In one dimension: the step that leapt over a global minimum, if one did. */
function leapt(path) {
  if (path.dims > 1) return null;
  for (let step = 1; step <= path.n; step++) {
    const [from, to] = [path.x[step - 1], path.x[step]];
    const over = path.landscape.minima.find(([x]) => (from - x) * (to - x) < 0);
    if (!over) continue;
    const [there, here] = [from, to].map((each) => typeset(general(each, 3))), place = typeset(general(over[0], 3));
    return {
      en: `Step ${step} leapt over the global minimum at ${place}, from ${there} to ${here}.`,
      zh: `第 ${step} 步从 ${there} 跳到 ${here}，越过了 ${place} 处的全局极小点。`,
    };
  }
  return null;
}

function inItsValley() {
  return {
    en: "It knows only the slope where it stands, and every way out of this valley goes up.",
    zh: "它只知道脚下的坡度，而离开这个谷的每条路都要先上坡。",
  };
}
