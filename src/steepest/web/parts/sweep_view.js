// The map of two settings: for every pair of them the value at the end, or the steps it took; a click tries a pair.

import * as Steepest from "../core/api.js";
import { powerName } from "./chart.js";
import { fitted, keyOf } from "./dom.js";
import { logTicks, makeFrame, pretty, roundTicks } from "./frame.js";
import { cellsOf, mapOf, mapWanted } from "./map_job.js";
import { setLetters, strokeBox } from "./pen.js";
import { drawStart } from "./plane.js";
import { owned, setRules, withSetting } from "./rules_panel.js";
import { axesOf, landscapeOf, modeOf, selectedRule } from "./scene.js";
import { settingName, valueIn } from "./slider.js";
import { ARROWS, pixelOf } from "./stage.js";
import { HEAT, asColour, channels, mixed } from "./theme.js";

export function startSweep(part) {
  part.sweep = { frame: null, size: [0, 0], held: false };
  const figure = part.byId("map"), [canvas] = figure.querySelectorAll("canvas");
  part.watchSize(figure, (size) => { part.sweep.size = size; });
  const tryAt = (event) => {
    const [px, py] = pixelOf(event);
    setPair(part, part.sweep.frame.fromX(px), part.sweep.frame.fromY(py));
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    part.sweep.held = true;
    tryAt(event);
  });
  canvas.addEventListener("pointermove", (event) => (part.sweep.held ? tryAt(event) : tellCell(part, event)));
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { part.sweep.held = false; });
  part.busyWhileHeld(canvas);
  canvas.addEventListener("pointerleave", () => { figure.querySelector(".tip").hidden = true; });
  canvas.addEventListener("keydown", (event) => {
    const arrow = ARROWS[event.key], { state } = part, shares = pairOf(state);
    if (!arrow) return;
    setPair(part, ...shares.map((share, i) => share + arrow[i] * (event.shiftKey ? 0.05 : 0.01)));
    event.preventDefault();
  });
  part.follow(drawSweep);
}

/** Where the selected rule's settings stand on the axes, from 0 to 1. */
function pairOf(state) {
  const { x, y } = axesOf(state), { id, settings } = selectedRule(state), all = Steepest.settingsOf(id, settings);
  return [x, y].map((setting) => Steepest.slider.share(setting, valueIn(all, setting)));
}

function setPair(part, ...shares) {
  const { state } = part, { x, y } = axesOf(state);
  const values = [x, y].map((setting, i) => Steepest.slider.value(setting, shares[i]));
  setRules(part, state.rules.map((rule, i) => {
    if (i !== state.selected) return rule;
    const settings = withSetting(rule, x, values[0]);
    return { ...rule, settings: withSetting({ ...rule, settings }, y, values[1]), ...owned(x, y) };
  }));
}

function drawSweep(part, state) {
  const figure = part.byId("map");
  figure.hidden = modeOf(part, state) !== "sweep" || !state.rules.length;
  if (figure.hidden) return;
  const [width, height] = part.sweep.size, pen = fitted(figure.querySelector("canvas"), width, height);
  pen.clearRect(0, 0, width, height);
  part.sweep.frame = drawSweepPicture(part, pen, state, width, height);
  const { x, y } = axesOf(state);
  const alt = part.say("mapAlt", part.say(shownOf(state)), settingName(x), settingName(y));
  figure.querySelector("canvas").setAttribute("aria-label", alt);
}

export function shownOf({ map }) { return map?.show === "steps" ? "stepsToReach" : "finalValue"; }

export function drawSweepPicture(part, pen, state, width, height) {
  const rem = part.theme.rem, { x, y } = axesOf(state), box = [3.4 * rem, 0.6 * rem, width - 7.6 * rem, height - 3.3 * rem];
  const frame = makeFrame([[0, 1], [0, 1]], box, false), map = mapOf(part, "sweep", mapWanted(part, state).spec);
  pen.fillStyle = part.theme.card;
  pen.fillRect(...box);
  if (map) {
    const scale = heatScale(part, map, state);
    pen.imageSmoothingEnabled = false;
    pen.drawImage(cellsOf(map, scale.paint), ...box);
    drawHeatBar(part, pen, scale, [box[0] + box[2] + 0.8 * rem, box[1], 0.8 * rem, box[3]]);
  }
  drawSettingTicks(part, pen, x, y, frame);
  const [across, up] = pairOf(state), [px, py] = [frame.toX(across), frame.toY(up)];
  drawStart(part, pen, px, py, part.sweep.held, true);
  return frame;
}

/** How cells are painted: on a log scale from the best to that of the start, or by steps; what escaped has stripes. */
function heatScale(part, map, state) {
  const { theme } = part;
  const landscape = landscapeOf(part, state), steps = shownOf(state) === "stepsToReach", zero = steps ? 0 : landscape.minimum ?? 0;
  const worst = steps ? map.spec.steps : landscape.f(...state.start) - zero;
  const all = Array.from(steps ? map.steps : map.value, (value) => value - zero);
  const fine = all.filter((value) => Number.isFinite(value) && value <= worst), best = Math.min(...fine, worst);
  const log = !steps && landscape.minimum !== null, floor = Math.max(best, 1e-12 * Math.max(1e-300, worst));
  const logShare = (value) => Math.log(Math.max(value, floor) / floor) / Math.log(worst / floor || 2);
  const share = log ? logShare : (value) => (value - best) / (worst - best || 1);
  const ramp = theme.dark ? [...HEAT].reverse() : HEAT, paper = channels(theme.paper), ink = channels(theme.ink);
  const colour = (value) => mixed(ramp, 1 - share(value));
  const stripes = (share) => asColour(mixed([theme.paper, theme.ink], share));
  return {
    worse: { there: all.some((value) => Number.isFinite(value) && value > worst), colour: asColour(mixed(ramp, 0).map((part) => part * 0.93)) },
    lost: {
      there: !all.every(Number.isFinite), colour: stripes(steps ? 0.1 : 0.3),
      text: steps ? part.say("notReached") : Steepest.phrase("basin", "escaped", part.lang()),
    },
    log, low: log ? floor : best, high: worst, colour, share,
    paint: (at, column, row) => {
      const value = all[at], striped = (column + row) % 6 < 3 ? 0.3 : 0.18;
      if (!Number.isFinite(value)) return [...paper.map((part, i) => part + (steps ? 0.1 : striped) * (ink[i] - part)), 255];
      return [...(value > worst ? mixed(ramp, 0).map((part) => part * 0.93) : colour(value)), 255];
    },
  };
}

/** What the colours of a map of settings mean that its scale does not say. */
export function sweepKeys(part, map, state) {
  const { worse, lost } = heatScale(part, map, state), keys = [];
  if (worse.there) keys.push(keyOf(worse.colour, part.say("worseThanStart")));
  if (lost.there) keys.push(keyOf(lost.colour, lost.text));
  return keys;
}

function drawHeatBar(part, pen, { log, low, high, share, colour }, [left, top, width, height]) {
  const { theme } = part, value = (part) => (log ? low * (high / low) ** part : low + part * (high - low));
  for (let i = 0; i < height; i++) {
    pen.fillStyle = asColour(colour(value(1 - i / height)));
    pen.fillRect(left, top + i, width, 1.5);
  }
  const ticks = (log ? logTicks : roundTicks)(low, high, height / (2.2 * theme.rem));
  setLetters(part, pen, 0.72, theme.soft, "left");
  const name = log ? powerName : pretty, beside = left + width + 0.35 * theme.rem;
  for (const tick of ticks) pen.fillText(name(tick), beside, top + height * (1 - share(tick)));
}

const DECADES = Array.from({ length: 31 }, (_, i) => Number(`1e${i - 15}`));

/** Round values of a setting, as its slider is divided. */
function settingTicks({ scale, low, high, least }) {
  if (scale === "log") return DECADES.filter((value) => value >= low && value <= high);
  if (scale === "zero") return [0, ...DECADES.filter((value) => value >= least && value <= high)];
  if (scale === "memory") return [0, 0.5, 0.9, 0.99, 0.999].filter((value) => value >= low && value <= high);
  return roundTicks(low, high, 5);
}

function drawSettingTicks(part, pen, x, y, frame) {
  const { theme } = part, [left, top, width, height] = frame.box, rem = theme.rem;
  strokeBox(part, pen, frame.box);
  setLetters(part, pen, 0.72, theme.soft, "center", "top");
  const values = settingTicks(x), every = Math.ceil(values.length * 2.6 * rem / width);
  const placeOf = (setting, value) => Steepest.slider.share(setting, value), below = top + height + 0.35 * rem;
  values.forEach((value, i) => i % every || pen.fillText(tickName(x, value), frame.toX(placeOf(x, value)), below));
  setLetters(part, pen, 0.72, theme.soft, "right");
  for (const value of settingTicks(y)) pen.fillText(tickName(y, value), left - 0.4 * rem, frame.toY(placeOf(y, value)));
  setLetters(part, pen, 0.82, theme.ink, "right", "top", 600);
  pen.fillText(settingName(x), left + width, top + height + 1.5 * rem);
  setLetters(part, pen, 0.82, theme.ink, "left", "top", 600);
  pen.fillText(`↑ ${settingName(y)}`, 0.2 * rem, top + height + 1.5 * rem);
}

function tickName({ scale }, value) { return value && (scale === "log" || scale === "zero") ? powerName(value) : pretty(value); }

/** What is under the pointer, in numbers. */
function tellCell(part, event) {
  const { sweep } = part;
  const [px, py] = pixelOf(event), { state } = part, tip = part.byId("map").querySelector(".tip");
  const map = mapOf(part, "sweep", mapWanted(part, state).spec);
  const [across, up] = [sweep.frame.fromX(px), sweep.frame.fromY(py)], within = across >= 0 && across < 1 && up >= 0 && up < 1;
  tip.hidden = !map || !within;
  if (tip.hidden) return;
  const { x, y } = axesOf(state), at = Math.floor(up * map.rows) * map.size + Math.floor(across * map.size);
  const tell = (setting, share) => `${settingName(setting)} ${pretty(Steepest.slider.value(setting, share))}`;
  const ended = Number.isFinite(map.value[at]) ? `f = ${pretty(map.value[at])}` : Steepest.phrase("basin", "escaped", part.lang());
  const took = `${part.say("stepsToReach")}: ${Number.isFinite(map.steps[at]) ? map.steps[at] : "–"}`;
  tip.textContent = [tell(x, across), tell(y, up), ended, took].join("\n");
  tip.style.left = `${Math.max(4, Math.min(px + 14, sweep.size[0] - 190))}px`;
  tip.style.top = `${Math.max(4, py - 80)}px`;
}
