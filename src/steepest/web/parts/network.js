// A figure of the lecture in which a network is trained on handwritten digits while one looks: the loss of every batch, and
// the accuracy on images that it was not trained on; or, when it is trained, a slice of its loss (slice_view.js). Or logistic
// regression on texts with rare words: the learning rate of each word.

import * as Steepest from "../core/api.js";
import { drawCurves, strokeCurve } from "./curves.js";
import { make } from "./dom.js";
import { pretty } from "./frame.js";
import { lookIcon } from "./marks.js";
import { showNetworkControls } from "./network_controls.js";
import { Part } from "./part.js";
import { setLetters, setStroke } from "./pen.js";
import { measuredOfSlice, numbersOfSlice, startSlice } from "./slice_view.js";
import { colourOf } from "./theme.js";

/** What may be looked at: the panes, with the words above each; what starts them, or draws them; what exercises ask for, and the numbers of formulas. */
const VIEWS = {
  curves: { panes: { losses: "batchLoss", accuracies: "heldOutAccuracy" }, start: (part) => part.follow(drawNetwork), measured: measuredOf, numbers: numbersOfImages },
  slice: { panes: { slice: "sliceTitle", heights: "heightsTitle" }, start: startSlice, measured: measuredOfSlice, numbers: numbersOfSlice },
  words: { panes: { rates: "wordRates", accuracies: "heldOutTexts" }, start: (part) => part.follow(drawWords), measured: measuredOf, numbers: numbersOfWords },
};
const SETTLED = 10; // steps
const WATCHED = [0, 9, 99]; // words, by how frequent they are

/** Panes by their ids, with the words above each. */
function frameOf(panes) {
  const pane = ([id, title]) => `<section class="values"><h2 data-say="${title}"></h2><figure id="${id}"><canvas role="img"></canvas></figure></section>`;
  return `<div class="frame"><div class="page paths figure network"><section class="centre">
<div class="pictures">${Object.entries(panes).map(pane).join("")}</div><ul id="legend"></ul><div id="controls"></div></section></div></div>`;
}

const BUDGET = 10, HELD = 3; // milliseconds of training in a frame; while a hand moves a slider, which begins it anew at every move
const SMOOTH = 0.9; // of the thick line of losses

let images = null, texts = null; // of the page, read once

/** A training of what a view shows. */
function trainingOf({ state, options: { view, data } }) {
  if (view === "words") return new Steepest.Training(texts ??= Steepest.drawTexts(data.texts), { ...state, watched: WATCHED }, Steepest.TEXTS);
  images ??= Steepest.readImages(data.digits);
  return new Steepest.Training(images, { ...state, batch: state.batch || images.train, keeps: view === "slice" });
}

/**
 * Mounts the figure. state: {rules, batch, steps, seed, and of a slice through (the place of a rule) and point}; options: as
 * in part.js, `data` (of which `digits` are the packed images, and `texts` what `drawTexts` takes), `view` (of VIEWS), and as
 * in network_controls.js.
 */
export function mountNetwork(element, state, options) {
  const { panes, start, measured, numbers } = VIEWS[options.view ?? "curves"], part = new Part(element, frameOf(panes), { lang: null, ...state }, options);
  part.host.dataset.kind = "figure";
  Object.assign(part, { training: null, trained: [], noise: {}, waiting: false, turn: 0, sizes: {}, rows: [] });
  for (const name of Object.keys(panes)) part.watchSize(part.byId(name), (size) => { part.sizes[name] = size; });
  part.follow(restart);
  part.follow(showNetworkControls);
  start(part);
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
        restart(part, part.state);
        part.training.advance();
        part.request();
      } else train(part);
    },
    seen: () => ({ measured: measured(part), numbers: part.training ? numbers(part) : {} }),
    link: () => linkOf(part.state, first),
    follow(text) { part.change(stateOf(text, part.state)); },
    reset(given) { part.change({ ...given, run: (part.state.run ?? 0) + 1 }); },
    update(patch) { part.change(patch); },
    destroy: () => part.destroy(),
  };
}

/** A changed setting begins anew; another language, other colours or paper do not. */
function restart(part, { rules, batch, steps, seed, run }) {
  const settings = [rules, batch, steps, seed, run];
  if (part.training && settings.every((value, i) => value === part.trained[i])) return;
  Object.assign(part, { training: trainingOf(part), trained: settings });
  if (!part.waiting) train(part);
}

function train(part) {
  cancelAnimationFrame(part.turn);
  const frame = () => {
    if (part.waiting || !part.training) return;
    part.setBusy(!part.training.done);
    if (part.training.done) return finished(part);
    part.training.advance(part.root.querySelector("input[type=range]:active") ? HELD : BUDGET);
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

/** Of formulas: the noise of one image's gradient at the first weights and of a batch's, and how well the accuracy of the last rule is known. */
function numbersOfImages({ training, noise, state }) {
  const { data, batch, runners, held } = training, accuracy = runners.at(-1).accuracies.at(-1)[1];
  const size = Math.min(batch, data.train);
  return {
    batch: size, images: data.train, accuracy, held: held.length, spread: Math.sqrt(accuracy * (1 - accuracy) / held.length),
    get single() { // where a formula asks for it
      if (noise.seed !== state.seed) Object.assign(noise, { seed: state.seed, value: Steepest.noiseOf(data, Steepest.firstWeights(data.sizes, state.seed)) });
      return noise.value;
    },
    get noise() { return this.single * Math.sqrt((data.train - size) / (data.train - 1) / size); },
  };
}

/** Of formulas: the decaying rate at the step in view, and that of the rarest of the words that are watched. */
function numbersOfWords({ training, state }) {
  const { runners: [decaying, own], step, watched } = training, [first, second] = state.rules, sum = own?.state.sum?.[watched.at(-1)];
  return {
    lr_0: decaying.lr[0], rate: first.schedule?.rate, t: Math.max(0, step - 1), decayed: decaying.lr[Math.max(0, step - 1)],
    ...(sum > 0 && second ? { lr_1: second.settings.lr, sum, own: second.settings.lr / Math.sqrt(sum) } : {}), // without a second rule the training is still that of the rules before
  };
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

/** Losses up to that of the first batches, or of a network that knows nothing and finds all classes equally likely. */
function drawNetwork(part, state) {
  const { training } = part;
  const most = 1.1 * Math.max(Math.log(training.data.sizes.at(-1)), ...training.runners.flatMap(({ losses }) => losses.slice(0, 3)).filter(Number.isFinite));
  drawCurves(part, "losses", { range: [0, Math.min(most, 4)], title: part.say("batchLoss") }, (pen, frame) => eachRunner(part, ({ losses }, colour) => {
    strokeCurve(part, pen, losses.map((loss, i) => [i + 1, loss]), frame, colour, 1, { opacity: losses.length > 60 ? 0.3 : 0.6 });
    let mean = losses[0];
    strokeCurve(part, pen, losses.map((loss, i) => [i + 1, (mean = SMOOTH * mean + (1 - SMOOTH) * loss)]), frame, colour, 2.4);
  }));
  drawAccuracies(part, state, [0, 1], part.say("heldOutAccuracy"));
}

/** The rates of some words, each rule's, and the accuracy. */
function drawWords(part, state) {
  const { training, theme } = part, settled = Math.min(SETTLED, Math.max(0, training.step - 1)); // a word's first rate may be of any size
  const seen = training.runners.flatMap(({ rates }) => rates.slice(settled).flat()).filter((rate) => rate > 0);
  const range = seen.length ? [Math.min(...seen) / 1.5, Math.max(...seen) * 1.5] : [0.1, 10], names = [];
  drawCurves(part, "rates", { range, log: true, title: part.say("wordRates") }, (pen, frame) => eachRunner(part, ({ rates, lr }, colour) => {
    const shared = rates.every((row, n) => row.every((rate) => !(Math.abs(rate - lr[n]) > 1e-6 * lr[n])));
    (shared ? [0] : training.watched.keys()).forEach((k) => {
      const points = rates.map((row, n) => [n + 1, row[k]]).filter(([, rate]) => Number.isFinite(rate));
      strokeCurve(part, pen, points, frame, colour, 2.2 - 0.4 * k, { opacity: 1 - 0.18 * k });
      if (points.length) names.push([frame, points.at(-1), part.say(shared ? "everyWord" : "wordOfRank", training.watched[k] + 1), shared]);
    });
  }));
  const pen = part.byId("rates").querySelector("canvas").getContext("2d");
  for (const [frame, [step, rate], text, below] of names) {
    setLetters(part, pen, 0.74, theme.ink, "right", below ? "top" : "bottom", 600);
    const x = Math.max(frame.toX(step) - 5, frame.toX(0) + 4 + pen.measureText(text).width), y = frame.toY(rate) + (below ? 4 : -3);
    setStroke(pen, theme.paper, 3);
    pen.strokeText(text, x, y);
    pen.fillText(text, x, y);
  }
  drawAccuracies(part, state, [0.5, 1], part.say("heldOutTexts"));
}

function eachRunner(part, draw) {
  part.training.runners.forEach((runner, i) => draw(runner, colourOf(part, Steepest.rules[part.state.rules[i].id].looks[0])));
}

function drawAccuracies(part, state, range, title) {
  const { training } = part;
  drawCurves(part, "accuracies", { range, title }, (pen, frame) => eachRunner(part, ({ accuracies }, colour) => strokeCurve(part, pen, accuracies, frame, colour, 2.4)));
  showLegend(part, state);
}

/** A line for each rule; only its numbers are written anew. */
function showLegend(part, { rules }) {
  const { training, theme } = part, list = part.byId("legend"), shape = [theme.dark, ...rules.map(({ id }) => id)].join();
  if (list.dataset.shape !== shape) {
    list.dataset.shape = shape;
    list.replaceChildren(...rules.map(({ id }) => {
      const { title, looks: [look] } = Steepest.rules[id];
      return make("li", {}, make("b", {}, make("span", { html: lookIcon(part, look) }), title), make("output", {}), make("span", { class: "told" }));
    }));
  }
  training.runners.forEach(({ losses, accuracies }, i) => {
    const numbers = part.say("afterSteps", training.step, pretty(losses.at(-1) ?? NaN, 3), pretty(100 * accuracies.at(-1)[1], 3));
    list.children[i].children[1].textContent = numbers;
  });
}
