// The guided tour: the lecture's examples one after another, each a state of the page with a sentence.

import * as Steepest from "../core/api.js";
import { button, called, make, refill } from "./dom.js";
import { pause } from "./player.js";
import { adopt } from "./scene.js";

export function startTour(part) {
  part.tour = { kept: null }; // the reader's state, while the tour lasts
  part.byId("tour-open").onclick = () => (stopOf(part.state) === null ? goTo(part, 0) : endTour(part));
  part.follow((_, state, changed) => { if (changed("lang", "tour")) showTour(part, stopOf(state)); });
}

/** The place in the tour of the stop that a state is at; null outside of the tour. */
export function stopOf({ tour }) {
  const at = Steepest.tour.findIndex(({ id }) => id === tour);
  return at < 0 ? null : at;
}

export function goTo(part, index) {
  const { state, tour } = part, { id } = Steepest.tour[Math.min(Math.max(index, 0), Steepest.tour.length - 1)];
  pause(part);
  if (!state.tour) tour.kept = state;
  adopt(part, Steepest.checkedState({ tour: id, lang: state.lang }));
}

/** Back to what the reader had before the tour; after a link into the tour, the stop stays as a state of the reader's own. */
export function endTour(part) {
  const { state, tour } = part;
  pause(part);
  adopt(part, { ...(tour.kept ?? state), tour: null, lang: state.lang });
  tour.kept = null;
}

function showTour(part, at) {
  const place = part.byId("tour");
  place.hidden = at === null;
  part.byId("tour-open").setAttribute("aria-pressed", String(at !== null));
  if (at === null) return;
  const { title, sentence: text } = Steepest.tour[at], last = Steepest.tour.length - 1;
  const step = (to, name, sign) => {
    const facts = { "data-key": name, ...called(part.say(name)), disabled: to < 0 || to > last };
    return button({ ...facts, click: () => goTo(part, to) }, sign);
  };
  refill(place,
    step(at - 1, "previous", "‹"),
    make("div", { class: "words" }, make("h2", {}, title[part.lang()]), make("p", {}, text[part.lang()]), stops(part, at)),
    step(at + 1, "next", "›"),
    button({ class: "quiet close", ...called(part.say("endTour")), click: () => endTour(part) }, "×"));
}

function stops(part, at) {
  const stop = ({ title }, index) => {
    const current = { "aria-current": index === at ? "step" : null };
    const facts = { "data-key": index, ...called(`${index + 1}. ${title[part.lang()]}`), ...current };
    return button({ ...facts, click: () => goTo(part, index) });
  };
  return make("div", { class: "stops" }, ...Steepest.tour.map(stop));
}
