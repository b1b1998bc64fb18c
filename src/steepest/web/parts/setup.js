// Landscape, steps, noise and schedule: what is the same for every rule.

import * as Steepest from "../core/api.js";
import { button, byId, make, toast } from "./dom.js";
import { drawThumbnail, openGallery } from "./gallery.js";
import { landscapeOf } from "./scene.js";
import { makeSlider } from "./slider.js";
import { change, follow, store } from "./store.js";
import { both, lang, say } from "./words.js";

const MOST_SEED = 999999;
const setup = { rows: [], schedule: null, formula: null };

export function startSetup() {
  buildSetup();
  follow(showSetup);
  byId("pick").onclick = openGallery;
}

function buildSetup() {
  buildLandscape();
  const count = { name: say("steps"), about: both("stepsAbout"), symbol: "T", scale: "log", low: 5, high: 2000, within: "[1, 5000]" };
  const noise = {
    name: say("noise"), about: both("noiseAbout"), symbol: "\\sigma", scale: "zero", low: 0, first: 0.01, high: 10, within: "[0, inf)",
  };
  setup.rows = [
    makeSlider(count, () => store.state.steps, (value) => setSteps(Math.round(value))),
    makeSlider(noise, () => store.state.noise, (value) => change({ noise: value })),
  ];
  const seed = make("input", { id: "seed", type: "number", min: 0, max: MOST_SEED, step: 1, input: () => {
    if (seed.checkValidity() && seed.value) change({ seed: seed.valueAsNumber });
  } });
  const again = button({ click: () => change({ seed: (store.state.seed + 1) % MOST_SEED }) }, say("newSeed"));
  const choose = () => change({ schedule: schedule.value === "constant" ? null : { id: schedule.value } });
  const schedule = make("select", { id: "schedule", change: choose },
    ...Object.values(Steepest.schedules).map(({ id, title }) => make("option", { value: id }, title[lang()])));
  byId("run").replaceChildren(...setup.rows,
    make("div", { class: "field seed" }, make("label", { for: "seed" }, say("seed")), seed, again),
    make("div", { class: "field" }, make("label", { for: "schedule" }, say("schedule")), schedule),
    make("div", { id: "schedule-settings" }));
  setup.schedule = null;
}

function setSteps(steps) {
  const { step } = store.state;
  change({ steps, step: step !== null && step >= steps ? null : step });
}

function showSetup(state, changed) {
  if (setup.spoken !== lang()) buildSetup();
  setup.spoken = lang();
  setup.rows.forEach((row) => row.update());
  if (document.activeElement !== byId("seed")) byId("seed").value = state.seed;
  byId("run").querySelector(".seed").hidden = !(state.noise > 0);
  const chosen = state.schedule?.id ?? "constant";
  byId("schedule").value = chosen;
  if (setup.schedule !== chosen) buildSchedule(chosen);
  [...byId("schedule-settings").children].forEach((row) => row.update());
  if (changed("landscape", "lang")) showLandscape(state);
}

function buildSchedule(id) {
  setup.schedule = id;
  byId("schedule-settings").replaceChildren(...Steepest.schedules[id].settings.map((setting) =>
    makeSlider(setting, () => store.state.schedule?.[setting.name] ?? setting.value,
      (value) => change({ schedule: { ...store.state.schedule, id, [setting.name]: value } }))));
}

// --- landscape and formula --------------------------------------------------------------------------------------------

function buildLandscape() {
  const plainly = { spellcheck: "false", autocomplete: "off", autocapitalize: "off", "aria-describedby": "formula-error" };
  const formula = make("input", { id: "formula", type: "text", ...plainly, input: readFormula });
  byId("landscape").replaceChildren(make("label", { for: "formula", class: "hint" }, say("formulaLabel")),
    make("div", { class: "formula" }, make("span", { "aria-hidden": "true" }, "f ="), formula),
    make("pre", { id: "formula-error", role: "alert", hidden: true }), make("div", { id: "formula-shown" }), make("p", { id: "about" }));
}

export function titleOf({ title, id }) { return title?.[lang()] ?? title ?? id ?? say("ownFormula"); }

function showLandscape(state) {
  const landscape = landscapeOf(state), field = byId("formula");
  if (document.activeElement !== field) field.value = landscape.formula;
  if (document.activeElement !== field) showError(null);
  byId("about").textContent = landscape.id ? landscape.about[lang()] : say("ownAbout");
  byId("formula-shown").innerHTML = landscape.equation ?? Steepest.mathml(landscape.latex);
  byId("pick").querySelector("span").textContent = titleOf(landscape);
  byId("pick").setAttribute("aria-label", say("pick", titleOf(landscape)));
  drawThumbnail(byId("pick").querySelector("canvas"), landscape, 44, 26);
}

/** Follows a formula as it is typed: a good one is drawn at once, of a bad one is said what is wrong and where. */
function readFormula() {
  const text = byId("formula").value;
  try {
    const landscape = Steepest.parse(text);
    showError(null);
    useFormula(text, landscape);
  } catch (error) {
    if (!error.message?.[lang()]) throw error;
    showError(error);
  }
}

function showError(error) {
  const place = byId("formula-error");
  byId("formula").setAttribute("aria-invalid", String(Boolean(error)));
  place.hidden = !error;
  if (!error) return;
  const text = byId("formula").value.trimStart(), { column } = error, at = Math.max(0, (column ?? 0) - 24);
  const shown = `${at ? "…" : ""}${text.slice(at, at + 48)}`;
  place.textContent = `${shown}\n${" ".repeat((column ?? 0) - at + (at ? 1 : 0))}^\n${error.message[lang()]}`;
}

/** While a formula of the same coordinates is typed on, start and window stay. */
function useFormula(formula, found) {
  const stays = typeof store.state.landscape !== "string" && found.dims === landscapeOf(store.state).dims;
  change({ landscape: { formula }, step: null, ...(stays ? {} : fresh(found)) });
}

/** Another landscape: its own start and window, the same rules with learning rates that work there. */
export function useLandscape(found) {
  const next = { ...store.state, landscape: found.id, step: null, ...fresh(found) };
  change({ ...next, rules: next.rules.map((rule) => tuned(rule, next)) });
  toast(say("ratesSet", titleOf(found)));
}

function fresh({ start }) { return { start: [...start], view: { ...store.state.view, window: null } }; }

/** The rule with that learning rate of 0.0001, 0.0002, 0.0005 ... 10 which ends lowest without going far beyond the window. */
function tuned({ id, settings }, state) {
  const { window, dims } = landscapeOf(state), spec = { ...state, rule: id, noise: 0, steps: Math.min(300, state.steps) };
  const rates = [-4, -3, -2, -1, 0].flatMap((power) => [1, 2, 5].map((digit) => Number(`${digit}e${power}`)));
  const near = window.map(([low, high]) => [2 * low - high, 2 * high - low]);
  const inside = (x) => x.every((value, k) => value >= near[k % dims][0] && value <= near[k % dims][1]);
  const tries = rates.map((lr) => ({ lr, run: Steepest.run({ ...spec, settings: { ...settings, lr } }) }));
  const best = tries.filter(({ run }) => inside(run.x)).sort((a, b) => a.run.f[a.run.n] - b.run.f[b.run.n])[0];
  return { id, settings: { ...settings, lr: best?.lr ?? settings.lr } };
}
