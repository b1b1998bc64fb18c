// The paths of a picture, a line each: its look, its value at the step in view, and at the end what happened to it.

import { make } from "./dom.js";
import { pretty } from "./frame.js";
import { lookIcon } from "./marks.js";
import { sceneOf, stepOf } from "./scene.js";
import { sentence } from "./story.js";

export function startLegend(part) {
  part.follow(showValues);
  part.follow(showOutcomes, true);
}

function shapeOf(part, { tracks }) { return JSON.stringify([part.lang(), part.theme.dark, tracks.map(({ short }) => short)]); }

function showValues(part, state) {
  const scene = sceneOf(part, state), { tracks } = scene, list = part.byId("legend"), step = stepOf(state), shape = shapeOf(part, scene);
  if (list.dataset.shape !== shape) {
    list.dataset.shape = shape;
    list.replaceChildren(...tracks.map(({ short, look }) => {
      const name = make("b", {}, make("span", { html: lookIcon(part, look) }), short);
      return make("li", {}, name, make("output", {}), make("span", { class: "told" }));
    }));
    showOutcomes(part, state);
  }
  [...list.children].forEach((row, i) => {
    const { f, n } = tracks[i].run;
    row.children[1].textContent = `f = ${pretty(f[Math.min(Math.floor(step + 1e-9), n)])}`;
    row.children[2].classList.toggle("untold", step < state.steps);
  });
}

/** Told a little after the last change: it takes longer than a frame has. */
function showOutcomes(part, state) {
  const { tracks } = sceneOf(part, state);
  [...part.byId("legend").children].forEach((row, i) => {
    if (tracks[i]) row.children[2].textContent = sentence(part, tracks[i].run.finding.text(part.lang()));
  });
}
