// Draws the path of a rule on a picture, from points in pixels: solid up to the step in view, faint after it,
// marks every few steps, the point itself, and an arrow where the path leaves the frame for good.

import { drawMark, traceMark } from "./marks.js";
import { setLetters, setStroke, tracePolygon } from "./pen.js";
import { colourOf } from "./theme.js";

export const FAR = 1e4; // pixels: lines are cut there, as canvases draw nothing sensible of 1e300

/** Every how many steps a mark stands: 1, 2, 5, 10, 20, ... so that there are at most 40. */
export function stride(steps) {
  for (let decade = 1; ; decade *= 10) {
    for (const digit of [1, 2, 5]) if (steps <= 40 * digit * decade) return digit * decade;
  }
}

function inBox(x, y, [left, top, width, height]) {
  return x >= left - 0.5 && x <= left + width + 0.5 && y >= top - 0.5 && y <= top + height + 0.5; // never for NaN
}

/** The step from which on a path stays outside the box, or null. */
function leavingStep(points, box) {
  const last = points.length / 2 - 1;
  if (inBox(points[2 * last], points[2 * last + 1], box)) return null;
  for (let k = last; k >= 0; k--) if (inBox(points[2 * k], points[2 * k + 1], box)) return k + 1;
  return 0;
}

/** Where the line from step k - 1 to k crosses the box's edge, and its direction; null where there is no such place. */
function exitOf(points, k, [left, top, width, height]) {
  const [x0, y0, x1, y1] = k ? points.subarray(2 * k - 2, 2 * k + 2) : [];
  if (!Number.isFinite(x0)) return null;
  const [x, y] = [bounded(x1, x0), bounded(y1, y0)], dx = x - x0, dy = y - y0;
  const rooms = [dx > 0 ? (left + width - x0) / dx : dx < 0 ? (left - x0) / dx : Infinity,
    dy > 0 ? (top + height - y0) / dy : dy < 0 ? (top - y0) / dy : Infinity];
  const share = Math.max(0, Math.min(1, ...rooms));
  return { x: x0 + share * dx, y: y0 + share * dy, angle: Math.atan2(dy, dx) };
}

export function bounded(value, otherwise) { return Number.isNaN(value) ? otherwise : Math.min(Math.max(value, -1e150), 1e150); }

/** Add the line through the points from one step to another to the pen's path. */
function traceWay(pen, points, from, to) {
  let [x, y] = [points[2 * from], points[2 * from + 1]];
  pen.moveTo(bounded(x, 0), bounded(y, 0));
  for (let k = from + 1; k <= to; k++) {
    const [x2, y2] = [points[2 * k], points[2 * k + 1]];
    if (Number.isNaN(x2) || Number.isNaN(y2)) return;
    if (near(x, y) && near(x2, y2)) pen.lineTo(x2, y2);
    else traceFar(pen, bounded(x, 0), bounded(y, 0), bounded(x2, 0), bounded(y2, 0));
    [x, y] = [x2, y2];
  }
}

export function near(x, y) { return Math.abs(x) < FAR && Math.abs(y) < FAR; }

/** The part of a line that is not too far away, if any (Liang and Barsky's clipping). */
function traceFar(pen, x, y, x2, y2) {
  const dx = x2 - x, dy = y2 - y;
  let from = 0, to = 1;
  for (const [slope, room] of [[-dx, x + FAR], [dx, FAR - x], [-dy, y + FAR], [dy, FAR - y]]) {
    if (slope === 0 && room < 0) return;
    if (slope < 0) from = Math.max(from, room / slope);
    if (slope > 0) to = Math.min(to, room / slope);
  }
  if (from > to) return;
  pen.moveTo(x + from * dx, y + from * dy);
  pen.lineTo(x + to * dx, y + to * dy);
}

/** The points up to a moment, which may lie between two steps, and the place of the last of them. */
function walked(points, moment) {
  const step = Math.floor(moment), share = moment - step, last = points.length / 2 - 1;
  if (share === 0 || step >= last) return [points, Math.min(step, last)];
  const cut = points.slice(0, 2 * step + 4);
  for (const i of [2 * step, 2 * step + 1]) cut[i + 2] = points[i] + share * (points[i + 2] - points[i]);
  return [cut, step + 1];
}

/** Draw one way up to the step in view, and faintly the rest. */
export function drawWay(part, pen, points, look, step, box) {
  const leaves = leavingStep(points, box), last = leaves ?? points.length / 2 - 1; // what comes after it left is not drawn
  const [gone, end] = walked(points, Math.min(step, last)), now = Math.min(Math.floor(step), last);
  const colour = colourOf(part, look), every = stride(last);
  pen.lineJoin = pen.lineCap = "round";
  pen.strokeStyle = colour;
  if (now < last) strokeWay(part, pen, points, now, last, 1.1, [], 0.28);
  if (end > 0) {
    pen.strokeStyle = part.theme.paper;
    strokeWay(part, pen, gone, 0, end, 4.2, [], 0.75);
    pen.strokeStyle = colour;
    strokeWay(part, pen, gone, 0, end, 2, look.dash, 1);
  }
  pen.beginPath();
  for (let k = every; k < now; k += every) {
    const [x, y] = points.subarray(2 * k, 2 * k + 2);
    if (inBox(x, y, box)) traceMark(pen, look.marker, x, y, 2.9 * part.theme.unit);
  }
  pen.fillStyle = colour;
  pen.fill();
}

export function strokeWay(part, pen, points, from, to, width, dash, alpha) {
  pen.beginPath();
  pen.lineWidth = width * part.theme.unit;
  pen.setLineDash(dash.map((length) => length * pen.lineWidth));
  pen.globalAlpha = alpha;
  traceWay(pen, points, from, to);
  pen.stroke();
  pen.globalAlpha = 1;
  pen.setLineDash([]);
}

/** The heads of all ways: the point at the step in view, or the arrow at the edge with its words. */
export function drawHeads(part, pen, scene, ways, step, box, size = 6.5) {
  const signs = [];
  scene.tracks.forEach((track, i) => {
    const points = ways[i], leaves = leavingStep(points, box), [there, end] = walked(points, step);
    const colour = colourOf(part, track.look), [x, y] = there.subarray(2 * end, 2 * end + 2);
    const gone = leaves !== null && step >= leaves && exitOf(points, leaves, box);
    if (gone) {
      drawArrow(part, pen, gone, colour, size / 6.5);
      signs.push({ ...gone, text: part.say("leaves", track.short, scene.name(leaves)) });
    } else if (inBox(x, y, box)) {
      drawMark(part, pen, track.look.marker, x, y, size, colour, part.theme.paper, 2);
    }
  });
  return signs;
}

export function drawArrow(part, pen, { x, y, angle }, colour, size = 1) {
  const { unit } = part.theme, corner = (turn, length) => {
    const reach = size * unit * length;
    return [x + reach * Math.cos(angle + turn), y + reach * Math.sin(angle + turn)];
  };
  pen.beginPath();
  tracePolygon(pen, [[x, y], corner(2.6, 16), corner(Math.PI, 11), corner(-2.6, 16)]);
  pen.fillStyle = colour;
  pen.fill();
  setStroke(pen, part.theme.paper, 1.5);
  pen.stroke();
}

/** Words beside the arrows, inside the box, none upon another. */
export function drawSigns(part, pen, signs, [left, top, width, height]) {
  const { theme } = part, size = 0.76 * theme.rem, taken = [];
  setLetters(part, pen, 0.76, theme.ink, "left", "middle", 600);
  for (const { x, y, angle, text } of signs) {
    const long = pen.measureText(text).width, tall = 1.5 * size;
    const boundX = (value) => Math.min(Math.max(value, left + 6), left + width - long - 8);
    const boundY = (value) => Math.min(Math.max(value, top + tall / 2 + 2), top + height - tall / 2 - 2);
    const placeX = boundX(x - 26 * Math.cos(angle) - long * (0.5 + 0.5 * Math.cos(angle)));
    let placeY = boundY(y - 26 * Math.sin(angle));
    const hits = (other) => Math.abs(other.y - placeY) < tall && other.x < placeX + long && placeX < other.x + other.long;
    const way = placeY > top + height / 2 ? -1 : 1;
    for (let tries = 0; tries < 8 && taken.some(hits); tries++) placeY = boundY(placeY + way * tall);
    taken.push({ x: placeX, y: placeY, long });
    pen.globalAlpha = 0.88;
    pen.fillStyle = theme.paper;
    pen.fillRect(placeX - 4, placeY - tall / 2, long + 8, tall);
    pen.globalAlpha = 1;
    pen.fillStyle = theme.ink;
    pen.fillText(text, placeX, placeY);
  }
}
