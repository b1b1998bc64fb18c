// Starts the page: words, light, keys, the parts, and the state to begin with.

import * as Steepest from "../core/api.js";
import { startChart } from "./chart_view.js";
import { button, byId, make, refill } from "./dom.js";
import { mapJob } from "./map_job.js";
import { startMaps } from "./maps_view.js";
import { pause, play, player, startPlayer } from "./player.js";
import { startReadout } from "./readout.js";
import { startRules } from "./rules_panel.js";
import { landscapeOf } from "./scene.js";
import { startSetup } from "./setup.js";
import { readLink, startShare } from "./share.js";
import { modeOf, setView, startStage } from "./stage.js";
import { change, follow, refresh, request, store } from "./store.js";
import { startStory } from "./story.js";
import { readTheme, theme } from "./theme.js";
import { goTo, startTour, tour } from "./tour.js";
import { lang, say, showWords } from "./words.js";

const FIRST = [["sgd", { lr: 0.4 }], ["momentum", { lr: 0.1, momentum: 0.8 }], ["adam", { lr: 0.4 }]];

function firstState() {
  return Steepest.checkedState({ landscape: "ravine", rules: FIRST.map(([id, settings]) => ({ id, settings })) });
}

function startWords() {
  byId("language").onclick = () => {
    change({ lang: lang() === "zh" ? "en" : "zh" });
    refresh();
  };
  follow((state, changed) => { if (changed("lang", "landscape")) showWords(); });
}

// --- light ------------------------------------------------------------------------------------------------------------

const LIGHTS = ["auto", "light", "dark"];

function startLight() {
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
  const name = () => {
    const now = root.dataset.light ?? "auto";
    byId("light").title = say("light", say(`light-${now}`));
    byId("light").setAttribute("aria-label", byId("light").title);
  };
  const show = () => {
    readTheme();
    refresh();
  };
  follow((state, changed) => { if (changed("lang")) name(); });
  byId("light").onclick = () => {
    root.dataset.light = LIGHTS[(LIGHTS.indexOf(root.dataset.light ?? "auto") + 1) % LIGHTS.length];
    show();
  };
  dark.addEventListener("change", show);
  addEventListener("resize", () => { if (parseFloat(getComputedStyle(root).fontSize) !== theme.rem) show(); });
}

// --- views and keys ---------------------------------------------------------------------------------------------------

function startModes() {
  follow((state, changed) => {
    if (!changed("view", "landscape", "lang", "predicted")) return;
    const { dims, quadratic } = landscapeOf(state), chosen = modeOf(state);
    const tab = (mode, name) => {
      const pressed = { "data-key": mode, "aria-pressed": String(mode === chosen) };
      return button({ ...pressed, click: () => setView({ mode }) }, say(name));
    };
    refill(byId("modes"), tab("contours", dims === 1 ? "curve" : "contours"), dims === 2 ? tab("surface", "surface") : "",
      tab("basin", "basin"), tab("sweep", "sweep"));
    const reset = button({ "data-key": "reset", click: () => setView({ window: null }) }, say("resetView"));
    refill(byId("looks"), quadratic && chosen !== "surface" ? predictedSwitch(state) : "", state.view.window ? reset : "");
  });
}

function predictedSwitch(state) {
  const set = () => change({ predicted: box.checked }), box = make("input", { type: "checkbox", "data-key": "predicted", change: set });
  box.checked = Boolean(state.predicted);
  return make("label", { title: say("predictedTip") }, box, say("predicted"));
}

/** Keys for the whole page: a space plays, the keys of a presenter's remote control turn the tour's pages. */
function pageKey(event) {
  const typing = event.target.closest("input:not([type=range]):not([type=checkbox]), select, textarea, dialog");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const onButton = event.target.closest("button, summary, input");
  if (event.key === " " && !onButton) (player.playing ? pause : play)();
  else if (event.key === ",") byId("back").click();
  else if (event.key === ".") byId("forth").click();
  else if (tour.at !== null && event.key === "PageDown") goTo(tour.at + 1);
  else if (tour.at !== null && event.key === "PageUp") goTo(tour.at - 1);
  else return;
  event.preventDefault();
}

/** `script` is the text of the script that runs, for the workers. */
export function startPage(script) {
  mapJob.script = script;
  store.state = firstState();
  readTheme();
  const parts = [startWords, startLight, startModes, startSetup, startRules, startMaps, startStage, startChart, startPlayer,
    startStory, startReadout, startTour];
  for (const start of parts) start();
  readLink(location.hash);
  startShare();
  addEventListener("keydown", pageKey);
  request();
}
