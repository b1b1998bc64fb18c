"use strict";
const root = document.documentElement;
const byId = (id) => document.getElementById(id);
const all = (selector) => [...document.querySelectorAll(selector)];

// --- the table of all runs -----------------------------------------------------------------------------------------

const PAGE = 50; // rows at a time: a table of 10,000 would be slow to lay out
const { columns, phases, words } = JSON.parse(byId("runs").textContent);
const heads = all(".runs th");
const names = heads.map((head) => head.dataset.column);
const typedIn = names.findLast((name) => name.startsWith("set:")) || "label"; // the column with the button that copies
const count = columns.seed.numbers.length;
const marks = new Map(all("[data-toggle]").map((button) => [button.dataset.label, button.dataset.toggle]));
const view = { order: [...Array(count).keys()], column: null, turned: false, first: 0, phase: "", ending: "", hidden: new Set() };

function text(name, row) {
  const { texts, codes } = columns[name];
  return texts[codes[row]];
}

function ending(row) {
  const { texts, zh, codes } = columns.message;
  return (root.lang === "zh" ? zh : texts)[codes[row]];
}

function translated(words, name) {
  return words[name] ? words[name][root.lang] : name;
}

function shown(name, row) {
  if (name === "message") return ending(row);
  if (name === "phase") return translated(phases, text(name, row));
  if (columns[name].texts) return text(name, row);
  return written(columns[name].numbers[row], name === "seed" || name.startsWith("set:"));
}

// seeds and settings as they were typed, what was measured with four digits
function written(number, typed) {
  if (number === null) return "—";
  if (typed || Number.isInteger(number)) return typed ? String(number) : number.toLocaleString("en");
  const size = Math.abs(number);
  return size < 1e-4 || size >= 1e5 ? number.toExponential(3) : number.toPrecision(Math.max(4, Math.floor(Math.log10(size)) + 1));
}

// numbers to sort by, one a run; texts are put in order once, endings by their kind first
function keys(name) {
  const column = columns[name];
  if (column.numbers) return column.numbers;
  const order = (texts) => {
    const collator = new Intl.Collator("en", { numeric: true });
    const places = texts.map((_, place) => place).sort((a, b) => collator.compare(texts[a], texts[b]));
    const ranks = [];
    places.forEach((place, rank) => { ranks[place] = rank; });
    return ranks;
  };
  const ranks = order(column.texts);
  if (name !== "message") return column.codes.map((code) => ranks[code]);
  const kinds = order(columns.status.texts);
  return column.codes.map((code, row) => kinds[columns.status.codes[row]] * ranks.length + ranks[code]);
}

// what is missing (a target never reached) comes after every number, whichever way round
function sortBy(name) {
  view.turned = view.column === name && !view.turned;
  view.column = name;
  view.first = 0;
  const key = keys(name), sign = view.turned ? -1 : 1;
  view.order.sort((a, b) => {
    const x = key[a], y = key[b];
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    return sign * (x - y) || a - b;
  });
  for (const head of heads) {
    if (head.dataset.column === name) head.setAttribute("aria-sort", view.turned ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
  show();
}

function chosen() {
  return view.order.filter((row) => (!view.phase || text("phase", row) === view.phase)
    && (!view.ending || text("status", row) === view.ending) && !view.hidden.has(text("label", row)));
}

function cell(name, row) {
  const made = document.createElement("td");
  const said = shown(name, row);
  made.textContent = columns[name].texts && /^[=+@＝＋－＠-]/.test(said) ? `'${said}` : said; // no formula, if pasted
  if (columns[name].texts) made.className = name === "message" ? "text wide" : made.textContent.length > 24 ? "text long" : "text";
  if (name === "label" && marks.has(said)) made.prepend(symbol(`look-${marks.get(said)}`, "mark"));
  if (name === typedIn) made.append(copier(text("spec", row)));
  return made;
}

// --- copying -------------------------------------------------------------------------------------------------------

// a button of a row, which copies the settings of its run as they are typed
function copier(typed) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "copy";
  made.title = typed;
  made.setAttribute("aria-label", `${words.copy[root.lang]} ${typed}`);
  made.append(symbol("sheets", "icon"));
  made.addEventListener("click", () => copy(typed).then(() => tell(made, [symbol("done", "icon")], typed)));
  return made;
}

// the content of a button, for a moment, and for whoever does not see it
function tell(button, said, typed) {
  if (button.hasAttribute("data-said")) return;
  const before = [...button.childNodes];
  button.setAttribute("data-said", "");
  button.replaceChildren(...said);
  byId("said").textContent = `${words.copied[root.lang]}: ${typed}`;
  setTimeout(() => {
    button.replaceChildren(...before);
    button.removeAttribute("data-said");
  }, 1500);
}

async function copy(typed) {
  try {
    await navigator.clipboard.writeText(typed);
  } catch { // a page that was opened as a file may not use the clipboard in every browser
    const area = document.createElement("textarea");
    area.value = typed;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

function offerCode(button) {
  const code = button.closest(".recipe").querySelector("code").textContent;
  button.addEventListener("click", () => copy(code).then(() => tell(button, [words.copied[root.lang]], code)));
  button.hidden = false;
}

function symbol(name, kind) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  made.setAttribute("class", kind);
  made.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#${name}`);
  made.append(use);
  return made;
}

function show() {
  const rows = chosen();
  view.first = Math.min(view.first, Math.max(0, Math.ceil(rows.length / PAGE) - 1) * PAGE);
  const last = Math.min(view.first + PAGE, rows.length);
  document.querySelector(".runs tbody").replaceChildren(...rows.slice(view.first, last).map((row) => {
    const made = document.createElement("tr");
    made.append(...names.map((name) => cell(name, row)));
    return made;
  }));
  const tell = (number) => number.toLocaleString("en");
  byId("range").textContent = rows.length ? `${tell(view.first + 1)} – ${tell(last)} / ${tell(rows.length)}` : "0";
  byId("earlier").disabled = view.first === 0;
  byId("later").disabled = last === rows.length;
}

function turn(by) {
  view.first += by * PAGE;
  show();
}

function narrow(what, value) {
  view[what] = value;
  view.first = 0;
  show();
}

// --- showing and hiding a rule -------------------------------------------------------------------------------------

function toggle(button, seen) {
  button.setAttribute("aria-pressed", String(seen));
  for (const part of all(`[data-contestant="${button.dataset.toggle}"]`)) part.toggleAttribute("hidden", !seen);
  view.hidden[seen ? "delete" : "add"](button.dataset.label);
}

function toggleEvery(seen) {
  for (const button of all("[data-toggle]")) toggle(button, seen);
  show();
}

// --- language, and what is wider than the screen -------------------------------------------------------------------

function speak(language) {
  root.lang = language;
  for (const each of all("[data-en]")) {
    if (each.tagName === "OPTION") each.textContent = each.dataset[language];
    else each.setAttribute("aria-label", each.dataset[language]);
  }
  show();
}

function letKeysScroll() {
  for (const each of all(".scroll")) {
    if (each.scrollWidth > each.clientWidth) each.tabIndex = 0;
    else each.removeAttribute("tabindex");
  }
}

byId("language").hidden = byId("runs-table").hidden = false;
byId("language").addEventListener("click", () => speak(root.lang === "zh" ? "en" : "zh"));
byId("phase").addEventListener("change", (event) => narrow("phase", event.target.value));
byId("ending").addEventListener("change", (event) => narrow("ending", event.target.value));
byId("earlier").addEventListener("click", () => turn(-1));
byId("later").addEventListener("click", () => turn(1));
for (const head of heads) head.querySelector("button").addEventListener("click", () => sortBy(head.dataset.column));
for (const button of all("[data-toggle]")) {
  button.addEventListener("click", () => { toggle(button, button.getAttribute("aria-pressed") === "false"); show(); });
}
for (const button of all("[data-every]")) button.addEventListener("click", () => toggleEvery(button.dataset.every === "all"));
for (const button of all(".recipe .copy")) offerCode(button);
addEventListener("resize", letKeysScroll);
speak((navigator.language || "").startsWith("zh") ? "zh" : "en");
letKeysScroll();
