// Maps are computed in a worker made of the page's own script, so that the page never waits. A map is stopped by ending its
// worker; a new one starts a moment after the last change of what it shows.

import { selectedRule } from "./scene.js";
import { modeOf, stage } from "./stage.js";
import { request } from "./store.js";
import { axesOf } from "./sweep_view.js";

const MAP_SIZE = 144, MAP_WAIT = 220;

export const mapJob = { wanted: "", worker: null, timer: 0, map: null, of: "", script: "", address: null, spec: null };

/** What is to be computed for a state: {kind, spec}, or null where no map is in view. */
export function mapWanted(state) {
  const mode = modeOf(state), chosen = selectedRule(state);
  if (!chosen || (mode !== "basin" && mode !== "sweep")) return null;
  const { landscape, steps, schedule, start } = state, { id: rule, settings } = chosen;
  const common = { landscape, rule, settings, steps, schedule, size: MAP_SIZE };
  if (mode === "basin") return { kind: "basin", spec: { ...common, window: stage.window } };
  const { x, y } = axesOf(state);
  return { kind: "sweep", spec: { ...common, start, settings: without(settings, x, y), x, y } };
}

/** The settings that a map does not go through: those it does may change and leave it as it is. */
function without(settings, ...axes) {
  const rest = { ...settings };
  for (const { name, place } of axes) {
    if (place === null) delete rest[name];
    else if (rest[name]) rest[name] = rest[name].map((each, i) => (i === place ? 0 : each));
  }
  return rest;
}

export function followMaps(state) {
  const wanted = mapWanted(state), key = JSON.stringify(wanted);
  if (key === mapJob.wanted) return;
  stopMap();
  Object.assign(mapJob, { wanted: key, spec: wanted?.spec });
  if (wanted && key !== mapJob.of) mapJob.timer = setTimeout(() => startMap(wanted, key), mapJob.map ? MAP_WAIT : 0);
}

function startMap(wanted, key) {
  mapJob.timer = 0;
  mapJob.address ??= URL.createObjectURL(new Blob([mapJob.script], { type: "text/javascript" }));
  const worker = (mapJob.worker = new Worker(mapJob.address));
  worker.onmessage = ({ data }) => {
    Object.assign(mapJob, { map: { ...data, spec: wanted.spec, kind: wanted.kind, image: null }, of: key });
    if (data.done) stopMap();
    request();
  };
  worker.postMessage(wanted);
}

export function stopMap() {
  clearTimeout(mapJob.timer);
  mapJob.worker?.terminate();
  Object.assign(mapJob, { timer: 0, worker: null });
}

/** The map of a kind as far as it is computed, also the last one while the next begins; null if there is none. */
export function mapOf(kind, spec) {
  const { map } = mapJob;
  const same = (name) => JSON.stringify(map.spec[name]) === JSON.stringify(spec[name]);
  return map?.kind === kind && same("rule") && same("landscape") ? map : null;
}

/** How much of a map is computed, from 0 to 1. */
export function shareDone({ block, row, rows, done }) {
  const before = block === 8 ? 0 : 1 / (4 * block * block);
  return done ? 1 : before + (1 / (block * block) - before) * row / rows;
}

/** The cells as a small canvas, one pixel each, the highest row on top; `paint(cell)` tells [red, green, blue, opacity]. */
export function cellsOf(map, paint) {
  const { size, rows } = map, canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
  Object.assign(canvas, { width: size, height: rows });
  const image = pen.createImageData(size, rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < size; column++) {
      image.data.set(paint(row * size + column, column, row), 4 * ((rows - 1 - row) * size + column));
    }
  }
  pen.putImageData(image, 0, 0);
  return canvas;
}
