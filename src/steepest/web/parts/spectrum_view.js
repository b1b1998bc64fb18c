// The spectrum of a rule's step on a quadratic: for each curvature the absolute eigenvalue of the step's matrix, which is the
// share of the distance that a step leaves, against the learning rate; below 1 the mode decays, above it grows.

import * as Steepest from "../core/api.js";
import { fitted } from "./dom.js";
import { makeFrame, prettyAll, pretty, roundTicks } from "./frame.js";
import { clipTo, setLetters, setStroke, strokeBox, strokeLines } from "./pen.js";
import { sceneOf } from "./scene.js";
import { channels, asColour } from "./theme.js";

const POINTS = 220, HIGHEST = 1.3;
const DASHES = [[], [7, 4], [2, 3]];

export function startSpectrum(part) {
  part.spectrum = { size: [0, 0], key: "", data: null };
  const figure = part.byId("spectrum");
  figure.querySelector("canvas").setAttribute("aria-label", part.say("spectrumTitle"));  // until it is described
  part.watchSize(figure, (size) => { part.spectrum.size = size; });
  part.follow(drawSpectrum);
  part.follow(describeSpectrum, true);
}

/** The share of the distance that a step of a rule leaves at a curvature. */
export function shareLeft(rule, settings, lr, curvature) {
  const matrix = Steepest.stepMatrix(rule, settings, lr, curvature);
  return Math.max(...Steepest.eigenvalues(matrix).map(([real, imaginary]) => Math.hypot(real, imaginary)));
}

/**
 * What the spectrum shows of a rule: {modes: [{lambda, label, shares}], high, best, last}: for each curvature the share that
 * a step leaves at `POINTS` rates up to `high`, and the rate at which the slowest mode decays fastest.
 */
export function spectrumOf(landscape, rule, settings) {
  const found = Steepest.stability(landscape, rule, settings);
  if (!found) return null;
  const high = 1.25 * found.limit, rates = Array.from({ length: POINTS }, (_, i) => high * (i + 1) / POINTS);
  const modes = found.curvatures.map(({ lambda, label }) => ({ lambda, label, shares: rates.map((lr) => shareLeft(rule, settings, lr, lambda)) }));
  const worst = rates.map((_, i) => Math.max(...modes.map(({ shares }) => shares[i])));
  const best = worst.indexOf(Math.min(...worst));
  return { modes, rates, high, limit: found.limit, best: rates[best], share: worst[best] };
}

function dataOf(part, state) {
  const scene = sceneOf(part, state), track = scene.tracks[scene.selected];
  if (!track) return null;
  const { lr, ...others } = track.run.settings, key = JSON.stringify([track.id, others, state.landscape]);
  if (part.spectrum.key !== key) Object.assign(part.spectrum, { key, data: spectrumOf(scene.landscape, track.id, track.run.settings) });
  return part.spectrum.data && { ...part.spectrum.data, lr, track };
}

function drawSpectrum(part, state) {
  const { theme, spectrum } = part, [width, height] = spectrum.size, { rem } = theme;
  const pen = fitted(part.byId("spectrum").querySelector("canvas"), width, height), data = dataOf(part, state);
  pen.clearRect(0, 0, width, height);
  if (!data) return;
  const box = [2.6 * rem, 0.8 * rem, width - 3.4 * rem, height - 3 * rem], frame = makeFrame([[0, data.high], [0, HIGHEST]], box, false);
  drawAxes(part, pen, frame);
  pen.save();
  clipTo(pen, box);
  setStroke(pen, theme.bad, 1.2 * theme.unit, [4, 4]);
  strokeLines(pen, [[box[0], frame.toY(1), box[0] + box[2], frame.toY(1)]]);
  data.modes.forEach(({ shares }, i) => drawMode(part, pen, frame, data.rates, shares, i));
  setStroke(pen, theme.soft, 1.2 * theme.unit, [2, 3]);
  strokeLines(pen, [[frame.toX(data.best), box[1], frame.toX(data.best), box[1] + box[3]]]);
  setStroke(pen, theme.accent, 2 * theme.unit);
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

/** The modes by their curvature, where they cross the learning rate in use, and what the marks stand for. */
function drawNames(part, pen, frame, data) {
  const { theme } = part, [left, top, width, height] = frame.box;
  const ground = asColour(channels(theme.dark ? "#15181c" : "#ffffff"), 0.85);
  setLetters(part, pen, 0.75, theme.ink, "left", "middle");
  const write = (text, x, y) => {
    const long = pen.measureText(text).width, at = Math.min(Math.max(x, left + 4), left + width - long - 6);
    pen.fillStyle = ground;
    pen.fillRect(at - 3, y - 0.6 * theme.rem, long + 6, 1.2 * theme.rem);
    pen.fillStyle = theme.ink;
    pen.fillText(text, at, y);
  };
  data.modes.forEach(({ lambda, label }, i) => {
    const share = shareLeft(data.track.id, data.track.run.settings, data.lr, lambda);
    const y = Math.min(Math.max(frame.toY(share), top + 8), top + height - 8);
    pen.beginPath();
    pen.arc(frame.toX(data.lr), y, 4 * theme.unit, 0, 2 * Math.PI);
    pen.fillStyle = theme.accent;
    pen.fill();
    write(`${label}: ${pretty(share, 3)}`, frame.toX(data.lr) + 9, y + (i ? -1 : 1) * 0.75 * theme.rem);
  });
  write(part.say("bestRate", pretty(data.best, 3)), frame.toX(data.best) + 5, top + height - 0.9 * theme.rem);
}

function describeSpectrum(part, state) {
  const data = dataOf(part, state), canvas = part.byId("spectrum").querySelector("canvas");
  if (!data) return;
  const modes = data.modes.map(({ lambda, label }) =>
    part.say("modeAlt", label, pretty(lambda), pretty(shareLeft(data.track.id, data.track.run.settings, data.lr, lambda), 3)));
  canvas.setAttribute("aria-label", [part.say("spectrumAlt", pretty(data.lr), pretty(data.best, 3)), ...modes].join(" "));
}
