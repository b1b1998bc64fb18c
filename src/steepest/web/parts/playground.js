// The playground: every rule on every landscape, as a part made of parts: picture, chart, steps, settings, story, maps.

import * as Steepest from "../core/api.js";
import { startChart } from "./chart_view.js";
import { startLanguage, startLight } from "./choices.js";
import { button, make, refill, toast } from "./dom.js";
import { stopMap } from "./map_job.js";
import { startMaps } from "./maps_view.js";
import { Part } from "./part.js";
import { PLAYER, pause, play, startPlayer } from "./player.js";
import MARKUP from "./playground.html";
import { startReadout } from "./readout.js";
import { startRules } from "./rules_panel.js";
import { adopt, landscapeOf, modeOf, titleOf, withOwnMap } from "./scene.js";
import { startSetup } from "./setup.js";
import { startShare } from "./share.js";
import { setView, startStage } from "./stage.js";
import { startStory } from "./story.js";
import { goTo, startTour, stopOf } from "./tour.js";

const FIRST = [["sgd", { lr: 0.4 }], ["momentum", { lr: 0.1, momentum: 0.8 }], ["adam", { lr: 0.4 }]];

/**
 * Mounts a playground in an element.
 *
 * state: as in core/state.js, as much of it as is to be said; null for the one that the playground opens with.
 * options: as in part.js, and copyLink: copies a link to the state, where whoever mounts it has one.
 * Returns {state, update(state), link(), follow(text), toast(text), say(word), destroy()}.
 */
export function mountPlayground(element, state, options = {}) {
  const first = { landscape: "ravine", rules: FIRST.map(([id, settings]) => ({ id, settings })) };
  const markup = MARKUP.replace(PLAYER.place, PLAYER.markup), settle = withOwnMap;
  const part = new Part(element, markup, Steepest.checkedState(state ?? first), { settle, ...options });
  if (!state) part.state.rules = part.state.rules.map((rule) => ({ ...rule, own: false })); // rates that nobody set
  const starts = [startLanguage, startLight, startModes, startSetup, startRules, startMaps, startStage, startChart, startPlayer,
    startStory, startReadout, startTour, startShare];
  for (const start of starts) start(part);
  part.endings.push(() => stopMap(part), () => pause(part));
  part.onKey(pageKey);
  part.byId("brand").setAttribute("aria-level", options.alone ? 1 : 2);
  part.byId("version").textContent = `steepest ${Steepest.version}`;
  part.byId("skip").onclick = () => part.byId("stage").focus();
  return {
    get state() { return { ...part.state, step: part.player.playing ? null : part.state.step }; },
    get light() { return part.light; },
    lang: () => part.lang(),
    title: () => titleOf(part, landscapeOf(part, part.state)),
    say: (...words) => part.say(...words),
    toast: (text) => toast(part, text),
    link() { return Steepest.link.encode(this.state); },
    update(given) {
      part.tour.kept = null;
      pause(part);
      adopt(part, Steepest.checkedState(given));
    },
    /** Shows the state of a link; what is wrong with a bad one is returned, and the part stays as it is. */
    follow(text) {
      const { state: linked, reason } = Steepest.link.decode(text);
      if (linked) this.update(linked);
      return reason ?? null;
    },
    destroy: () => part.destroy(),
  };
}

// --- views and keys ---------------------------------------------------------------------------------------------------

function startModes(part) {
  part.follow((_, state, changed) => {
    if (!changed("view", "landscape", "lang", "predicted")) return;
    const { dims, quadratic } = landscapeOf(part, state), chosen = modeOf(part, state);
    const tab = (mode, name) => {
      const pressed = { "data-key": mode, "aria-pressed": String(mode === chosen) };
      return button({ ...pressed, click: () => setView(part, { mode }) }, part.say(name));
    };
    const flat = tab("contours", dims === 1 ? "curve" : "contours"), surface = dims === 2 ? tab("surface", "surface") : "";
    refill(part.byId("modes"), flat, surface, tab("basin", "basin"), tab("sweep", "sweep"));
    const reset = button({ "data-key": "reset", click: () => setView(part, { window: null }) }, part.say("resetView"));
    const predicts = quadratic && chosen !== "surface" ? predictedSwitch(part, state) : "";
    refill(part.byId("looks"), predicts, state.view.window ? reset : "");
  });
}

function predictedSwitch(part, state) {
  const set = () => part.change({ predicted: box.checked });
  const box = make("input", { type: "checkbox", "data-key": "predicted", change: set });
  box.checked = Boolean(state.predicted);
  return make("label", { title: part.say("predictedTip") }, box, part.say("predicted"));
}

/** Keys for the whole part: a space plays, the keys of a presenter's remote control turn the tour's pages. */
function pageKey(part, event) {
  const at = stopOf(part.state), [target] = event.composedPath(), within = (selector) => target.closest?.(selector);
  if (within("input:not([type=range]):not([type=checkbox]), select, textarea, dialog")) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const onButton = within("button, summary, input");
  if (event.key === " " && !onButton) (part.player.playing ? pause : play)(part);
  else if (event.key === ",") part.byId("back").click();
  else if (event.key === ".") part.byId("forth").click();
  else if (at !== null && event.key === "PageDown") goTo(part, at + 1);
  else if (at !== null && event.key === "PageUp") goTo(part, at - 1);
  else return;
  event.preventDefault();
}
