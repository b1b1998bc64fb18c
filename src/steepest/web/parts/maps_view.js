// The bar above a map: which rule, which settings, what the colours mean, how far it is computed.

import { basinKeys } from "./basin_view.js";
import { make, refill } from "./dom.js";
import { followMaps, mapOf, mapWanted, shareDone, stopMap } from "./map_job.js";
import { axesOf, axisName, sceneOf } from "./scene.js";
import { settingName } from "./slider.js";
import { startSweep, sweepKeys } from "./sweep_view.js";

export function startMaps(part) {
  part.bar = { shape: "", map: null };
  part.maps = { wanted: "", worker: null, timer: 0, map: null, of: "", spec: null };
  part.follow(followMaps);
  startSweep(part);
  part.follow(showMapBar);
  part.byId("map-stop").onclick = () => {
    if (part.maps.worker) stopMap(part);
    else part.maps.wanted = ""; // once more
    part.request();
  };
}

function showMapBar(part, state) {
  const { bar } = part, wanted = mapWanted(part, state);
  part.byId("map-bar").hidden = !wanted;
  if (!wanted) return;
  const map = mapOf(part, wanted.kind, wanted.spec), { rules, selected, map: axes } = state;
  const shape = JSON.stringify([wanted.kind, rules.map(({ id }) => id), selected, axes, part.lang()]);
  const keys = () => (map ? keysOf(part, map, wanted.kind, state) : []);
  // only where they have changed: an open list must not be taken away
  if (bar.shape !== shape) refill(part.byId("map-choices"), ...choosers(part, state, wanted.kind));
  if (bar.shape !== shape || bar.map !== map) part.byId("map-keys").replaceChildren(...keys());
  Object.assign(bar, { shape, map });
  showProgress(part, map);
}

/** What the colours of a map mean. */
export function keysOf(part, map, kind, state) {
  return kind === "basin" ? basinKeys(part, map) : sweepKeys(part, map, state);
}

function choosers(part, state, kind) {
  const rules = sceneOf(part, state).tracks.map(({ short: name }, index) => [index, name]);
  const rule = chooser(part, "mapRule", rules, state.selected, (value) => part.change({ selected: Number(value) }));
  if (kind === "basin") return [rule];
  const { choices, x, y } = axesOf(state), show = state.map?.show ?? "value";
  const settings = choices.map((setting, i) => [i, settingName(setting)]);
  const set = (across, up, shown) => part.change({ map: { x: axisName(across), y: axisName(up), show: shown } });
  const colours = [["value", part.say("finalValue")], ["steps", part.say("stepsToReach")]];
  return [rule,
    chooser(part, "mapAcross", settings, choices.indexOf(x), (i) => set(choices[i], choices[i] === y ? x : y, show)),
    chooser(part, "mapUp", settings, choices.indexOf(y), (i) => set(choices[i] === x ? y : x, choices[i], show)),
    chooser(part, "mapShow", colours, show, (value) => set(x, y, value))];
}

function chooser(part, name, choices, chosen, set) {
  const options = choices.map(([value, text]) => make("option", { value }, text));
  const select = make("select", { "data-key": name, change: () => set(select.value) }, ...options);
  select.value = chosen;
  return make("label", {}, part.say(name), select);
}

function showProgress(part, map) {
  const running = Boolean(part.maps.worker || part.maps.timer), done = Boolean(map?.done), share = map && !done ? shareDone(map) : 0;
  const [progress, stop, told] = part.byId("map-progress").children;
  progress.hidden = !running;
  progress.value = share;
  progress.setAttribute("aria-label", part.say("computing", Math.round(100 * share)));
  stop.hidden = !running && done;
  stop.textContent = part.say(running ? "cancel" : "again");
  told.textContent = done && !running ? part.say("done", map.rows * map.size) : "";
}
