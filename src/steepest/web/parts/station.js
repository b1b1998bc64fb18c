// One station of the lecture: its words at the left, its figure at the right, which is mounted when it comes into view.

import * as Steepest from "../core/api.js";
import { button, make, toast } from "./dom.js";
import { mountFigure } from "./figure.js";
import { fillFormulas, formulasOf } from "./formulas.js";
import { makeGuess, verdict } from "./guess.js";
import { mountNetwork } from "./network.js";
import { mountCards, mountMistakes, mountUses } from "./lists.js";

/** What of a station is in view: the question with the guess, the answer, the exercise; on paper all of it. */
export const PHASES = { ask: 0, told: 1, exercise: 2, handout: 3 };

/** The screens of a station, in order. */
export function phasesOf({ exercise }) { return [PHASES.ask, PHASES.told, ...(exercise ? [PHASES.exercise] : [])]; }

const FIGURES = { figure: mountFigure, network: mountNetwork, uses: mountUses, cards: mountCards, mistakes: mountMistakes };

export class Station {
  /**
   * facts: the station as Python prints it. given: {phase, done: {guess, solved}, figure (text of its link), keeps(record):
   * called with what was guessed or solved, tells(): asks for the answer, goTo(id): shows another station, onChange()}.
   */
  constructor(lecture, facts, given) {
    Object.assign(this, { lecture, facts, ...given, shown: null, timer: 0, wrong: false });
    this.words = make("div", { class: "words" });
    this.place = make("div", { class: "place" });
    const seen = facts.figure ? make("div", { class: "seen" }, this.place) : null;
    this.element = make("section", { class: facts.figure?.wide ? "station wide" : "station", "data-station": facts.id }, this.words, seen);
    this.speak();
  }

  /** In the language of the lecture. */
  say(text) { return text[this.lecture.lang() === "zh" ? 1 : 0]; }

  // --- words ----------------------------------------------------------------------------------------------------------

  /** Writes the words anew. */
  speak() {
    const { facts, lecture } = this, { phase } = this;
    const name = make("h1", { id: `title-${facts.id}`, tabindex: -1 }, this.say(facts.title));
    this.element.setAttribute("aria-labelledby", name.id);
    const head = [make("p", { class: "row" }, lecture.say("rowOf", facts.row)), name];
    this.ask = make("div", { class: "ask" }, make("p", { class: "question" }, this.say(facts.question)));
    this.guessing = facts.guess ? makeGuess(this, facts.guess) : null;
    if (this.guessing) this.ask.append(this.guessing.element);
    this.verdict = make("p", { class: "verdict", role: "status" });
    this.formulas = formulasOf(facts.formulas ?? []);
    const told = this.say(facts.told).split("\n").map((line) => make("p", { class: "sentence" }, ...emphasized(line)));
    this.told = make("div", { class: "told-here" }, this.verdict, ...told, this.formulas);
    this.exercise = facts.exercise ? this.exerciseOf(facts.exercise) : make("div");
    this.words.replaceChildren(...head, this.ask, this.told, this.exercise);
    this.shown?.update({ lang: lecture.lang() });
    this.show(phase, this.done);
  }

  exerciseOf({ ask, hint, number, solution }) {
    const { lecture } = this, hinted = make("p", { class: "hint", hidden: true }, this.say(hint));
    const show = () => { hinted.hidden = !hinted.hidden; };
    this.status = make("p", { class: "status", role: "status" });
    const typed = number ? make("input", { type: "text", inputmode: "decimal", size: 10, "aria-label": this.say(ask), autocomplete: "off" }) : null;
    const check = () => { this.typed = Steepest.readNumber(typed.value); this.wrong = true; this.judge(); };
    const answer = typed ? make("form", { class: "typed", submit: (event) => { event.preventDefault(); check(); } }, typed, button({ click: check }, lecture.say("check"))) : null;
    const solve = () => {
      this.shown?.reset?.({ ...this.base(PHASES.exercise), ...solution.state });
      if (typed) { typed.value = solution.typed; check(); }
    };
    const again = () => this.shown?.reset?.(this.base(PHASES.exercise));
    return make("div", { class: "exercise" },
      make("h2", {}, lecture.say("exercise")), make("p", { class: "question" }, this.say(ask)), answer, this.status,
      make("div", { class: "help" }, button({ "data-key": "hint", click: show }, lecture.say("hint")),
        solution ? button({ "data-key": "solution", click: solve }, lecture.say("solution")) : null,
        typed ? null : button({ "data-key": "again", click: again }, lecture.say("startOver"))), hinted);
  }

  /** Shows what belongs to a phase. */
  show(phase, done) {
    const before = this.phase, on = (...phases) => phase === PHASES.handout || phases.includes(phase);
    Object.assign(this, { phase, done });
    this.ask.hidden = !on(PHASES.ask, PHASES.told);
    if (this.guessing) this.guessing.element.hidden = !on(PHASES.ask);
    this.told.hidden = !on(PHASES.told);
    this.exercise.hidden = !on(PHASES.exercise);
    this.element.dataset.phase = phase;
    this.verdict.replaceChildren(...(done.guess === undefined || !this.facts.guess ? [] : verdict(this, this.facts.guess, done.guess)));
    this.verdict.hidden = !this.verdict.childNodes.length;
    if (this.shown && before !== phase) this.enter(before);
    if (this.shown) this.follow();
    if (before !== phase && phase !== PHASES.handout) this.words.querySelector("h1").focus({ preventScroll: true });
  }

  // --- figure ---------------------------------------------------------------------------------------------------------

  /** The state with which the figure begins in a phase. */
  base(phase) {
    const { figure, exercise } = this.facts;
    return { ...figure.state, ...(phase === PHASES.exercise ? exercise?.state : {}) };
  }

  mount() {
    const { figure } = this.facts;
    if (!figure) return;
    const { data } = this.lecture, { mistakes } = this.facts;
    const options = { ...figure, mistakes, atOnce: this.phase === PHASES.handout, data, lang: this.lecture.lang(), goTo: this.goTo, onChange: () => this.changed() };
    this.shown = FIGURES[figure.part](this.place, this.base(this.phase), options);
    this.shown.light = this.lecture.light;
    this.begun = this.shown.link();
    const reason = this.figure ? this.shown.follow?.(this.figure) : null;
    if (reason) toast(this.lecture, this.lecture.say("badLink", reason[this.lecture.lang()]));
    if (this.phase === PHASES.ask) this.shown.wait?.(this.guessing?.point ?? null);
    else this.shown.answer?.(this.guessedPoint(), false);
    if (this.phase === PHASES.handout) this.shown.part.setPrinted(true);
    this.follow();
  }

  /** A guess of a place, to be shown on the figure. */
  guessedPoint() {
    const { guess } = this.done;
    return this.facts.guess?.kind === "drag" && guess !== undefined && this.phase === PHASES.told ? [guess].flat() : null;
  }

  /** The figure follows from one phase to another. */
  enter(before) {
    const { phase } = this;
    if (phase === PHASES.ask) {
      this.shown.reset?.(this.base(phase));
      this.shown.wait?.(this.guessing?.point ?? null);
    } else if (before === PHASES.ask) this.shown.answer?.(this.guessedPoint());
    else this.shown.answer?.(this.guessedPoint(), false);
    if (phase === PHASES.exercise && (this.facts.exercise.state || before !== PHASES.told)) this.shown.reset?.(this.base(phase));
    else if (phase === PHASES.told && before === PHASES.exercise) this.shown.reset?.(this.base(phase));
    this.begun = this.shown.link();
  }

  set light(light) { if (this.shown && this.shown.light !== light) this.shown.light = light; }

  /** What of the figure the link has to say: nothing where it is as it began. */
  link() {
    const text = this.shown?.link() ?? "";
    return text === this.begun ? "" : text;
  }

  changed() {
    this.follow();
    this.onChange();
  }

  /** Formulas and exercise, after the figure has changed. */
  follow() {
    if (!this.shown) return;
    const seen = this.shown.seen();
    if (!this.told.hidden) fillFormulas(this.formulas, this.facts.formulas ?? [], seen);
    if (this.phase === PHASES.exercise) this.judge(seen);
  }

  judge(seen = this.shown?.seen() ?? {}) {
    const { exercise } = this.facts, solved = Steepest.isSolved(exercise.goals, { ...seen, typed: this.typed });
    const now = solved ? this.say(exercise.done) : this.lecture.say(this.done.solved ? "solvedBefore" : this.wrong ? "notRight" : "notYet");
    if (this.status.textContent !== now) this.status.textContent = now;
    this.status.classList.toggle("solved", solved);
    if (solved && !this.done.solved) this.keeps({ solved: true });
  }

  /** A guess is made: it is kept, and the figure answers. */
  guessed(guess) {
    this.keeps({ guess });
    this.tells();
  }

  destroy() {
    this.shown?.destroy();
    this.element.remove();
  }
}

/** A text with *emphasis* as nodes. */
export function emphasized(text) {
  return text.split("*").map((piece, i) => (i % 2 ? make("b", {}, piece) : piece)).filter((piece) => piece !== "");
}
