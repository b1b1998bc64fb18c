// What was found in a training that was watched: each finding with its picture, then all other pictures, what was looked
// for and not seen, and how to run it again.

import { startLanguage, startLight } from "./choices.js";
import MARKUP from "./diagnosis.html";
import { make } from "./dom.js";
import { Part } from "./part.js";
import { figureOf } from "./picture_view.js";
import { both } from "./words.js";

/**
 * Mounts the findings of a training in an element.
 *
 * state: {name, lead, counts, findings, unseen, pictures, looked, facts, code}, as `report/diagnosis/page.py` prints it; a
 * text is an array of its two languages.
 * options: as in part.js.
 * Returns {state, lang(), light, update(state), destroy()}.
 */
export function mountDiagnosis(element, state, options = {}) {
  const part = new Part(element, MARKUP, { lang: null, ...state }, options);
  part.texts = []; // [node, text in both languages, or a function of the language]
  part.drawings = [];
  for (const begin of [startLanguage, startLight]) begin(part);
  part.byId("name").textContent = `steepest diagnose · ${state.name}`;
  part.byId("told").append(...sections(part, state));
  part.follow(showTexts);
  part.follow(() => part.drawings.forEach((draw) => draw()));
  return {
    get state() { return part.state; },
    get light() { return part.light; },
    lang: () => part.lang(),
    update: (patch) => part.change(patch),
    destroy: () => part.destroy(),
  };
}

function showTexts(part, state, changed) {
  if (!changed("lang")) return;
  const at = part.lang() === "zh" ? 1 : 0;
  for (const [node, text] of part.texts) node.textContent = text[at].replace(/(\d) %/g, "$1\u00a0%"); // on one line
}

/** An element with a text in both languages. */
export function say(part, tag, text, attributes = {}) {
  const node = make(tag, attributes);
  part.texts.push([node, text]);
  return node;
}

/** The same of one of the page's own words, with values put in. */
export function word(part, tag, key, attributes = {}, ...values) {
  const { en, zh } = both(key), put = (text) => text.replace(/\{(\d)\}/g, (_, place) => values[place]);
  return say(part, tag, [put(en), put(zh)], attributes);
}

function sections(part, state) {
  const shown = new Set(state.findings.map(({ picture }) => picture));
  const others = Object.keys(state.pictures).filter((name) => !shown.has(name));
  const all = [
    make("div", { class: "lead" }, say(part, "h1", state.lead), say(part, "p", state.counts, { class: "hint" })),
    ...state.findings.map((finding) => findingOf(part, state, finding)),
  ];
  if (state.unseen.length) {
    all.push(make("section", {}, word(part, "h2", "unseen"), make("ul", {}, ...state.unseen.map((text) => say(part, "li", text)))));
  }
  if (others.length) {
    const drawn = others.map((name) => figureOf(part, state.pictures[name], {}));
    all.push(make("section", { class: "wide" }, word(part, "h2", "inPictures"), make("div", { class: "gallery" }, ...drawn)));
  }
  return [...all, lookedFor(part, state.looked), reproduced(part, state)];
}

function findingOf(part, state, finding) {
  const { certain, code, picture } = finding, kind = certain ? "exact" : "sign";
  const text = make("div", { class: "text" },
    make("h2", {}, say(part, "span", finding.title), word(part, "small", kind, { class: `tag ${kind}` })),
    say(part, "p", finding.happened, { class: "happened" }),
    say(part, "p", finding.why),
    make("p", { class: "advice" }, word(part, "b", "toDo"), word(part, "span", "between"), say(part, "span", finding.advice)),
    ...finding.proofs.map((proof) => say(part, "p", proof.text, { class: `tried ${proof.verdict}` })),
    measured(part, finding));
  const drawn = picture === null ? null : figureOf(part, state.pictures[picture], finding);
  const tried = finding.proofs.flatMap(({ pictures }) => pictures).map((trial) => figureOf(part, trial, {}));
  return make("section", { class: "finding", "data-code": code }, text, drawn, tried.length ? make("div", { class: "gallery" }, ...tried) : null);
}

/** How sure a finding is: its thresholds, and how often healthy trainings had it. */
function measured(part, { certain, first, limits, alarms }) {
  const line = make("p", { class: "hint" }), add = (key, ...values) => line.append(word(part, "span", key, {}, ...values));
  add("firstSeen", first);
  add("between");
  add(certain && !limits.length ? "exactly" : "toldBy");
  limits.forEach(([name, value], place) => {
    add(place ? "comma" : "between");
    line.append(make("code", {}, `${name} ${value}`));
  });
  if (limits.length) add("fullStop");
  if (alarms) {
    add("between");
    add("alarms", ...alarms);
  }
  return line;
}

function lookedFor(part, looked) {
  const list = (kind) => make("ul", { class: "looked" }, ...looked[kind].map(({ title, found, alarms }) =>
    make("li", { class: found ? "seen" : null }, say(part, "span", title), found ? word(part, "b", "seen") : null,
      alarms ? make("small", {}, `${alarms[0]} / ${alarms[1]}`) : null)));
  const counted = [...looked.exact, ...looked.signs].some(({ alarms }) => alarms);
  const hint = make("p", { class: "hint" }, word(part, "span", "lookedHint"), ...(counted ? [word(part, "span", "between"), word(part, "span", "alarmsHint")] : []));
  return make("section", { class: "wide" }, word(part, "h2", "lookedFor"), hint,
    word(part, "h3", "exactKind"), list("exact"), word(part, "h3", "signKind"), list("signs"));
}

function reproduced(part, { facts, code }) {
  const rows = facts.flatMap(({ name, value, code: typed }) =>
    [say(part, "dt", name), make("dd", {}, say(part, typed ? "code" : "span", value))]);
  return make("section", {}, word(part, "h2", "reproduce"), make("dl", {}, ...rows), make("pre", { tabindex: "0" }, make("code", {}, code)));
}
