// The spectrum of the selected rule on a quadratic: what a step leaves of each mode, against the learning rate, and at which rate
// the slowest mode decays fastest.

import * as Steepest from "../core/api.js";
import { fitted } from "./dom.js";
import { makeFrame, prettyAll, pretty, roundTicks } from "./frame.js";
import { drawMark } from "./marks.js";
import { clipTo, setLetters, setStroke, strokeBox, strokeLines } from "./pen.js";
import { drawStar } from "./plane.js";
import { sceneOf } from "./scene.js";
import { asColour, channels, colourOf } from "./theme.js";

const HIGHEST = 1.3;
export const DASHES = [[], [7, 4], [2, 3]]; // of modes, the steepest first

export function startSpectrum(part) {
  part.spectrum = { size: [0, 0], key: "", data: null };
  const figure = part.byId("spectrum");
  figure.querySelector("canvas").setAttribute("aria-label", part.say("spectrumTitle"));  // until it is described
  part.watchSize(figure, (size) => { part.spectrum.size = size; });
  part.follow(drawSpectrum);
  part.follow(describeSpectrum, true);
}

function dataOf(part, state) {
  const scene = sceneOf(part, state), track = scene.tracks[scene.selected];
  if (!track) return null;
  const { lr, ...others } = track.run.settings, key = JSON.stringify([track.id, others, state.landscape]);
  if (part.spectrum.key !== key) Object.assign(part.spectrum, { key, data: Steepest.spectrumOf(scene.landscape, track.id, track.run.settings) });
  const { data } = part.spectrum;
  return data && { ...data, lr, track, now: data.modes.map(({ lambda }) => Steepest.shareLeft(track.id, track.run.settings, lr, lambda)) };
}

function drawSpectrum(part, state) {
  const { theme, spectrum } = part, [width, height] = spectrum.size, { rem } = theme;
  const pen = fitted(part.byId("spectrum").querySelector("canvas"), width, height), data = dataOf(part, state);
  pen.clearRect(0, 0, width, height);
  if (!data) return;
  const box = [2.6 * rem, 0.5 * rem, width - 3.4 * rem, height - 2.7 * rem], frame = makeFrame([[0, Math.max(data.high, 1.1 * data.lr)], [0, HIGHEST]], box, false);
  drawAxes(part, pen, frame);
  pen.save();
  clipTo(pen, box);
  setStroke(pen, theme.bad, 1.2 * theme.unit, [4, 4]);
  strokeLines(pen, [[box[0], frame.toY(1), box[0] + box[2], frame.toY(1)]]);
  data.modes.forEach(({ shares }, i) => drawMode(part, pen, frame, data.rates, shares, i));
  setStroke(pen, theme.soft, 1.2 * theme.unit, [2, 3]);
  strokeLines(pen, [[frame.toX(data.best), frame.toY(data.share), frame.toX(data.best), box[1] + box[3]]]);
  setStroke(pen, colourOf(part, data.track.look), 2 * theme.unit);
  strokeLines(pen, [[frame.toX(data.lr), box[1], frame.toX(data.lr), box[1] + box[3]]]);
  pen.restore();
  drawNames(part, pen, frame, data);
}

function drawMode(part, pen, frame, rates, shares, place) {
  setStroke(pen, part.theme.ink, 2.2 * part.theme.unit, DASHES[place % DASHES.length]);
  pen.lineJoin = "round";
  pen.beginPath();
  pen.moveTo(frame.toX(0), frame.toY(1));
  rates.forEach((lr, i) => pen.lineTo(frame.toX(lr), frame.toY(shares[i])));
  pen.stroke();
  pen.setLineDash([]);
}

function drawAxes(part, pen, frame) {
  const { theme } = part, [left, top, width, height] = frame.box, { rem } = theme;
  const xs = roundTicks(...frame.x, width / (5 * rem)), ys = [0, 0.5, 1];
  setStroke(pen, theme.line, 1);
  strokeLines(pen, ys.map((y) => [left, frame.toY(y), left + width, frame.toY(y)]));
  strokeBox(part, pen, frame.box);
  setLetters(part, pen, 0.72, theme.soft, "center", "top");
  prettyAll(xs).forEach((name, i) => pen.fillText(name, frame.toX(xs[i]), top + height + 0.35 * rem));
  pen.textAlign = "right";
  pen.fillText(part.say("rateAxis"), left + width, top + height + 1.35 * rem);
  setLetters(part, pen, 0.72, theme.soft, "right");
  ys.forEach((y) => pen.fillText(String(y), left - 0.4 * rem, frame.toY(y)));
}

/** The modes where they cross the learning rate in use, and the best rate as a star. */
function drawNames(part, pen, frame, data) {
  const { theme } = part, [left, top, width, height] = frame.box, { rem } = theme;
  const ground = asColour(channels(theme.dark ? "#15181c" : "#ffffff"), 0.85);
  const write = (text, x, y) => {
    setLetters(part, pen, 0.75, theme.ink, "left", "middle");
    const long = pen.measureText(text).width, at = Math.min(Math.max(x, left + 4), left + width - long - 6);
    pen.fillStyle = ground;
    pen.fillRect(at - 3, y - 0.6 * rem, long + 6, 1.2 * rem);
    pen.fillStyle = theme.ink;
    pen.fillText(text, at, y);
  };
  drawStar(part, pen, frame.toX(data.best), frame.toY(data.share), theme.ink);
  const roomy = top + height - frame.toY(data.share) > 3.2 * rem; // below the numbers of the modes
  if (roomy) write(part.say("bestRate", pretty(data.best, 3)), frame.toX(data.best) + 5, top + height - 0.8 * rem);
  const close = Math.abs(frame.toY(data.now[0]) - frame.toY(data.now.at(-1))) < 1.4 * rem;
  data.modes.forEach(({ label }, i) => {
    const y = Math.min(Math.max(frame.toY(data.now[i]), top + 0.8 * rem), top + height - 0.8 * rem);
    if (data.now[i] < HIGHEST) drawMark(part, pen, "o", frame.toX(data.lr), frame.toY(data.now[i]), 4, colourOf(part, data.track.look), theme.paper);
    write(`${label}: ${pretty(data.now[i], 3)}`, frame.toX(data.lr) + 9, y + (close ? (i ? -1 : 1) * 0.75 * rem : 0));
  });
}

function describeSpectrum(part, state) {
  const data = dataOf(part, state), canvas = part.byId("spectrum").querySelector("canvas");
  if (!data) return;
  const modes = data.modes.map(({ lambda, label }, i) => part.say("modeAlt", label, pretty(lambda), pretty(data.now[i], 3)));
  canvas.setAttribute("aria-label", [part.say("spectrumAlt", pretty(data.lr), pretty(data.best, 3)), ...modes].join(" "));
}
