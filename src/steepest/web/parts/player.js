// Play, pause, and scrub through the steps, forwards and backwards.

import { byId } from "./dom.js";
import { stepOf } from "./scene.js";
import { change, follow, setBusy, store } from "./store.js";
import { say } from "./words.js";

const SPEEDS = [0.25, 0.5, 1, 2, 4];
export const player = { playing: false, speed: 1, at: 0, last: 0 };

export function startPlayer() {
  const go = (step) => { pause(); change({ step: clampStep(step) }); };
  byId("first").onclick = () => go(0);
  byId("back").onclick = () => go(stepOf(store.state) - 1);
  byId("forth").onclick = () => go(stepOf(store.state) + 1);
  byId("play").onclick = () => (player.playing ? pause() : play());
  byId("scrub").oninput = (event) => go(Number(event.target.value));
  byId("scrub").addEventListener("pointerdown", () => setBusy(true));
  for (const end of ["pointerup", "pointercancel"]) byId("scrub").addEventListener(end, () => setBusy(false));
  byId("speed").onclick = () => {
    player.speed = SPEEDS[(SPEEDS.indexOf(player.speed) + 1) % SPEEDS.length];
    showPlayer(store.state);
  };
  follow(showPlayer);
}

function clampStep(step) { return Math.min(store.state.steps, Math.max(0, Math.round(step))); }

function showPlayer(state) {
  const step = stepOf(state), scrub = byId("scrub");
  scrub.max = state.steps;
  scrub.value = step;
  scrub.style.setProperty("--share", step / Math.max(1, state.steps));
  scrub.setAttribute("aria-valuetext", say("stepOf", step, state.steps));
  byId("now").textContent = `${step} / ${state.steps}`;
  byId("play").classList.toggle("playing", player.playing);
  byId("play").setAttribute("aria-label", say(player.playing ? "pause" : "play"));
  byId("speed").textContent = `${String(player.speed).replace("0.", ".")}×`;
  byId("speed").setAttribute("aria-label", say("speedIs", player.speed));
}

export function play() {
  const { state } = store;
  Object.assign(player, { playing: true, at: stepOf(state) >= state.steps ? 0 : stepOf(state), last: performance.now() });
  setBusy(true);
  change({ step: Math.floor(player.at) });
  requestAnimationFrame(advance);
}

export function pause() {
  if (!player.playing) return;
  player.playing = false;
  setBusy(false);
}

/** Few steps are shown slowly, one by one; many take nine seconds. */
function advance(time) {
  if (!player.playing) return;
  const { steps } = store.state, seconds = Math.min(9, Math.max(2.5, 0.22 * steps));
  player.at = Math.min(steps, player.at + Math.max(0, time - player.last) / 1000 * steps / seconds * player.speed);
  player.last = time;
  if (player.at >= steps) pause();
  change({ step: Math.floor(player.at) });
  if (player.playing) requestAnimationFrame(advance);
}
