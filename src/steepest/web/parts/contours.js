// Contour lines: values on a grid, round levels, closed loops by marching squares, and how they are drawn.
// The grid gets a border lower than everything, so that every line is a closed loop around what is higher.

import { prettyAll, roundTicks } from "./frame.js";
import { setLetters, setStroke } from "./pen.js";
import { asColour, mixed } from "./theme.js";

const LOWEST = -1e300, MOST_LEVELS = 13;
export const HIGHEST = 1e300;

/** Values of f on a grid over the frame, row by row from the top; what has no value is NaN. */
export function sampleGrid(f, frame, columns, rows) {
  const z = new Float64Array(columns * rows);
  const dx = (frame.x[1] - frame.x[0]) / (columns - 1), dy = (frame.y[0] - frame.y[1]) / (rows - 1);
  for (let j = 0, at = 0; j < rows; j++) {
    for (let i = 0; i < columns; i++, at++) {
      const value = f(frame.x[0] + i * dx, frame.y[1] + j * dy);
      z[at] = Math.abs(value) < HIGHEST ? value : NaN;
    }
  }
  return { z, columns, rows, x: frame.x[0], y: frame.y[1], dx, dy };
}

/** Round levels: even on a log scale above the lowest value, or evenly spaced where the landscape falls without end. */
export function levelsOf(grid, landscape) {
  const values = grid.z.filter(Number.isFinite).sort();
  if (!values.length || values[0] === values[values.length - 1]) return { levels: [], lowest: values[0] ?? 0 };
  const known = landscape.minimum ?? Infinity, lowest = Math.min(values[0], known);
  if (known === Infinity && fallsAtEdge(grid, values[0])) {
    const levels = roundTicks(values[0], values[values.length - 1], MOST_LEVELS);
    return { levels: levels.filter((level) => level > values[0]), lowest };
  }
  const above = values.map((value) => value - lowest).filter((value) => value > 0);
  return { levels: Array.from(logLevels(above), (level) => lowest + level), lowest };
}

function fallsAtEdge({ z, columns, rows }, lowest) {
  for (let i = 0; i < columns; i++) if (z[i] === lowest || z[(rows - 1) * columns + i] === lowest) return true;
  for (let j = 0; j < rows; j++) if (z[j * columns] === lowest || z[(j + 1) * columns - 1] === lowest) return true;
  return false;
}

function logLevels(above) {
  const quantile = (share) => above[Math.floor(share * (above.length - 1))];
  const high = 0.98 * quantile(0.995), low = Math.min(quantile(0.005), high / 50);
  const first = Math.floor(Math.log10(low)), count = Math.ceil(Math.log10(high)) - first + 1;
  const decades = Array.from({ length: count }, (_, i) => first + i);
  let levels = [];
  for (const digits of [[1, 1.5, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]]) {
    levels = decades.flatMap((decade) => digits.map((digit) => Number(`${digit}e${decade}`)));
    levels = levels.filter((level) => level >= low && level <= high);
    if (levels.length <= MOST_LEVELS) return levels;
  }
  const every = Math.ceil(levels.length / MOST_LEVELS);
  return levels.filter((_, i) => i % every === 0);
}

/** The closed loops around what is higher than a level, each a list of x, y (in data units) and inside: 0 on the border
 * and where values end. */
export function loopsAbove(grid, level, holes = HIGHEST) {
  const width = grid.columns + 2, height = grid.rows + 2;
  const value = (i, j) => {
    if (i < 1 || j < 1 || i > grid.columns || j > grid.rows) return LOWEST;
    const found = grid.z[(j - 1) * grid.columns + i - 1];
    return Number.isNaN(found) ? holes : found;
  };
  const next = new Int32Array(2 * width * height).fill(-1);
  for (let j = 0; j + 1 < height; j++) {
    for (let i = 0; i + 1 < width; i++) linkCell(next, width, i, j, level, value);
  }
  const loops = [];
  for (let edge = 0; edge < next.length; edge++) {
    if (next[edge] < 0) continue;
    const loop = [];
    for (let at = edge; next[at] >= 0;) {
      crossing(loop, grid, width, at, level, value);
      const following = next[at];
      next[at] = -1;
      at = following;
    }
    loops.push(loop);
  }
  return loops;
}

/** Links the edges that a level crosses in one cell, so that what is higher lies to the left of the way. */
function linkCell(next, width, i, j, level, value) {
  const corners = [value(i, j), value(i + 1, j), value(i + 1, j + 1), value(i, j + 1)];
  const code = corners.reduce((bits, corner) => 2 * bits + (corner > level), 0);
  if (code === 0 || code === 15) return;
  const top = 2 * (j * width + i), edges = { T: top, L: top + 1, R: top + 3, B: top + 2 * width };
  const joined = corners[0] + corners[1] + corners[2] + corners[3] > 4 * level; // two opposite corners: one ridge or two?
  const ways = code === 10 ? (joined ? "RTLB" : "LTRB") : code === 5 ? (joined ? "TLBR" : "TRBL") : WAYS[code];
  for (let k = 0; k < ways.length; k += 2) next[edges[ways[k]]] = edges[ways[k + 1]];
}

/** From which edge to which, by the corners that are higher: top left 8, top right 4, bottom right 2, bottom left 1. */
const WAYS = {
  1: "BL", 2: "RB", 3: "RL", 4: "TR", 6: "TB", 7: "TL", 8: "LT", 9: "BT", 11: "RT", 12: "LR", 13: "BR", 14: "LB",
};

function crossing(loop, grid, width, edge, level, value) {
  const node = edge >> 1, i = node % width, j = (node - i) / width, down = edge & 1;
  const [i2, j2] = down ? [i, j + 1] : [i + 1, j];
  const from = value(i, j), to = value(i2, j2), share = Math.min(Math.max((level - from) / (to - from), 0), 1);
  const column = (k) => Math.min(Math.max(k - 1, 0), grid.columns - 1), row = (k) => Math.min(Math.max(k - 1, 0), grid.rows - 1);
  const x = grid.x + grid.dx * (column(i) + share * (column(i2) - column(i)));
  const y = grid.y + grid.dy * (row(j) + share * (row(j2) - row(j)));
  loop.push(x, y, Math.max(Math.abs(from), Math.abs(to)) < HIGHEST ? 1 : 0);
}

// --- drawing ----------------------------------------------------------------------------------------------------------

/** All that is drawn of a landscape from above: levels, the loops of each, and the shades between them. */
export function contoursOf(landscape, frame, spacing) {
  const [, , width, height] = frame.box, sides = [width, height].map((side) => Math.max(24, Math.round(side / spacing)));
  return contoursOfGrid(sampleGrid(landscape.f, frame, ...sides), landscape);
}

/** The same of values that are known on a grid. */
export function contoursOfGrid(grid, landscape) { return contoursAt(grid, levelsOf(grid, landscape).levels); }

/** The same at levels of one's own. */
export function contoursAt(grid, levels) {
  const loops = levels.map((level) => loopsAbove(grid, level));
  const bare = grid.z.some(Number.isNaN) ? loopsAbove({ ...grid, z: grid.z.map((value) => Number(Number.isNaN(value))) }, 0.5) : [];
  return { levels, loops, bare, shades: shadesOf(grid.z, levels) };
}

/** How high each band is shaded, from 0 to 1: half by its number, half by how much of the picture lies below it. */
function shadesOf(z, levels) {
  const share = (i) => (i ? i / levels.length + z.filter((value) => value <= levels[i - 1]).length / z.length : 0);
  return Array.from({ length: levels.length + 1 }, (_, i) => share(i) / (share(levels.length) || 1));
}

function traceLoop(pen, loop, frame) {
  for (let k = 0; k < loop.length; k += 3) {
    if (k) pen.lineTo(frame.toX(loop[k]), frame.toY(loop[k + 1]));
    else pen.moveTo(frame.toX(loop[k]), frame.toY(loop[k + 1]));
  }
  pen.closePath();
}

/** Fills what is inside of loops. */
export function fillLoops(pen, loops, frame, colour) {
  pen.beginPath();
  for (const loop of loops) traceLoop(pen, loop, frame);
  pen.fillStyle = colour;
  pen.fill("evenodd");
}

/** Shades between the levels, deep to high; where there is no value, a plain grey. */
export function drawRelief(part, pen, contours, frame) {
  const { loops, bare, shades } = contours, shade = (i) => asColour(mixed(part.theme.relief, shades[i]));
  pen.fillStyle = shade(0);
  pen.fillRect(...frame.box);
  loops.forEach((ofLevel, i) => fillLoops(pen, ofLevel, frame, shade(i + 1)));
  if (bare.length) fillLoops(pen, bare, frame, part.theme.bare);
}

export function drawIsolines(part, pen, contours, frame) {
  setStroke(pen, part.theme.iso, 0.75 * part.theme.unit);
  pen.lineJoin = "round";
  for (const loops of contours.loops) {
    pen.beginPath();
    for (const loop of loops) strokeInside(pen, loop, frame);
    pen.stroke();
  }
}

function strokeInside(pen, loop, frame) {
  const count = loop.length / 3;
  for (let k = 0; k <= count; k++) { // closed: the first point again
    const at = 3 * (k % count), before = 3 * ((k + count - 1) % count), x = frame.toX(loop[at]), y = frame.toY(loop[at + 1]);
    if (k && (loop[at + 2] || loop[before + 2])) pen.lineTo(x, y);
    else pen.moveTo(x, y);
  }
}

/** The values on the lines, where a line runs straight enough and no other label is near. */
export function drawLabels(part, pen, contours, frame) {
  const names = prettyAll(contours.levels), taken = [];
  setLetters(part, pen, 0.68, part.theme.soft, "center");
  contours.loops.forEach((loops, i) => {
    const room = pen.measureText(names[i]).width + 10;
    for (const loop of [...loops].sort((a, b) => b.length - a.length).slice(0, 3)) {
      const place = labelPlace(part, loop, frame, room, taken);
      if (!place) continue;
      taken.push(place);
      label(pen, names[i], place, mixed(part.theme.relief, (contours.shades[i] + contours.shades[i + 1]) / 2));
    }
  });
}

function labelPlace(part, loop, frame, room, taken) {
  const [left, top, width, height] = frame.box, count = loop.length / 3;
  const at = (k) => [frame.toX(loop[3 * (k % count)]), frame.toY(loop[3 * (k % count) + 1])];
  const apart = 6 * part.theme.rem, offset = Math.floor(count * 0.37) + taken.length * 7; // spread the labels of nested loops
  for (let tried = 0; tried < count; tried += Math.max(1, count >> 6)) {
    const first = (offset + tried) % count, [x0, y0] = at(first);
    let last = first, length = 0, inside = 1;
    for (let [x, y] = [x0, y0]; length < room && last < first + count; last++) {
      const [x2, y2] = at(last + 1);
      length += Math.hypot(x2 - x, y2 - y);
      inside &= loop[3 * ((last + 1) % count) + 2];
      [x, y] = [x2, y2];
    }
    const [x1, y1] = at(last), straight = Math.hypot(x1 - x0, y1 - y0), x = (x0 + x1) / 2, y = (y0 + y1) / 2;
    const roomy = Math.min(x - left, y - top, left + width - x, top + height - y) > 0.5 * room;
    if (length < room || !inside || straight < 0.93 * length || !roomy) continue;
    const clear = taken.every((other) => Math.hypot(other.x - x, other.y - y) > apart);
    if (clear) return { x, y, angle: upright(Math.atan2(y1 - y0, x1 - x0)) };
  }
  return null;
}

function upright(angle) { return angle > Math.PI / 2 ? angle - Math.PI : angle < -Math.PI / 2 ? angle + Math.PI : angle; }

function label(pen, text, { x, y, angle }, ground) {
  pen.save();
  pen.translate(x, y);
  pen.rotate(angle);
  pen.lineWidth = 4;
  pen.lineJoin = "round";
  pen.strokeStyle = asColour(ground, 0.9);
  pen.strokeText(text, 0, 0);
  pen.fillText(text, 0, 0);
  pen.restore();
}
