// A formula of your own as a landscape: the whitelist of steepest.landscapes.custom, with its messages and columns.

import { parseExpression } from "./hints.js";
import { didYouMean, quoted } from "./names.js";
import { Graph, compile, evaluate } from "./tape.js";
import { FormulaError, unreadable } from "./tokens.js";

const LONGEST = 1000, DEEPEST = 100;
const ARGUMENTS = {
  sqrt: 1, exp: 1, log: 1, sin: 1, cos: 1, tan: 1, sinh: 1, cosh: 1, tanh: 1, arctan: 1, sign: 1, abs: 1, maximum: 2,
  minimum: 2, where: 3,
};
const CONSTANTS = { pi: Math.PI, e: Math.E };
const BINARY = { "+": "add", "-": "sub", "*": "mul", "/": "div", "**": "pow" };
const CONDITIONS = { "<": "lt", "<=": "le", ">": "gt", ">=": "ge" };
// what Python calls white space, and where it ends a line
const SPACE = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const AROUND_TEXT = new RegExp(`^${SPACE}+|${SPACE}+$`, "g"), NEW_LINE = /[\n-\r\x1c-\x1e\x85\u2028\u2029]/;

/**
 * The landscape of a formula in x, or in x and y (or x1, x2, ...); `most` coordinates at most.
 *
 * Throws a FormulaError, with `message` ({en, zh}) and `column`, where it is none.
 */
export function parse(text, most = 2) {
  const trimmed = text.replace(AROUND_TEXT, ""), reader = new Reader(Array.from(trimmed));
  const { root, dims } = reader.read();
  if (dims > most) {
    reader.fail(`has ${dims} coordinates; the page shows up to ${most}`, `有 ${dims} 个坐标；本页最多显示 ${most} 个`);
  }
  const { graph } = reader, axes = Array.from({ length: dims }, (_, i) => i);
  const slopes = axes.map((i) => graph.slope(root, i));
  const bends = slopes.flatMap((slope) => axes.map((i) => graph.slope(slope, i)));
  const value = compile([root], dims), second = compile(bends, dims);
  return {
    id: null,
    title: { en: trimmed, zh: trimmed },
    group: null,
    formula: trimmed,
    dims,
    window: axes.map(() => [-5, 5]),
    start: dims === 2 ? [-4, -2] : axes.map(() => 4),
    minima: [],
    localMinima: [],
    saddles: [],
    minimum: null,
    about: { en: "a formula of your own", zh: "自定义公式" },
    source: "",
    quadratic: bends.every((bend) => bend.op === "constant") && slopes.every(isSmooth),
    f: (...x) => value(...x)[0],
    grad: compile(slopes, dims),
    hessian(...x) {
      const all = second(...x);
      return axes.map((i) => all.slice(i * dims, (i + 1) * dims));
    },
  };
}

/** Whether nothing in it has a kink or a jump. */
function isSmooth(node) {
  return !["where", "step", "sign", "abs", "maximum", "minimum"].includes(node.op) && node.parts.every(isSmooth);
}

/** Rebuilds one formula, node by node, as a graph; the order of its checks is that of the one in Python. */
class Reader {
  constructor(letters) {
    this.letters = letters;
    this.graph = new Graph();
    this.coordinates = new Map();
  }

  read() {
    const { letters } = this;
    if (letters.length === 0) this.fail("is empty; write for example x**2", "是空的；例如写 x**2");
    if (letters.length > LONGEST) this.fail(`longer than ${LONGEST} characters`, `超过 ${LONGEST} 个字符`);
    const line = letters.findIndex((letter) => NEW_LINE.test(letter));
    if (line >= 0) this.fail("must be a single line", "只能写一行", line);
    if (letters.some((letter) => /\p{Surrogate}/u.test(letter))) {
      this.fail("cannot be read (nested too deeply, or not text)", "读不懂（嵌套太深，或不是文本）");
    }
    if (letters.includes("\0")) throw unreadable("a character that is none", letters.length);
    const root = this.number(parseExpression(letters), 0);
    const names = [...this.coordinates.keys()];
    if (names.length === 0) {
      this.fail("has no coordinate; use x, or x and y, or x1, x2, ...", "没有坐标；请用 x，或 x 和 y，或 x1、x2……");
    }
    if (new Set(names.map((name) => name.length)).size > 1) {
      this.fail("mixes x, y with x1, x2, ...; use one kind", "混用了 x、y 与 x1、x2；请只用一种");
    }
    return { root, dims: Math.max(...this.coordinates.values()) + 1 };
  }

  fail(en, zh, column = 0) {
    throw new FormulaError(en, zh, column);
  }

  /** The beginning of the text that a node was read from, quoted. */
  source({ start, end }) {
    const text = this.letters.slice(start, end);
    return quoted(text.length <= 40 ? text.join("") : `${text.slice(0, 39).join("")}…`);
  }

  number(node, depth) {
    if (depth > DEEPEST) this.fail(`is nested deeper than ${DEEPEST} levels`, `嵌套超过 ${DEEPEST} 层`, node.start);
    if (node.kind === "number") return this.constant(node, node.value);
    if (node.kind === "name") return this.name(node);
    if (node.kind === "binary") return this.operation(node, depth);
    if (node.kind === "unary" && node.sign === "-") return this.apply(node, "neg", [node.operand], depth);
    if (node.kind === "unary" && node.sign === "+") return this.apply(node, "pos", [node.operand], depth);
    if (node.kind === "call" && node.called.kind === "name" && node.keywords === 0) return this.call(node, depth);
    if (node.kind === "comparison") {
      this.fail("a comparison may stand only as the first argument of where", "比较只能作为 where 的第一个参数", node.start);
    }
    const shown = this.source(node);
    return this.fail(
      `${shown} is not allowed; use numbers, coordinates, + - * / ** and functions`,
      `不允许写 ${shown}；请用数、坐标、+ - * / ** 和函数`,
      node.start,
    );
  }

  name(node) {
    const { name } = node;
    if (Object.hasOwn(CONSTANTS, name)) return this.constant(node, CONSTANTS[name]);
    const index = /^x[1-9]$/.test(name) ? Number(name[1]) - 1 : ["x", "y"].indexOf(name);
    if (index < 0) {
      const hint = didYouMean(name, ["x", "y", "x1", "x2", ...Object.keys(CONSTANTS), ...Object.keys(ARGUMENTS)]);
      this.fail(`unknown name ${quoted(name)}; ${hint.en}`, `不认识名称 ${quoted(name)}；${hint.zh}`, node.start);
    }
    this.coordinates.set(name, index);
    return this.graph.coordinate(index);
  }

  operation(node, depth) {
    if (!Object.hasOwn(BINARY, node.sign)) {
      const power = node.sign === "^", shown = this.source(node.right);
      const en = `this operator is not allowed before ${shown}; ${power ? "write ** for a power" : "use + - * / **"}`;
      this.fail(en, `${shown} 前面不允许用这个运算符；${power ? "乘方请写 **" : "请用 + - * / **"}`, node.right.start);
    }
    return this.apply(node, BINARY[node.sign], [node.left, node.right], depth);
  }

  call(node, depth) {
    const { name } = node.called, { args } = node;
    if (!Object.hasOwn(ARGUMENTS, name)) {
      const hint = didYouMean(name, Object.keys(ARGUMENTS));
      this.fail(`unknown function ${quoted(name)}; ${hint.en}`, `不认识函数 ${quoted(name)}；${hint.zh}`, node.start);
    }
    const count = ARGUMENTS[name];
    if (args.length !== count) {
      const en = `${name} takes ${count} argument${count > 1 ? "s" : ""}, got ${args.length}`;
      this.fail(en, `${name} 需要 ${count} 个参数，给了 ${args.length} 个`, node.start);
    }
    return name === "where" ? this.where(args, depth) : this.apply(node, name, args, depth);
  }

  where([condition, yes, no], depth) {
    const { kind, signs } = condition;
    if (kind !== "comparison" || signs.length !== 1 || !Object.hasOwn(CONDITIONS, signs[0])) {
      this.fail("where needs a comparison first, such as x > 0", "where 的第一个参数要是比较，例如 x > 0", condition.start);
    }
    const [low, high, then, otherwise] = [...condition.parts, yes, no].map((part) => this.number(part, depth + 1));
    return this.graph.plain("where", this.graph.plain(CONDITIONS[signs[0]], low, high), then, otherwise);
  }

  /** An operation; one without coordinates in it is a number. */
  apply(node, op, parts, depth) {
    const before = this.coordinates;
    this.coordinates = new Map();
    const operands = parts.map((part) => this.number(part, depth + 1)), plain = this.coordinates.size === 0;
    this.coordinates = new Map([...before, ...this.coordinates]);
    if (plain) {
      const values = operands.map(
        (operand) => (operand.op === "constant" ? operand.value : compile([operand], 0)()[0]),
      );
      return this.constant(node, op === "pos" ? values[0] : evaluate(op, ...values));
    }
    return op === "pos" ? operands[0] : this.graph.plain(op, ...operands);
  }

  constant(node, value) {
    if (!Number.isFinite(value)) {
      const shown = this.source(node);
      this.fail(`${shown} is not a finite real number`, `${shown} 不是有限的实数`, node.start);
    }
    return this.graph.constant(Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? value + 0 : value);
  }
}
