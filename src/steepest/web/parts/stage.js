// The stage: the picture of the landscape in view (plane, curve or surface) on two canvases, the lower drawn rarely, the
// upper with the paths at every change; and what hand and keyboard do on it.

import { basinFor } from "./basin_view.js";
import { curvePicture } from "./curve.js";
import { fitted } from "./dom.js";
import { pretty } from "./frame.js";
import { planePicture } from "./plane.js";
import { pause } from "./player.js";
import { landscapeOf, modeOf, pointText, sceneOf, stepOf, titleOf, windowOf } from "./scene.js";
import { reliefOf, surfacePicture } from "./surface.js";

const TURN = [0.62, 0.6]; // of the surface: radians to the side and above the horizon
const GRASP = 28; // pixels around the start in which it is taken hold of
const STILL = 4; // pixels within which a press is a tap
const DOUBLE = 600; // milliseconds between two taps that may be one double-click

const HANDS = ["pointerdown", "pointermove", "pointerup", "pointercancel", "pointerleave", "wheel", "dblclick", "keydown"];

export function startStage(part) {
  part.stage = {
    picture: null, window: null, key: [], ways: [], size: [0, 0], hands: new Map(), held: false, turning: false, touched: false,
    press: null, tap: { time: -Infinity, start: null },
  };
  const figure = part.byId("stage"), [, top] = figure.querySelectorAll("canvas");
  part.watchSize(figure, (size) => { part.stage.size = size; });
  part.follow(drawStage);
  part.follow(describeStage, true);
  for (const type of HANDS) { // before the first picture there is nothing to take hold of
    top.addEventListener(type, (event) => { if (!part.stage.picture) event.stopImmediatePropagation(); });
  }
  top.addEventListener("pointerdown", (event) => takeHold(part, event));
  top.addEventListener("pointermove", (event) => {
    (part.stage.hands.has(event.pointerId) ? moveHand : hover)(part, event);
  });
  for (const end of ["pointerup", "pointercancel"]) top.addEventListener(end, (event) => letGo(part, event));
  top.addEventListener("pointerleave", () => { figure.querySelector(".tip").hidden = true; });
  top.addEventListener("wheel", (event) => {
    if (scrolls(part) && !event.ctrlKey) return; // there the wheel belongs to the page, and zooms with Ctrl or a pinch
    event.preventDefault();
    zoomAt(part, pixelOf(event), Math.exp(event.deltaY * 0.0015));
  }, { passive: false });
  top.addEventListener("dblclick", () => {
    const { tap } = part.stage;
    if (tap.start) part.change({ [handleOf(part.state)]: tap.start }); // the taps of a double-click do not move it
    tap.start = null;
    setView(part, { window: null, turn: null });
  });
  top.addEventListener("keydown", (event) => stageKey(part, event));
}

/** Whether the page scrolls: where the part is not all of it, and where it is not made to fit the window. */
function scrolls({ options, host }) { return !options.alone || options.fixed || host.clientWidth <= 1100; }

/** The name of the point that is taken hold of: the start, or, before a figure answers, where the reader guesses that it ends. */
function handleOf({ guessing }) { return guessing ? "guess" : "start"; }

export function setView(part, patch) {
  part.change({ view: { window: null, mode: "contours", turn: null, ...part.state.view, ...patch } });
}

export const FINE = 110, COARSE = 40; // cells along a side of the surface

/** The picture of a state for a place of some size: what is on the screen, and what goes into a file. */
export function pictureOf(part, state, width, height, cells = FINE) {
  const landscape = landscapeOf(part, state), window = windowOf(part, state);
  if (landscape.dims === 1) return curvePicture(part, landscape, window, width, height);
  const turn = state.view.turn ?? TURN;
  if (modeOf(part, state) === "surface") return surfacePicture(part, landscape, window, width, height, turn, reliefFor(part, landscape, window, cells));
  return planePicture(part, landscape, window, width, height);
}

/** The relief of a surface, kept while it is turned. */
function reliefFor(part, landscape, window, cells) {
  const { stage } = part, key = [landscape, cells, ...window.flat()];
  if (!stage.relief || key.some((value, i) => value !== stage.relief.key[i])) stage.relief = { key, ...reliefOf(landscape, window, cells) };
  return stage.relief;
}

function drawStage(part, state) {
  const { stage } = part;
  const figure = part.byId("stage"), [below, top] = figure.querySelectorAll("canvas"), [width, height] = stage.size;
  const basin = basinFor(part, state), { printed } = part;
  const shown = [state.landscape, JSON.stringify(windowOf(part, state)), modeOf(part, state), JSON.stringify(state.view?.turn)];
  const key = [...shown, width, height, part.theme.dark, part.theme.rem, stage.turning, basin, part.lang(), devicePixelRatio, printed];
  if (printed || key.some((value, i) => value !== stage.key[i])) {
    if (key.slice(0, 9).some((value, i) => value !== stage.key[i])) { // not for a map that has grown, nor another language
      showPicture(part, pictureOf(part, state, width, height, stage.turning ? COARSE : FINE), landscapeOf(part, state).dims);
    }
    stage.key = key;
    const pen = fitted(below, width, height);
    pen.clearRect(0, 0, width, height);
    stage.picture.drawBase(pen, basin);
    showCaption(part, state);
  }
  const pen = fitted(printed ? below : top, width, height), { held, touched } = stage; // a printed canvas that clears itself would clear what is below it
  const scene = { ...sceneOf(part, state), held, touched: touched || part.options.fixed || printed, guess: state.guess };
  if (!printed) pen.clearRect(0, 0, width, height);
  stage.ways = stage.picture.drawTop(pen, scene, stepOf(state));
}

/** Keeps the picture, and the part of the landscape that it shows: the map of basins is of that, and follows in the next frame. */
function showPicture(part, picture, dims) {
  const { stage } = part, { frame } = (stage.picture = picture), window = [frame.x, frame.y].slice(0, dims);
  if (JSON.stringify(window) === JSON.stringify(stage.window)) return;
  stage.window = window;
  part.request();
}

function showCaption(part, state) {
  const { minima = [], localMinima = [], saddles = [], dims } = landscapeOf(part, state), { picture } = part.stage;
  const marks = [[minima, "starKey"], [localMinima, "hollowKey"], [saddles, dims === 1 ? "inflectionKey" : "crossKey"]];
  const shades = modeOf(part, state) === "basin" ? [part.say("basinShade")] : [];
  const facts = () => [...shades, ...marks.filter(([points]) => points.length).map(([, word]) => part.say(word))];
  const height = picture.power < 1 ? part.say("heightPower", pretty(picture.power)) : part.say("heightPlain");
  part.byId("caption").textContent = (modeOf(part, state) === "surface" ? [height, ...(part.printed ? [] : [part.say("turnHint")])] : facts()).join("   ");
}

/** What the picture shows, in words, for those who do not see it. */
function describeStage(part, state) {
  const scene = sceneOf(part, state), [, top] = part.byId("stage").querySelectorAll("canvas");
  const where = ({ run }) => pointText(run.point(Math.min(Math.floor(stepOf(state)), run.n)));
  const ends = scene.tracks.map((track) => part.say("trackAlt", track.short, where(track)));
  const shown = part.say("stageAlt", titleOf(part, scene.landscape), pointText(state.start));
  const keys = state.guessing ? "guessKeys" : part.options.fixed ? "pathsKeys" : modeOf(part, state) === "surface" ? "turnKeys" : "stageKeys";
  top.setAttribute("aria-label", [shown, ...ends, part.say(keys)].join(" "));
}

// --- hand -------------------------------------------------------------------------------------------------------------

export function pixelOf(event) {
  const { left, top } = event.currentTarget.getBoundingClientRect();
  return [event.clientX - left, event.clientY - top];
}

function takeHold(part, event) {
  const { stage } = part, place = pixelOf(event), handle = handleOf(part.state);
  const [startX, startY] = stage.picture.toPixel(part.state[handle]);
  event.currentTarget.setPointerCapture(event.pointerId);
  stage.hands.set(event.pointerId, place);
  part.byId("stage").querySelector(".tip").hidden = true;
  const grasps = Math.hypot(place[0] - startX, place[1] - startY) < GRASP;
  if (stage.held && stage.press.moved) part.change({ [handle]: stage.press.start }); // the first finger of a pinch moved it
  const turns = modeOf(part, part.state) === "surface", alone = stage.hands.size === 1 && !event.shiftKey;
  stage.held = !part.options.fixed && alone && (grasps || !turns);
  stage.turning = !stage.held && turns;
  if (stage.held) stage.press = { place, grasps, moved: false, start: part.state[handle] };
  if (part.player.playing && stage.held) pause(part);
  part.setBusy(true);
}

function moveHand(part, event) {
  const { stage } = part;
  const before = stage.hands.get(event.pointerId), place = pixelOf(event), [dx, dy] = [place[0] - before[0], place[1] - before[1]];
  const others = [...stage.hands].filter(([hand]) => hand !== event.pointerId).map(([, at]) => at);
  stage.hands.set(event.pointerId, place);
  if (others.length) {
    stage.held = false;
    const apart = (at) => Math.max(20, Math.hypot(at[0] - others[0][0], at[1] - others[0][1]));
    zoomAt(part, [(place[0] + others[0][0]) / 2, (place[1] + others[0][1]) / 2], apart(before) / apart(place));
  } else if (stage.held) {
    const { press } = stage;
    press.moved ||= Math.hypot(place[0] - press.place[0], place[1] - press.place[1]) > STILL;
    if (press.moved) moveStart(part, place);
  }
  else if (stage.turning) turnBy(part, dx * 0.009, dy * 0.007);
  else pan(part, dx, dy);
}

function letGo(part, event) {
  const { stage } = part;
  const place = stage.hands.get(event.pointerId);
  stage.hands.delete(event.pointerId);
  if (stage.hands.size) return;
  const { press, tap } = stage;
  if (stage.held && event.type === "pointerup" && !press.moved && !press.grasps) {
    if (event.timeStamp - tap.time > DOUBLE) tap.start = press.start;
    moveStart(part, place);
  }
  if (stage.held && press.moved) tap.start = null;
  if (stage.held) tap.time = press.moved ? -Infinity : event.timeStamp;
  stage.held = stage.turning = false;
  part.setBusy(false);
  part.request();
}

function moveStart(part, place) {
  const point = part.stage.picture.toPoint(...place);
  if (point) setStart(part, point);
}

/** The start goes where it is put, with no more digits than a pixel needs. */
function setStart(part, point) {
  const { nudge, frame } = part.stage.picture, sides = [frame.x, frame.y];
  part.stage.touched = true;
  part.change({ [handleOf(part.state)]: point.map((value, i) => {
    const within = Math.min(Math.max(value, sides[i][0]), sides[i][1]);
    return Number(within.toFixed(Math.max(0, Math.ceil(-Math.log10(nudge[i] / 10)))));
  }) });
}

function turnBy(part, side, up) {
  const [yaw, pitch] = part.state.view.turn ?? TURN;
  const round = (value) => Math.round(value * 1000) / 1000;
  setView(part, { turn: [round((yaw - side) % (2 * Math.PI)), round(Math.min(1.5, Math.max(0.12, pitch + up)))] });
}

/** Zooms the window around a pixel; a factor below 1 goes nearer. */
function zoomAt(part, [px, py], factor) {
  if (modeOf(part, part.state) === "surface") return;
  const { frame } = part.stage.picture, dims = landscapeOf(part, part.state).dims, centre = [frame.fromX(px), frame.fromY(py)];
  const own = landscapeOf(part, part.state).window, sides = [frame.x, frame.y].slice(0, dims);
  const window = sides.map(([low, high], i) => {
    const size = (high - low) / (own[i][1] - own[i][0]), share = Math.min(Math.max(factor, 1e-4 / size), 20 / size);
    return [centre[i] + (low - centre[i]) * share, centre[i] + (high - centre[i]) * share];
  });
  setView(part, { window });
}

function pan(part, dx, dy) {
  const { frame } = part.stage.picture, dims = landscapeOf(part, part.state).dims;
  const moves = [frame.fromX(0) - frame.fromX(dx), frame.fromY(0) - frame.fromY(dy)];
  setView(part, { window: [frame.x, frame.y].slice(0, dims).map(([low, high], i) => [low + moves[i], high + moves[i]]) });
}

/** Over a path, the nearest step in numbers. */
function hover(part, event) {
  const { stage } = part;
  const [px, py] = pixelOf(event), tip = part.byId("stage").querySelector(".tip"), scene = sceneOf(part, part.state);
  const [startX, startY] = stage.picture.toPixel(part.state[handleOf(part.state)]);
  let best = { far: 12 };
  stage.ways.forEach((points, i) => {
    for (let k = 0; 2 * k < points.length; k++) {
      const far = Math.hypot(points[2 * k] - px, points[2 * k + 1] - py);
      if (far < best.far) best = { far, track: scene.tracks[i], step: k, x: points[2 * k], y: points[2 * k + 1] };
    }
  });
  const grasps = !part.options.fixed && Math.hypot(px - startX, py - startY) < GRASP;
  const turns = modeOf(part, part.state) === "surface";
  event.currentTarget.style.cursor = grasps ? "grab" : turns ? "move" : part.options.fixed ? "default" : "crosshair";
  tip.hidden = !best.track || grasps;
  if (tip.hidden) return;
  const { run } = best.track;
  const step = `${best.track.short} · ${part.say("step")} ${scene.name(best.step)}`;
  const lines = [step, pointText(run.point(best.step)), `f = ${pretty(run.f[best.step])}`];
  tip.textContent = lines.join("\n");
  tip.style.left = `${Math.min(best.x + 14, stage.size[0] - 170)}px`;
  tip.style.top = `${Math.max(4, best.y - 70)}px`;
}

// --- keyboard ---------------------------------------------------------------------------------------------------------

export const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

function stageKey(part, event) {
  if (event.ctrlKey || event.metaKey) return;
  const arrow = ARROWS[event.key], middle = [part.stage.size[0] / 2, part.stage.size[1] / 2];
  if (arrow && modeOf(part, part.state) === "surface" && !event.altKey) turnBy(part, -0.08 * arrow[0], 0.06 * arrow[1]);
  else if (arrow && !part.options.fixed) nudgeStart(part, arrow, event.shiftKey ? 10 : 1);
  else if (event.key === "+" || event.key === "=") zoomAt(part, middle, 0.8);
  else if (event.key === "-") zoomAt(part, middle, 1.25);
  else if (event.key === "0") setView(part, { window: null, turn: null });
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function nudgeStart(part, arrow, times) {
  const { nudge } = part.stage.picture;
  setStart(part, part.state[handleOf(part.state)].map((value, i) => value + times * arrow[i] * nudge[i]));
}
