// Play, pause, and scrub through the steps, forwards and backwards.

import MARKUP from "./player.html";
import { stepName, stepOf } from "./scene.js";

/** The buttons and the slider, and where in the markup of a part they stand. */
export const PLAYER = { place: "<!-- player -->", markup: MARKUP };

const SPEEDS = [0.25, 0.5, 1, 2, 4];
const REST = 2; // seconds at the end, before it begins again where it does

export function startPlayer(part) {
  part.player = { playing: false, speed: 1, time: 0, last: 0 };
  part.byId("first").onclick = () => goToStep(part, 0);
  part.byId("back").onclick = () => goToStep(part, Math.ceil(stepOf(part.state)) - 1);
  part.byId("forth").onclick = () => goToStep(part, Math.floor(stepOf(part.state)) + 1);
  part.byId("play").onclick = () => (part.player.playing ? pause : play)(part);
  part.byId("scrub").oninput = (event) => goToStep(part, Number(event.target.value));
  part.busyWhileHeld(part.byId("scrub"));
  part.byId("speed").onclick = () => {
    part.player.speed = SPEEDS[(SPEEDS.indexOf(part.player.speed) + 1) % SPEEDS.length];
    showPlayer(part, part.state);
  };
  part.follow(showPlayer);
}

/** Shows a step, and rests there. */
export function goToStep(part, step) {
  pause(part);
  part.change({ step: Math.min(part.state.steps, Math.max(0, Math.round(step))) });
}

function showPlayer(part, state) {
  const { player } = part;
  const step = Math.floor(stepOf(state) + 1e-9), scrub = part.byId("scrub");
  const now = stepName(state, step), last = stepName(state, state.steps);
  scrub.max = state.steps;
  scrub.value = step;
  scrub.style.setProperty("--share", step / Math.max(1, state.steps));
  scrub.setAttribute("aria-valuetext", part.say("stepOf", now, last));
  part.byId("now").textContent = `${now} / ${last}`;
  part.byId("play").classList.toggle("playing", player.playing);
  part.byId("play").setAttribute("aria-label", part.say(player.playing ? "pause" : "play"));
  part.byId("speed").textContent = `${String(player.speed).replace("0.", ".")}×`;
  part.byId("speed").setAttribute("aria-label", part.say("speedIs", player.speed));
}

export function play(part) {
  const { player, state } = part, step = stepOf(state);
  Object.assign(player, { playing: true, time: step >= state.steps ? 0 : timeAt(state, step), last: performance.now() });
  part.setBusy(true);
  part.change({ step: momentAt(state, player.time) });
  requestAnimationFrame((time) => advance(part, time));
}

export function pause(part) {
  if (!part.player.playing) return;
  part.player.playing = false;
  part.setBusy(false);
}

function advance(part, now) {
  const { player, state } = part;
  if (!player.playing) return;
  const seconds = secondsOf(state), loops = part.options.loop;
  player.time += Math.max(0, now - player.last) / 1000 / seconds * player.speed;
  player.last = now;
  if (loops && player.time > 1 + REST / seconds) player.time = 0;
  else if (!loops && player.time >= 1) pause(part);
  part.change({ step: momentAt(state, Math.min(1, player.time)) });
  if (player.playing) requestAnimationFrame((time) => advance(part, time));
}

// --- time: from 0 to 1 ------------------------------------------------------------------------------------------------

/** Few steps are shown slowly, one by one; many take nine seconds; a state with a clock has its own time. */
function secondsOf({ steps, clock }) { return clock ? 6 : Math.min(9, Math.max(2.5, 0.22 * steps)); }

/** The step in view at a time; a clock tells it with fractions. */
function momentAt({ steps, clock }, time) {
  if (!clock) return Math.floor(time * steps);
  const place = Math.min(Math.floor(time * (clock.length - 1)), clock.length - 2), share = time * (clock.length - 1) - place;
  return clock[place] + share * (clock[place + 1] - clock[place]);
}

function timeAt({ steps, clock }, step) {
  if (!clock) return step / Math.max(1, steps);
  const next = Math.max(1, clock.findIndex((moment) => moment >= step)), room = clock[next] - clock[next - 1];
  return (next - 1 + (room > 0 ? (step - clock[next - 1]) / room : 0)) / (clock.length - 1);
}
