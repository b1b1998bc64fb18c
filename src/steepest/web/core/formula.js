// A formula of your own as a landscape, as steepest.landscapes.custom makes one.

import { FormulaError, definitions, excerpt, isComparison, parseTree } from "./grammar.js";
import { Graph, compile } from "./tape.js";
import { typeset } from "./typeset.js";

// what Python calls white space
const SPACE = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const AROUND_TEXT = new RegExp(`^${SPACE}+|${SPACE}+$`, "g");
const KINKED = ["where", "step", "sign", "absolute", "maximum", "minimum"];

/**
 * The landscape of a formula in x, or in x and y (or x1, x2, ...); `most` coordinates at most.
 *
 * Throws a FormulaError, with `message` ({en, zh}), `code` and `column`, where it is none.
 */
export function parse(text, most = 2) {
  const trimmed = text.replace(AROUND_TEXT, ""), letters = Array.from(trimmed), tree = parseTree(letters);
  const graph = new Graph(), root = build(tree, graph, letters), leaves = coordinatesOf(tree);
  if (leaves.length === 0) throw new FormulaError("constant");
  if (new Set(leaves.map((leaf) => leaf.text.length === 1)).size > 1) throw new FormulaError("mixed");
  const dims = 1 + Math.max(...leaves.map((leaf) => leaf.value));
  if (dims > most) throw new FormulaError("dims", 0, { count: dims, limit: most });
  const axes = Array.from({ length: dims }, (_, i) => i), slopes = axes.map((i) => graph.slope(root, i));
  const bends = slopes.flatMap((slope) => axes.map((i) => graph.slope(slope, i)));
  const names = axes.map((i) => (leaves[0].text.length === 1 ? "xy"[i] : `x${i + 1}`));
  const value = compile([root], dims), second = compile(bends, dims);
  return {
    id: null,
    title: { en: trimmed, zh: trimmed },
    group: null,
    formula: trimmed,
    equation: typeset(tree, names),
    dims,
    names,
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
  return !KINKED.includes(node.op) && node.parts.every(isSmooth);
}

function coordinatesOf(tree) {
  return tree.op === "coordinate" ? [tree] : tree.parts.flatMap(coordinatesOf);
}

/** A tree in a graph; what has no coordinate becomes a number, and `x` stands for the coordinate of a definition. */
function build(tree, graph, letters, x = null) {
  if (tree.op === "coordinate") return x ?? graph.coordinate(tree.value);
  const parts = tree.parts.map((part) => build(part, graph, letters, x));
  if (tree.op === "number") return constant(tree, tree.value, graph, letters);
  const root = Object.hasOwn(definitions(), tree.op)
    ? build(parseTree(Array.from(definitions()[tree.op])), graph, letters, parts[0])
    : graph.plain(tree.op, ...parts);
  return tree.constant && !isComparison(tree) ? constant(tree, compile([root], 0)()[0], graph, letters) : root;
}

function constant({ start, end }, value, graph, letters) {
  if (!Number.isFinite(value)) throw new FormulaError("infinite", start, { shown: excerpt(letters.slice(start, end)) });
  return graph.constant(value + 0);
}
