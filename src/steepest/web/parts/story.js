// What happened to each rule, in words, and why.

import { button, byId, make, refill } from "./dom.js";
import { pretty } from "./frame.js";
import { lookIcon } from "./marks.js";
import { sceneOf, stepOf } from "./scene.js";
import { pointText } from "./stage.js";
import { change, follow, store } from "./store.js";
import { escaped } from "./svg_pen.js";
import { colourOf } from "./theme.js";
import { lang, say } from "./words.js";

export function startStory() {
  follow(showStory, true);
  follow(tellStory, true);
}

/** Read aloud to those who do not see it: the outcomes, when they have changed and nothing moves any more. */
function tellStory(state) {
  const told = sceneOf(state).tracks.map((track) => `${track.short}: ${sentence(track.run.message[lang()])}`).join(" ");
  if (!store.busy && byId("spoken").textContent !== told) byId("spoken").textContent = told;
}

function showStory(state) {
  const scene = sceneOf(state), place = byId("story");
  if (!scene.tracks.length) return place.replaceChildren(make("p", { class: "hint" }, say("noRules")));
  const step = stepOf(state);
  return refill(place, ...scene.tracks.map((track, index) => {
    const { run } = track, now = Math.min(step, run.n), why = run.why?.[lang()];
    const select = () => change({ selected: index });
    const selected = index === scene.selected && scene.tracks.length > 1 ? "told selected" : "told";
    const name = { class: "title", "data-key": index, html: `${lookIcon(track.look)}<b>${escaped(track.short)}</b>` };
    const told = make("div", { class: selected, "data-status": run.status },
      button({ ...name, click: select }),
      make("p", {}, sentence(run.message[lang()])),
      why ? make("p", { class: "why" }, sentence(why)) : null,
      make("p", { class: "here" }, say("here", now, pointText(run.point(now)), pretty(run.f[now]))));
    told.style.setProperty("--rule", colourOf(track.look));
    return told;
  }));
}

/** A sentence as it stands alone: with a capital letter and a full stop. */
function sentence(text) {
  const ends = /[.!?。！？]$/.test(text) ? "" : lang() === "zh" ? "。" : ".";
  const signs = text.replace(/(^|[\s(,≈=e])-(?=[\d.])/g, "$1−"); // true minus signs, at which no line is broken
  const points = signs.replace(/\([^()]{1,26}\)/g, (point) => point.replaceAll(", ", ",\u00a0")); // are not broken into lines
  return points.charAt(0).toUpperCase() + points.slice(1) + ends;
}
