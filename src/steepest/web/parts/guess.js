// The guess before the figure answers: a choice, a number, or a point that is dragged on the figure.

import * as Steepest from "../core/api.js";
import { button, make } from "./dom.js";
import { pretty } from "./frame.js";
import { pointText } from "./scene.js";

/**
 * The element of a guess, {element, point}: `point` is where what is dragged begins, null for other kinds.
 *
 * guess: {kind, ask, ...}: "choose" has `options` and `right`, the place of the right one; "number" has `answer` and `near`, how
 * far from it still counts; "drag" has the same for a point, and `start`, where the mark begins.
 */
export function makeGuess(station, guess) {
  const { lecture } = station, ask = make("p", { class: "prompt" }, station.say(guess.ask)), skip = skipButton(station);
  if (guess.kind === "choose") {
    const options = guess.options.map((option, i) => button({ class: "option", "data-key": i, click: () => station.guessed(i) }, station.say(option)));
    return { point: null, element: make("div", { class: "guess", role: "group", "aria-label": station.say(guess.ask) }, ask, ...options, skip) };
  }
  if (guess.kind === "number") {
    const typed = make("input", { type: "text", inputmode: "decimal", size: 10, "aria-label": station.say(guess.ask), autocomplete: "off" });
    const done = () => {
      const value = Steepest.readNumber(typed.value);
      typed.setAttribute("aria-invalid", String(value === null));
      if (value !== null) station.guessed(value);
    };
    const form = make("form", { class: "typed", submit: (event) => { event.preventDefault(); done(); } }, typed, button({ click: done }, lecture.say("guess")));
    return { point: null, element: make("div", { class: "guess" }, ask, form, skip) };
  }
  const done = () => station.guessed(station.shown.guess.length > 1 ? station.shown.guess : station.shown.guess[0]);
  return { point: guess.start, element: make("div", { class: "guess" }, ask, button({ class: "main", click: done }, lecture.say("thisIsIt")), skip) };
}

/** For a lecturer who asked the room. */
function skipButton(station) {
  return button({ class: "quiet", "data-key": "skip", click: () => station.tells() }, station.lecture.say("showMe"));
}

/** What became of a guess: whether it is right, and what it was. */
export function verdict(station, guess, value) {
  const { lecture } = station, right = isRight(guess, value);
  const told = guess.kind === "choose" ? station.say(guess.options[value] ?? ["–", "–"])
    : guess.kind === "number" ? pretty(value) : pointText([value].flat());
  const sign = make("b", { class: right ? "right" : "wrong" }, lecture.say(right ? "guessRight" : "guessWrong"));
  const truth = guess.kind === "choose" ? station.say(guess.options[guess.right]) : guess.kind === "number" ? pretty(guess.answer) : pointText(guess.answer);
  return [sign, " ", lecture.say(right ? "youGuessed" : "youGuessedBut", told, truth)];
}

function isRight({ kind, right, answer, near }, value) {
  if (kind === "choose") return value === right;
  if (kind === "number") return Math.abs(value - answer) <= near;
  const point = [value].flat();
  return Math.hypot(...point.map((one, i) => one - answer[i])) <= near;
}
