// What happened to each rule, in words, and why.

import { textOf } from "../core/api.js";
import { button, make, refill } from "./dom.js";
import { pretty } from "./frame.js";
import { lookIcon } from "./marks.js";
import { pointText, sceneOf, stepOf } from "./scene.js";
import { escaped } from "./svg_pen.js";
import { colourOf } from "./theme.js";

export function startStory(part) {
  part.follow(showStory, true);
  part.follow(tellStory, true);
}

/** Read aloud to those who do not see it: the outcomes, when they have changed and nothing moves any more. */
function tellStory(part, state) {
  const tell = ({ short, run }) => `${short}: ${sentence(part, run.finding.text(part.lang()))}`;
  const told = sceneOf(part, state).tracks.map(tell).join(" ");
  if (!part.busy && part.byId("announced").textContent !== told) part.byId("announced").textContent = told;
}

function showStory(part, state) {
  const scene = sceneOf(part, state), place = part.byId("story");
  if (!scene.tracks.length) return place.replaceChildren(make("p", { class: "hint" }, part.say("noRules")));
  const step = stepOf(state);
  return refill(place, ...scene.tracks.map((track, index) => {
    const { run } = track, now = Math.min(step, run.n), why = textOf(run.why, part.lang());
    const select = () => part.change({ selected: index });
    const selected = index === scene.selected && scene.tracks.length > 1 ? "told selected" : "told";
    const name = { class: "title", "data-key": index, html: `${lookIcon(part, track.look)}<b>${escaped(track.short)}</b>` };
    const told = make("div", { class: selected, "data-status": run.status },
      button({ ...name, click: select }),
      make("p", {}, sentence(part, run.finding.text(part.lang()))),
      why ? make("p", { class: "why" }, sentence(part, why)) : null,
      make("p", { class: "here" }, part.say("here", now, pointText(run.point(now)), pretty(run.f[now]))));
    told.style.setProperty("--rule", colourOf(part, track.look));
    return told;
  }));
}

/** A sentence as it stands alone: with a capital letter and a full stop. */
export function sentence(part, text) {
  const ends = /[.!?。！？]$/.test(text) ? "" : part.lang() === "zh" ? "。" : ".";
  const signs = text.replace(/(^|[\s(,≈=e])-(?=[\d.])/g, "$1−"); // true minus signs, at which no line is broken
  const points = signs.replace(/\([^()]{1,26}\)/g, (point) => point.replaceAll(", ", ",\u00a0")); // are not broken into lines
  return points.charAt(0).toUpperCase() + points.slice(1) + ends;
}
