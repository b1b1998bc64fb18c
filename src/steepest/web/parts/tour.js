// The guided tour: the lecture's examples one after another, each a state of the page with a sentence.

import * as Steepest from "../core/api.js";
import { button, called, make, refill } from "./dom.js";
import { pause } from "./player.js";
import { adopt } from "./scene.js";

export function startTour(part) {
  part.tour = { at: null };
  part.byId("tour-open").onclick = () => (part.tour.at === null ? goTo(part, 0) : endTour(part));
  part.follow((_, state, changed) => { if (changed("lang")) showTour(part); });
}

export function goTo(part, index) {
  part.tour.at = Math.min(Math.max(index, 0), Steepest.tour.length - 1);
  pause(part);
  adopt(part, { ...Steepest.checkedState(Steepest.tour[part.tour.at].state), lang: part.state.lang });
  showTour(part);
}

export function endTour(part) {
  part.tour.at = null;
  showTour(part);
}

function showTour(part) {
  const { tour } = part, place = part.byId("tour");
  place.hidden = tour.at === null;
  part.byId("tour-open").setAttribute("aria-pressed", String(tour.at !== null));
  if (tour.at === null) return;
  const { title, sentence: text } = Steepest.tour[tour.at], last = Steepest.tour.length - 1;
  const step = (to, name, sign) => {
    const facts = { "data-key": name, ...called(part.say(name)), disabled: to < 0 || to > last };
    return button({ ...facts, click: () => goTo(part, to) }, sign);
  };
  refill(place,
    step(tour.at - 1, "previous", "‹"),
    make("div", { class: "words" }, make("h2", {}, title[part.lang()]), make("p", {}, text[part.lang()]), stops(part)),
    step(tour.at + 1, "next", "›"),
    button({ class: "quiet close", ...called(part.say("endTour")), click: () => endTour(part) }, "×"));
}

function stops(part) {
  const stop = ({ title }, index) => {
    const current = { "aria-current": index === part.tour.at ? "step" : null };
    const facts = { "data-key": index, ...called(`${index + 1}. ${title[part.lang()]}`), ...current };
    return button({ ...facts, click: () => goTo(part, index) });
  };
  return make("div", { class: "stops" }, ...Steepest.tour.map(stop));
}
