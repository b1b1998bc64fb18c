// Equations as MathML: the numbers of a step put into those that the build has made, and formulas that are typed.

import { isComparison } from "./grammar.js";
import { general } from "./numbers.js";

const TIMES = "<mo>&#x2062;</mo>", APPLY = "<mo>&#x2061;</mo>", LEFT = '<mtd style="text-align: left">';
const SYMBOL = /<mstyle data-v="([^"]*)"( data-b="")?>.*?<\/mstyle>/g;

/** A number with up to four digits: 0.001293, 1.3 × 10^5. */
function numberML(value, text = general(value, 4)) {
  const [size, power] = text.split("e"), minus = size.startsWith("-") ? "<mo>−</mo>" : "";
  const bare = size.replace("-", ""), plain = `${minus}<mn>${{ inf: "∞", nan: "NaN" }[bare] ?? bare}</mn>`;
  if (power === undefined) return minus ? `<mrow>${plain}</mrow>` : plain;
  const exponent = Number(power), size10 = `<mn>${Math.abs(exponent)}</mn>`;
  const raised = exponent < 0 ? `<mrow><mo>−</mo>${size10}</mrow>` : size10;
  return `<mrow>${plain}<mo>×</mo><msup><mn>10</mn>${raised}</msup></mrow>`;
}

/**
 * {equation, result}: an equation with numbers, by name, in place of the symbols right of the first "=", and the result,
 * to stand behind it; null where the equation says it already.
 */
export function filled(equation, numbers, result) {
  const [left, ...right] = equation.split(/(?<=<mo>=<\/mo>)/), body = right.join("");
  // one symbol is the result itself; behind cases it would be taken for a part of their conditions
  const isWhole = body.replace(SYMBOL, "") === "</math>" || body.startsWith('<mrow><mo fence="true">{');
  const shown = body.replace(SYMBOL, (symbol, name, marked) => {
    const value = numbers[name];
    if (value === undefined) return symbol;
    return value < 0 && marked !== undefined ? fence(numberML(value)) : numberML(value);
  });
  return {
    equation: left + shown.replaceAll(TIMES, "<mo>⋅</mo>"),
    result: result === undefined || isWhole ? null : `<math><mo>=</mo>${numberML(result)}</math>`,
  };
}

// --- typed formulas --------------------------------------------------------------------------------------------------

const SUM = 1, SIGN = 2, PRODUCT = 3, POWER = 4, FACTOR = 5; // how tightly a piece of MathML holds together
const SIGNS = { add: "+", sub: "−", lt: "<", le: "≤", gt: ">", ge: "≥" };
const CALLED = { maximum: "max", minimum: "min", log10: ["log", "10"], log2: ["log", "2"] };

/** A typed formula, from its tree; `letters` are its coordinates, such as ["x", "y"]. */
export function typeset(tree, letters) {
  const coordinates = letters.map(coordinateML);
  const left = `<mi>f</mi>${APPLY}${fence(coordinates.join("<mo>,</mo>"))}<mo>=</mo>`;
  return `<math>${left}${typesetNode(tree)[0]}</math>`;
}

/** Between brackets of one height, except around a fraction: without a font for mathematics others are too tall. */
function fence(inside, open = "(", close = ")") {
  const kind = /<mfrac>|<mtable/.test(inside) ? 'fence="true"' : 'fence="true" stretchy="false"';
  return `<mrow><mo ${kind}>${open}</mo>${inside}<mo ${kind}>${close}</mo></mrow>`;
}
const group = (node) => `<mrow>${typesetNode(node)[0]}</mrow>`;

/** In brackets if it holds together less tightly than asked. */
function within(node, least) {
  const [text, level] = typesetNode(node);
  return level < least ? fence(text) : text;
}

function coordinateML(text) {
  return text.length === 1 ? `<mi>${text}</mi>` : `<msub><mi>x</mi><mn>${text.at(-1)}</mn></msub>`;
}

/** MathML of a node, and how tightly it holds together. */
function typesetNode(node) {
  const { op, parts: [a, b, c] } = node;
  if (op === "coordinate") return [coordinateML(node.text), FACTOR];
  if (op === "number" && /^[a-z]+$/.test(node.text)) return [`<mi>${node.text === "pi" ? "π" : node.text}</mi>`, FACTOR];
  if (op === "number") {
    const plain = /^[0-9.]+$/.test(node.text);
    return [plain ? `<mn>${node.text}</mn>` : numberML(node.value, String(node.value)), node.value < 0 ? SIGN : plain ? FACTOR : PRODUCT];
  }
  if (op === "neg") return [`<mo>−</mo>${within(a, PRODUCT)}`, SIGN];
  if (op === "add" || op === "sub") return [`${typesetNode(a)[0]}<mo>${SIGNS[op]}</mo>${within(b, PRODUCT)}`, SUM];
  if (op === "mul") {
    const right = within(b, PRODUCT);
    return [`${within(a, SIGN)}${/^(<m(row|sup)>)*<mn>/.test(right) ? "<mo>⋅</mo>" : TIMES}${right}`, PRODUCT];
  }
  if (op === "truediv") return [`<mfrac>${group(a)}${group(b)}</mfrac>`, POWER];
  if (op === "pow") return [`<msup><mrow>${within(a, FACTOR)}</mrow>${group(b)}</msup>`, POWER];
  if (op === "sqrt") return [`<msqrt>${typesetNode(a)[0]}</msqrt>`, FACTOR];
  if (op === "cbrt") return [`<mroot>${group(a)}<mn>3</mn></mroot>`, FACTOR];
  if (op === "absolute") return [fence(typesetNode(a)[0], "|", "|"), FACTOR];
  if (isComparison(node)) return [`${typesetNode(a)[0]}<mo>${SIGNS[op].replace("<", "&lt;").replace(">", "&gt;")}</mo>${typesetNode(b)[0]}`, SUM];
  if (op === "where") {
    const row = (then, when) => `<mtr>${LEFT}${then}</mtd>${LEFT}${when}</mtd></mtr>`;
    const rows = row(group(b), `<mrow><mtext>if\u00a0</mtext>${group(a)}</mrow>`) + row(group(c), "<mtext>otherwise</mtext>");
    return [`<mrow><mo fence="true">{</mo><mtable>${rows}</mtable></mrow>`, SUM];
  }
  const [name, base] = [CALLED[op] ?? op].flat(), called = `<mi>${name}</mi>`;
  const inside = node.parts.map((part) => typesetNode(part)[0]).join("<mo>,</mo>");
  return [`${base ? `<msub>${called}<mn>${base}</mn></msub>` : called}${APPLY}${fence(inside)}`, FACTOR];
}
