// The picture of a landscape of two coordinates as a surface, turned by hand: quadrilaterals painted from far to near,
// contour lines and paths laid upon them, and what the surface hides drawn faintly.
// Inside, a point has coordinates u, v in [-1, 1] (the longer side of the window) and a height from 0 to TALL.

import { levelsOf, loopsAbove, sampleGrid } from "./contours.js";
import { makeFrame, pretty, roundTicks, wantsEqual } from "./frame.js";
import { drawMark } from "./marks.js";
import { setLetters, setStroke, tracePolygon } from "./pen.js";
import { drawStart } from "./plane.js";
import { asColour, colourOf, mixed } from "./theme.js";
import { bounded, drawArrow, drawSigns, stride } from "./ways.js";

const TALL = 0.95;
const BELOW = 0.4; // of a cell: how far a cell is painted below the next ones

/** What of a surface does not change while it is turned: heights on a grid, and the loops of its contour lines. */
export function reliefOf(landscape, window, count) {
  const frame = makeFrame(window, [0, 0, 1, 1], false), grid = sampleGrid(landscape.f, frame, count, count);
  const { levels, lowest } = levelsOf(grid, landscape);
  return { frame, grid, loops: levels.flatMap((level) => loopsAbove(grid, level)), ...heightsOf(grid, lowest), painted: {} };
}

export function surfacePicture(part, landscape, window, width, height, [yaw, pitch], relief) {
  const { frame, grid, heights, power, loops } = relief, view = viewOf(window, width, height, yaw, pitch);
  const ground = (x, y) => heightAt(grid, heights, x, y);
  const lay = (x, y) => view.project(x, y, ground(x, y));
  const picture = {
    box: [0, 0, width, height], frame, power,
    drawBase(pen) {
      drawSkirt(part, pen, view, window);
      drawSurface(pen, grid, heights, coloursOf(part, relief), view);
      drawLoops(part, pen, loops, view, ground);
      drawEdgeTicks(part, pen, view, window, landscape.names, width);
    },
    drawTop(pen, scene, step) {
      const ways = scene.tracks.map(({ run }) => surfacePoints(run.x, window, lay));
      scene.tracks.forEach((track) => drawLaid(part, pen, track, step, window, lay, view, ground));
      const signs = scene.tracks.map((track, i) => drawHead(part, pen, track, ways[i], step, window, lay)).filter(Boolean);
      drawSigns(part, pen, signs, this.box);
      for (const start of scene.starts) drawStart(part, pen, ...lay(...start), scene.held, scene.touched);
      return ways;
    },
    toPixel: ([x, y]) => lay(x, y),
    toPoint: (px, py) => view.hit(px, py, ground),
    nudge: [(frame.x[1] - frame.x[0]) / 100, (frame.y[1] - frame.y[0]) / 100],
  };
  return picture;
}

/** Heights from 0 to TALL. Where most of the window is far lower than its highest wall, a power below 1 lifts it. */
function heightsOf(grid, lowest) {
  const above = Array.from(grid.z, (value) => value - lowest), sorted = above.filter(Number.isFinite).sort((a, b) => a - b);
  const most = sorted[Math.floor(0.999 * (sorted.length - 1))] || 1, middle = sorted[sorted.length >> 1] / most || 1;
  const wanted = Math.log(0.33) / Math.log(Math.min(middle, 0.99)); // so that half of the surface lies below a third
  const power = wanted > 0.75 ? 1 : Math.max(0.15, Math.round(20 * wanted) / 20);
  const heights = Float64Array.from(above, (value) => TALL * Math.min(1, Math.max(0, value / most)) ** power);
  return { heights, power };
}

function heightAt({ columns, rows, x, y, dx, dy }, heights, px, py) {
  const i = Math.min(Math.max((px - x) / dx, 0), columns - 1.000001), j = Math.min(Math.max((py - y) / dy, 0), rows - 1.000001);
  const column = Math.floor(i), row = Math.floor(j), s = i - column, t = j - row, at = row * columns + column;
  const upper = heights[at] + s * (heights[at + 1] - heights[at]);
  const lower = heights[at + columns] + s * (heights[at + columns + 1] - heights[at + columns]);
  return upper + t * (lower - upper);
}

/** Parallel projection: the eye looks from the side that `yaw` turns to the front, `pitch` above the horizon. */
function viewOf([[left, right], [low, high]], width, height, yaw, pitch) {
  const equal = wantsEqual([[left, right], [low, high]]), long = Math.max(right - left, high - low);
  const [spanX, spanY] = equal ? [long, long] : [right - left, high - low];
  const [cos, sin, up, flat] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  const toU = (x) => (2 * x - left - right) / spanX, toV = (y) => (2 * y - low - high) / spanY;
  const turned = (u, v) => [u * cos + v * sin, u * sin - v * cos]; // to the right, and towards the eye
  const scale = Math.min(width / 2.95, height / (2.75 * flat + TALL * up + 0.25));
  const middle = [width / 2, height / 2 + scale * (up * TALL * 0.5 - 0.06)];
  const project = (x, y, h) => {
    const [across, near] = turned(toU(x), toV(y));
    return [middle[0] + scale * across, middle[1] + scale * (near * flat - h * up)];
  };
  return {
    project, sin, cos, tan: flat / up, scale,
    step: [spanX / 2 * sin, -spanY / 2 * cos], // in x and y, for one unit towards the eye
    /** Whether something higher stands between the point and the eye. */
    hidden(x, y, h, ground) {
      for (let t = 0.05; h + t * this.tan < TALL; t += 0.03) {
        const [nearX, nearY] = [x + t * this.step[0], y + t * this.step[1]];
        if (nearX < left || nearX > right || nearY < low || nearY > high) return false;
        if (ground(nearX, nearY) > h + t * this.tan + 0.012) return true;
      }
      return false;
    },
    /** The point of the surface that is seen at a pixel; null beside it. */
    hit(px, py, ground) {
      const across = (px - middle[0]) / scale, down = (py - middle[1]) / scale;
      for (let near = 1.5; near > -1.5; near -= 0.006) {
        const u = across * cos + near * sin, v = across * sin - near * cos;
        const x = (u * spanX + left + right) / 2, y = (v * spanY + low + high) / 2;
        const within = x >= left && x <= right && y >= low && y <= high;
        if (within && ground(x, y) >= (near * flat - down) / up) return [x, y];
      }
      return null;
    },
  };
}

/** A quadrilateral a cell, from far to near. Each reaches a little below the next ones, so that no seam is seen through. */
function drawSurface(pen, grid, heights, colours, view) {
  const { columns, rows } = grid, pixels = new Float64Array(2 * columns * rows);
  for (let k = 0; k < columns * rows; k++) {
    pixels.set(view.project(grid.x + k % columns * grid.dx, grid.y + Math.floor(k / columns) * grid.dy, heights[k]), 2 * k);
  }
  const across = view.sin > 0 ? 1 : -1, down = view.cos > 0 ? columns : -columns; // rows go from high y to low y
  const first = (across > 0 ? 0 : columns - 1) + (down > 0 ? 0 : columns * (rows - 1));
  for (let j = 0; j < rows - 1; j++) {
    for (let i = 0; i < columns - 1; i++) {
      const far = first + i * across + j * down, side = far + across, near = side + down, other = far + down;
      if (!Number.isFinite(heights[far] + heights[side] + heights[near] + heights[other])) continue;
      const right = i < columns - 2 ? across : 0, below = j < rows - 2 ? down : 0;
      pen.beginPath();
      pen.moveTo(pixels[2 * far], pixels[2 * far + 1]);
      pen.lineTo(pixels[2 * side], pixels[2 * side + 1]);
      traceBeyond(pen, pixels, side, side + right);
      traceBeyond(pen, pixels, near, near + right + below);
      traceBeyond(pen, pixels, other, other + below);
      pen.lineTo(pixels[2 * other], pixels[2 * other + 1]);
      pen.closePath();
      pen.fillStyle = colours[Math.min(far, side, near, other)];
      pen.fill();
    }
  }
}

/** A line to a place shortly behind a corner, on the way to another, if that has a height. */
function traceBeyond(pen, pixels, corner, next) {
  const dx = pixels[2 * next] - pixels[2 * corner], dy = pixels[2 * next + 1] - pixels[2 * corner + 1];
  const share = Number.isFinite(dy) ? BELOW : 0;
  pen.lineTo(pixels[2 * corner] + (share && share * dx), pixels[2 * corner + 1] + (share && share * dy));
}

/** The colour of each cell, by its first corner: computed once for light, and once for dark. */
function coloursOf(part, { grid, heights, painted }) {
  const { columns, rows } = grid, { dark } = part.theme;
  return (painted[dark] ??= Array.from({ length: columns * (rows - 1) }, (_, k) => {
    const corners = [k, k + 1, k + columns + 1, k + columns].map((corner) => heights[corner]), sum = corners.reduce((total, height) => total + height, 0);
    return Number.isFinite(sum) ? shadeOf(part, sum / 4, corners, 2 / columns) : "";
  }));
}

/** The relief's colour under a lamp at the upper left. */
function shadeOf(part, height, [a, b, c, d], width) {
  const { theme } = part, slopeX = (b + c - a - d) / (2 * width), slopeY = (c + d - a - b) / (2 * width);
  const light = (0.45 * slopeX + 0.35 * slopeY + 1) / Math.hypot(slopeX, slopeY, 1);
  const [dim, glow] = theme.dark ? [1, 0.5] : [0.72, 0.26];
  const strength = Math.min(Math.max(dim + glow * light, 0.45), theme.dark ? 2 : 1.02);
  return asColour(mixed(theme.slopes, height / TALL).map((channel) => Math.min(255, Math.round(channel * strength))));
}

/** A polyline on the surface: dark where it is seen, faint where something stands before it. */
function strokeLaid(part, pen, line, colour, width, dash, alpha) {
  pen.strokeStyle = colour;
  pen.lineWidth = width * part.theme.unit;
  for (const hidden of [true, false]) {
    pen.globalAlpha = hidden ? 0.22 * alpha : alpha;
    pen.setLineDash(hidden ? [] : dash.map((length) => length * pen.lineWidth));
    pen.beginPath();
    for (let k = 0, open = false; k < line.length; k++) {
      const [x, y, covered] = line[k], shown = Number.isFinite(x) && covered === hidden;
      if (shown || open) (open ? pen.lineTo(x, y) : pen.moveTo(x, y));
      open = shown;
    }
    pen.stroke();
  }
  pen.globalAlpha = 1;
  pen.setLineDash([]);
}

/** All contour lines at once: they have one look, and never meet. */
function drawLoops(part, pen, loops, view, ground) {
  const line = [];
  for (const loop of loops) {
    for (let k = 0; k < loop.length; k += 3) {
      const [x, y] = [loop[k], loop[k + 1]], height = ground(x, y);
      line.push(loop[k + 2] ? [...view.project(x, y, height), view.hidden(x, y, height, ground)] : [NaN, NaN, false]);
    }
    line.push([NaN, NaN, false]);
  }
  strokeLaid(part, pen, line, part.theme.iso, 0.8, [], 0.8);
}

// --- paths ------------------------------------------------------------------------------------------------------------

function within([[left, right], [low, high]], x, y) { return x >= left && x <= right && y >= low && y <= high; }

function surfacePoints(x, window, lay) {
  const points = new Float64Array(x.length).fill(NaN);
  for (let k = 0; k < x.length; k += 2) if (within(window, x[k], x[k + 1])) points.set(lay(x[k], x[k + 1]), k);
  return points;
}

/** The way from one step to another, in pieces short enough to follow the surface. */
function laidLine(x, from, to, window, lay, view, ground) {
  const line = [], wide = window[0][1] - window[0][0], tall = window[1][1] - window[1][0];
  for (let k = from; k <= to; k++) {
    const [x1, y1] = x.subarray(2 * k, 2 * k + 2), [x0, y0] = k > from ? x.subarray(2 * k - 2, 2 * k) : [x1, y1];
    const far = Math.hypot((x1 - x0) / wide, (y1 - y0) / tall), pieces = Math.min(40, Math.max(1, Math.ceil(60 * far))) || 1;
    for (let piece = k > from ? 1 : pieces; piece <= pieces; piece++) {
      const px = x0 + (x1 - x0) * piece / pieces, py = y0 + (y1 - y0) * piece / pieces;
      line.push(within(window, px, py) ? [...lay(px, py), view.hidden(px, py, ground(px, py), ground)] : [NaN, NaN, false]);
    }
  }
  return line;
}

function drawLaid(part, pen, { run, look }, step, window, lay, view, ground) {
  const now = Math.min(step, run.n), colour = colourOf(part, look);
  pen.lineJoin = pen.lineCap = "round";
  if (now < run.n) strokeLaid(part, pen, laidLine(run.x, now, run.n, window, lay, view, ground), colour, 1.1, [], 0.3);
  const line = laidLine(run.x, 0, now, window, lay, view, ground);
  strokeLaid(part, pen, line, part.theme.paper, 4, [], 0.7);
  strokeLaid(part, pen, line, colour, 2.2, look.dash, 1);
}

function drawHead(part, pen, track, points, step, window, lay) {
  const { x, n } = track.run, now = Math.min(step, n), colour = colourOf(part, track.look);
  const mark = (k, radius, rim) => {
    const [px, py] = points.subarray(2 * k, 2 * k + 2), seen = Number.isFinite(px);
    if (seen) drawMark(part, pen, track.look.marker, px, py, radius, colour, part.theme.paper, rim);
    return seen;
  };
  for (let k = stride(n); k < now; k += stride(n)) mark(k, 2.9, 0);
  if (mark(now, 6.5, 2)) return null;
  let leaves = now;
  while (leaves > 0 && !Number.isFinite(points[2 * leaves - 2])) leaves--;
  const edge = leaves && crossingOf(x.subarray(2 * leaves - 2, 2 * leaves + 2), window);
  if (!edge) return null;
  const [tip, back] = [lay(...edge.at), lay(...edge.before)], angle = Math.atan2(tip[1] - back[1], tip[0] - back[0]);
  drawArrow(part, pen, { x: tip[0], y: tip[1], angle }, colour);
  return { x: tip[0], y: tip[1], angle: angle + Math.PI, text: part.say("leaves", track.short, leaves) }; // words beyond the edge
}

/** Where a step crosses the window's edge, and a place shortly before. */
function crossingOf([x0, y0, x1, y1], [[left, right], [low, high]]) {
  const dx = bounded(x1, x0) - x0, dy = bounded(y1, y0) - y0;
  const room = (from, move, least, most) => (move > 0 ? (most - from) / move : move < 0 ? (least - from) / move : 1);
  const share = Math.min(1, room(x0, dx, left, right), room(y0, dy, low, high));
  const at = (part) => [x0 + part * dx, y0 + part * dy];
  return { at: at(share), before: at(0.9 * share) };
}

// --- what is around the surface ---------------------------------------------------------------------------------------

/** The edges of the floor. */
function drawSkirt(part, pen, view, [[left, right], [low, high]]) {
  pen.beginPath();
  tracePolygon(pen, [[left, low], [right, low], [right, high], [left, high]].map(([x, y]) => view.project(x, y, 0)));
  pen.fillStyle = part.theme.card;
  pen.fill();
  setStroke(pen, part.theme.line, 1);
  pen.stroke();
}

/** Values along the two edges of the floor that are nearest to the eye, whole within the picture's width. */
function drawEdgeTicks(part, pen, view, [[left, right], [low, high]], [across, up], width) {
  const { theme } = part, front = view.cos > 0 ? low : high, side = view.sin > 0 ? right : left;
  const centre = view.project((left + right) / 2, (low + high) / 2, 0);
  const write = (text, x, y, strong) => {
    const [px, py] = view.project(x, y, 0), [dx, dy] = [px - centre[0], py - centre[1]];
    const away = (strong ? 2.3 : 1.1) * theme.rem / Math.hypot(dx, dy);
    if (strong) setLetters(part, pen, 0.85, theme.ink, "center", "middle", 600);
    else setLetters(part, pen, 0.72, theme.soft, "center");
    const room = pen.measureText(text).width / 2 + 0.3 * theme.rem; // beside the middle of the text
    pen.fillText(text, Math.min(Math.max(px + dx * away, room), width - room), py + dy * away);
  };
  const clear = (value, corner, span) => Math.abs(value - corner) > 0.06 * span; // of the corner, where two would meet
  for (const x of roundTicks(left, right, 5)) if (clear(x, side, right - left)) write(pretty(x), x, front, false);
  for (const y of roundTicks(low, high, 5)) if (clear(y, front, high - low)) write(pretty(y), side, y, false);
  write(across, (left + right) / 2 + 0.03 * (right - left), front, true);
  write(up, side, (low + high) / 2 + 0.03 * (high - low), true);
}
