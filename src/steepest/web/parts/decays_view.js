// How each mode decays on a quadratic: the distance from the minimum along each eigenvector at every step, as a share of
// that at the start; a colour for each rule, a dash for each mode.

import * as Steepest from "../core/api.js";
import { powerName } from "./chart.js";
import { fitted } from "./dom.js";
import { logTicks, makeFrame, roundTicks } from "./frame.js";
import { clipTo, setLetters, setStroke, strokeBox, strokeLines } from "./pen.js";
import { sceneOf, stepOf } from "./scene.js";
import { DASHES } from "./spectrum_view.js";
import { colourOf } from "./theme.js";

const LEAST = 1e-6, MOST = 1e3; // shares that are drawn

export function startDecays(part) {
  part.decays = { size: [0, 0], scene: null, known: [] };
  const figure = part.byId("decays");
  part.watchSize(figure, (size) => { part.decays.size = size; });
  part.follow(drawDecays);
  part.follow((part) => figure.querySelector("canvas").setAttribute("aria-label", part.say("decaysTitle")));
}

function decaysOf(part, scene) {
  const { decays } = part;
  if (decays.scene === scene) return decays.known;
  const known = scene.tracks.map(({ id, run }) => {
    const found = Steepest.stability(scene.landscape, id, run.settings);
    return (found && Steepest.decayOf(run, found.curvatures)) ?? [];
  });
  Object.assign(decays, { scene, known });
  return known;
}

function drawDecays(part, state) {
  const { theme } = part, [width, height] = part.decays.size, { rem } = theme, scene = sceneOf(part, state);
  const pen = fitted(part.byId("decays").querySelector("canvas"), width, height), decays = decaysOf(part, scene);
  pen.clearRect(0, 0, width, height);
  const seen = decays.flat().flatMap(({ shares }) => shares).filter(Number.isFinite);
  if (!seen.length) return;
  const low = Math.max(LEAST, Math.min(...seen)) / 1.5, high = Math.min(MOST, Math.max(...seen)) * 1.5;
  const box = [3.2 * rem, 0.5 * rem, width - 4.8 * rem, height - 2.7 * rem];
  const plain = makeFrame([[0, Math.max(1, scene.steps)], [Math.log10(low), Math.log10(high)]], box, false);
  const toY = (share) => plain.toY(Math.log10(Math.min(Math.max(share, low / 10), 10 * high)));
  drawAxes(part, pen, plain, toY, [low, high]);
  const now = stepOf(state);
  pen.save();
  clipTo(pen, box);
  setStroke(pen, theme.soft, 1);
  strokeLines(pen, [[plain.toX(now), box[1], plain.toX(now), box[1] + box[3]]]);
  decays.forEach((decay, i) => decay.forEach(({ shares }, k) => {
    const points = shares.map((share, step) => [plain.toX(step), toY(share)]).filter(([, y]) => Number.isFinite(y)), colour = colourOf(part, scene.tracks[i].look);
    drawLine(part, pen, points, colour, DASHES[k % DASHES.length], 0.25);
    drawLine(part, pen, points.slice(0, Math.floor(now) + 1), colour, DASHES[k % DASHES.length], 1);
  }));
  pen.restore();
  nameEnds(part, pen, plain, toY, decays, scene);
}

function drawLine(part, pen, points, colour, dash, opacity) {
  setStroke(pen, colour, 2 * part.theme.unit, dash);
  pen.lineJoin = "round";
  pen.globalAlpha = opacity;
  pen.beginPath();
  points.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.stroke();
  pen.globalAlpha = 1;
  pen.setLineDash([]);
}

function drawAxes(part, pen, frame, toY, [low, high]) {
  const { theme } = part, [left, top, width, height] = frame.box, { rem } = theme;
  const ys = logTicks(low, high, height / (1.8 * rem)), xs = roundTicks(...frame.x, width / (4.5 * rem)).filter(Number.isInteger);
  setStroke(pen, theme.line, 1);
  strokeLines(pen, ys.map((y) => [left, toY(y), left + width, toY(y)]));
  strokeBox(part, pen, frame.box);
  setLetters(part, pen, 0.72, theme.soft, "right");
  ys.forEach((y) => pen.fillText(powerName(y), left - 0.4 * rem, toY(y)));
  setLetters(part, pen, 0.72, theme.soft, "center", "top");
  xs.forEach((x) => pen.fillText(String(x), frame.toX(x), top + height + 0.35 * rem));
  pen.textAlign = "right";
  pen.fillText(part.say("step"), left + width, top + height + 1.35 * rem);
}

/** The coordinate of each line at its end, in the colour of its rule, one below the other. */
function nameEnds(part, pen, frame, toY, decays, { tracks }) {
  const [left, top, width, height] = frame.box, { rem } = part.theme, room = 0.9 * rem;
  const ends = decays.flatMap((decay, i) => decay.map(({ label, shares }) => ({ label, look: tracks[i].look, y: toY(shares.findLast(Number.isFinite)) })))
    .filter(({ y }) => Number.isFinite(y));
  const inside = ends.map((end) => ({ ...end, y: Math.min(Math.max(end.y, top + 0.4 * rem), top + height - 0.4 * rem) })).sort((a, b) => a.y - b.y);
  inside.forEach((end, i) => { if (i) end.y = Math.max(end.y, inside[i - 1].y + room); });
  const excess = Math.max(0, (inside.at(-1)?.y ?? 0) - (top + height));
  for (const { label, look, y } of inside) {
    setLetters(part, pen, 0.74, colourOf(part, look), "left", "middle", 600);
    pen.fillText(label, left + width + 0.35 * rem, y - excess);
  }
}
