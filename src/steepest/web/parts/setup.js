// Landscape, steps, noise and schedule: what is the same for every rule.

import * as Steepest from "../core/api.js";
import { button, fit, make } from "./dom.js";
import { drawThumbnail, openGallery } from "./gallery.js";
import { landscapeOf, titleOf } from "./scene.js";
import { proposeRates } from "./rates.js";
import { makeSlider } from "./slider.js";
import { both } from "./words.js";

const FULL_WIDTH = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/;
const MOST_SEED = 999999;
const TYPING_PAUSE = 700; // milliseconds without a key, after which a formula is taken for finished

export function startSetup(part) {
  part.setup = { rows: [], schedule: null, lang: null, pause: 0, before: null };
  part.endings.push(() => clearTimeout(part.setup.pause));
  buildSetup(part);
  part.follow(showSetup);
  part.byId("pick").onclick = () => openGallery(part, (landscape) => useLandscape(part, landscape));
}

function buildSetup(part) {
  const { setup } = part;
  buildLandscape(part);
  const count = {
    name: part.say("steps"), about: both("stepsAbout"), symbol: "<math><mi>T</mi></math>", scale: "log", low: 5,
    high: 2000, within: "[1, 5000]",
  };
  const noise = {
    name: part.say("noise"), about: both("noiseAbout"), symbol: "<math><mi>σ</mi></math>", scale: "zero", low: 0, least: 0.01,
    high: 10, within: "[0, inf)",
  };
  setup.rows = [
    makeSlider(part, count, () => part.state.steps, (value) => setSteps(part, Math.round(value))),
    makeSlider(part, noise, () => part.state.noise, (value) => part.change({ noise: value })),
  ];
  const seed = make("input", { id: "seed", type: "number", min: 0, max: MOST_SEED, step: 1, input: () => {
    if (seed.checkValidity() && seed.value) part.change({ seed: seed.valueAsNumber });
  } });
  const again = button({ click: () => part.change({ seed: (part.state.seed + 1) % MOST_SEED }) }, part.say("newSeed"));
  const choose = () => part.change({ schedule: schedule.value === "constant" ? null : { id: schedule.value } });
  const schedule = make("select", { id: "schedule", change: choose },
    ...Object.values(Steepest.schedules).map(({ id, title }) => make("option", { value: id }, title[part.lang()])));
  part.byId("run").replaceChildren(...setup.rows,
    make("div", { class: "field seed" }, make("label", { for: "seed" }, part.say("seed")), seed, again),
    make("div", { class: "field" }, make("label", { for: "schedule" }, part.say("schedule")), schedule),
    make("div", { id: "schedule-settings" }));
  setup.schedule = null;
}

function setSteps(part, steps) {
  const { step } = part.state;
  part.change({ steps, step: step !== null && step >= steps ? null : step });
}

function showSetup(part, state, changed) {
  const { setup } = part;
  if (setup.lang !== part.lang()) buildSetup(part);
  setup.lang = part.lang();
  setup.rows.forEach((row) => row.update());
  if (part.root.activeElement !== part.byId("seed")) part.byId("seed").value = state.seed;
  part.byId("run").querySelector(".seed").hidden = !(state.noise > 0);
  const chosen = state.schedule?.id ?? "constant";
  part.byId("schedule").value = chosen;
  if (setup.schedule !== chosen) buildSchedule(part, chosen);
  [...part.byId("schedule-settings").children].forEach((row) => row.update());
  if (changed("landscape", "lang")) showLandscape(part, state);
}

function buildSchedule(part, id) {
  part.setup.schedule = id;
  part.byId("schedule-settings").replaceChildren(...Steepest.schedules[id].settings.map((setting) =>
    makeSlider(part, setting, () => part.state.schedule?.[setting.name] ?? setting.value,
      (value) => part.change({ schedule: { ...part.state.schedule, id, [setting.name]: value } }))));
}

// --- landscape and formula --------------------------------------------------------------------------------------------

function buildLandscape(part) {
  const plainly = { spellcheck: "false", autocomplete: "off", autocapitalize: "off", "aria-describedby": "formula-error" };
  const formula = make("input", { id: "formula", type: "text", ...plainly, input: () => readFormula(part) });
  part.byId("landscape").replaceChildren(make("label", { for: "formula", class: "hint" }, part.say("formulaLabel")),
    make("div", { class: "formula" }, make("span", { "aria-hidden": "true" }, "f ="), formula),
    make("pre", { id: "formula-error", role: "alert", hidden: true }), make("div", { id: "formula-shown", class: "fits" }),
    make("p", { id: "about" }));
}

function showLandscape(part, state) {
  const landscape = landscapeOf(part, state), field = part.byId("formula");
  if (part.root.activeElement !== field) field.value = landscape.formula;
  if (part.root.activeElement !== field) showError(part, null);
  part.byId("about").textContent = landscape.id ? landscape.about[part.lang()] : part.say("ownAbout");
  part.byId("formula-shown").innerHTML = landscape.equation;
  fit(part.byId("formula-shown"));
  part.byId("pick").querySelector("span").textContent = titleOf(part, landscape);
  part.byId("pick").setAttribute("aria-label", part.say("pick", titleOf(part, landscape)));
  drawThumbnail(part, part.byId("pick").querySelector("canvas"), landscape, 44, 26);
}

/** Follows a formula as it is typed: a good one is drawn at once, of a bad one is said what is wrong and where. */
function readFormula(part) {
  const text = part.byId("formula").value;
  try {
    const landscape = Steepest.parse(text);
    showError(part, null);
    useFormula(part, text, landscape);
  } catch (error) {
    if (!error.message?.[part.lang()]) throw error;
    showError(part, error);
  }
}

function showError(part, error) {
  const place = part.byId("formula-error");
  part.byId("formula").setAttribute("aria-invalid", String(Boolean(error)));
  place.hidden = !error;
  if (!error) return;
  const letters = Array.from(part.byId("formula").value.trimStart()), { column = 0 } = error, at = Math.max(0, column - 24);
  const dots = at ? "…" : "", shown = letters.slice(at, at + 48).join("");
  const indent = letters.slice(at, column).map((letter) => (FULL_WIDTH.test(letter) ? "\u3000" : " ")).join("");
  place.textContent = `${dots}${shown}\n${dots && " "}${indent}^\n${error.message[part.lang()]}`;
}

/** While a formula of the same coordinates is typed on, start and window stay. */
function useFormula(part, formula, found) {
  const before = part.state, stays = typeof before.landscape !== "string" && found.dims === landscapeOf(part, part.state).dims;
  part.change({ landscape: { formula }, step: null, ...(stays ? {} : fresh(part, found)) });
  clearTimeout(part.setup.pause);
  part.setup.before ??= before;
  part.setup.pause = setTimeout(() => {
    proposeRates(part, part.setup.before);
    part.setup.before = null;
  }, TYPING_PAUSE);
}

/** Another landscape: its own start and window, the same rules with learning rates that work there. */
function useLandscape(part, found) {
  const before = part.state;
  part.change({ landscape: found.id, step: null, ...fresh(part, found) });
  proposeRates(part, before);
}

function fresh(part, { start }) { return { start: [...start], view: { ...part.state.view, window: null } }; }
