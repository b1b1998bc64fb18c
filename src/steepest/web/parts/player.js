// Play, pause, and scrub through the steps, forwards and backwards.

import { stepOf } from "./scene.js";

const SPEEDS = [0.25, 0.5, 1, 2, 4];

export function startPlayer(part) {
  part.player = { playing: false, speed: 1, at: 0, last: 0 };
  const go = (step) => { pause(part); part.change({ step: clampStep(part, step) }); };
  part.byId("first").onclick = () => go(0);
  part.byId("back").onclick = () => go(stepOf(part.state) - 1);
  part.byId("forth").onclick = () => go(stepOf(part.state) + 1);
  part.byId("play").onclick = () => (part.player.playing ? pause : play)(part);
  part.byId("scrub").oninput = (event) => go(Number(event.target.value));
  part.byId("scrub").addEventListener("pointerdown", () => part.setBusy(true));
  for (const end of ["pointerup", "pointercancel"]) part.byId("scrub").addEventListener(end, () => part.setBusy(false));
  part.byId("speed").onclick = () => {
    part.player.speed = SPEEDS[(SPEEDS.indexOf(part.player.speed) + 1) % SPEEDS.length];
    showPlayer(part, part.state);
  };
  part.follow(showPlayer);
}

function clampStep(part, step) { return Math.min(part.state.steps, Math.max(0, Math.round(step))); }

function showPlayer(part, state) {
  const step = stepOf(state), scrub = part.byId("scrub");
  scrub.max = state.steps;
  scrub.value = step;
  scrub.style.setProperty("--share", step / Math.max(1, state.steps));
  scrub.setAttribute("aria-valuetext", part.say("stepOf", step, state.steps));
  part.byId("now").textContent = `${step} / ${state.steps}`;
  part.byId("play").classList.toggle("playing", part.player.playing);
  part.byId("play").setAttribute("aria-label", part.say(part.player.playing ? "pause" : "play"));
  part.byId("speed").textContent = `${String(part.player.speed).replace("0.", ".")}×`;
  part.byId("speed").setAttribute("aria-label", part.say("speedIs", part.player.speed));
}

export function play(part) {
  const { state } = part;
  Object.assign(part.player, { playing: true, at: stepOf(state) >= state.steps ? 0 : stepOf(state), last: performance.now() });
  part.setBusy(true);
  part.change({ step: Math.floor(part.player.at) });
  requestAnimationFrame((time) => advance(part, time));
}

export function pause(part) {
  if (!part.player.playing) return;
  part.player.playing = false;
  part.setBusy(false);
}

/** Few steps are shown slowly, one by one; many take nine seconds. */
function advance(part, time) {
  if (!part.player.playing) return;
  const { player } = part, { steps } = part.state, seconds = Math.min(9, Math.max(2.5, 0.22 * steps));
  player.at = Math.min(steps, player.at + Math.max(0, time - player.last) / 1000 * steps / seconds * player.speed);
  player.last = time;
  if (player.at >= steps) pause(part);
  part.change({ step: Math.floor(player.at) });
  if (player.playing) requestAnimationFrame((time) => advance(part, time));
}
