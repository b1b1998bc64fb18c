// The rules that run: a card each with its settings, and the choice of another.

import * as Steepest from "../core/api.js";
import { button, called, make, openDialog } from "./dom.js";
import { pretty } from "./frame.js";
import { lookIcon } from "./marks.js";
import { suitedRate } from "./rates.js";
import { sceneOf } from "./scene.js";
import { makeSlider, makeSwitch, settingName, valueIn } from "./slider.js";
import { escaped } from "./svg_pen.js";
import { colourOf } from "./theme.js";

const MOST_RULES = 6;

export function startRules(part) {
  part.panel = { cards: [], shape: "" };
  part.follow(showRules);
  part.follow(showLimits, true);
}

function showRules(part, state) {
  const { panel } = part, shape = JSON.stringify([state.rules.map(({ id }) => id), part.lang(), part.theme.dark]);
  if (shape !== panel.shape) {
    panel.shape = shape;
    panel.cards = state.rules.map((_, index) => makeCard(part, index));
    part.byId("rules").replaceChildren(...panel.cards, addButton(part, state));
  }
  panel.cards.forEach((card, index) => {
    card.classList.toggle("selected", index === state.selected && state.rules.length > 1);
    card.rows.forEach((row) => row.update());
    card.querySelector(".changed").textContent = changedText(state.rules[index], card.minor);
  });
}

export function setRules(part, rules, more = {}) { part.change({ rules, ...more }); }

function makeCard(part, index) {
  const rule = Steepest.rules[part.state.rules[index].id], { look } = sceneOf(part, part.state).tracks[index], { title } = rule;
  const major = rule.settings.filter(isMajor), minor = rule.settings.filter((setting) => !isMajor(setting));
  const rows = new Map(rule.settings.map((setting) => [setting, makeSetting(part, setting, index)]));
  const select = () => part.change({ selected: index });
  const head = make("div", { class: "head" },
    button({ class: "title", click: select, title: rule.helps[part.lang()], html: `${lookIcon(part, look)}<b>${escaped(title)}</b>` }),
    button({ class: "quiet remove", ...called(part.say("remove", title)), click: () => removeRule(part, index) }, "×"));
  const rowsOf = (settings) => settings.map((setting) => rows.get(setting)), told = make("span", { class: "changed" });
  const more = make("details", { class: "more", hidden: !minor.length }, make("summary", {}, part.say("more"), told), ...rowsOf(minor));
  const limit = make("p", { class: "limit-text", hidden: true });
  const card = make("div", { class: "rule", role: "group", "aria-label": title }, head, ...rowsOf(major), more, limit);
  card.style.setProperty("--rule", colourOf(part, look));
  card.addEventListener("focusin", () => { if (part.state.selected !== index) select(); });
  return Object.assign(card, { rows: [...rows.values()], minor, rate: rows.get(rule.settings.find(({ name }) => name === "lr")) });
}

/** The settings that are turned first: the learning rate and the memories that are used. */
function isMajor({ name, scale, value }) { return name === "lr" || (scale === "memory" && value > 0); }

function makeSetting(part, setting, index) {
  const { id } = part.state.rules[index], read = () => valueIn(Steepest.settingsOf(id, part.state.rules[index]?.settings), setting);
  const changed = (rule, value) => ({ ...rule, settings: withSetting(rule, setting, value), ...owned(setting) });
  const write = (value) => setRules(part, part.state.rules.map((rule, i) => (i === index ? changed(rule, value) : rule)));
  return (setting.kind === "switch" ? makeSwitch : makeSlider)(part, setting, read, write);
}

/** That a rate was set by hand, see rates.js. */
export function owned(...settings) { return settings.some(({ name }) => name === "lr") ? { own: true } : {}; }

export function withSetting({ id, settings }, { name, place }, value) {
  if (place === null) return { ...settings, [name]: value };
  return { ...settings, [name]: Steepest.settingsOf(id, settings)[name].map((old, i) => (i === place ? value : old)) };
}

function changedText({ id, settings }, minor) {
  const now = Steepest.settingsOf(id, settings);
  const different = minor.filter((setting) => valueIn(now, setting) !== setting.value);
  const tell = (setting) => (setting.kind === "switch" ? setting.name : `${settingName(setting)} ${pretty(valueIn(now, setting))}`);
  return different.map(tell).join(", ");
}

function removeRule(part, index) {
  const rules = part.state.rules.filter((_, i) => i !== index), { selected = 0 } = part.state;
  setRules(part, rules, { selected: Math.max(0, Math.min(selected - (index < selected), rules.length - 1)) });
  part.byId("rules").querySelector(".add")?.focus();
}

function addButton(part, { rules }) {
  if (rules.length >= MOST_RULES) return make("p", { class: "hint" }, part.say("sixRules"));
  return button({ class: "add", click: () => chooseRule(part) }, `+ ${part.say("addRule")}`);
}

function chooseRule(part) {
  const add = ({ id }) => {
    part.byId("adding").close();
    setRules(part, [...part.state.rules, startingRule(part, id)], { selected: part.state.rules.length });
  };
  const choices = Object.values(Steepest.rules).map((rule) => button({ class: "choice", click: () => add(rule) },
    make("span", { html: lookIcon(part, rule.looks[0], 44) }), make("b", {}, rule.title), make("small", {}, rule.helps[part.lang()])));
  openDialog(part, part.byId("adding"), part.say("addRule"), make("div", { class: "choices" }, ...choices));
}

/** A rule to begin with: at the learning rate of one like it that is there already, or at one that works. */
function startingRule(part, id) {
  const alike = part.state.rules.find((rule) => rule.id === id), settings = Steepest.settingsOf(id);
  if (alike) return { id, settings: { ...settings, lr: alike.settings.lr }, own: alike.own };
  return { id, settings: { ...settings, lr: suitedRate(part, { id, settings }, part.state) }, own: false };
}

/** On quadratics: where the learning rate becomes unstable, marked on the slider and said below it. */
function showLimits(part, state) {
  const scene = sceneOf(part, state);
  scene.tracks.forEach(({ id, run }, index) => {
    const card = part.panel.cards[index], words = card.querySelector(".limit-text");
    const found = Steepest.stability(scene.landscape, id, run.settings);
    const limit = found && !found.scaled && found.limit > 0 && Number.isFinite(found.limit) ? found.limit : null;
    const text = limit ? limitText(part, found, run.settings.lr) : "";
    card.rate.mark(limit, text);
    words.hidden = !text;
    words.textContent = text;
    words.classList.toggle("beyond", limit !== null && run.settings.lr >= limit);
  });
}

function limitText(part, { limit, curvatures, tied }, rate) {
  const { formula, label, lambda } = curvatures.find((curvature) => curvature.limit === limit);
  const along = part.say(tied ? "alongAll" : label === "eigenvector" ? "alongSteepest" : "along", label);
  const value = formula ? `${formula} = ${pretty(limit)}` : pretty(limit);
  return part.say(rate < limit ? "limitBelow" : "limitAbove", value, pretty(lambda), along);
}
