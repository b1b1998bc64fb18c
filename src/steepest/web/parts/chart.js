// The value at each step: above the known minimum and on a log axis where that is possible.

import { HIGHEST } from "./contours.js";
import { logTicks, makeFrame, pretty, prettyAll, roomFor, roundTicks } from "./frame.js";
import { clipTo, setLetters, setStroke, strokeLines } from "./pen.js";
import { drawHeads, drawWay } from "./ways.js";

/** What the chart shows: a curve for each track, the axis' kind and limits, which fit what does not diverge. */
function chartData(scene) {
  const { landscape, tracks } = scene, { minimum = null } = landscape;
  const raw = tracks.map(({ run }) => run.f), seen = tracks.flatMap(({ run }) => calmValues(run, landscape.window));
  if (!seen.length) seen.push(...raw.flatMap((f) => Array.from(f.subarray(0, 2))).filter(Number.isFinite));
  const least = Math.min(...seen, Infinity), above = minimum !== null && least >= minimum - 1e-9 * Math.max(1, Math.abs(minimum));
  const zero = above ? minimum : 0, top = Math.max(...raw.map((f) => f[0] - zero).filter(Number.isFinite), 1e-300);
  const shown = seen.map((value) => Math.max(value - zero, above ? 0 : -Infinity));
  let [low, high] = [Math.min(...shown), Math.max(...shown)];
  const log = low >= 0 && high > 10 * Math.max(low, 1e-300);
  if (log) [low, high] = [Math.max(low, 1e-16 * top, 1e-300) / 2, high * 2];
  else [low, high] = [low - (0.07 * (high - low) || 0.5), high + (0.07 * (high - low) || 0.5)];
  return { curves: raw.map((f) => Array.from(f, (value) => value - zero)), log, low, high, above };
}

/** The values of a run that does not diverge, or those inside the window of one that does. */
function calmValues({ x, f, status }, window) {
  const dims = window.length, inside = (k) => window.every(([low, high], i) => x[k * dims + i] >= low && x[k * dims + i] <= high);
  const wild = status === "diverged" || status === "became non-finite";
  return Array.from(f).filter((value, k) => Math.abs(value) < HIGHEST && (!wild || inside(k)));
}

export function chartPicture(part, scene, width, height) {
  const rem = part.theme.rem, data = chartData(scene);
  const left = data.log ? 3.6 * rem : roomFor(prettyAll(roundTicks(data.low, data.high, Math.max(2, (height - 2.9 * rem) / (2 * rem)))), rem, 3.6 * rem);
  const box = [left, 0.9 * rem, width - left - rem, height - 2.9 * rem];
  const place = (value) => (data.log ? Math.log10(Math.max(value, data.low)) : value);
  const frame = makeFrame([[0, Math.max(1, scene.name(scene.steps))], [place(data.low), place(data.high)]], box, false);
  return {
    box, frame, data,
    draw(pen, step) {
      const now = frame.toX(scene.name(Math.floor(step)) + step % 1);
      drawChartAxes(part, pen, frame, data, place);
      pen.save();
      clipTo(pen, box);
      setStroke(pen, part.theme.ink, 1);
      pen.globalAlpha = 0.5;
      strokeLines(pen, [[now, box[1], now, box[1] + box[3]]]);
      pen.globalAlpha = 1;
      const lines = data.curves.map((curve) => chartLine(curve, frame, place, scene.name));
      scene.tracks.forEach(({ look }, i) => drawWay(part, pen, lines[i], look, step, box));
      pen.restore();
      drawHeads(part, pen, scene, lines, step, box, 4.5);
    },
    toStep: (px) => Math.min(scene.steps, Math.max(0, Math.round(frame.fromX(px) * scene.steps / scene.name(scene.steps)))),
  };
}

function chartLine(curve, frame, place, name) {
  const points = new Float64Array(2 * curve.length);
  curve.forEach((value, k) => points.set([frame.toX(name(k)), frame.toY(place(value))], 2 * k));
  return points;
}

function drawChartAxes(part, pen, frame, data, place) {
  const { theme } = part, [left, top, width, height] = frame.box, rem = theme.rem;
  const ticks = data.log ? logTicks : roundTicks, values = ticks(data.low, data.high, Math.max(2, height / (2 * rem)));
  const steps = roundTicks(...frame.x, width / (4.5 * rem)).filter(Number.isInteger);
  const names = data.log ? values.map(powerName) : prettyAll(values), ys = values.map((value) => frame.toY(place(value)));
  setStroke(pen, theme.line, 1);
  strokeLines(pen, ys.map((y) => [left, y, left + width, y]));
  setLetters(part, pen, 0.72, theme.soft, "right");
  names.forEach((name, i) => pen.fillText(name, left - 0.4 * rem, ys[i]));
  setLetters(part, pen, 0.72, theme.soft, "center", "top");
  steps.forEach((step) => pen.fillText(String(step), frame.toX(step), top + height + 0.35 * rem));
  pen.textAlign = "right";
  pen.fillText(part.say(part.state.evaluations ? "evaluation" : "step"), left + width, top + height + 1.35 * rem);
}

const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

/** 10⁻⁶ rather than 0.000001. */
export function powerName(value) {
  const power = Math.log10(value);
  if (!Number.isInteger(Number(power.toFixed(9))) || Math.abs(power) < 3) return pretty(value);
  return `10${[...String(Math.round(power))].map((sign) => RAISED[sign]).join("")}`;
}
