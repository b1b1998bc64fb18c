// The picture of a landscape of one coordinate: its curve, with the points of each path sliding on it.

import { drawBasin } from "./basin_view.js";
import { HIGHEST } from "./contours.js";
import { makeFrame, prettyAll, roomFor, roundTicks } from "./frame.js";
import { clipTo, setStroke, strokeLines } from "./pen.js";
import { drawAxes, drawFacts, drawGuess, drawPrediction, drawStart } from "./plane.js";
import { FAR, drawHeads, drawSigns, drawWay, near } from "./ways.js";

export function curvePicture(part, landscape, [[low, high]], width, height) {
  const rem = part.theme.rem, count = Math.max(200, Math.round(width));
  const xs = Array.from({ length: count + 1 }, (_, i) => low + i * (high - low) / count), fs = xs.map((x) => landscape.f(x));
  const seen = fs.filter((value) => Math.abs(value) < HIGHEST), least = Math.min(...seen), most = Math.max(...seen);
  const room = 0.1 * (most - least) || 0.1 * Math.abs(most) || 0.5;
  const sides = seen.length ? [least - room, most + room] : [-1, 1];
  const left = roomFor(prettyAll(roundTicks(...sides, height / (3.2 * rem))), rem, 3.2 * rem);
  const box = [left, 0.6 * rem, width - left - 0.7 * rem, height - 2.1 * rem], frame = makeFrame([[low, high], sides], box, false);
  return {
    box, frame,
    drawBase(pen, basin) {
      drawGrid(part, pen, frame);
      pen.save();
      clipTo(pen, box);
      if (basin) drawBasin(part, pen, basin, frame);
      drawCurve(part, pen, xs, fs, frame);
      drawFacts(part, pen, landscape, frame);
      pen.restore();
      drawAxes(part, pen, frame, [...landscape.names, "f"]);
    },
    drawTop(pen, scene, step) {
      const ways = scene.tracks.map(({ run }) => curvePoints(run.x, run.f, frame));
      pen.save();
      clipTo(pen, box);
      drawTangent(part, pen, scene, step, frame);
      ways.forEach((points, i) => drawWay(part, pen, points, scene.tracks[i].look, step, box));
      const onCurve = (x) => curvePoints(x, x.map((value) => landscape.f(value)), frame);
      scene.tracks.forEach(({ predicted: x }) => x && drawPrediction(part, pen, onCurve(x), step));
      drawSigns(part, pen, drawHeads(part, pen, scene, ways, step, box), box);
      pen.restore();
      for (const start of scene.starts) drawStart(part, pen, ...this.toPixel(start), scene.held, scene.touched || scene.guess);
      if (scene.guess) drawGuess(part, pen, ...this.toPixel(scene.guess), scene.touched);
      return ways;
    },
    toPixel: ([x]) => [frame.toX(x), frame.toY(landscape.f(x))],
    toPoint: (px) => [frame.fromX(px)],
    nudge: [(high - low) / 100],
  };
}

function curvePoints(x, f, frame) {
  const points = new Float64Array(2 * x.length);
  for (let k = 0; k < x.length; k++) {
    points[2 * k] = frame.toX(x[k]);
    points[2 * k + 1] = frame.toY(f[k]);
  }
  return points;
}

function drawGrid(part, pen, frame) {
  const { theme } = part, [left, top, width, height] = frame.box;
  const xs = roundTicks(...frame.x, width / (5 * theme.rem)).map(frame.toX);
  const ys = roundTicks(...frame.y, height / (3.2 * theme.rem)).map(frame.toY);
  setStroke(pen, theme.line, 1);
  pen.globalAlpha = 0.6;
  strokeLines(pen, [...xs.map((x) => [x, top, x, top + height]), ...ys.map((y) => [left, y, left + width, y])]);
  pen.globalAlpha = 1;
}

export function drawCurve(part, pen, xs, fs, frame) {
  pen.beginPath();
  let drawn = false;
  xs.forEach((x, i) => {
    const y = frame.toY(fs[i]), fine = Math.abs(y) < FAR;
    if (fine && drawn) pen.lineTo(frame.toX(x), y);
    else if (fine) pen.moveTo(frame.toX(x), y);
    drawn = fine;
  });
  pen.strokeStyle = part.theme.iso;
  pen.lineWidth = 3.5 * part.theme.unit;
  pen.lineJoin = pen.lineCap = "round";
  pen.stroke();
}

/** The slope that the selected rule feels at the step in view. */
function drawTangent(part, pen, scene, step, frame) {
  const { theme } = part, track = scene.tracks[scene.selected];
  if (!track) return;
  const now = Math.min(step, track.run.n), x = track.run.x[now], [slope] = scene.landscape.grad(x);
  const px = frame.toX(x), py = frame.toY(track.run.f[now]), tilt = frame.toY(slope) - frame.toY(0);
  const along = frame.toX(1) - frame.toX(0), scale = 5 * theme.rem / Math.hypot(along, tilt);
  if (!near(px, py) || !Number.isFinite(scale)) return;
  setStroke(pen, theme.ink, 1.4 * theme.unit, [5, 4]);
  strokeLines(pen, [[px - along * scale, py - tilt * scale, px + along * scale, py + tilt * scale]]);
  pen.setLineDash([]);
}
