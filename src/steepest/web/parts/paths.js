// Paths that were computed elsewhere, played over their landscape and beside their values: what `trace --save x.html`
// leaves, and what an article shows.

import { startChart } from "./chart_view.js";
import { startLanguage, startLight } from "./choices.js";
import { startLegend } from "./legend.js";
import { Part } from "./part.js";
import MARKUP from "./paths.html";
import { PLAYER, goToStep, pause, play, startPlayer } from "./player.js";
import { landscapeOf, stepOf } from "./scene.js";
import { startStage } from "./stage.js";

/**
 * Mounts paths in an element.
 *
 * state: {landscape: {dims, window, f, about, ...}, tracks: [{label, look, x, f, status, message}], starts, clock (moments
 * in steps, evenly in time), kept (the steps that the points are of; null for all), evaluations (whether a step is one
 * of the gradient), step}, as Python prints it.
 * options: as in part.js. Where the part is the whole page, it plays by itself, unless reduced motion is set.
 * Returns {state, lang(), light, update(state), destroy()}.
 */
export function mountPaths(element, state, options = {}) {
  const steps = Math.max(...state.tracks.map(({ f }) => f.length - 1)), [start] = state.starts;
  const view = { mode: "contours", window: null, turn: null };
  const whole = { rules: [], selected: -1, step: null, lang: null, start, steps, view, ...state };
  const markup = MARKUP.replace(PLAYER.place, PLAYER.markup);
  const part = new Part(element, markup, whole, { fixed: true, loop: options.alone, ...options });
  if (state.landscape.dims <= 2) startStage(part);
  else part.byId("stage").remove();
  for (const begin of [startLanguage, startLight, startChart, startPlayer, startLegend]) begin(part);
  part.follow(showAbout);
  part.endings.push(() => pause(part));
  part.onKey(pathsKey);
  if (options.alone && !matchMedia("(prefers-reduced-motion: reduce)").matches) {
    part.change({ step: 0 });
    play(part);
  }
  return {
    get state() { return part.state; },
    get light() { return part.light; },
    lang: () => part.lang(),
    update: (patch) => part.change(patch),
    destroy: () => part.destroy(),
  };
}

function showAbout(part, state, changed) {
  const { about } = landscapeOf(part, state);
  if (changed("lang")) part.byId("about").textContent = about[part.lang()];
}

function pathsKey(part, event) {
  const [target] = event.composedPath(), within = (selector) => target.closest?.(selector);
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const step = stepOf(part.state), moves = {
    ArrowLeft: Math.ceil(step) - 1, ArrowRight: Math.floor(step + 1e-9) + 1, Home: 0, End: part.state.steps,
  };
  if (event.key === " " && !within("button")) (part.player.playing ? pause : play)(part);
  else if (event.key in moves && !within("input")) goToStep(part, moves[event.key]);
  else return;
  event.preventDefault();
}
