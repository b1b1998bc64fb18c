// A mounted part: its element, its state and those who follow it, its colours and its language. Nothing of it is shared
// with other parts of the page, and nothing outside its own shadow tree is read or changed.

import STYLE from "./style.css";
import { readTheme, remOf } from "./theme.js";
import { WORDS } from "./words.js";

const PAUSE = 110; // milliseconds between two texts while things move

let sheet = null; // the same for all parts

function sharedSheet() {
  if (sheet === null) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
  }
  return sheet;
}

export class Part {
  /**
   * Fills an element with a part's markup, in a shadow tree: its ids and its style are its own.
   *
   * options: {lang: "en" or "zh" until the state has another, alone: whether the part is the whole page, onChange: called
   * with the state after a change, when nothing is dragged or played, settle: what makes a changed state whole again}.
   */
  constructor(element, markup, state, options = {}) {
    this.options = options;
    this.host = document.createElement("div");
    this.host.toggleAttribute("data-alone", Boolean(options.alone));
    element.append(this.host);
    this.root = this.host.attachShadow({ mode: "open" });
    this.root.adoptedStyleSheets = [sharedSheet()];
    this.root.innerHTML = markup;
    this.ending = new AbortController(); // ends what listens outside of the part
    this.endings = [];
    Object.assign(this, { state, watchers: { fast: [], slow: [] }, seen: { fast: {}, slow: {} } });
    Object.assign(this, { frame: 0, timer: 0, busy: false, theme: {}, measures: [] });
    this.memory = { key: [], scene: null, text: null, parsed: null }; // of scene.js
    this.home = { landscape: null, start: null };
    this.readTheme();
    this.listen(matchMedia("(prefers-color-scheme: dark)"), "change", () => this.readTheme());
    this.watchLight();
    this.listen(window, "resize", () => { if (remOf() !== this.theme.rem) this.readTheme(); });
    this.listen(window, "beforeprint", () => this.setPrinted(true));
    this.listen(window, "afterprint", () => this.setPrinted(false));
    this.listen(matchMedia("print"), "change", ({ matches }) => this.setPrinted(matches));
    this.follow((part, now, changed) => { if (changed("lang")) this.showWords(); });
    if (options.onChange) this.follow((part, now) => options.onChange(now), true);
  }

  byId(name) { return this.root.getElementById(name); }

  /** Adds an event listener outside of the part, which is removed with the part. */
  listen(target, type, listener) { target.addEventListener(type, listener, { signal: this.ending.signal }); }

  /** Calls `act(part, event)` at a key pressed in the part, or anywhere where the part is the whole page. */
  onKey(act) { this.listen(this.options.alone ? document : this.host, "keydown", (event) => act(this, event)); }

  /** Keeps the size of an element of the part; `measured` is called with [width, height] now and at every change. */
  watchSize(element, measured) {
    const measure = () => {
      const { width, height } = element.getBoundingClientRect();
      measured([Math.max(40, width), Math.max(40, height)]);
    };
    const observer = new ResizeObserver(() => { measure(); this.request(); });
    observer.observe(element);
    this.endings.push(() => observer.disconnect());
    this.measures.push(measure);
    measure();
  }

  /** Keeps the part busy while a hand is on an element. */
  busyWhileHeld(element) {
    element.addEventListener("pointerdown", () => this.setBusy(true));
    for (const end of ["pointerup", "pointercancel"]) element.addEventListener(end, () => this.setBusy(false));
  }

  destroy() {
    this.ending.abort();
    this.endings.forEach((end) => end());
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    this.request = () => {};
    this.host.remove();
  }

  // --- the state ------------------------------------------------------------------------------------------------------

  /** Calls `watcher(part, state, changed)` in the frame after a change; `changed(...names)` tells whether one of them
   * did. Slow watchers (text) wait a little while something is being dragged or played. */
  follow(watcher, slow = false) { this.watchers[slow ? "slow" : "fast"].push(watcher); }

  change(patch) {
    const state = { ...this.state, ...patch };
    this.state = this.options.settle?.(state) ?? state;
    this.request();
  }

  request() { this.frame ||= requestAnimationFrame(() => this.render()); }

  /** Everything again, as after a change of language or light. */
  refresh() {
    this.seen = { fast: {}, slow: {} };
    this.request();
  }

  render() {
    this.frame = 0;
    this.tell("fast");
    if (!this.busy) this.renderSlow();
    else this.timer ||= setTimeout(() => this.renderSlow(), PAUSE);
  }

  renderSlow() {
    clearTimeout(this.timer);
    this.timer = 0;
    if (this.seen.slow !== this.state) this.tell("slow");
  }

  tell(pace) {
    const { state } = this, seen = this.seen[pace];
    const isFirst = Object.keys(seen).length === 0;
    const changed = (...names) => isFirst || names.some((name) => seen[name] !== state[name]);
    for (const watcher of this.watchers[pace]) watcher(this, state, changed);
    this.seen[pace] = state;
  }

  /** While busy, the frames come first. */
  setBusy(busy) {
    this.busy = busy;
    if (!busy) this.request();
  }

  // --- language and light ---------------------------------------------------------------------------------------------

  /** The reader's choice, that of whoever mounted the part, the text's around it, or the browser's. */
  lang() {
    const wanted = this.state.lang ?? this.options.lang ?? this.host.closest("[lang]")?.lang ?? navigator.language;
    return wanted.toLowerCase().startsWith("zh") ? "zh" : "en";
  }

  say(key, ...parts) {
    return WORDS[key][this.lang() === "zh" ? 1 : 0].replace(/\{(\d)\}/g, (_, place) => parts[place]);
  }

  /** Puts the words into the markup. */
  showWords() {
    const all = (name) => this.root.querySelectorAll(`[${name}]`);
    for (const element of this.root.children) element.lang = this.lang() === "zh" ? "zh-CN" : "en";
    for (const element of all("data-say")) element.textContent = this.say(element.dataset.say);
    for (const element of all("data-label")) element.setAttribute("aria-label", this.say(element.dataset.label));
    for (const element of all("data-tip")) {
      element.title = this.say(element.dataset.tip);
      element.setAttribute("aria-label", element.title);
    }
  }

  /** Whoever mounted the part may set the host's `data-light`, as a page does that has a switch of its own. */
  watchLight() {
    const observer = new MutationObserver(() => this.readTheme());
    observer.observe(this.host, { attributeFilter: ["data-light"] });
    this.endings.push(() => observer.disconnect());
  }

  readTheme() {
    readTheme(this.host, this.theme);
    this.refresh();
  }

  get printed() { return this.beforePrint !== undefined; }

  /** On paper everything is light, the pictures too; they are measured and drawn at once, as printing does not wait. */
  setPrinted(printed) {
    if (printed === this.printed) return;
    const light = printed ? "light" : this.beforePrint;
    this.beforePrint = printed ? this.light : undefined;
    this.host.dataset.light = light;
    this.host.toggleAttribute("data-printed", printed);
    this.readTheme();
    this.showWords(); // they take room
    if (this.host.getClientRects().length) this.measures.forEach((measure) => measure()); // it may be another that is printed
    this.render();
  }

  /** "auto" (as the system), "light" or "dark". */
  get light() { return this.host.dataset.light ?? "auto"; }

  set light(light) {
    this.host.dataset.light = light;
    this.readTheme();
  }
}
