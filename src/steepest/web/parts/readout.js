// The numbers of the selected rule at the step in view: gradient, states, step, and its equations with the numbers put in.

import * as Steepest from "../core/api.js";
import { fit, make } from "./dom.js";
import { pretty } from "./frame.js";
import { lookIcon } from "./marks.js";
import { sceneOf, stepOf } from "./scene.js";
import { escaped } from "./svg_pen.js";
import { STATES } from "./words.js";

export function startReadout(part) { part.follow(showReadout, true); }

function showReadout(part, state) {
  const scene = sceneOf(part, state), track = scene.tracks[scene.selected], place = part.byId("readout");
  if (!track) return place.replaceChildren();
  const { run } = track, step = Math.min(stepOf(state), run.n), head = titleLine(part, track, step);
  if (step === 0) return place.replaceChildren(head, make("p", { class: "hint" }, part.say("beforeFirst")));
  const seen = Steepest.stateAt(run, step), equations = Steepest.equations(track.id, run.settings);
  place.replaceChildren(head, numbersTable(part, run, seen, step, equations.join("")), equationsOf(track, seen, equations));
  return fit(...place.querySelectorAll(".fits"));
}

function titleLine(part, track, step) {
  const line = make("p", { class: "title", html: `${lookIcon(part, track.look)}<b>${escaped(track.short)}</b>` });
  line.append(make("span", { class: "hint" }, part.say("atStep", step)));
  return line;
}

function numbersTable(part, run, seen, step, equations) {
  const names = run.landscape.names, own = Steepest.ownRates(run, step)?.map((rate, i) => (seen.noisyGradient[i] ? rate : NaN));
  const states = Object.entries(seen.states).filter(([name]) => equations.includes(`data-v="${name}"`)); // those in use
  const rows = [[part.say("gradient"), "g", seen.noisyGradient],
    ...states.map(([name, values]) => [stateTitle(part, name), name, values]),
    [part.say("delta"), "Δ", seen.delta], ...(own ? [[part.say("effective"), part.say("effectiveTip"), own]] : []),
    [part.say("position"), "", run.point(step)]];
  const cells = (values) => names.map((_, i) => make("td", {}, pretty(values[values.length === 1 ? 0 : i])));
  const line = ([title, name, values]) => make("tr", {}, make("th", { scope: "row", title: name }, title), ...cells(values));
  return make("table", {},
    make("thead", {}, make("tr", {}, make("td", {}), ...names.map((name) => make("th", { scope: "col" }, name)))),
    make("tbody", {}, ...rows.map(line)), make("caption", {}, part.say("rateNow", pretty(seen.lr))));
}

/** What a state is called in words, by torch's name. */
function stateTitle(part, name) { return STATES[name]?.[part.lang() === "zh" ? 1 : 0] ?? name; }

/** Each equation in symbols, and below it once a coordinate with numbers in place of the symbols. */
function equationsOf({ id, run }, seen, equations) {
  const names = run.landscape.names;
  const filled = names.map((_, i) => Steepest.filledEquations(id, run.settings, seen, i));
  return make("div", { class: "equations" }, ...equations.map((equation, line) =>
    make("div", { class: "equation" }, make("div", { class: "fits", html: equation }), ...names.map((name, i) =>
      make("div", { class: "filled" }, make("span", { class: "coordinate" }, name), ...filledParts(filled[i][line]))))));
}

/** A filled-in equation, and its result, which goes to a line of its own where there is no room behind it. */
function filledParts({ equation, result }) {
  return [make("span", { class: "fits", html: equation }), result && make("span", { class: "result", html: result })];
}
