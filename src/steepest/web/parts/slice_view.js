// A slice of the network's loss: contour lines on the plane through a path, the paths of all rules on it, and beside it the
// loss along each path, at its own points and on the plane beneath them. It is computed in a worker once all are trained.

import * as Steepest from "../core/api.js";
import { contoursOfGrid, drawIsolines, drawLabels, drawRelief } from "./contours.js";
import { boxOf, drawCurves, strokeCurve } from "./curves.js";
import { fitted, make } from "./dom.js";
import { makeFrame, pretty } from "./frame.js";
import { lookIcon } from "./marks.js";
import { clipTo, setLetters, setStroke, strokeBox, strokeLines } from "./pen.js";
import { drawAxes } from "./plane.js";
import { colourOf } from "./theme.js";
import { drawHeads, drawWay } from "./ways.js";
import { startJob } from "./worker.js";

const SIDE = 41, SIDE_ON_PAPER = 21; // points of the grid
const WAIT = 220; // milliseconds after a change of the picture's shape

export function startSlice(part) {
  Object.assign(part, { slice: null, slicing: { of: null, through: null, shape: 0, job: null, timer: 0 }, relief: null });
  part.follow(followSlice);
  part.follow(drawSlice);
  part.follow(drawHeights);
  part.endings.push(() => stopSlice(part));
  const figure = part.byId("heights"), scrub = (event) => {
    const { frame } = part.heights ?? {}, left = figure.getBoundingClientRect().left;
    if (!frame) return;
    const point = Math.round(frame.fromX(event.clientX - left) / Steepest.EVERY);
    part.change({ point: Math.min(Math.max(0, point), lastPoint(part)) });
  };
  part.busyWhileHeld(figure);
  figure.addEventListener("pointerdown", (event) => { figure.setPointerCapture(event.pointerId); scrub(event); });
  figure.addEventListener("pointermove", (event) => { if (event.buttons) scrub(event); });
}

function lastPoint({ state }) { return Math.ceil(state.steps / Steepest.EVERY); }

/** The point in view: of those that are kept, the last one unless another is chosen. */
function pointOf(part) { return Math.min(part.state.point ?? lastPoint(part), lastPoint(part)); }

// --- computing --------------------------------------------------------------------------------------------------------

/** Starts the slice when the training is done, and again for another path or shape. */
function followSlice(part, state) {
  const { training, slicing, waiting } = part, [, , width, height] = boxOf(part, "slice");
  const shape = Math.round(50 * width / height) / 50, through = state.through ?? 0;
  if (slicing.of !== training) stopSlice(part), Object.assign(part, { slice: null, slicing: { ...slicing, of: training, through: null, shape: 0 } });
  if (!training.done || waiting || (part.slicing.through === through && part.slicing.shape === shape)) return;
  stopSlice(part);
  Object.assign(part.slicing, { through, shape });
  const paths = training.runners.map(({ path }) => path), data = training.data, spec = { data, paths, through, shape, size: SIDE };
  if (part.options.atOnce) return takeSlice(part, sliceNow({ ...spec, size: SIDE_ON_PAPER }));
  const start = () => { part.slicing.job = startJob({ kind: "slice", spec }, (slice) => takeSlice(part, slice)); };
  part.slicing.timer = setTimeout(start, part.slice ? WAIT : 0);
}

/** Paper does not wait. */
function sliceNow(spec) {
  let slice = null;
  for (slice of Steepest.slicing(spec));
  return slice;
}

function takeSlice(part, slice) {
  if (slice.window && !slice.value && part.slice?.value) return; // what is in view is better than nothing
  const grid = slice.value && gridOf(slice);
  if (grid && (part.slice?.count !== slice.count || part.slice.window + "" !== slice.window + "")) part.relief = contoursOfGrid(grid, { minimum: 0 });
  part.slice = slice;
  part.request();
  if (!slice.done) return;
  stopSlice(part);
  part.options.onChange?.(part.state);
}

function gridOf({ value, count, window: [[left, right], [low, high]] }) {
  return { z: value, columns: count, rows: count, x: left, y: low, dx: (right - left) / (count - 1), dy: (high - low) / (count - 1) };
}

function stopSlice(part) {
  clearTimeout(part.slicing.timer);
  part.slicing.job?.terminate();
  part.slicing.job = null;
}

/** What exercises ask for: the share of each path's variance that the plane holds, and which path the plane is laid through. */
export function measuredOfSlice({ slice, slicing, state }) {
  if (!slice?.done || !slice.shares || slicing.job) return {};
  return { through: state.through ?? 0, ...Object.fromEntries(slice.shares.map((share, i) => [`share_${i}`, share])) };
}

/** Of formulas: the shares of the variance along both directions. */
export function numbersOfSlice({ slice }) {
  const [first, second] = slice?.explained ?? [];
  return first === undefined ? {} : { share_1: first, share_2: second, share: first + second };
}

// --- pictures ---------------------------------------------------------------------------------------------------------

function tracksOf(part) {
  return part.state.rules.map(({ id }) => ({ look: Steepest.rules[id].looks[0], short: Steepest.rules[id].title }));
}

function drawSlice(part) {
  const { slice, theme, training, waiting } = part, canvas = part.byId("slice").querySelector("canvas");
  const pen = fitted(canvas, ...part.sizes.slice), box = boxOf(part, "slice");
  pen.clearRect(0, 0, ...part.sizes.slice);
  canvas.setAttribute("aria-label", part.say("sliceTitle"));
  if (!slice?.window) {
    strokeBox(part, pen, box);
    if (waiting) return;
    setLetters(part, pen, 0.9, theme.soft, "center");
    pen.fillText(part.say(slice ? "noPlane" : training.done ? "layingPlane" : "trainingFirst"), box[0] + box[2] / 2, box[1] + box[3] / 2);
    return;
  }
  const frame = makeFrame(slice.window, box, true), step = pointOf(part), tracks = tracksOf(part);
  const ways = slice.ways.map((way) => way.map((value, k) => (k % 2 ? frame.toY(value) : frame.toX(value))));
  pen.save();
  clipTo(pen, box);
  if (slice.value) {
    drawRelief(part, pen, part.relief, frame);
    drawIsolines(part, pen, part.relief, frame);
    drawLabels(part, pen, part.relief, frame);
  }
  ways.forEach((way, i) => drawWay(part, pen, way, tracks[i].look, Math.min(step, way.length / 2 - 1), box));
  drawHeads(part, pen, { tracks, name: (point) => point * Steepest.EVERY }, ways, step, box);
  pen.restore();
  drawAxes(part, pen, frame, slice.explained.map((share, i) => part.say(i ? "secondAxis" : "firstAxis", percent(share))));
}

function percent(share) { return pretty(100 * share, 3); }

function drawHeights(part) {
  const { slice, theme, training } = part, known = slice?.own?.some((heights) => heights.length);
  const seen = known ? [...slice.own, ...slice.beneath].flat().filter((loss) => loss > 0 && loss < 1e6) : [];
  const range = seen.length ? [Math.min(...seen) / 1.2, Math.max(...seen) * 1.2] : [0.1, 3];
  const frame = drawCurves(part, "heights", { range, log: true, title: part.say("heightsTitle") }, (pen, { box, toX, toY }) => {
    if (!known) return;
    const now = toX(Math.min(pointOf(part) * Steepest.EVERY, training.steps)), steps = (heights) => heights.map((loss, k) => [Math.min(k * Steepest.EVERY, training.steps), loss]);
    setStroke(pen, theme.soft, 1);
    strokeLines(pen, [[now, box[1], now, box[1] + box[3]]]);
    tracksOf(part).forEach(({ look }, i) => {
      strokeCurve(part, pen, steps(slice.beneath[i]), { toX, toY }, colourOf(part, look), 2, { dash: [5, 4] });
      strokeCurve(part, pen, steps(slice.own[i]), { toX, toY }, colourOf(part, look), 2);
    });
  });
  part.heights = known ? { frame } : null;
  part.byId("legend").replaceChildren(...part.state.rules.map((rule, i) => entry(part, rule, i)));
}

/** A rule, its loss at the point in view and on the plane beneath, and how much of its path the plane holds. */
function entry(part, { id }, i) {
  const { slice, training } = part, { title, looks: [look] } = Steepest.rules[id], k = pointOf(part);
  const name = make("b", {}, make("span", { html: lookIcon(part, look) }), title), own = slice?.own?.[i][k];
  const step = Math.min(k * Steepest.EVERY, training.steps);
  const heights = own === undefined ? part.say("stepIs", training.step) : part.say("ownAndBeneath", step, pretty(own, 3), pretty(slice.beneath[i][k], 3));
  const held = slice?.shares ? part.say("planeHolds", percent(slice.shares[i])) : "";
  return make("li", {}, name, make("output", {}, heights), make("span", { class: "told" }, held));
}
