// The equations, from the LaTeX that the rules print: a tree, and of it MathML (with the numbers of a step put in, if
// asked) or its value. Only what steepest itself prints is read.

import { general } from "./numbers.js";

const LETTERS = {
  alpha: "α", beta: "β", gamma: "γ", delta: "δ", epsilon: "ε", eta: "η", kappa: "κ", lambda: "λ", mu: "μ", nu: "ν",
  pi: "π", psi: "ψ", rho: "ρ", sigma: "σ", tau: "τ", phi: "φ", nabla: "∇", partial: "∂", prod: "∏", sum: "∑",
};
const FUNCTIONS = {
  max: Math.max, min: Math.min, exp: Math.exp, log: Math.log, sign: Math.sign, sin: Math.sin, cos: Math.cos,
  tan: Math.tan, sinh: Math.sinh, cosh: Math.cosh, tanh: Math.tanh, arctan: Math.atan,
};
const RELATIONS = {
  "=": (a, b) => a === b,
  "<": (a, b) => a < b,
  ">": (a, b) => a > b,
  "\\le": (a, b) => a <= b,
  "\\ge": (a, b) => a >= b,
};
const SIGNS = { "-": "−", "\\cdot": "⋅", "\\le": "≤", "\\ge": "≥", "\\ne": "≠" };

/** Reads LaTeX; `symbols` gives names (data-v) to pieces of it, such as {"m_{t-1}": "@exp_avg"}. */
export function readLatex(text, symbols = {}) {
  const known = Object.keys(symbols).sort((a, b) => b.length - a.length);
  let place = 0;
  const skip = () => { while (text[place] === " ") place += 1; };
  const command = () => /^\\([A-Za-z]+|.)/.exec(text.slice(place))?.[0] ?? text[place];
  const take = (piece) => { place += piece.length; };

  function row(end) {
    const items = [];
    for (skip(); place < text.length && !end(command()); skip()) items.push(scripted());
    return { kind: "row", items };
  }

  function scripted() {
    let base = item();
    for (;;) {
      if (text[place] === "^") base = { kind: "power", base, exponent: (take("^"), argument()) };
      else if (text[place] === "_") base = { kind: "indexed", base, index: (take("_"), argument()) };
      else return base;
    }
  }

  function argument() {
    skip();
    if (text[place] !== "{") return item();
    take("{");
    const inside = row((next) => next === "}");
    take("}");
    return inside;
  }

  function fenced(open, close, isEnd) {
    const inside = row(isEnd);
    take(close);
    return { kind: "fence", open, inside };
  }

  /** Whether a command goes on behind a symbol's name, as \\eta does not in \\etab. */
  function goesOn(symbol) {
    return /^\\.*[A-Za-z]$/s.test(symbol) && /[A-Za-z]/.test(text[place + symbol.length] ?? "");
  }

  function item() {
    const symbol = known.find((each) => text.startsWith(each, place) && !goesOn(each));
    if (symbol) {
      take(symbol);
      return { kind: "symbol", name: symbols[symbol], shown: readLatex(symbol) };
    }
    const next = command();
    if (/[0-9]/.test(next)) {
      const digits = /^[0-9]*\.?[0-9]+/.exec(text.slice(place))[0];
      take(digits);
      return { kind: "number", text: digits };
    }
    take(next);
    if (next === "\\frac") return { kind: "fraction", above: argument(), below: argument() };
    if (next === "\\sqrt") return { kind: "root", inside: argument() };
    if (next === "\\bar" || next === "\\hat") {
      return { kind: "accent", mark: next === "\\bar" ? "¯" : "^", base: argument() };
    }
    if (next === "\\begin") return cases();
    if (next === "\\text" || next === "\\operatorname" || next === "\\mathrm") return words(next);
    if (next === "\\left" || next === "(" || next === "|") return opened(next);
    if (next === "{") return fenced("", "}", (each) => each === "}").inside;
    const name = next.slice(1);
    if (next.length > 1 && Object.hasOwn(FUNCTIONS, name)) return { kind: "function", name };
    if (next.length > 1 && Object.hasOwn(LETTERS, name)) return { kind: "letter", text: LETTERS[name] };
    return /[A-Za-z]/.test(next) && next.length === 1 ? { kind: "letter", text: next } : { kind: "sign", text: next };
  }

  function opened(next) {
    if (next !== "\\left") return fenced(next, next === "(" ? ")" : "|", (each) => each === (next === "(" ? ")" : "|"));
    const open = text[place++];
    const found = fenced(open, "\\right", (each) => each === "\\right");
    place += 1;
    return found;
  }

  function words(next) {
    const end = text.indexOf("}", place), inside = text.slice(place + 1, end).replaceAll("\\_", "_");
    place = end + 1;
    return Object.hasOwn(FUNCTIONS, inside)
      ? { kind: "function", name: inside }
      : { kind: next === "\\text" ? "words" : "letter", text: inside };
  }

  function cases() {
    take("{cases}");
    const lines = [], cell = () => row((each) => each === "&" || each === "\\\\" || each === "\\end");
    for (;;) {
      const then = cell();
      take("&");
      const when = cell(), last = command() === "\\end";
      take(last ? "\\end{cases}" : "\\\\");
      lines.push({ then, when });
      if (last) return { kind: "cases", lines };
    }
  }

  return row(() => false);
}

// --- as MathML -------------------------------------------------------------------------------------------------------

/** MathML of LaTeX; `numbers` (by name) stand in place of symbols right of the first "=", and their result behind. */
export function mathml(latex, symbols = {}, numbers = null) {
  const { items } = readLatex(latex, symbols), equals = numbers ? items.findIndex(({ text }) => text === "=") : -1;
  const right = items.slice(equals + 1), result = numbers && right.length > 1 ? numbers[items[0].name] : undefined;
  const left = rowML(items.slice(0, equals + 1), null);
  const end = result === undefined ? "" : `<mo>=</mo>${numberML(result)}`;
  return `<math xmlns="http://www.w3.org/1998/Math/MathML">${left}${rowML(right, numbers)}${end}</math>`;
}

function rowML(items, numbers) {
  return items.map((item, i) => gapML(items[i - 1], item, numbers) + nodeML(item, numbers, i > 0)).join("");
}

/** What stands between two items: a sign of multiplication, mostly one that is not seen. */
function gapML(before, item, numbers) {
  if (before === undefined || !isFactor(before, true) || !isFactor(item, false)) return "";
  if (item.kind === "fence" && before.kind === "letter") return "<mo>&#x2061;</mo>"; // a function's argument
  return numbers ? "<mo>⋅</mo>" : "<mo>&#x2062;</mo>";
}

/** Whether an item is a factor of a product that a reader takes as such, at the left or the right of a gap. */
function isFactor(item, left) {
  return left
    ? !["sign", "function", "words"].includes(item.kind) && !["∇", "∂", "∏", "∑"].includes(item.text)
    : !["sign", "words"].includes(item.kind);
}

/** One element for a node, as fractions and powers need it. */
function group(node, numbers) {
  if (node.kind === "row" && node.items.length === 1) return group(node.items[0], numbers);
  if (node.kind === "row") return `<mrow>${rowML(node.items, numbers)}</mrow>`;
  return nodeML(node, numbers, false);
}

function nodeML(node, numbers, follows) {
  switch (node.kind) {
    case "row": return group(node, numbers);
    case "number": return `<mn>${node.text}</mn>`;
    case "letter": return `<mi>${node.text}</mi>`;
    case "words": return `<mtext>${node.text.replace(/^| $/g, "\u00a0")}</mtext>`;
    case "function": return `<mi>${node.name}</mi><mo>&#x2061;</mo>`;
    case "sign": return `<mo>${escapeML(SIGNS[node.text] ?? node.text)}</mo>`;
    case "fraction": return `<mfrac>${group(node.above, numbers)}${group(node.below, numbers)}</mfrac>`;
    case "root": return `<msqrt>${group(node.inside, numbers)}</msqrt>`;
    case "accent": return `<mover accent="true">${group(node.base, numbers)}<mo>${node.mark}</mo></mover>`;
    case "power": return `<msup>${powerBase(node.base, numbers)}${group(node.exponent, numbers)}</msup>`;
    case "indexed": return `<msub>${group(node.base, numbers)}${group(node.index, numbers)}</msub>`;
    case "fence": return fenceML(node, numbers);
    case "cases": return casesML(node, numbers);
    default: return symbolML(node, numbers, follows);
  }
}

function powerBase(base, numbers) {
  const number = base.kind === "symbol" && numbers?.[base.name] !== undefined;
  return number && numbers[base.name] < 0 ? bracketML(numberML(numbers[base.name])) : group(base, numbers);
}

function fenceML({ open, inside }, numbers) {
  const close = { "(": ")", "|": "|", "[": "]" }[open];
  return `<mrow><mo fence="true">${open}</mo>${rowML(inside.items, numbers)}<mo fence="true">${close}</mo></mrow>`;
}

function casesML({ lines }, numbers) {
  const rows = lines.map(
    ({ then, when }) => `<mtr><mtd>${group(then, numbers)}</mtd><mtd>${group(when, numbers)}</mtd></mtr>`,
  );
  return `<mrow><mo fence="true">{</mo><mtable columnalign="left">${rows.join("")}</mtable></mrow>`;
}

function symbolML({ name, shown }, numbers, follows) {
  const value = numbers?.[name];
  if (value === undefined) return `<mrow data-v="${name}">${rowML(shown.items, null)}</mrow>`;
  return value < 0 && follows ? bracketML(numberML(value)) : numberML(value);
}

const bracketML = (inside) => `<mrow><mo>(</mo>${inside}<mo>)</mo></mrow>`;

/** A number with up to four digits: 0.001293, 1.3 × 10^5. */
function numberML(value) {
  const [digits, power] = general(value, 4).split("e"), minus = digits.startsWith("-") ? "<mo>−</mo>" : "";
  const names = { inf: "∞", nan: "NaN" };
  const size = digits.replace("-", "");
  const plain = `${minus}<mn>${names[size] ?? size}</mn>`;
  if (power === undefined) return minus ? `<mrow>${plain}</mrow>` : plain;
  const exponent = Number(power), size10 = `<mn>${Math.abs(exponent)}</mn>`;
  const raised = exponent < 0 ? `<mrow><mo>−</mo>${size10}</mrow>` : size10;
  return `<mrow>${plain}<mo>×</mo><msup><mn>10</mn>${raised}</msup></mrow>`;
}

function escapeML(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

// --- its value -------------------------------------------------------------------------------------------------------

/** The value of a tree for the numbers of its symbols; NaN where one is not known. */
export function valueOfRow(items, numbers) {
  const relation = items.findIndex(({ kind, text }) => kind === "sign" && Object.hasOwn(RELATIONS, text));
  if (relation >= 0) {
    return RELATIONS[items[relation].text](
      valueOfRow(items.slice(0, relation), numbers),
      valueOfRow(items.slice(relation + 1), numbers),
    );
  }
  let total = 0, product = null, sign = 1;
  for (let i = 0; i < items.length; i++) {
    const { kind, text } = items[i];
    if (kind === "sign" && text === "\\cdot") continue;
    if (kind === "sign") {
      total += product === null ? 0 : sign * product;
      [product, sign] = [null, text === "-" ? -1 : 1];
      continue;
    }
    const value = kind === "function"
      ? FUNCTIONS[items[i].name](...argumentsOf(items[++i]).map((part) => valueOfRow(part, numbers)))
      : valueOf(items[i], numbers);
    product = product === null ? value : product * value;
  }
  return total + sign * product;
}

function argumentsOf({ inside }) {
  const parts = [[]];
  for (const item of inside.items) item.text === "," ? parts.push([]) : parts.at(-1).push(item);
  return parts;
}

function valueOf(node, numbers) {
  switch (node.kind) {
    case "row": return valueOfRow(node.items, numbers);
    case "number": return Number(node.text);
    case "symbol": return numbers[node.name] ?? NaN;
    case "letter": return { π: Math.PI, e: Math.E }[node.text] ?? NaN;
    case "fraction": return valueOf(node.above, numbers) / valueOf(node.below, numbers);
    case "root": return Math.sqrt(valueOf(node.inside, numbers));
    case "power": return Math.pow(valueOf(node.base, numbers), valueOf(node.exponent, numbers));
    case "fence": return node.open === "|" ? Math.abs(valueOf(node.inside, numbers)) : valueOf(node.inside, numbers);
    case "cases": return valueOf(lineOf(node, numbers).then, numbers);
    default: return NaN;
  }
}

function lineOf({ lines }, numbers) {
  const holds = ({ items }) => items[0].text === "otherwise" || valueOfRow(items.slice(1), numbers);
  return lines.find(({ when }) => holds(when));
}
