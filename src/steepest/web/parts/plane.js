// The picture of a landscape of two coordinates from above: shades, labelled contour lines, facts, paths.

import { drawBasin } from "./basin_view.js";
import { contoursOf, drawIsolines, drawLabels, drawRelief } from "./contours.js";
import { makeFrame, prettyAll, roomFor, roundTicks, wantsEqual } from "./frame.js";
import { drawMark, traceMark } from "./marks.js";
import { clipTo, setLetters, setStroke, strokeBox, strokeLines, tracePolygon } from "./pen.js";
import { asColour } from "./theme.js";
import { drawHeads, drawSigns, drawWay, near, stride, strokeWay } from "./ways.js";

export function planePicture(part, landscape, window, width, height) {
  const rem = part.theme.rem, names = prettyAll(roundTicks(...window[1], height / (3.2 * rem))), left = roomFor(names, rem, 2.7 * rem);
  const box = [left, 0.6 * rem, width - left - 0.7 * rem, height - 2.1 * rem];
  const frame = makeFrame(window, box, wantsEqual(window));
  const contours = contoursOf(landscape, frame, 2.6);
  return {
    box, frame,
    drawBase(pen, basin) {
      pen.save();
      clipTo(pen, box);
      if (basin) drawBasin(part, pen, basin, frame);
      else drawRelief(part, pen, contours, frame);
      drawIsolines(part, pen, contours, frame);
      drawLabels(part, pen, contours, frame);
      drawFacts(part, pen, landscape, frame);
      pen.restore();
      drawAxes(part, pen, frame, landscape.names);
    },
    drawTop(pen, scene, step) {
      const ways = scene.tracks.map((track) => planePoints(track.run.x, frame));
      pen.save();
      clipTo(pen, box);
      ways.forEach((points, i) => drawWay(part, pen, points, scene.tracks[i].look, step, box));
      scene.tracks.forEach(({ predicted }) => predicted && drawPrediction(part, pen, planePoints(predicted, frame), step));
      drawSlope(part, pen, scene, step, frame);
      drawSigns(part, pen, drawHeads(part, pen, scene, ways, step, box), box);
      pen.restore();
      for (const start of scene.starts) drawStart(part, pen, ...this.toPixel(start), scene.held, scene.touched || scene.guess);
      if (scene.guess) drawGuess(part, pen, ...this.toPixel(scene.guess), scene.touched);
      return ways;
    },
    toPixel: ([x, y]) => [frame.toX(x), frame.toY(y)],
    toPoint: (px, py) => [frame.fromX(px), frame.fromY(py)],
    nudge: [(frame.x[1] - frame.x[0]) / 100, (frame.y[1] - frame.y[0]) / 100],
  };
}

function planePoints(x, frame) {
  const points = new Float64Array(x.length);
  for (let k = 0; k < x.length; k += 2) {
    points[k] = frame.toX(x[k]);
    points[k + 1] = frame.toY(x[k + 1]);
  }
  return points;
}

/** The path that the linearised step predicts: a thin line with hollow rings over the actual one. */
export function drawPrediction(part, pen, points, step) {
  const last = points.length / 2 - 1, now = Math.min(step, last);
  pen.strokeStyle = part.theme.ink;
  pen.lineCap = "butt";
  strokeWay(part, pen, points, 0, now, 1, [3, 3], 0.9);
  pen.beginPath();
  for (let k = 0; k <= now; k += stride(last)) {
    if (near(points[2 * k], points[2 * k + 1])) traceMark(pen, "o", points[2 * k], points[2 * k + 1], 5 * part.theme.unit);
  }
  pen.stroke();
}

/** Which way is steepest down at the point in view: perpendicular to the contour lines where the axes are equal. */
function drawSlope(part, pen, scene, step, frame) {
  const { theme } = part, track = scene.tracks[scene.selected];
  if (!track) return;
  const now = Math.min(step, track.run.n), [x, y] = track.run.x.subarray(2 * now, 2 * now + 2);
  const [gx, gy] = scene.landscape.grad(x, y), px = frame.toX(x), py = frame.toY(y);
  const dx = frame.toX(x - gx) - px, dy = frame.toY(y - gy) - py, length = Math.hypot(dx, dy);
  if (!Number.isFinite(length) || !(Math.hypot(gx, gy) > 1e-3 * Math.hypot(...scene.landscape.grad(...scene.starts[0])))) return;
  const reach = 3.2 * theme.rem, x2 = px + dx / length * reach, y2 = py + dy / length * reach;
  const barb = (angle) => [x2, y2, x2 + 7 * Math.cos(angle), y2 + 7 * Math.sin(angle)], angle = Math.atan2(dy, dx);
  setStroke(pen, theme.ink, 1.4 * theme.unit);
  strokeLines(pen, [[px, py, x2, y2], barb(angle + 2.65), barb(angle - 2.65)]);
  setLetters(part, pen, 0.7, theme.ink, "center");
  pen.fillText("−∇f", x2 + 14 * dx / length, y2 + 11 * dy / length);
}

/** The start, as a handle to take hold of; with a hint until it has been. */
export function drawStart(part, pen, x, y, held, touched) {
  const { theme } = part;
  if (!near(x, y)) return;
  const radius = (held ? 11 : 8) * theme.unit;
  pen.beginPath();
  pen.moveTo(x + radius, y);
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fillStyle = asColour(theme.dark ? [20, 23, 27] : [255, 255, 255], 0.7);
  pen.fill();
  setStroke(pen, theme.paper, 5 * theme.unit);
  pen.stroke();
  setStroke(pen, theme.ink, 2.4 * theme.unit);
  pen.stroke();
  drawMark(part, pen, "o", x, y, 2.2, theme.ink, theme.paper, 0);
  if (!touched) drawHint(part, pen, part.say("dragMe"), x, y);
}

/** Words beside a handle: right of it, or left where there is no room. */
function drawHint(part, pen, words, x, y) {
  const { theme } = part;
  setLetters(part, pen, 0.8, theme.ink, "left", "middle", 600);
  setStroke(pen, theme.paper, 4);
  pen.lineJoin = "round";
  const long = pen.measureText(words).width, away = 16 * theme.unit, at = x + away + long > part.stage.size[0] ? x - away - long : x + away;
  pen.strokeText(words, at, y);
  pen.fillText(words, at, y);
}

/** Where the reader guesses that the path ends, to be dragged before the path is shown. */
export function drawGuess(part, pen, x, y, touched) {
  const { theme } = part;
  if (!near(x, y)) return;
  drawMark(part, pen, "D", x, y, 8, theme.accent, theme.paper, 3);
  drawHint(part, pen, part.say(touched ? "yourGuess" : "dragGuess"), x, y);
}

// --- facts and axes ---------------------------------------------------------------------------------------------------

const STAR = Array.from({ length: 10 }, (_, i) => {
  const angle = (i / 10 - 0.25) * 2 * Math.PI, radius = i % 2 ? 0.42 : 1;
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
});

/** Global minima as stars, local ones as hollow stars, saddles as crosses. */
export function drawFacts(part, pen, landscape, frame) {
  const place = (point) => [frame.toX(point[0]), frame.toY(landscape.dims === 1 ? landscape.f(point[0]) : point[1])];
  pen.setLineDash([]);
  pen.lineWidth = 1.4;
  pen.lineJoin = "round";
  for (const [points, paint] of [[landscape.minima, part.theme.ink], [landscape.localMinima, part.theme.paper]]) {
    for (const point of points ?? []) drawStar(part, pen, ...place(point), paint);
  }
  for (const [x, y] of (landscape.saddles ?? []).map(place)) drawCross(part, pen, x, y);
}

/** A star with its middle at a place. */
export function drawStar(part, pen, x, y, paint) {
  const { theme } = part, radius = 0.5 * theme.rem;
  pen.beginPath();
  tracePolygon(pen, STAR.map(([dx, dy]) => [x + radius * dx, y + radius * dy]));
  pen.fillStyle = paint;
  pen.fill();
  pen.strokeStyle = paint === theme.ink ? theme.paper : theme.ink;
  pen.lineWidth = paint === theme.ink ? 0.8 : 1.2;
  pen.stroke();
}

function drawCross(part, pen, x, y) {
  const arm = 0.28 * part.theme.rem;
  pen.lineCap = "round";
  for (const [colour, width] of [[part.theme.paper, 4], [part.theme.ink, 2]]) { // a rim, for dark ground
    setStroke(pen, colour, width);
    strokeLines(pen, [[x - arm, y - arm, x + arm, y + arm], [x + arm, y - arm, x - arm, y + arm]]);
  }
}

export function drawAxes(part, pen, frame, [xName, yName]) {
  const { theme } = part, [left, top, width, height] = frame.box, rem = theme.rem;
  const xs = roundTicks(...frame.x, width / (5 * rem)), ys = roundTicks(...frame.y, height / (3.2 * rem));
  strokeBox(part, pen, frame.box);
  setLetters(part, pen, 0.72, theme.soft, "center", "top");
  prettyAll(xs).forEach((name, i) => pen.fillText(name, frame.toX(xs[i]), top + height + 0.35 * rem));
  setLetters(part, pen, 0.72, theme.soft, "right");
  prettyAll(ys).forEach((name, i) => pen.fillText(name, left - 0.4 * rem, frame.toY(ys[i])));
  setLetters(part, pen, 0.85, theme.ink, "right", "middle", 600);
  pen.fillText(xName, left + width - 0.5 * rem, top + height - 0.8 * rem);
  setLetters(part, pen, 0.85, theme.ink, "left", "middle", 600);
  pen.fillText(yName, left + 0.5 * rem, top + 0.9 * rem);
}
