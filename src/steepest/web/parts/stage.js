// The stage: the picture of the landscape in view (plane, curve or surface) on two canvases, the lower drawn rarely, the
// upper with the paths at every change; and what hand and keyboard do on it.

import { basinFor } from "./basin_view.js";
import { curvePicture } from "./curve.js";
import { byId, fitted, sizeOf } from "./dom.js";
import { pretty } from "./frame.js";
import { planePicture } from "./plane.js";
import { pause, player } from "./player.js";
import { landscapeOf, sceneOf, stepOf, windowOf } from "./scene.js";
import { titleOf } from "./setup.js";
import { change, follow, request, setBusy, store } from "./store.js";
import { surfacePicture } from "./surface.js";
import { theme } from "./theme.js";
import { lang, say } from "./words.js";

const TURN = [0.62, 0.6]; // of the surface: radians to the side and above the horizon
const GRASP = 28; // pixels around the start in which it is taken hold of

export const stage = {
  picture: null, window: null, key: [], ways: [], size: [0, 0], hands: new Map(), held: false, turning: false, touched: false,
};

export function startStage() {
  const figure = byId("stage"), [, top] = figure.querySelectorAll("canvas");
  new ResizeObserver(() => { stage.size = sizeOf(figure); request(); }).observe(figure);
  stage.size = sizeOf(figure);
  follow(drawStage);
  follow(describeStage, true);
  top.addEventListener("pointerdown", takeHold);
  top.addEventListener("pointermove", (event) => (stage.hands.has(event.pointerId) ? moveHand(event) : hover(event)));
  for (const end of ["pointerup", "pointercancel"]) top.addEventListener(end, letGo);
  top.addEventListener("pointerleave", () => { figure.querySelector(".tip").hidden = true; });
  const scrolls = matchMedia("(max-width: 1100px)"); // there the wheel belongs to the page, and zooms with Ctrl or a pinch
  top.addEventListener("wheel", (event) => {
    if (scrolls.matches && !event.ctrlKey) return;
    event.preventDefault();
    zoomAt(pixelOf(event), Math.exp(event.deltaY * 0.0015));
  }, { passive: false });
  top.addEventListener("dblclick", () => setView({ window: null, turn: null }));
  top.addEventListener("keydown", stageKey);
}

export function modeOf({ view, landscape }) {
  const mode = view?.mode ?? "contours";
  return mode === "surface" && landscapeOf({ landscape }).dims !== 2 ? "contours" : mode;
}

export function setView(patch) { change({ view: { window: null, mode: "contours", turn: null, ...store.state.view, ...patch } }); }

export const FINE = 110, COARSE = 48; // cells along a side of the surface

/** The picture of a state for a place of some size: what is on the screen, and what goes into a file. */
export function pictureOf(state, width, height, cells = FINE) {
  const landscape = landscapeOf(state), window = windowOf(state);
  if (landscape.dims === 1) return curvePicture(landscape, window, width, height);
  if (modeOf(state) === "surface") return surfacePicture(landscape, window, width, height, state.view.turn ?? TURN, cells);
  return planePicture(landscape, window, width, height);
}

function drawStage(state) {
  const figure = byId("stage"), [below, top] = figure.querySelectorAll("canvas"), [width, height] = stage.size;
  const basin = basinFor(state);
  const key = [state.landscape, JSON.stringify(windowOf(state)), modeOf(state), JSON.stringify(state.view?.turn), width, height,
    theme.dark, theme.rem, stage.turning, basin, lang(), window.devicePixelRatio];
  if (key.some((value, i) => value !== stage.key[i])) {
    if (key.slice(0, 9).some((value, i) => value !== stage.key[i])) { // not for a map that has grown, nor another language
      showPicture(pictureOf(state, width, height, stage.turning ? COARSE : FINE), landscapeOf(state).dims);
    }
    stage.key = key;
    const pen = fitted(below, width, height);
    pen.clearRect(0, 0, width, height);
    stage.picture.drawBase(pen, basin);
    showCaption(state);
  }
  const pen = fitted(top, width, height), scene = { ...sceneOf(state), held: stage.held, touched: stage.touched };
  pen.clearRect(0, 0, width, height);
  stage.ways = stage.picture.drawTop(pen, scene, stepOf(state));
}

/** Keeps the picture, and the part of the landscape that it shows, for the map of basins. */
function showPicture(picture, dims) {
  const { frame } = (stage.picture = picture), window = [frame.x, frame.y].slice(0, dims);
  if (JSON.stringify(window) !== JSON.stringify(stage.window)) stage.window = window;
  request();
}

function showCaption(state) {
  const { minima = [], localMinima = [], saddles = [] } = landscapeOf(state), { picture } = stage;
  const facts = [minima.length && say("starKey"), localMinima.length && say("hollowKey"), saddles.length && say("crossKey")];
  const heights = () => [picture.power < 1 ? say("heightPower", pretty(picture.power)) : say("heightPlain"), say("turnHint")];
  byId("caption").textContent = (modeOf(state) === "surface" ? heights() : facts).filter(Boolean).join("   ");
}

/** What the picture shows, in words, for those who do not see it. */
function describeStage(state) {
  const scene = sceneOf(state), [, top] = byId("stage").querySelectorAll("canvas");
  const where = ({ run }) => pointText(run.point(Math.min(stepOf(state), run.n)));
  const ends = scene.tracks.map((track) => say("trackAlt", track.short, where(track)));
  const shown = say("stageAlt", titleOf(scene.landscape), pointText(state.start));
  const keys = modeOf(state) === "surface" ? "turnKeys" : "stageKeys";
  top.setAttribute("aria-label", [shown, ...ends, say(keys)].join(" "));
}

export function pointText(point) {
  const numbers = Array.from(point, (each) => pretty(each)).join(", ");
  return point.length === 1 ? numbers : `(${numbers})`;
}

// --- hand -------------------------------------------------------------------------------------------------------------

export function pixelOf(event) {
  const { left, top } = event.currentTarget.getBoundingClientRect();
  return [event.clientX - left, event.clientY - top];
}

function takeHold(event) {
  const place = pixelOf(event), [startX, startY] = stage.picture.toPixel(store.state.start);
  event.currentTarget.setPointerCapture(event.pointerId);
  stage.hands.set(event.pointerId, place);
  byId("stage").querySelector(".tip").hidden = true;
  const grasps = Math.hypot(place[0] - startX, place[1] - startY) < GRASP;
  stage.held = stage.hands.size === 1 && !event.shiftKey && (grasps || modeOf(store.state) !== "surface");
  stage.turning = !stage.held && modeOf(store.state) === "surface";
  if (player.playing && stage.held) pause();
  setBusy(true);
  if (stage.held) moveStart(place);
}

function moveHand(event) {
  const before = stage.hands.get(event.pointerId), place = pixelOf(event), [dx, dy] = [place[0] - before[0], place[1] - before[1]];
  const others = [...stage.hands].filter(([hand]) => hand !== event.pointerId).map(([, at]) => at);
  stage.hands.set(event.pointerId, place);
  if (others.length) {
    stage.held = false;
    const apart = (at) => Math.max(20, Math.hypot(at[0] - others[0][0], at[1] - others[0][1]));
    zoomAt([(place[0] + others[0][0]) / 2, (place[1] + others[0][1]) / 2], apart(before) / apart(place));
  } else if (stage.held) moveStart(place);
  else if (stage.turning) turnBy(dx * 0.009, dy * 0.007);
  else pan(dx, dy);
}

function letGo(event) {
  stage.hands.delete(event.pointerId);
  if (stage.hands.size) return;
  stage.held = stage.turning = false;
  setBusy(false);
  request();
}

function moveStart(place) {
  const point = stage.picture.toPoint(...place);
  if (point) setStart(point);
}

/** The start goes where it is put, with no more digits than a pixel needs. */
function setStart(point) {
  const { nudge, frame } = stage.picture, sides = [frame.x, frame.y];
  stage.touched = true;
  change({ start: point.map((value, i) => {
    const within = Math.min(Math.max(value, sides[i][0]), sides[i][1]);
    return Number(within.toFixed(Math.max(0, Math.ceil(-Math.log10(nudge[i] / 10)))));
  }) });
}

function turnBy(side, up) {
  const [yaw, pitch] = store.state.view.turn ?? TURN;
  const round = (value) => Math.round(value * 1000) / 1000;
  setView({ turn: [round((yaw - side) % (2 * Math.PI)), round(Math.min(1.5, Math.max(0.12, pitch + up)))] });
}

/** Zooms the window around a pixel; a factor below 1 goes nearer. */
function zoomAt([px, py], factor) {
  if (modeOf(store.state) === "surface") return;
  const { frame } = stage.picture, dims = landscapeOf(store.state).dims, centre = [frame.fromX(px), frame.fromY(py)];
  const own = landscapeOf(store.state).window, sides = [frame.x, frame.y].slice(0, dims);
  const window = sides.map(([low, high], i) => {
    const size = (high - low) / (own[i][1] - own[i][0]), share = Math.min(Math.max(factor, 1e-4 / size), 20 / size);
    return [centre[i] + (low - centre[i]) * share, centre[i] + (high - centre[i]) * share];
  });
  setView({ window });
}

function pan(dx, dy) {
  const { frame } = stage.picture, dims = landscapeOf(store.state).dims;
  const moves = [frame.fromX(0) - frame.fromX(dx), frame.fromY(0) - frame.fromY(dy)];
  setView({ window: [frame.x, frame.y].slice(0, dims).map(([low, high], i) => [low + moves[i], high + moves[i]]) });
}

/** Over a path, the nearest step in numbers. */
function hover(event) {
  const [px, py] = pixelOf(event), tip = byId("stage").querySelector(".tip"), scene = sceneOf(store.state);
  const [startX, startY] = stage.picture.toPixel(store.state.start);
  let best = { far: 12 };
  stage.ways.forEach((points, i) => {
    for (let k = 0; 2 * k < points.length; k++) {
      const far = Math.hypot(points[2 * k] - px, points[2 * k + 1] - py);
      if (far < best.far) best = { far, track: scene.tracks[i], step: k, x: points[2 * k], y: points[2 * k + 1] };
    }
  });
  const grasps = Math.hypot(px - startX, py - startY) < GRASP;
  event.currentTarget.style.cursor = grasps ? "grab" : modeOf(store.state) === "surface" ? "move" : "crosshair";
  tip.hidden = !best.track || grasps;
  if (tip.hidden) return;
  const { run } = best.track;
  const lines = [`${best.track.short} · ${say("step")} ${best.step}`, pointText(run.point(best.step)), `f = ${pretty(run.f[best.step])}`];
  tip.textContent = lines.join("\n");
  tip.style.left = `${Math.min(best.x + 14, stage.size[0] - 170)}px`;
  tip.style.top = `${Math.max(4, best.y - 70)}px`;
}

// --- keyboard ---------------------------------------------------------------------------------------------------------

export const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

function stageKey(event) {
  if (event.ctrlKey || event.metaKey) return;
  const arrow = ARROWS[event.key], middle = [stage.size[0] / 2, stage.size[1] / 2];
  if (arrow && modeOf(store.state) === "surface" && !event.altKey) turnBy(-0.08 * arrow[0], 0.06 * arrow[1]);
  else if (arrow) nudgeStart(arrow, event.shiftKey ? 10 : 1);
  else if (event.key === "+" || event.key === "=") zoomAt(middle, 0.8);
  else if (event.key === "-") zoomAt(middle, 1.25);
  else if (event.key === "0") setView({ window: null, turn: null });
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function nudgeStart(arrow, times) {
  const { nudge } = stage.picture;
  setStart(store.state.start.map((value, i) => value + times * arrow[i] * nudge[i]));
}
