// Maps are computed in a worker. A map is stopped by ending its worker; a new one starts a moment after the last change of
// what it shows.

import { axesOf, modeOf, selectedRule } from "./scene.js";
import { startJob } from "./worker.js";

const MAP_SIZE = 144, MAP_WAIT = 220;

/** What is to be computed for a state: {kind, spec}, or null where no map is in view, or no picture yet whose window it is. */
export function mapWanted(part, state) {
  const mode = modeOf(part, state), chosen = selectedRule(state);
  if (!chosen || (mode !== "basin" && mode !== "sweep")) return null;
  const { landscape, steps, schedule, start } = state, { id: rule, settings } = chosen;
  const common = { landscape, rule, settings, steps, schedule, size: MAP_SIZE };
  if (mode === "basin") return part.stage.window && { kind: "basin", spec: { ...common, window: part.stage.window } };
  const { x, y } = axesOf(state);
  return { kind: "sweep", spec: { ...common, start, settings: without(settings, x, y), x, y } };
}

/** The settings that a map does not go through: those it does may change and leave it as it is. */
function without(settings, ...axes) {
  const rest = { ...settings };
  for (const { name, place } of axes) {
    if (place === null) delete rest[name];
    else if (rest[name]) rest[name] = rest[name].map((value, i) => (i === place ? 0 : value));
  }
  return rest;
}

export function followMaps(part, state) {
  const { maps } = part, wanted = mapWanted(part, state), key = JSON.stringify(wanted);
  if (key === maps.wanted) return;
  stopMap(part);
  Object.assign(maps, { wanted: key, spec: wanted?.spec });
  if (wanted && key !== maps.of) maps.timer = setTimeout(() => startMap(part, wanted, key), maps.map ? MAP_WAIT : 0);
}

function startMap(part, wanted, key) {
  const { maps } = part;
  maps.timer = 0;
  maps.worker = startJob(wanted, (map) => {
    Object.assign(maps, { map: { ...map, spec: wanted.spec, kind: wanted.kind, image: null }, of: key });
    if (map.done) stopMap(part);
    part.request();
  });
}

export function stopMap(part) {
  const { maps } = part;
  clearTimeout(maps.timer);
  maps.worker?.terminate();
  Object.assign(maps, { timer: 0, worker: null });
}

/** The map of a kind as far as it is computed, also the last one while the next begins; null if there is none. */
export function mapOf(part, kind, spec) {
  const { map } = part.maps;
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
