// Figures of the lecture that are lists: what deep learning is used for, a card for each algorithm, common mistakes.

import { button, make } from "./dom.js";
import { pretty } from "./frame.js";
import { Part } from "./part.js";

const FRAME = '<div class="frame"><div class="page list"></div></div>';

/** A part whose picture is made anew by `draw(part, zh)`, a list of elements, in the language of its reader. */
function mountList(element, options, draw) {
  const part = new Part(element, FRAME, { lang: null }, options);
  part.host.dataset.kind = "figure";
  const place = part.root.querySelector(".page");
  part.follow((_, state, changed) => { if (changed("lang")) place.replaceChildren(...draw(part, part.lang() === "zh" ? 1 : 0)); });
  return {
    part,
    get light() { return part.light; },
    set light(light) { part.light = light; },
    wait() { part.host.toggleAttribute("data-waiting", true); },
    answer() { part.host.toggleAttribute("data-waiting", false); },
    seen: () => ({}),
    link: () => "",
    update(patch) { part.change(patch); },
    destroy: () => part.destroy(),
  };
}

/** ImageNet's errors by year, and the application workloads with what a study of them found, if there is one. */
export function mountUses(element, state, options) {
  const { uses: { errors, people, workloads, made }, own } = options.data;
  const most = Math.max(...errors.map(({ error }) => error));
  return mountList(element, options, (part, zh) => {
    const bar = ({ year, error, team, source }) => {
      const fill = make("i", { class: error < people ? "below" : null });
      fill.style.width = `${100 * error / most}%`;
      return make("li", { title: source }, make("b", {}, year), make("span", { class: "bar" }, fill), make("span", {}, `${error} %`), make("small", {}, team));
    };
    const sources = [...new Set(errors.map(({ source }) => source))].join("; ");
    const card = ({ name, about, result }) => make("li", { class: "card" },
      make("h3", {}, name), make("p", {}, about[zh]), ...(result?.shown ? shownBy(part, result.shown) : []),
      result ? make("p", { class: "result-of" }, part.say("firstOn", result.first[zh], result.behind ? part.say("leadOver", result.behind, result.lead) : "")) : null);
    return [
      make("h2", {}, part.say("errorsByYear", people)), make("ul", { class: "bars" }, ...errors.map(bar)), make("p", { class: "hint" }, part.say("sources", sources)),
      make("h2", {}, part.say("workloads")), make("ul", { class: "cards" }, ...workloads.map(card)),
      make("p", { class: "hint study" }, studyOf(part, made), own ? "" : ` ${part.say("ownStudy")}`),
    ];
  });
}

/** Of which study the verdicts are. */
function studyOf(part, [seeds, day, machine, counted]) { return part.say("studyMade", seeds, day, machine, part.say(`counted-${counted}`)); }

/** What a model has made of its training: an image or a text, and whose it is. */
function shownBy(part, { label, step, image, text }) {
  const words = part.say("shownBy", label, step);
  return [make("figure", {}, image ? make("img", { src: image, alt: words }) : make("pre", { tabindex: 0, role: "group", "aria-label": words }, text), make("figcaption", { class: "hint" }, words))];
}

/** The place of a rule in the study: on how many workloads it is first, and how far behind it is on the middle one. */
function placeOf(part, place) {
  if (!place) return part.say("notInStudy");
  const { first, of, needs } = place, needed = needs === null ? part.say("missedMost") : part.say("needsTypically", pretty(needs, 3));
  return part.say("placeIn", part.say("firstOfAll", first.length, of), first.length ? `${part.lang() === "zh" ? "：" : ": "}${first.join(part.lang() === "zh" ? "、" : ", ")}` : "", needed);
}

/** A card for each algorithm; those of the lecture with their equations. */
export function mountCards(element, state, options) {
  return mountList(element, options, (part, zh) => {
    const fact = (word, text) => [make("dt", {}, part.say(word)), make("dd", {}, text)];
    const card = ({ title, equations, stores, limit, helps, fails, reference, place, lecture }) => make("li", { class: lecture ? "card main" : "card" },
      make("h3", {}, title), ...equations.map((html) => make("div", { class: "fits", html })),
      make("dl", {}, ...fact("stores", stores[zh]), ...fact("helps", helps[zh]), ...fact("fails", fails[zh]), ...fact("stable", limit[zh]),
        ...fact("place", placeOf(part, place))),
      make("p", { class: "hint" }, reference));
    return [make("ul", { class: "cards" }, ...options.data.cards.map(card))];
  });
}

/** What is often said, the number that refutes it, and the way to the station that shows it. */
export function mountMistakes(element, state, options) {
  return mountList(element, options, (part, zh) => [make("ol", { class: "mistakes" }, ...options.mistakes.map(({ claim, truth, at }) =>
    make("li", {}, make("p", { class: "claim" }, claim[zh]), make("p", { class: "truth" }, truth[zh]),
      button({ class: "truth", click: () => options.goTo(at) }, part.say("seeIt")))))]);
}
