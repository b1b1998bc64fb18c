// The controls of a network that is trained in the lecture: batch size, learning rates, other weights; of its slice, which
// path the plane is laid through, and the step in view.

import * as Steepest from "../core/api.js";
import { button, make } from "./dom.js";
import { lookIcon } from "./marks.js";
import { makeSlider } from "./slider.js";
import { colourOf } from "./theme.js";
import { both } from "./words.js";

/**
 * Shows them. `part.options` has `batches` (the choices; "all" is 0) or `batch_slider` (any size), `rates` (whether there are sliders of learning rates),
 * `high` (the largest of those) and `view`.
 */
export function showNetworkControls(part, state, changed) {
  const ids = state.rules.map(({ id }) => id).join();
  if (!changed("lang") && part.rows.length && part.rulesShown === ids) return part.rows.forEach((row) => row.update());
  part.rulesShown = ids;
  const { batches = [], batch_slider: anySize, rates = true, high = 3, view } = part.options, slice = view === "slice", made = [];
  if (slice && state.rules.length > 1) made.push(tabs(part, "planeThrough", "through", state.rules.map(({ id }, i) => [i, Steepest.rules[id].title])));
  if (batches.length) made.push(tabs(part, "batchSize", "batch", batches.map((size) => [size, size ? String(size) : part.say("allImages")])));
  if (anySize) made.push(batchSlider(part));
  if (slice) made.push(pointSlider(part));
  if (rates) made.push(...state.rules.map((rule, i) => rateSlider(part, rule, i, high)));
  made.push(otherSeed(part));
  part.rows = made;
  part.byId("controls").replaceChildren(...made);
  made.forEach((row) => row.update());
}

/** Buttons of which one is chosen: the value of `name` in the state. */
function tabs(part, word, name, choices) {
  const tab = ([value, text]) => button({ "data-key": value, click: () => part.change({ [name]: value }) }, text);
  const row = make("div", { class: "tabs-row", role: "group", "aria-label": part.say(word) }, make("span", { class: "hint" }, part.say(word)), ...choices.map(tab));
  const update = () => row.querySelectorAll("button").forEach((one) => one.setAttribute("aria-pressed", String(Number(one.dataset.key) === (part.state[name] ?? 0))));
  return Object.assign(row, { update });
}

function rateSlider(part, { id }, index, high) {
  const setting = Steepest.rules[id].settings.find(({ name }) => name === "lr");
  const write = (lr) => part.change({ rules: part.state.rules.map((rule, i) => (i === index ? { ...rule, settings: { ...rule.settings, lr } } : rule)) });
  const row = makeSlider(part, { ...setting, low: high > 10 ? 0.1 : 1e-4, high }, () => Steepest.settingsOf(id, part.state.rules[index]?.settings).lr, write), { looks: [look], title } = Steepest.rules[id];
  row.style.setProperty("--rule", colourOf(part, look));
  row.prepend(make("span", { class: "whose", html: lookIcon(part, look, 26), title }));
  return row;
}

/** The size of batches, from one image to all of them. */
function batchSlider(part) {
  const most = part.training.data.train, setting = { name: part.say("batchSize"), about: both("batchAbout"), symbol: "<math><mi>B</mi></math>",
    scale: "log", low: 1, high: most, within: `[1, ${most}]` };
  return makeSlider(part, setting, () => part.state.batch, (size) => part.change({ batch: Math.min(most, Math.round(size)) }));
}

/** Which of the points that are kept is in view, as the step at which it was. */
function pointSlider(part) {
  const { EVERY } = Steepest, { steps } = part.state;
  const setting = { name: part.say("scrub"), about: both("scrub"), symbol: "<math><mi>t</mi></math>", scale: "whole", low: 0, high: steps, within: "[0, inf)" };
  const write = (step) => part.change({ point: Math.min(Math.round(step / EVERY), Math.ceil(steps / EVERY)) });
  return makeSlider(part, setting, () => Math.min(steps, EVERY * (part.state.point ?? Math.ceil(steps / EVERY))), write);
}

function otherSeed(part) {
  const again = button({ click: () => part.change({ seed: part.state.seed + 1 }) }, part.say("otherSeed"));
  return Object.assign(make("div", { class: "tabs-row" }, again), { update() {} });
}
