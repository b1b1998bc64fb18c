// Lines over the steps of a training: a loss, a gain, norms. The marked steps are shaded.

import { percent } from "../core/numbers.js";
import { powerName } from "./chart.js";
import { make } from "./dom.js";
import { logTicks, makeFrame, pretty, prettyAll, roomFor, roundTicks } from "./frame.js";
import { clipTo, setLetters, setStroke, strokeBox, strokeLines, tracePolygon } from "./pen.js";

const COLOURS = ["accent", "warm", "iso", "ink"], DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3]];
const EARLY = 0.05; // share of the steps: where the marked ones are all before, the axis is logarithmic

/** {draw(pen), keys, tell(x, y)} of a picture of the kind "lines". */
export function linesPicture(part, picture, { mark }, width, height) {
  const { rem } = part.theme, axis = stepAxis(picture, mark), range = valueRange(picture);
  const log = picture.axis === "log", put = (value) => (log ? Math.log10(Math.max(value, range[0])) : value);
  const ticks = (log ? logTicks : roundTicks)(...range, Math.max(2, (height - 2.9 * rem) / (2 * rem)));
  const names = picture.percents ? ticks.map(percent) : log ? ticks.map(powerName) : prettyAll(ticks);
  const left = roomFor(names, rem, 2.4 * rem), box = [left, 0.5 * rem, width - left - 0.8 * rem, height - 2.6 * rem];
  const frame = makeFrame([[0, 1], range.map(put)], box, false), toX = (step) => frame.toX(axis.place(step));
  return {
    draw(pen) {
      drawZones(part, pen, picture, frame, range, put);
      drawGrid(part, pen, frame, ticks, names, put);
      drawSteps(part, pen, frame, axis);
      pen.save();
      clipTo(pen, box);
      drawMark(part, pen, frame, axis.edges(mark));
      for (const [first, last] of picture.gaps) drawGap(part, pen, frame, toX(first), toX(last));
      drawLevels(part, pen, picture, frame, range, put);
      picture.lines.forEach((line, i) => drawLine(part, pen, line, i, picture.steps.map(toX), (value) => frame.toY(put(value))));
      pen.restore();
      strokeBox(part, pen, box);
    },
    keys: keysOf(part, picture, mark),
    tell: (px, py) => tellAt(part, picture, frame, toX, px, py),
  };
}

// --- axes ------------------------------------------------------------------------------------------------------------

/** Where steps stand, from 0 to 1: side by side if they are observed ones, else by their number or its logarithm. */
function stepAxis({ steps, observed, end = 0 }, mark) {
  const count = steps.length;
  if (observed) {
    const at = (index) => (index + 0.5) / count, index = (step) => firstFrom(steps, step);
    return {
      place: (step) => at(index(step)), ticks: steps.map((step, i) => [step, at(i)]), name: "observedStep",
      edges: (pair) => pair && [index(pair[0]) / count, Math.max(index(pair[0]) + 1, firstFrom(steps, pair[1] + 1)) / count],
    };
  }
  const last = Math.max(1, end), early = mark !== null && last > 200 && mark[1] < EARLY * last;
  const place = early ? (step) => Math.log10(step + 1) / Math.log10(last + 1) : (step) => step / last;
  const values = early ? [0, ...Array.from({ length: 12 }, (_, i) => 10 ** i).filter((value) => value <= last)]
    : roundTicks(0, last, 7).filter(Number.isInteger);
  return {
    place, ticks: values.map((step) => [step, place(step)]), name: early ? "stepLog" : "step",
    edges: (pair) => pair && [place(Math.max(0, pair[0] - (early ? 0 : 0.5))), place(pair[1] + (early ? 1 : 0.5))],
  };
}

/** The index of the first step that is not before one. */
export function firstFrom(steps, step) {
  let [low, high] = [0, steps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle] < step) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Lowest and highest value of the axis: all that is drawn, with room, or the picture's own limits. */
function valueRange({ lines, levels, axis, limits }) {
  const isShown = (value) => value !== null && (axis !== "log" || value > 0);
  const of = ({ values, low = [], high = [] }) => [values, low, high].flat().filter(isShown);
  let seen = [...lines.flatMap(of), ...levels.map(({ value }) => value).filter(isShown)];
  if (limits) seen = seen.map((value) => Math.min(Math.max(value, limits[0]), limits[1]));
  const [least, most] = seen.reduce(([a, b], value) => [Math.min(a, value), Math.max(b, value)], [Infinity, -Infinity]);
  if (axis === "log") return most < 1.5 * least ? [least / 2, most * 2] : [least / 1.3, most * 1.3];
  const room = 0.08 * (most - least) || 0.1 * Math.abs(most) || 0.5;
  return [least - room, most + room];
}

function drawGrid(part, pen, { box: [left, , width], toY }, ticks, names, put) {
  const { theme } = part, ys = ticks.map((value) => toY(put(value)));
  setStroke(pen, theme.line, 1);
  strokeLines(pen, ys.map((y) => [left, y, left + width, y]));
  setLetters(part, pen, 0.72, theme.soft, "right");
  names.forEach((name, i) => pen.fillText(name, left - 0.4 * theme.rem, ys[i]));
}

/** Names of steps, as many as there is room for. */
export function drawSteps(part, pen, { box: [left, top, width, height], toX }, { ticks, name }) {
  const { rem, soft } = part.theme;
  let free = left - rem;
  setLetters(part, pen, 0.72, soft, "center", "top");
  for (const [step, place] of ticks) {
    const text = shortStep(step), x = toX(place), half = pen.measureText(text).width / 2;
    if (x - half < free) continue;
    pen.fillText(text, x, top + height + 0.35 * rem);
    free = x + half + 0.7 * rem;
  }
  pen.textAlign = "right";
  pen.fillText(part.say(name), left + width, top + height + 1.35 * rem);
}

/** 1.2M rather than 1200000: a step as short as it stays true to three digits. */
function shortStep(step) {
  if (step < 1e4) return String(step);
  const [size, unit] = step < 1e6 ? [1e3, "k"] : step < 1e9 ? [1e6, "M"] : [1e9, "G"];
  return `${Number((step / size).toPrecision(3))}${unit}`;
}

// --- what is drawn ---------------------------------------------------------------------------------------------------

function drawZones(part, pen, { zones }, { box: [left, top, width, height], toY }, range, put) {
  for (const { low, high } of zones) {
    const upper = high === null ? top : Math.min(Math.max(toY(put(high)), top), top + height);
    const lower = low === null ? top + height : Math.min(Math.max(toY(put(low)), top), top + height);
    pen.fillStyle = part.theme.card;
    pen.fillRect(left, upper, width, lower - upper);
  }
}

export function drawMark(part, pen, { box: [, top, , height], toX }, edges) {
  if (!edges) return;
  const [from, to] = edges.map(toX), wide = Math.max(2, to - from), thin = wide < 4;
  pen.fillStyle = part.theme.bad;
  pen.globalAlpha = thin ? 0.6 : 0.13;
  pen.fillRect(from, top, wide, height);
  pen.globalAlpha = 1;
  pen.fillRect(thin ? from - 3 : from, top, thin ? 8 : wide, thin ? 6 : 3);
}

/** Steps without a finite number: stripes from top to bottom. */
function drawGap(part, pen, { box: [, top, , height] }, from, to) {
  setStroke(pen, part.theme.bad, 1);
  pen.globalAlpha = 0.55;
  const lines = [];
  for (let x = from; x <= to + 2; x += 4) lines.push([x, top, x, top + height]);
  strokeLines(pen, lines);
  pen.globalAlpha = 1;
}

function drawLevels(part, pen, { levels, axis }, { box: [left, , width], toY }, range, put) {
  setStroke(pen, part.theme.ink, 1.2 * part.theme.unit, [5, 4]);
  strokeLines(pen, levels.filter(({ value }) => axis !== "log" || value > 0).map(({ value }) => toY(put(value))).map((y) => [left, y, left + width, y]));
  pen.setLineDash([]);
}

function drawLine(part, pen, { values, low, high, points }, place, xs, toY) {
  const { theme } = part, colour = theme[COLOURS[place % COLOURS.length]];
  if (low) drawBand(pen, colour, low, high, xs, toY);
  setStroke(pen, colour, 2 * theme.unit, DASHES[place % DASHES.length]);
  pen.lineJoin = "round";
  pen.beginPath();
  let open = false, alone = [];
  values.forEach((value, i) => {
    if (value === null) { open = points === true && open; return; } // lines of points go on behind what was not measured
    if (open) pen.lineTo(xs[i], toY(value));
    else pen.moveTo(xs[i], toY(value));
    if (points || (!open && (values[i + 1] ?? null) === null)) alone.push(i);
    open = true;
  });
  pen.globalAlpha = points ? 0.45 : 1;
  pen.stroke();
  pen.globalAlpha = 1;
  pen.setLineDash([]);
  pen.fillStyle = colour;
  for (const i of alone) {
    pen.beginPath();
    pen.arc(xs[i], toY(values[i]), (points ? 3 : 2) * theme.unit, 0, 2 * Math.PI);
    pen.fill();
  }
}

/** From the least to the largest of the steps (or runs) that a point stands for, in pieces without missing numbers. */
function drawBand(pen, colour, low, high, xs, toY) {
  pen.fillStyle = colour;
  pen.globalAlpha = 0.25;
  for (let first = 0, i = 0; i <= low.length; i++) {
    if (i < low.length && low[i] !== null) continue;
    const piece = Array.from({ length: i - first }, (_, k) => first + k);
    if (piece.length > 1) {
      pen.beginPath();
      tracePolygon(pen, [...piece.map((k) => [xs[k], toY(high[k])]), ...piece.reverse().map((k) => [xs[k], toY(low[k])])]);
      pen.fill();
    } else if (piece.length) pen.fillRect(xs[first] - 1, toY(high[first]), 2, Math.max(1, toY(low[first]) - toY(high[first])));
    first = i + 1;
  }
  pen.globalAlpha = 1;
}

// --- words -----------------------------------------------------------------------------------------------------------

function keysOf(part, { lines, levels, zones, gaps }, mark) {
  const at = part.lang() === "zh" ? 1 : 0, keys = [];
  lines.forEach(({ name }, i) => keys.push(keyLine(part.theme[COLOURS[i % COLOURS.length]], DASHES[i % DASHES.length], name[at])));
  if (levels.length) keys.push(keyLine(part.theme.ink, [5, 4], levels.map(({ value, name }) => `${name[at]} ${pretty(value, 3)}`).join(part.say("comma")), 1.2));
  for (const { name } of zones) keys.push(keyPatch("zone", name[at]));
  if (mark) keys.push(keyPatch("mark", part.say(mark[0] === mark[1] ? "markedStep" : "marked", ...mark)));
  if (gaps.length) keys.push(keyPatch("gap", part.say("notFinite", gaps[0][0])));
  return keys;
}

function keyLine(colour, dash, text, width = 2) {
  const line = `<svg width="26" height="8" aria-hidden="true"><path d="M0 4H26" stroke="${colour}" stroke-width="${width}" stroke-dasharray="${dash.join(" ")}"/></svg>`;
  return make("span", { class: "key" }, make("span", { html: line }), text);
}

export function keyPatch(kind, text) { return make("span", { class: "key" }, make("i", { class: kind }), text); }

function tellAt(part, { steps, lines, percents, observed }, frame, toX, px) {
  const [left, , width] = frame.box;
  if (px < left || px > left + width) return null;
  let near = 0;
  steps.forEach((step, i) => { if (Math.abs(toX(step) - px) < Math.abs(toX(steps[near]) - px)) near = i; });
  const at = part.lang() === "zh" ? 1 : 0, show = (value) => (value === null ? "–" : percents ? percent(value) : pretty(value));
  const many = !observed && lines[0].low && (steps[near + 1] ?? steps[near] + 1) - steps[near] > 1;
  const place = many ? part.say("stepsFrom", steps[near], (steps[near + 1] ?? steps[near] + 1) - 1) : part.say("stepIs", steps[near]);
  const range = ({ low, high }) => (many && low && low[near] !== null ? ` (${show(low[near])} … ${show(high[near])})` : "");
  return [place, ...lines.map((line) => `${line.name[at]}: ${show(line.values[near])}${range(line)}`)].join("\n");
}
