// A figure of the lecture in which a network is trained on handwritten digits while one looks: the loss of every batch, and
// the accuracy on images that it was not trained on; or, when it is trained, a slice of its loss (slice_view.js).

import * as Steepest from "../core/api.js";
import { fitted, make } from "./dom.js";
import { makeFrame, pretty, roundTicks } from "./frame.js";
import { lookIcon } from "./marks.js";
import { showNetworkControls } from "./network_controls.js";
import { Part } from "./part.js";
import { clipTo, setLetters, setStroke, strokeBox, strokeLines } from "./pen.js";
import { measuredOfSlice, startSlice } from "./slice_view.js";
import { colourOf } from "./theme.js";

const CURVES = { losses: "batchLoss", accuracies: "heldOutAccuracy" }, SLICE = { slice: "sliceTitle", heights: "heightsTitle" };

/** Panes by their ids, with the words above each. */
function frameOf(panes) {
  const pane = ([id, title]) => `<section class="values"><h2 data-say="${title}"></h2><figure id="${id}"><canvas role="img"></canvas></figure></section>`;
  return `<div class="frame"><div class="page paths figure network"><section class="centre">
<div class="pictures">${Object.entries(panes).map(pane).join("")}</div><ul id="legend"></ul><div id="controls"></div></section></div></div>`;
}

const BUDGET = 10; // milliseconds of training in a frame
const SMOOTH = 0.9; // of the thick line of losses

let images = null; // of the page, read once

/**
 * Mounts the figure. state: {rules, batch, steps, seed, and of a slice through (the place of a rule) and point}; options: as
 * in part.js, `data.digits` (the packed images), `slice` (whether to show that), and as in network_controls.js.
 */
export function mountNetwork(element, state, options) {
  images ??= Steepest.readImages(options.data.digits);
  const panes = options.slice ? SLICE : CURVES, part = new Part(element, frameOf(panes), { lang: null, ...state }, options);
  part.host.dataset.kind = "figure";
  Object.assign(part, { training: null, waiting: false, turn: 0, sizes: {}, rows: [] });
  for (const name of Object.keys(panes)) part.watchSize(part.byId(name), (size) => { part.sizes[name] = size; });
  part.follow(restart);
  part.follow(showNetworkControls);
  if (options.slice) startSlice(part);
  else part.follow(drawNetwork);
  part.endings.push(() => cancelAnimationFrame(part.turn));
  const first = state;
  return {
    part,
    get light() { return part.light; },
    set light(light) { part.light = light; },
    wait() {
      part.waiting = true;
      part.host.toggleAttribute("data-waiting", true);
      part.request();
    },
    /** Trains before one's eyes, or to the end at once, as on paper. */
    answer(guess, plays = true) {
      part.waiting = false;
      part.host.toggleAttribute("data-waiting", false);
      if (options.atOnce && !plays) {
        restart(part, part.state, () => true);
        part.training.advance();
        part.request();
      } else train(part);
    },
    seen: () => ({ measured: options.slice ? measuredOfSlice(part) : measuredOf(part) }),
    link: () => linkOf(part.state, first),
    follow(text) { part.change(stateOf(text, part.state)); },
    reset(given) { part.change({ ...given, run: (part.state.run ?? 0) + 1 }); },
    update(patch) { part.change(patch); },
    destroy: () => part.destroy(),
  };
}

/** A changed setting begins anew. */
function restart(part, state, changed) {
  if (part.training && !changed("rules", "batch", "steps", "seed", "run")) return;
  const { slice } = part.options;
  part.training = new Steepest.Training(images, { ...state, batch: state.batch || images.train, keeps: slice });
  if (!part.waiting) train(part);
}

function train(part) {
  cancelAnimationFrame(part.turn);
  const frame = () => {
    if (part.waiting || !part.training) return;
    part.setBusy(!part.training.done);
    if (part.training.done) return finished(part);
    part.training.advance(BUDGET);
    part.request();
    part.turn = requestAnimationFrame(frame);
  };
  part.turn = requestAnimationFrame(frame);
}

/** Nothing of the state changes when the training ends, and yet exercises and formulas wait for it. */
function finished(part) {
  part.request();
  part.options.onChange?.(part.state);
}

/** What exercises ask for: accuracy, and the mean loss of the last twenty batches, of each rule; once all steps are done. */
function measuredOf({ training, waiting }) {
  if (!training?.done || waiting) return {};
  const entries = training.runners.flatMap(({ losses, accuracies }, i) => {
    const last = losses.slice(-20), mean = last.reduce((sum, loss) => sum + loss, 0) / last.length;
    return [[`accuracy_${i}`, accuracies.at(-1)[1]], [`loss_${i}`, mean]];
  });
  return Object.fromEntries([...entries, ["batch", training.batch]]);
}

function linkOf(state, first) {
  const rates = ({ rules }) => rules.map(({ settings }) => settings.lr).join(",");
  const parts = [];
  if (state.batch !== first.batch) parts.push(`batch=${state.batch}`);
  if (rates(state) !== rates(first)) parts.push(`lr=${rates(state)}`);
  for (const name of ["seed", "through", "point"]) {
    if ((state[name] ?? null) !== (first[name] ?? null)) parts.push(`${name}=${state[name]}`);
  }
  return parts.join("&");
}

function stateOf(text, state) {
  const given = Object.fromEntries(text.split("&").map((part) => part.split("=")));
  const rates = (given.lr ?? "").split(",").map(Number), whole = (name) => (/^\d{1,6}$/.test(given[name] ?? "") ? { [name]: Number(given[name]) } : {});
  const rules = state.rules.map((rule, i) => (rates[i] > 0 ? { ...rule, settings: { ...rule.settings, lr: rates[i] } } : rule));
  const through = Number(given.through) < rules.length ? whole("through") : {};
  return { ...whole("batch"), ...whole("seed"), ...whole("point"), ...through, rules };
}

// --- pictures ---------------------------------------------------------------------------------------------------------

function drawNetwork(part, state) {
  const { training } = part;
  const most = 1.1 * Math.max(0.5, ...training.runners.flatMap(({ losses }) => losses.slice(0, 3)).filter(Number.isFinite));
  drawCurves(part, "losses", [0, Math.min(most, 4)], ({ losses }, pen, frame, colour) => {
    trace(pen, losses.map((loss, i) => [i + 1, loss]), frame, colour, 1, losses.length > 60 ? 0.3 : 0.6);
    let mean = losses[0];
    trace(pen, losses.map((loss, i) => [i + 1, (mean = SMOOTH * mean + (1 - SMOOTH) * loss)]), frame, colour, 2.4 * part.theme.unit);
  });
  drawCurves(part, "accuracies", [0, 1], ({ accuracies }, pen, frame, colour) => trace(pen, accuracies, frame, colour, 2.4 * part.theme.unit));
  const list = part.byId("legend"), told = training.runners.map(({ losses, accuracies }, i) => {
    const { title, looks: [look] } = Steepest.rules[state.rules[i].id];
    const numbers = part.say("afterSteps", training.step, pretty(losses.at(-1) ?? NaN, 3), pretty(100 * accuracies.at(-1)[1], 3));
    return make("li", {}, make("b", {}, make("span", { html: lookIcon(part, look) }), title), make("output", {}, numbers));
  });
  list.replaceChildren(...told);
}

function drawCurves(part, name, range, draw) {
  const { theme, training } = part, [width, height] = part.sizes[name], { rem } = theme, canvas = part.byId(name).querySelector("canvas");
  const pen = fitted(canvas, width, height), box = [2.8 * rem, 0.6 * rem, width - 3.4 * rem, height - 2.6 * rem];
  const frame = makeFrame([[0, training.steps], range], box, false);
  pen.clearRect(0, 0, width, height);
  strokeBox(part, pen, box);
  setLetters(part, pen, 0.72, theme.soft, "right");
  const ys = roundTicks(...range, box[3] / (3 * rem));
  ys.forEach((y) => pen.fillText(String(y), box[0] - 0.4 * rem, frame.toY(y)));
  setStroke(pen, theme.line, 1);
  strokeLines(pen, ys.map((y) => [box[0], frame.toY(y), box[0] + box[2], frame.toY(y)]));
  setLetters(part, pen, 0.72, theme.soft, "center", "top");
  roundTicks(0, training.steps, box[2] / (4.5 * rem)).forEach((step) => pen.fillText(String(step), frame.toX(step), box[1] + box[3] + 0.3 * rem));
  pen.save();
  clipTo(pen, box);
  training.runners.forEach((runner, i) => draw(runner, pen, frame, colourOf(part, Steepest.rules[part.state.rules[i].id].looks[0])));
  pen.restore();
  canvas.setAttribute("aria-label", part.say(name === "losses" ? "batchLoss" : "heldOutAccuracy"));
}

function trace(pen, points, frame, colour, width, opacity = 1) {
  setStroke(pen, colour, width);
  pen.globalAlpha = opacity;
  pen.lineJoin = "round";
  pen.beginPath();
  points.forEach(([x, y], i) => (i ? pen.lineTo : pen.moveTo).call(pen, frame.toX(x), frame.toY(Number.isFinite(y) ? Math.min(y, 1e3) : 1e3)));
  pen.stroke();
  pen.globalAlpha = 1;
}
