// The bar above a map: which rule, which settings, what the colours mean, how far it is computed.

import { basinKeys } from "./basin_view.js";
import { byId, make, refill } from "./dom.js";
import { followMaps, mapJob, mapOf, mapWanted, shareDone, stopMap } from "./map_job.js";
import { sceneOf } from "./scene.js";
import { settingName } from "./slider.js";
import { change, follow, request, store } from "./store.js";
import { axesOf, startSweep } from "./sweep_view.js";
import { lang, say } from "./words.js";

const bar = { shape: "", map: null };

export function startMaps() {
  follow(followMaps);
  startSweep();
  follow(showMapBar);
  byId("map-stop").onclick = () => {
    if (mapJob.worker) stopMap();
    else mapJob.wanted = ""; // once more
    request();
  };
}

function showMapBar(state) {
  const wanted = mapWanted(state);
  byId("map-bar").hidden = !wanted;
  if (!wanted) return;
  const map = mapOf(wanted.kind, wanted.spec), { rules, selected, map: axes } = state;
  const shape = JSON.stringify([wanted.kind, rules.map(({ id }) => id), selected, axes, lang()]);
  const keys = () => (map && wanted.kind === "basin" ? basinKeys(map) : []);
  if (bar.shape !== shape) refill(byId("map-choices"), ...choosers(state, wanted.kind)); // an open list must not be taken away
  if (bar.shape !== shape || bar.map !== map) byId("map-keys").replaceChildren(...keys());
  Object.assign(bar, { shape, map });
  showProgress(map);
}

function choosers(state, kind) {
  const rules = sceneOf(state).tracks.map(({ short: name }, index) => [index, name]);
  const rule = chooser("mapRule", rules, state.selected, (value) => change({ selected: Number(value), map: null }));
  if (kind === "basin") return [rule];
  const { choices, x, y } = axesOf(state), show = state.map?.show ?? "value";
  const settings = choices.map((setting, i) => [i, settingName(setting)]);
  const set = (across, up, shown) => change({ map: {
    rule: store.state.selected, x: across.name, xPlace: across.place, y: up.name, yPlace: up.place, show: shown,
  } });
  return [rule,
    chooser("mapAcross", settings, choices.indexOf(x), (i) => set(choices[i], choices[i] === y ? x : y, show)),
    chooser("mapUp", settings, choices.indexOf(y), (i) => set(choices[i] === x ? y : x, choices[i], show)),
    chooser("mapShow", [["value", say("finalValue")], ["steps", say("stepsToReach")]], show, (value) => set(x, y, value))];
}

function chooser(name, choices, chosen, set) {
  const options = choices.map(([value, text]) => make("option", { value }, text));
  const select = make("select", { "data-key": name, change: () => set(select.value) }, ...options);
  select.value = chosen;
  return make("label", {}, say(name), select);
}

function showProgress(map) {
  const running = Boolean(mapJob.worker || mapJob.timer), done = Boolean(map?.done), share = map && !done ? shareDone(map) : 0;
  const [progress, stop, told] = byId("map-progress").children;
  progress.hidden = !running;
  progress.value = share;
  progress.setAttribute("aria-label", say("computing", Math.round(100 * share)));
  stop.hidden = !running && done;
  stop.textContent = say(running ? "cancel" : "again");
  told.textContent = done && !running ? say("done", map.rows * map.size) : "";
}
