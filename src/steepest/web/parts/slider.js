// One setting: its name, a slider, and its value as text that can be typed.

import * as Steepest from "../core/api.js";
import { make } from "./dom.js";
import { pretty } from "./frame.js";

/** A slider for a setting; `get` returns the value, `set` gets a new one. Returns the element with an `update()`. */
export function makeSlider(part, setting, get, set) {
  const name = settingName(setting), about = setting.about[part.lang()];
  const labelled = { "aria-label": `${name}: ${about}` };
  const typed = { inputmode: "decimal", size: 7, spellcheck: "false", autocomplete: "off" };
  const range = make("input", { type: "range", min: 0, max: 1000, step: 1, ...labelled });
  const text = make("input", { type: "text", ...typed, ...labelled });
  const limit = make("span", { class: "limit", hidden: true });
  const row = make("div", { class: "slider", title: about },
    make("span", { class: "name" }, symbolOf(setting), make("small", {}, name)), make("span", { class: "track" }, range, limit), text);
  range.addEventListener("input", () => set(Steepest.slider.value(setting, range.value / 1000)));
  part.busyWhileHeld(range);
  text.addEventListener("input", () => {
    const value = Steepest.readNumber(text.value), fine = value !== null && Steepest.check(setting, value) === null;
    text.setAttribute("aria-invalid", String(!fine));
    if (fine) set(value);
  });
  text.addEventListener("change", () => { text.setAttribute("aria-invalid", "false"); row.update(true); });
  row.update = (force) => {
    const value = get();
    range.value = Math.round(1000 * Steepest.slider.share(setting, value));
    range.setAttribute("aria-valuetext", pretty(value));
    if (force || part.root.activeElement !== text) text.value = plain(value);
  };
  row.mark = (value, words) => showLimit(row, limit, setting, value, words);
  row.update(true);
  return row;
}

/** Marks a value on the slider, from which on the path diverges; null takes the mark away. */
function showLimit(row, limit, setting, value, words) {
  limit.hidden = value === null || !(value > 0) || value > 1.5 * setting.high;
  row.classList.toggle("limited", !limit.hidden);
  if (limit.hidden) return;
  row.style.setProperty("--limit", Steepest.slider.share(setting, value));
  limit.title = words;
}

/** The value of a setting among all of a rule's. */
export function valueIn(settings, { name, place }) { return place === null ? settings[name] : settings[name][place]; }

export function settingName({ name, place = null }) { return place === null ? name : `${name}[${place}]`; }

function symbolOf({ symbol, kind }) {
  if (!symbol || kind === "switch") return null;
  return make("span", { class: "symbol", html: symbol });
}

/** A number as it can be typed again: all its digits, but no tail of rounding. */
function plain(value) { return String(Number(value.toPrecision(12))); }

export function makeSwitch(part, setting, get, set) {
  const about = setting.about[part.lang()];
  const box = make("input", { type: "checkbox", change: () => set(box.checked) });
  const row = make("label", { class: "switch", title: about }, box, make("span", {}, setting.name), make("small", {}, about));
  row.update = () => { box.checked = get(); };
  row.mark = () => {};
  row.update();
  return row;
}
