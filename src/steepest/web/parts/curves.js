// Curves over the steps of a training, on a linear or a logarithmic axis.

import { fitted } from "./dom.js";
import { logTicks, makeFrame, pretty, prettyAll, roundTicks } from "./frame.js";
import { clipTo, setLetters, setStroke, strokeBox, strokeLines } from "./pen.js";

/** The place of curves in a picture: letters at its left and below. */
export function boxOf(part, name) {
  const [width, height] = part.sizes[name], { rem } = part.theme;
  return [2.9 * rem, 0.6 * rem, width - 3.6 * rem, height - 2.4 * rem];
}

/**
 * Draws axes over the steps, and inside them what `draw(pen, frame)` does; returns the frame, whose `toY` takes values.
 *
 * name: of the figure with the canvas; range: of values; log: whether the axis is logarithmic; right: letters of room there.
 */
export function drawCurves(part, name, { range, log = false, right = 0, title }, draw) {
  const { theme, training } = part, { rem } = theme, canvas = part.byId(name).querySelector("canvas");
  const pen = fitted(canvas, ...part.sizes[name]), [left, top, width, height] = boxOf(part, name), box = [left, top, width - right * rem, height];
  const place = log ? (value) => Math.log10(Math.max(value, 1e-300)) : (value) => value;
  const plain = makeFrame([[0, training.steps], range.map(place)], box, false), frame = { ...plain, toY: (value) => plain.toY(place(value)) };
  pen.clearRect(0, 0, ...part.sizes[name]);
  strokeBox(part, pen, box);
  const ys = log ? logTicks(...range, height / (2.2 * rem)) : roundTicks(...range, height / (3 * rem)), xs = roundTicks(0, training.steps, box[2] / (4.5 * rem));
  setStroke(pen, theme.line, 1);
  strokeLines(pen, ys.map((y) => [left, frame.toY(y), left + box[2], frame.toY(y)]));
  setLetters(part, pen, 0.72, theme.soft, "right");
  (log ? ys.map((y) => pretty(y)) : prettyAll(ys)).forEach((text, i) => pen.fillText(text, left - 0.4 * rem, frame.toY(ys[i])));
  setLetters(part, pen, 0.72, theme.soft, "center", "top");
  xs.forEach((x) => pen.fillText(String(x), frame.toX(x), top + height + 0.3 * rem));
  pen.save();
  clipTo(pen, box);
  draw(pen, frame);
  pen.restore();
  canvas.setAttribute("aria-label", title);
  return frame;
}

/** Strokes a curve through [step, value]. */
export function strokeCurve(part, pen, points, frame, colour, width, { opacity = 1, dash = [] } = {}) {
  setStroke(pen, colour, width * part.theme.unit, dash);
  pen.globalAlpha = opacity;
  pen.lineJoin = "round";
  pen.beginPath();
  points.forEach(([x, y], i) => (i ? pen.lineTo : pen.moveTo).call(pen, frame.toX(x), frame.toY(Number.isFinite(y) ? Math.min(y, 1e3) : 1e3)));
  pen.stroke();
  pen.globalAlpha = 1;
  pen.setLineDash([]);
}
