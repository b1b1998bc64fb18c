// The rules that run: a card each with its settings, and the choice of another.

import * as Steepest from "../core/api.js";
import { button, byId, called, make, openDialog } from "./dom.js";
import { pretty } from "./frame.js";
import { lookIcon } from "./marks.js";
import { sceneOf } from "./scene.js";
import { makeSlider, makeSwitch, settingName, valueIn } from "./slider.js";
import { change, follow, store } from "./store.js";
import { escaped } from "./svg_pen.js";
import { colourOf, theme } from "./theme.js";
import { lang, say } from "./words.js";

const MOST_RULES = 6;
const panel = { cards: [], shape: "" };

export function startRules() { follow(showRules); follow(showLimits, true); }

function showRules(state) {
  const shape = JSON.stringify([state.rules.map(({ id }) => id), lang(), theme.dark]);
  if (shape !== panel.shape) {
    panel.shape = shape;
    panel.cards = state.rules.map((_, index) => makeCard(index));
    byId("rules").replaceChildren(...panel.cards, addButton(state));
  }
  panel.cards.forEach((card, index) => {
    card.classList.toggle("selected", index === state.selected && state.rules.length > 1);
    card.rows.forEach((row) => row.update());
    card.querySelector(".changed").textContent = changedText(state.rules[index], card.minor);
  });
}

export function setRules(rules, more = {}) { change({ rules, ...more }); }

function makeCard(index) {
  const rule = Steepest.rules[store.state.rules[index].id], { look } = sceneOf(store.state).tracks[index], { title } = rule;
  const major = rule.settings.filter(isMajor), minor = rule.settings.filter((setting) => !isMajor(setting));
  const rows = new Map(rule.settings.map((setting) => [setting, makeSetting(setting, index)]));
  const select = () => change({ selected: index });
  const head = make("div", { class: "head" },
    button({ class: "title", click: select, title: rule.helps[lang()], html: `${lookIcon(look)}<b>${escaped(title)}</b>` }),
    button({ class: "quiet remove", ...called(say("remove", title)), click: () => removeRule(index) }, "×"));
  const rowsOf = (settings) => settings.map((setting) => rows.get(setting)), told = make("span", { class: "changed" });
  const more = make("details", { class: "more", hidden: !minor.length }, make("summary", {}, say("more"), told), ...rowsOf(minor));
  const limit = make("p", { class: "limit-text", hidden: true });
  const card = make("div", { class: "rule", role: "group", "aria-label": title }, head, ...rowsOf(major), more, limit);
  card.style.setProperty("--rule", colourOf(look));
  card.addEventListener("focusin", () => { if (store.state.selected !== index) select(); });
  return Object.assign(card, { rows: [...rows.values()], minor, rate: rows.get(rule.settings.find(({ name }) => name === "lr")) });
}

/** The settings that are turned first: the learning rate and the memories that are used. */
function isMajor({ name, scale, value }) { return name === "lr" || (scale === "memory" && value > 0); }

function makeSetting(setting, index) {
  const { id } = store.state.rules[index], read = () => valueIn(Steepest.settingsOf(id, store.state.rules[index]?.settings), setting);
  const changed = (rule, value) => ({ ...rule, settings: withSetting(rule, setting, value) });
  const write = (value) => setRules(store.state.rules.map((rule, i) => (i === index ? changed(rule, value) : rule)));
  return (setting.kind === "switch" ? makeSwitch : makeSlider)(setting, read, write);
}

export function withSetting({ id, settings }, { name, place }, value) {
  if (place === null) return { ...settings, [name]: value };
  return { ...settings, [name]: Steepest.settingsOf(id, settings)[name].map((each, i) => (i === place ? value : each)) };
}

function changedText({ id, settings }, minor) {
  const now = Steepest.settingsOf(id, settings);
  const different = minor.filter((setting) => valueIn(now, setting) !== setting.value);
  const tell = (setting) => (setting.kind === "switch" ? setting.name : `${settingName(setting)} ${pretty(valueIn(now, setting))}`);
  return different.map(tell).join(", ");
}

function removeRule(index) {
  const rules = store.state.rules.filter((_, i) => i !== index), { selected = 0 } = store.state;
  setRules(rules, { selected: Math.max(0, Math.min(selected - (index < selected), rules.length - 1)) });
  byId("rules").querySelector(".add")?.focus();
}

function addButton({ rules }) {
  if (rules.length >= MOST_RULES) return make("p", { class: "hint" }, say("sixRules"));
  return button({ class: "add", click: chooseRule }, `+ ${say("addRule")}`);
}

function chooseRule() {
  const add = ({ id }) => {
    byId("adding").close();
    setRules([...store.state.rules, { id, settings: startingSettings(id) }], { selected: store.state.rules.length });
  };
  const choices = Object.values(Steepest.rules).map((rule) => button({ class: "choice", click: () => add(rule) },
    make("span", { html: lookIcon(rule.looks[0], 44) }), make("b", {}, rule.title), make("small", {}, rule.helps[lang()])));
  openDialog(byId("adding"), say("addRule"), make("div", { class: "choices" }, ...choices));
}

/** A learning rate to begin with: that of a rule already there with the same name, or the last one's. */
function startingSettings(id) {
  const { rules } = store.state, alike = rules.find((rule) => rule.id === id) ?? rules[rules.length - 1];
  return alike ? { lr: Steepest.settingsOf(alike.id, alike.settings).lr } : { lr: 0.1 };
}

/** On quadratics: where the learning rate becomes unstable, marked on the slider and said below it. */
function showLimits(state) {
  const scene = sceneOf(state);
  scene.tracks.forEach(({ id, run }, index) => {
    const card = panel.cards[index], words = card.querySelector(".limit-text");
    const found = Steepest.stability(scene.landscape, id, run.settings);
    const limit = found && !found.scaled && found.limit > 0 && Number.isFinite(found.limit) ? found.limit : null;
    const text = limit ? limitText(found, run.settings.lr) : "";
    card.rate.mark(limit, text);
    words.hidden = !text;
    words.textContent = text;
    words.classList.toggle("beyond", limit !== null && run.settings.lr >= limit);
  });
}

function limitText({ limit, curvatures }, rate) {
  const { formula, label, lambda } = curvatures.find((each) => each.limit === limit);
  const along = say(label === "eigenvector" ? "alongSteepest" : "along", label);
  const value = formula ? `${formula} = ${pretty(limit)}` : pretty(limit);
  return say(rate < limit ? "limitBelow" : "limitAbove", value, pretty(lambda), along);
}
