// The guided tour: the lecture's examples one after another, each a state of the page with a sentence.

import * as Steepest from "../core/api.js";
import { button, byId, called, make, refill } from "./dom.js";
import { pause } from "./player.js";
import { adopt } from "./share.js";
import { follow, store } from "./store.js";
import { lang, say } from "./words.js";

export const tour = { at: null };

export function startTour() {
  byId("tour-open").onclick = () => (tour.at === null ? goTo(0) : endTour());
  follow((state, changed) => { if (changed("lang")) showTour(); });
}

export function goTo(index) {
  tour.at = Math.min(Math.max(index, 0), Steepest.tour.length - 1);
  pause();
  adopt({ ...Steepest.checkedState(Steepest.tour[tour.at].state), lang: store.state.lang });
  showTour();
}

export function endTour() {
  tour.at = null;
  showTour();
}

function showTour() {
  const place = byId("tour");
  place.hidden = tour.at === null;
  byId("tour-open").setAttribute("aria-pressed", String(tour.at !== null));
  if (tour.at === null) return;
  const { title, sentence: text } = Steepest.tour[tour.at], last = Steepest.tour.length - 1;
  const step = (to, name, sign) => {
    const facts = { "data-key": name, ...called(say(name)), disabled: to < 0 || to > last };
    return button({ ...facts, click: () => goTo(to) }, sign);
  };
  refill(place,
    step(tour.at - 1, "previous", "‹"),
    make("div", { class: "words" }, make("h2", {}, title[lang()]), make("p", {}, text[lang()]), stops()),
    step(tour.at + 1, "next", "›"), button({ class: "quiet close", ...called(say("endTour")), click: endTour }, "×"));
}

function stops() {
  const stop = ({ title }, index) => {
    const facts = { "data-key": index, ...called(`${index + 1}. ${title[lang()]}`), "aria-current": index === tour.at ? "step" : null };
    return button({ ...facts, click: () => goTo(index) });
  };
  return make("div", { class: "stops" }, ...Steepest.tour.map(stop));
}
