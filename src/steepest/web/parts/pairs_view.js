// The spectrum over learning rate and momentum: what a step leaves of the slowest mode, as a map; the pair in use, which can be
// dragged, and the pair at which the slowest mode decays fastest.

import * as Steepest from "../core/api.js";
import { contoursAt, drawIsolines, drawLabels, drawRelief, fillLoops, loopsAbove } from "./contours.js";
import { fitted } from "./dom.js";
import { makeFrame, pretty, prettyAll, roundTicks } from "./frame.js";
import { clipTo, setLetters, setStroke, strokeBox } from "./pen.js";
import { drawStar, drawStart } from "./plane.js";
import { withSetting } from "./rules_panel.js";
import { sceneOf } from "./scene.js";
import { ARROWS, pixelOf } from "./stage.js";

const LEVELS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];
const NUDGE = 0.01; // of the sides of the map, with an arrow key

export function startPairs(part) {
  part.pairs = { size: [0, 0], key: "", data: null, frame: null, held: false };
  const figure = part.byId("pairs"), canvas = figure.querySelector("canvas");
  part.watchSize(figure, (size) => { part.pairs.size = size; });
  part.busyWhileHeld(canvas);
  const drag = (event) => { const [px, py] = pixelOf(event), { frame } = part.pairs; if (frame) setPair(part, frame.fromX(px), frame.fromY(py)); };
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); part.pairs.held = true; drag(event); });
  canvas.addEventListener("pointermove", (event) => { if (part.pairs.held) drag(event); });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { part.pairs.held = false; part.request(); });
  canvas.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key], { data } = part.pairs, track = trackOf(part, part.state);
    if (!arrow || !data || !track) return;
    const { lr, momentum } = track.run.settings, far = event.shiftKey ? 5 * NUDGE : NUDGE;
    setPair(part, lr + arrow[0] * far * data.high, momentum + arrow[1] * far);
    event.preventDefault();
  });
  part.follow(drawPairs);
  part.follow(describePairs, true);
}

/** The rule whose pair it is: the selected one, or the first that has momentum. */
function trackOf(part, state) {
  const { tracks, selected } = sceneOf(part, state), has = (track) => Number.isFinite(track?.run.settings.momentum);
  return has(tracks[selected]) ? tracks[selected] : tracks.find(has) ?? null;
}

function setPair(part, lr, momentum) {
  const { data } = part.pairs, track = trackOf(part, part.state), place = sceneOf(part, part.state).tracks.indexOf(track);
  if (!data || !track) return;
  const within = (value, low, high) => Number(Math.min(Math.max(value, low), high).toPrecision(3)), find = (name) => track.rule.settings.find((one) => one.name === name);
  const rules = part.state.rules.map((rule, i) => {
    if (i !== place) return rule;
    const settings = withSetting(rule, find("lr"), within(lr, data.high / 1000, data.high));
    return { ...rule, settings: withSetting({ ...rule, settings }, find("momentum"), within(momentum, 0, data.most)) };
  });
  part.change({ rules });
}

function dataOf(part, state) {
  const { landscape } = sceneOf(part, state), track = trackOf(part, state);
  if (!track) return null;
  const { lr, momentum, ...others } = track.run.settings, key = JSON.stringify([track.id, others, state.landscape]);
  if (part.pairs.key !== key) {
    const data = Steepest.pairsOf(landscape, track.id, track.run.settings);
    Object.assign(part.pairs, { key, data: data && { ...data, ...reliefOf(data) } });
  }
  return part.pairs.data && { ...part.pairs.data, lr, momentum };
}

/** Its levels, and the loops around what diverges, which is left grey. */
function reliefOf({ share, columns, rows, high, most, best }) {
  const grid = { z: share, columns, rows, x: 0, y: 0, dx: high / (columns - 1), dy: most / (rows - 1) };
  return { relief: contoursAt(grid, LEVELS.filter((level) => level > best.share)), unstable: loopsAbove(grid, 1 + 1e-9) };
}

function drawPairs(part, state) {
  const { theme, pairs } = part, [width, height] = pairs.size, { rem } = theme, data = dataOf(part, state);
  const pen = fitted(part.byId("pairs").querySelector("canvas"), width, height);
  pen.clearRect(0, 0, width, height);
  if (!data) return;
  const box = [2.6 * rem, 0.5 * rem, width - 3.4 * rem, height - 2.7 * rem], frame = (pairs.frame = makeFrame([[0, data.high], [0, data.most]], box, false));
  pen.save();
  clipTo(pen, box);
  drawRelief(part, pen, data.relief, frame);
  fillLoops(pen, data.unstable, frame, theme.bare);
  drawIsolines(part, pen, data.relief, frame);
  drawLabels(part, pen, data.relief, frame);
  pen.restore();
  drawAxes(part, pen, frame);
  drawStart(part, pen, frame.toX(data.lr), frame.toY(data.momentum), pairs.held, true);
  drawStar(part, pen, frame.toX(data.best.lr), frame.toY(data.best.momentum), theme.ink);
  const text = part.say("bestPair", pretty(data.best.lr, 3), pretty(data.best.momentum, 3));
  setLetters(part, pen, 0.75, theme.ink, "left", "middle", 600);
  setStroke(pen, theme.paper, 4);
  pen.lineJoin = "round";
  const x = Math.min(frame.toX(data.best.lr) + 0.9 * rem, box[0] + box[2] - pen.measureText(text).width - 4), y = frame.toY(data.best.momentum) + 1.2 * rem;
  pen.strokeText(text, x, y);
  pen.fillText(text, x, y);
}

function drawAxes(part, pen, frame) {
  const { theme } = part, [left, top, width, height] = frame.box, { rem } = theme;
  const xs = roundTicks(...frame.x, width / (5 * rem)), ys = roundTicks(...frame.y, height / (2.4 * rem));
  strokeBox(part, pen, frame.box);
  setLetters(part, pen, 0.72, theme.soft, "center", "top");
  prettyAll(xs).forEach((name, i) => pen.fillText(name, frame.toX(xs[i]), top + height + 0.35 * rem));
  setLetters(part, pen, 0.72, theme.soft, "right");
  prettyAll(ys).forEach((name, i) => pen.fillText(name, left - 0.4 * rem, frame.toY(ys[i])));
  setLetters(part, pen, 0.72, theme.soft, "right", "top");
  pen.fillText(part.say("rateAxis"), left + width, top + height + 1.35 * rem);
  setLetters(part, pen, 0.72, theme.soft, "left", "top");
  pen.fillText(`↑ ${part.say("momentumAxis")}`, 0.2 * rem, top + height + 1.35 * rem);
}

function describePairs(part, state) {
  const data = dataOf(part, state), canvas = part.byId("pairs").querySelector("canvas");
  const told = data ? [part.say("pairsAlt", pretty(data.lr), pretty(data.momentum)), part.say("bestPair", pretty(data.best.lr, 3), pretty(data.best.momentum, 3))] : [];
  canvas.setAttribute("aria-label", [part.say("pairsTitle"), ...told].join(" "));
}
