// A map of a number of each layer (or class) at each observed step: rows of cells, a scale of colours, names at the left.

import { percent } from "../core/numbers.js";
import { powerName } from "./chart.js";
import { logTicks, makeFrame, pretty } from "./frame.js";
import { drawSteps, firstFrom, keyPatch } from "./lines.js";
import { setLetters, setStroke, strokeBox } from "./pen.js";
import { HEAT, asColour, mixed } from "./theme.js";

const PER_DECADE = 50, ZERO = -9999; // as in report/diagnosis/pictures.py

/** {draw(pen), keys, tell(x, y)} of a picture of the kind "map". */
export function mapPicture(part, picture, { mark, row }, width, height) {
  const { rem } = part.theme, { rows, steps, cells } = picture, count = steps.length, scale = scaleOf(part, picture);
  const left = namesWidth(rows, rem, width), box = [left, 0.4 * rem, width - left - 4.2 * rem, height - 2.5 * rem];
  const frame = makeFrame([[0, 1], [1, 0]], box, false), high = box[3] / rows.length, wide = box[2] / count;
  const edges = mark && [firstFrom(steps, mark[0]) / count, Math.max(firstFrom(steps, mark[0]) + 1, firstFrom(steps, mark[1] + 1)) / count];
  return {
    draw(pen) {
      pen.fillStyle = part.theme.card;
      pen.fillRect(...box);
      cells.forEach((line, i) => line.forEach((cell, k) => {
        if (cell === null) return;
        pen.fillStyle = scale.colour(cell);
        pen.fillRect(box[0] + k * wide, box[1] + i * high, wide + 0.4, high + 0.4);
      }));
      if (edges) drawEdges(part, pen, frame, edges);
      strokeBox(part, pen, box);
      drawNames(part, pen, picture, box, high, row);
      drawSteps(part, pen, frame, { ticks: steps.map((step, k) => [step, (k + 0.5) / count]), name: "observedStep" });
      drawScale(part, pen, scale, [box[0] + box[2] + 0.8 * rem, box[1], 0.7 * rem, box[3]]);
    },
    keys: keysOf(part, picture, mark),
    tell(px, py) {
      const k = Math.floor((px - box[0]) / wide), i = Math.floor((py - box[1]) / high);
      if (!(k >= 0 && k < count && i >= 0 && i < rows.length)) return null;
      const cell = cells[i][k], value = cell === null ? "–" : scale.name(cell);
      return [rows[i].length > 40 ? `${rows[i].slice(0, 18)}…${rows[i].slice(-20)}` : rows[i], part.say("stepIs", steps[k]), value].join("\n");
    },
  };
}

/** From cells to colours and names; the least and the largest value that is drawn. */
function scaleOf(part, { cells, log }) {
  const ramp = part.theme.dark ? [...HEAT].reverse() : HEAT;
  let [low, high] = log ? [Infinity, -Infinity] : [0, 100];
  if (log) for (const line of cells) for (const cell of line) if (cell !== null && cell !== ZERO) [low, high] = [Math.min(low, cell), Math.max(high, cell)];
  if (!(low <= high)) [low, high] = [0, 0];
  [low, high] = low === high ? [low - PER_DECADE / 2, high + PER_DECADE / 2] : [Math.max(low, high - 16 * PER_DECADE), high];
  const share = (cell) => (cell - low) / (high - low), value = (cell) => 10 ** (cell / PER_DECADE);
  const colours = new Map();
  return {
    low, high, log, share,
    colour(cell) {
      if (!colours.has(cell)) colours.set(cell, cell === ZERO ? part.theme.bad : asColour(mixed(ramp, share(cell))));
      return colours.get(cell);
    },
    name: (cell) => (cell === ZERO ? "0" : log ? pretty(value(cell), 2) : percent(cell / 100)),
    ticks: (room) => (log ? logTicks(value(low), value(high), room).map((tick) => [PER_DECADE * Math.log10(tick), powerName(tick)])
      : [0, 25, 50, 75, 100].map((tick) => [tick, `${tick} %`])),
  };
}

function namesWidth(rows, rem, width) {
  const longest = rows.reduce((most, name) => Math.max(most, name.length), 0);
  return Math.min(rem * (0.9 + 0.42 * longest), 0.3 * width);
}

/** Names of rows that have room; that of the marked row in any case. */
function drawNames(part, pen, { rows }, [left, top], high, row) {
  const { rem, soft, bad } = part.theme, every = Math.max(1, Math.ceil(0.95 * rem / high)), marked = rows.indexOf(row);
  const room = left - 0.6 * rem;
  rows.forEach((name, i) => {
    if (i !== marked && (i % every || (marked >= 0 && Math.abs(i - marked) < every))) return;
    setLetters(part, pen, 0.72, i === marked ? bad : soft, "right", "middle", i === marked ? 600 : "");
    pen.fillText(fitting(pen, name, room), left - 0.35 * rem, top + (i + 0.5) * high);
  });
  if (marked < 0) return;
  setStroke(pen, bad, 2);
  pen.beginPath();
  pen.moveTo(left - 1, top + marked * high);
  pen.lineTo(left - 1, top + (marked + 1) * high);
  pen.stroke();
}

/** A name that is too long, without its middle. */
function fitting(pen, name, room) {
  if (pen.measureText(name).width <= room) return name;
  for (let kept = Math.min(name.length, 80) - 1; kept > 4; kept--) {
    const short = `${name.slice(0, Math.floor(kept / 3))}…${name.slice(name.length - Math.ceil(2 * kept / 3))}`;
    if (pen.measureText(short).width <= room) return short;
  }
  return "…";
}

/** The marked steps by lines at both ends and a bar, as a shade would change the colours of the cells. */
function drawEdges(part, pen, frame, edges) {
  const [from, to] = edges.map(frame.toX), [, top, , height] = frame.box;
  pen.fillStyle = part.theme.bad;
  pen.fillRect(from, top - 4, Math.max(2, to - from), 4);
  setStroke(pen, part.theme.bad, 1.2);
  pen.beginPath();
  for (const x of [from, to]) {
    pen.moveTo(x, top);
    pen.lineTo(x, top + height);
  }
  pen.stroke();
}

function drawScale(part, pen, scale, [left, top, width, height]) {
  const { low, high } = scale, { rem, soft } = part.theme;
  for (let y = 0; y < height; y++) {
    pen.fillStyle = scale.colour(high - (high - low) * y / height);
    pen.fillRect(left, top + y, width, 1.5);
  }
  setLetters(part, pen, 0.72, soft, "left");
  for (const [cell, name] of scale.ticks(height / (2.2 * rem))) {
    pen.fillText(name, left + width + 0.35 * rem, top + height * (1 - scale.share(cell)));
  }
}

function keysOf(part, { cells, rows, all, rowsAre, log }, mark) {
  const keys = [], at = part.lang() === "zh" ? 1 : 0;
  if (mark) keys.push(keyPatch("mark", part.say(mark[0] === mark[1] ? "markedStep" : "marked", ...mark)));
  if (log && cells.some((line) => line.includes(ZERO))) keys.push(keyPatch("nought", part.say("exactlyZero")));
  if (cells.some((line) => line.includes(null))) keys.push(keyPatch("zone", part.say("noNumber")));
  if (all > rows.length) keys.push(keyPatch("none", part.say("someRows", rows.length, all, rowsAre[at])));
  return keys;
}
