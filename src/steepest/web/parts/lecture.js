// The lecture: a station a screen, each with a question, a guess, a figure that answers, a sentence, a formula with the
// figure's numbers and an exercise. What was guessed and solved is kept in the link.

import { startLanguage, startLight } from "./choices.js";
import { button, make, openDialog, toast } from "./dom.js";
import MARKUP from "./lecture.html";
import STYLE from "./lecture.css";
import { decodeLecture, encodeLecture } from "./lecture_link.js";
import { Part } from "./part.js";
import { PHASES, phasesOf, Station } from "./station.js";

const BIG = 1.4; // letters of the projector mode, times those of the page
const ON_PAPER = "10.5pt"; // letters, whatever those of the screen are; pictures are drawn with them
const LEAST = 0.6; // of the size of letters, where an answer is too long for a projector's screen
const SWIPE = 60; // pixels
const NAMES = ["phaseAsk", "phaseTold", "phaseExercise"]; // by PHASES

/**
 * Mounts the lecture in an element.
 *
 * data: {stations: [...], ...} as steepest.lecture prints it. options: as in part.js, and copyLink.
 * Returns {state, lang(), light, title(), say(...), toast(text), link(), follow(text), destroy()}.
 */
export function mountLecture(element, data, options = {}) {
  const first = { at: data.stations[0].id, phase: PHASES.ask, done: {}, big: false, lang: null, figure: "" };
  const part = new Part(element, MARKUP, first, options);
  part.root.adoptedStyleSheets.push(sheet());
  Object.assign(part, { data, station: null, handout: [], onPaper: false });
  startLanguage(part);
  startLight(part);
  part.byId("copy").hidden = !options.copyLink;
  part.byId("copy").onclick = () => options.copyLink();
  part.byId("print").onclick = () => {
    toast(part, part.say("makingHandout"));
    requestAnimationFrame(() => setTimeout(print)); // once that is read
  };
  part.byId("big").hidden = !options.alone;
  part.byId("big").onclick = () => part.change({ big: !part.state.big });
  part.byId("previous").onclick = () => turn(part, -1);
  part.byId("next").onclick = () => turn(part, 1);
  part.byId("contents-open").onclick = () => openContents(part);
  part.follow(showLetters);
  part.follow(showStation);
  part.follow(showTurn);
  part.follow(fitWords);
  part.watchSize(part.byId("deck"), (size) => { part.deck = size; });
  part.onKey(turnKey);
  followSwipes(part);
  part.listen(window, "beforeprint", () => printHandout(part));
  part.listen(window, "afterprint", () => endHandout(part));
  part.endings.push(() => part.station?.destroy());
  return {
    get state() { return part.state; },
    get light() { return part.light; },
    lang: () => part.lang(),
    title: () => `${part.say("lecture")} · ${stationOf(part).title[part.lang() === "zh" ? 1 : 0]}`,
    say: (...words) => part.say(...words),
    toast: (text) => toast(part, text),
    link: () => encodeLecture({ ...part.state, figure: part.station?.link() ?? "" }),
    follow(text) {
      const { state, reason } = decodeLecture(text, data.stations);
      if (state) go(part, state);
      return reason ?? null;
    },
    destroy: () => part.destroy(),
  };
}

let shared = null;

function sheet() {
  if (!shared) {
    shared = new CSSStyleSheet();
    shared.replaceSync(STYLE);
  }
  return shared;
}

function indexOf(part) { return part.data.stations.findIndex(({ id }) => id === part.state.at); }

function stationOf(part) { return part.data.stations[indexOf(part)]; }

/** Shows a state from elsewhere: the station is made anew, with its figure as the state says. */
export function go(part, state) {
  part.station?.destroy();
  part.station = null;
  part.change({ figure: "", ...state });
}

/** A screen on or back: the question, the answer, the exercise, then the next station. */
function turn(part, by) {
  const { stations } = part.data, at = indexOf(part), phases = phasesOf(stations[at]), here = phases.indexOf(part.state.phase) + by;
  if (phases[here] !== undefined) part.change({ phase: phases[here] });
  else if (stations[at + by]) {
    const next = stations[at + by];
    go(part, { at: next.id, phase: by > 0 ? PHASES.ask : phasesOf(next).at(-1) });
  }
}

function showLetters(part, { big }, changed) {
  if (!part.options.alone || !changed("big")) return;
  const { onPaper } = part, onProjector = big && !onPaper;
  document.documentElement.style.fontSize = onPaper ? ON_PAPER : onProjector ? `calc(${BIG} * clamp(15px, 4.6px + 0.755vw, 26px))` : "";
  part.host.toggleAttribute("data-big", onProjector);
  part.byId("big").setAttribute("aria-pressed", String(big));
  dispatchEvent(new Event("resize")); // parts are measured in letters
}

function showStation(part, state, changed) {
  if (!part.station) {
    const keeps = (record) => part.change({ done: { ...part.state.done, [stationOf(part).id]: { ...part.state.done[stationOf(part).id], ...record } } });
    part.station = new Station(part, stationOf(part), {
      phase: state.phase, done: state.done[state.at] ?? {}, figure: state.figure, keeps,
      tells: () => part.change({ phase: PHASES.told }), goTo: (id) => go(part, { at: id, phase: PHASES.told }),
      onChange: () => { part.request(); part.options.onChange?.(part.state); },
    });
    part.byId("deck").replaceChildren(part.station.element);
    part.station.mount();
    part.byId("deck").scrollTop = 0;
  } else {
    if (changed("lang")) part.station.speak();
    if (changed("phase", "done")) part.station.show(state.phase, state.done[state.at] ?? {});
  }
  part.station.light = part.light;
}

/** On a projector nobody scrolls: what is too long for the screen has smaller letters. */
function fitWords(part, { big }) {
  const { facts, words } = part.station, [width, height] = part.deck, key = [facts.id, part.state.phase, big, width, height, words.textContent.length].join();
  if (words.dataset.fitted === key) return;
  words.dataset.fitted = key;
  words.style.zoom = "";
  if (!big || !facts.figure || facts.figure.wide) return;
  const room = part.byId("deck").getBoundingClientRect().bottom;
  for (let share = 0.95; share >= LEAST && words.getBoundingClientRect().bottom > room; share -= 0.05) words.style.zoom = share;
}

function showTurn(part, state, changed) {
  if (!changed("at", "phase", "lang", "done")) return;
  const { stations } = part.data, at = indexOf(part), phases = phasesOf(stations[at]), here = phases.indexOf(state.phase);
  part.byId("place").textContent = part.say("stationOf", at + 1, stations.length);
  part.byId("previous").disabled = at === 0 && here === 0;
  const last = at === stations.length - 1 && here === phases.length - 1, following = phases[here + 1];
  part.byId("next").disabled = last;
  part.byId("next").querySelector("span").textContent = part.say(following === undefined ? "nextStation" : NAMES[following]);
  part.byId("phases").replaceChildren(...phases.map((phase) => {
    const name = part.say(NAMES[phase]);
    return button({ "aria-current": phase === state.phase ? "step" : null, click: () => part.change({ phase }) }, name);
  }));
}

// --- contents ---------------------------------------------------------------------------------------------------------

function openContents(part) {
  const dialog = part.byId("contents"), zh = part.lang() === "zh" ? 1 : 0;
  const entry = ({ id, row, title }) => {
    const { guess, solved } = part.state.done[id] ?? {};
    const link = `#${encodeLecture({ ...part.state, at: id, phase: PHASES.ask, figure: "" })}`; // to copy, or to open beside this page
    const sign = solved ? "✓" : guess !== undefined ? "·" : "";
    const words = part.say(solved ? "solvedIt" : guess !== undefined ? "guessedIt" : "notYetSeen");
    const open = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return; // the browser's way: another tab
      event.preventDefault();
      dialog.close();
      go(part, { at: id, phase: PHASES.ask });
    };
    return make("a", { class: "entry", href: link, "aria-current": id === part.state.at ? "page" : null, click: open },
      make("small", {}, row), make("span", {}, title[zh]), make("b", { "aria-label": words, title: words, role: "img" }, sign));
  };
  openDialog(part, dialog, part.say("contents"), make("div", { class: "entries" }, ...part.data.stations.map(entry)));
}

// --- keys and fingers -------------------------------------------------------------------------------------------------

const TURNS = { ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1 };

/** Arrow keys and a presenter's remote control turn the pages, where nothing else takes them. */
function turnKey(part, event) {
  const [target] = event.composedPath();
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || part.byId("contents").open) return;
  const typed = target.closest?.("input, select, textarea, [role=application]");
  if (event.key in TURNS && (!typed || event.key.startsWith("Page"))) turn(part, TURNS[event.key]);
  else if (event.key === "p" && !typed && part.options.alone) part.change({ big: !part.state.big });
  else return;
  event.preventDefault();
}

/** A finger across the words turns the page; across a figure it belongs to the figure. */
function followSwipes(part) {
  let from = null;
  const deck = part.byId("deck");
  deck.addEventListener("touchstart", (event) => {
    const [touch] = event.touches, [target] = event.composedPath();
    from = event.touches.length === 1 && !target.closest?.(".seen, input") ? [touch.clientX, touch.clientY] : null;
  }, { passive: true });
  deck.addEventListener("touchend", (event) => {
    const [touch] = event.changedTouches;
    if (!from) return;
    const [dx, dy] = [touch.clientX - from[0], touch.clientY - from[1]];
    from = null;
    if (Math.abs(dx) > SWIPE && Math.abs(dx) > 2 * Math.abs(dy)) turn(part, dx < 0 ? 1 : -1);
  });
}

// --- on paper ---------------------------------------------------------------------------------------------------------

/** All stations one after another, whole, with their figures as they answer; networks are trained to the end at once. */
function printHandout(part) {
  if (part.handout.length) return;
  part.onPaper = true;
  showLetters(part, part.state, () => true);
  part.station?.element.toggleAttribute("data-aside", true);
  part.handout = part.data.stations.map((station) =>
    new Station(part, station, { phase: PHASES.handout, done: {}, figure: "", keeps() {}, tells() {}, goTo() {}, onChange() {} }));
  part.byId("deck").append(...part.handout.map(({ element }) => element));
  for (const station of part.handout) station.mount();
}

function endHandout(part) {
  for (const station of part.handout.splice(0)) station.destroy();
  part.onPaper = false;
  showLetters(part, part.state, () => true);
  part.station?.element.toggleAttribute("data-aside", false);
}
