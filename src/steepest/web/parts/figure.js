// A figure of the lecture: rules on a landscape, drawn and played, with the few controls that its station needs. It can
// wait for a guess: then it shows the landscape and the start, and no path.

import * as Steepest from "../core/api.js";
import { startChart } from "./chart_view.js";
import { startControls } from "./controls.js";
import MARKUP from "./figure.html";
import { startLegend } from "./legend.js";
import { startDecays } from "./decays_view.js";
import { startPairs } from "./pairs_view.js";
import { Part } from "./part.js";
import { PLAYER, goToStep, pause, play, startPlayer } from "./player.js";
import { adopt, sceneOf, stepOf } from "./scene.js";
import { startSpectrum } from "./spectrum_view.js";
import { startStage } from "./stage.js";

const PANES = { stage: startStage, chart: startChart, decays: startDecays, pairs: startPairs, spectrum: startSpectrum };

/**
 * Mounts a figure in an element.
 *
 * state: as in core/state.js. options: as in part.js, and controls (as in controls.js), panes (of PANES, those that
 * are shown).
 * Returns {state, seen(), wait(guess), answer(), link(), follow(text), reset(state), update(patch), ...}.
 */
export function mountFigure(element, state, options = {}) {
  const whole = { ...Steepest.checkedState(state), guess: null, guessing: false };
  const part = new Part(element, MARKUP.replace(PLAYER.place, PLAYER.markup), whole, options);
  part.host.dataset.kind = "figure";
  const panes = options.panes ?? ["stage"];
  for (const name of Object.keys(PANES)) {
    const pane = part.byId(name);
    if (!panes.includes(name)) (pane.closest(".values") ?? pane).remove();
  }
  part.stage = { touched: false };
  const starts = [...panes.map((name) => PANES[name]), startPlayer, startLegend, startControls];
  for (const start of starts) start(part);
  part.endings.push(() => pause(part));
  part.onKey(figureKey);
  let waiting = null; // the rules, while they wait for a guess
  const shown = () => {
    const { guess, guessing, ...rest } = part.state;
    return { ...rest, rules: waiting ?? rest.rules, step: part.player.playing || waiting ? null : rest.step };
  };
  return {
    part,
    get state() { return shown(); },
    get light() { return part.light; },
    set light(light) { part.light = light; },
    get guess() { return part.state.guess; },
    /** What is in view, for formulas and exercises: the runs, the step, and the rule whose numbers are shown. */
    seen() {
      const { tracks, selected } = sceneOf(part, part.state);
      const runs = tracks.map(({ run }) => run), step = Math.min(Math.floor(stepOf(part.state)), runs[selected]?.n ?? 0);
      return { state: part.state, runs, selected, step, track: tracks[selected] };
    },
    /** Hides the paths until `answer`; with a point, it can be dragged to where the reader guesses that a path ends. */
    wait(guess = null) {
      waiting ??= part.state.rules;
      pause(part);
      part.change({ rules: [], guess, guessing: guess !== null });
      part.host.toggleAttribute("data-waiting", true);
    },
    /** Shows the paths, from the first step on; at once where motion is not wanted. */
    answer(guess = part.state.guess, plays = true) {
      const rules = waiting ?? part.state.rules;
      waiting = null;
      part.host.toggleAttribute("data-waiting", false);
      const still = !plays || matchMedia("(prefers-reduced-motion: reduce)").matches;
      part.change({ rules, guess, guessing: false, step: still ? part.state.step : 0 });
      if (!still) play(part);
    },
    link: () => Steepest.link.encode({ ...shown(), lang: null }),
    update(patch) { part.change(patch); },
    /** Shows a whole state. */
    reset(given) {
      const { lang, guess, guessing } = part.state;
      pause(part);
      if (waiting) waiting = null;
      adopt(part, { ...Steepest.checkedState(given), lang, guess, guessing });
    },
    /** Shows the state of a link. */
    follow(text) {
      const { state: linked, reason } = Steepest.link.decode(text);
      if (linked) this.reset(linked);
      return reason ?? null;
    },
    destroy: () => part.destroy(),
  };
}

/** A space plays; a comma and a full stop go a step back or on. */
function figureKey(part, event) {
  const [target] = event.composedPath();
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || target.closest?.("button, select, input[type=text]")) return;
  const step = stepOf(part.state);
  if (event.key === " ") (part.player.playing ? pause : play)(part);
  else if (event.key === ",") goToStep(part, Math.ceil(step) - 1);
  else if (event.key === ".") goToStep(part, Math.floor(step) + 1);
  else return;
  event.preventDefault();
}
