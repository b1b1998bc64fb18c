// The basins of attraction: every start in the colour of the minimum that it leads to, under the contour lines.

import * as Steepest from "../core/api.js";
import { keyOf, make } from "./dom.js";
import { cellsOf, mapOf, mapWanted } from "./map_job.js";
import { modeOf, pointText } from "./scene.js";
import { asColour, channels, mixed } from "./theme.js";

const BASINS = ["#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#0072b2", "#b8a800", "#7a7a7a"];

/** Of more minima than colours, neighbours in a grid still differ. */
function basinColour(which) { return BASINS[which < BASINS.length ? which : (5 * which + 3 * (which >> 3)) % BASINS.length]; }

/** The map to draw under the picture of a state, or null. */
export function basinFor(part, state) {
  if (modeOf(part, state) !== "basin") return null;
  const wanted = mapWanted(part, state), map = wanted && mapOf(part, "basin", wanted.spec);
  if (!map) return null;
  const { dark } = part.theme;
  if (!map.image || map.dark !== dark) Object.assign(map, { dark, image: cellsOf(map, basinPaint(part, map)) });
  return map;
}

/** Pale where a start arrives soon, stronger where it takes long; grey where it arrives nowhere, stripes where it escapes. */
function basinPaint(part, map) {
  const paper = channels(part.theme.paper), ink = channels(part.theme.ink), slowest = Math.max(2, map.spec.steps);
  const blend = (from, to, share) => from.map((value, i) => value + share * (to[i] - value));
  return (at, column, row) => {
    const which = map.which[at], late = Math.min(1, Math.log(1 + map.steps[at]) / Math.log(1 + slowest));
    if (which === -2) return [...blend(paper, ink, (column + row) % 6 < 3 ? 0.28 : 0.16), 255];
    if (which === -1) return [...blend(paper, ink, 0.08), 255];
    return [...blend(paper, channels(basinColour(which)), 0.14 + 0.3 * late), 255];
  };
}

export function drawBasin(part, pen, map, frame) {
  const { window } = map.spec, [x, y] = window, [left, top, width, height] = frame.box;
  pen.imageSmoothingEnabled = false;
  if (!y) {
    const { rem } = part.theme, from = frame.toX(x[0]);
    return pen.drawImage(map.image, from, top + height - rem, frame.toX(x[1]) - from, rem);
  }
  const [right, bottom] = [frame.toX(x[1]), frame.toY(y[0])];
  return pen.drawImage(map.image, frame.toX(x[0]), frame.toY(y[1]), right - frame.toX(x[0]), bottom - frame.toY(y[1]));
}

/** What the colours mean, with the share of the starts; many minima are told by their stars in the picture. */
export function basinKeys(part, map) {
  const counts = new Map(), total = map.which.length, ofStarts = (count) => `${Math.round(100 * count / total)}%`;
  for (const which of map.which) counts.set(which, (counts.get(which) ?? 0) + 1);
  const arrived = [...counts].filter(([which]) => which >= 0).sort((a, b) => b[1] - a[1]), few = arrived.length <= 6;
  const keys = few ? arrived.map(([which, count]) => {
    const place = pointText(map.minima[which].map((value) => Number(value.toPrecision(3))));
    return keyOf(basinColour(which), `${arrived.length > 3 ? "" : place} ${ofStarts(count)}`, place);
  }) : [make("span", { class: "key" }, part.say("manyMinima", arrived.length))];
  for (const [which, name, grey] of [[-1, "under_way", 0.12], [-2, "escaped", 0.28]]) {
    const colour = asColour(mixed([part.theme.paper, part.theme.ink], grey));
    if (counts.has(which)) keys.push(keyOf(colour, `${Steepest.phrase("basin", name, part.lang())} ${ofStarts(counts.get(which))}`));
  }
  return keys;
}
