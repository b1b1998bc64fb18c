// The controls of a figure: sliders of the settings that its station names, buttons for schedules, another seed.

import * as Steepest from "../core/api.js";
import { button, make } from "./dom.js";
import { pretty } from "./frame.js";
import { lookIcon } from "./marks.js";
import { sceneOf } from "./scene.js";
import { makeSlider, valueIn } from "./slider.js";
import { colourOf } from "./theme.js";
import { withSetting } from "./rules_panel.js";
import { both } from "./words.js";

/**
 * Shows `part.options.controls`, a list of {kind, ...}: "setting" ({rule, name, place, low, high, scale}: of which rule,
 * which setting, and its range where it is not the usual one; -1 is the last rule), "noise", "steps", "seed", "schedule" ({choices}).
 */
export function startControls(part) {
  part.controls = { rows: [], shape: "" };
  part.follow(showControls);
  part.follow(markLimits, true);
}

function showControls(part, state) {
  const { controls } = part, shape = JSON.stringify([part.lang(), part.theme.dark, state.rules.map(({ id }) => id)]);
  if (shape !== controls.shape) {
    controls.shape = shape;
    controls.rows = (part.options.controls ?? []).map((control) => ROWS[control.kind](part, control)).filter(Boolean);
    part.byId("controls").replaceChildren(...controls.rows);
  }
  controls.rows.forEach((row) => row.update());
}

const ROWS = {
  setting(part, { rule = 0, name, place = null, ...range }) {
    const { rules } = part.state, index = rule < 0 ? rules.length + rule : rule;
    if (!rules[index]) return null;
    const { id } = rules[index], known = Steepest.rules[id].settings.find((one) => one.name === name && one.place === place);
    const setting = { ...known, ...range }, read = () => valueIn(Steepest.settingsOf(id, part.state.rules[index]?.settings), setting);
    const changed = (rule, value) => ({ ...rule, settings: withSetting(rule, setting, value) });
    const write = (value) => part.change({ rules: part.state.rules.map((rule, i) => (i === index ? changed(rule, value) : rule)) });
    const row = makeSlider(part, setting, read, write), { look, short } = sceneOf(part, part.state).tracks[index];
    row.style.setProperty("--rule", colourOf(part, look));
    if (rules.length > 1) row.prepend(make("span", { class: "whose", html: lookIcon(part, look, 26), title: short }));
    return Object.assign(row, { index, isRate: name === "lr" });
  },
  noise(part) {
    const setting = { name: part.say("noise"), about: both("noiseAbout"), symbol: "<math><mi>σ</mi></math>", scale: "zero",
      low: 0, least: 0.01, high: 10, within: "[0, inf)" };
    return makeSlider(part, setting, () => part.state.noise, (value) => part.change({ noise: value }));
  },
  steps(part, { low = 5, high = 500 }) {
    const setting = { name: part.say("steps"), about: both("stepsAbout"), symbol: "<math><mi>T</mi></math>", scale: "log",
      low, high, within: "[1, 5000]" };
    const write = (value) => part.change({ steps: Math.round(value), step: null });
    return makeSlider(part, setting, () => part.state.steps, write);
  },
  seed(part) {
    const another = () => part.change({ seed: part.state.seed + 1 }), now = make("span", { class: "hint" });
    const row = make("div", { class: "field seed" }, make("span", { class: "hint" }, part.say("seed")), now, button({ click: another }, part.say("newSeed")));
    return Object.assign(row, { update: () => { now.textContent = part.state.seed; } });
  },
  schedule(part, { choices }) {
    const chosen = () => part.state.schedule?.id ?? "constant";
    const tab = (id) => button({ "data-key": id, click: () => part.change({ schedule: id === "constant" ? null : { id } }) },
      Steepest.schedules[id].title[part.lang()]);
    const row = make("div", { class: "tabs-row", role: "group", "aria-label": part.say("schedule") }, ...choices.map(tab));
    const update = () => [...row.children].forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.key === chosen())));
    return Object.assign(row, { update });
  },
};

/** Where a learning rate becomes unstable, on quadratics; not before an answer that it would give away. */
function markLimits(part, state) {
  const { tracks, landscape } = sceneOf(part, state);
  for (const row of part.controls.rows) {
    if (!row.isRate || !tracks[row.index] || part.options.unmarked) continue;
    const { id, run } = tracks[row.index], found = Steepest.stability(landscape, id, run.settings);
    const limit = found && !found.scaled && found.limit > 0 && Number.isFinite(found.limit) ? found.limit : null;
    row.mark(limit, limit ? part.say("limitAt", pretty(limit)) : "");
  }
}
