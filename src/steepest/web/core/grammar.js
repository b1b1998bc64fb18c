// Reads a typed formula into a tree, by the table of steepest.landscapes.grammar, as steepest.landscapes.parser does.
// Nodes are {op, parts, start, end, value, text, depth, constant}; columns count characters from 0.

import { didYouMean } from "./names.js";

let table = null, tokenPattern = null, piecePattern = null, names = null;

/** The table of operators, functions, names, limits and messages that Python's parser reads, too. */
export function fillGrammar(grammar) {
  table = { ...grammar, lines: new RegExp(grammar.lines, "u") };
  const { functions, aliases, constants, coordinates, tokens } = grammar;
  names = [functions, aliases, constants, coordinates].flatMap((part) => Object.keys(part));
  names.sort((a, b) => b.length - a.length || (a < b ? -1 : 1));
  const isFunction = (name) => (aliases[name] ?? name) in functions;
  piecePattern = new RegExp(names.map((name) => name + (isFunction(name) ? "(?!e)" : "")).join("|"), "gu");
  tokenPattern = new RegExp(Object.entries(tokens).map(([kind, pattern]) => `(?<${kind}>${pattern})`).join("|"), "gu");
}

/** A text that is no formula: a message in both languages, its code, and the column that it points at. */
export class FormulaError extends Error {
  constructor(code, column = 0, words = {}) {
    super();
    this.name = "FormulaError";
    const say = (text, word) => text.replace(/\{(\w+)\}/g, (_, name) => words[name]?.[word] ?? words[name]);
    const [en, zh] = table.messages[code];
    Object.assign(this, { code, column, message: { en: say(en, "en"), zh: say(zh, "zh") } });
  }
}

export const definitions = () => table.definitions;
export const isComparison = ({ op }) => table.comparisons.includes(op);

/** The beginning of a text, quoted. */
export function excerpt(letters) {
  return `'${letters.length <= 40 ? letters.join("") : `${letters.slice(0, 39).join("")}…`}'`;
}

/** The tree of a formula, of an array of characters without space around it; throws a FormulaError if it is none. */
export function parseTree(letters) {
  return new Parser(letters).whole();
}

/** The known names that a word consists of; none if there is another. */
function split(word) {
  const found = names.includes(word) ? [word] : word.match(piecePattern) ?? [];
  return found.join("") === word ? found : [];
}

/** The functions that an error message offers: also ln, max and others that stand for another name. */
function calledFunctions() {
  const { functions, aliases } = table, isCalled = (name) => aliases[name] in functions && /^[a-z]+$/.test(name);
  return [...Object.keys(functions), ...Object.keys(aliases).filter(isCalled)];
}

/** The character that stands for this one in the grammar. */
function normal(letter) {
  if (letter in table.superscripts) return letter;
  const same = letter.normalize("NFKC"), one = Array.from(same).length === 1 ? same : letter;
  const known = table.letters[one] ?? one;
  return known.length === 1 ? known : "\ufffd"; // so that columns count characters
}

/** Precedence climbing (Pratt 1973): `expression` reads what binds at least as tightly as it is told. */
class Parser {
  constructor(letters) {
    Object.assign(this, { letters, place: 0, open: [], tokens: [] });
  }

  whole() {
    const { letters } = this, line = letters.findIndex((letter) => table.lines.test(letter));
    if (letters.length === 0) this.fail("empty");
    if (letters.length > table.longest) this.fail("long", 0, { limit: table.longest });
    if (line >= 0) this.fail("line", line);
    this.tokens = this.tokenize();
    const equals = this.tokens.find(({ text }) => text === "="); // before anything else is said of f(x) = x^2
    if (equals) this.fail("equals", equals.start);
    const tree = this.expression(0, 0);
    if (this.token.kind !== "end") this.unexpected(this.token);
    return this.make("whole", [tree], 0).parts[0];
  }

  tokenize() {
    const tokens = [], end = this.letters.length;
    for (const { 0: text, index, groups } of this.letters.map(normal).join("").matchAll(tokenPattern)) {
      const kind = Object.keys(groups).find((name) => groups[name] !== undefined), pieces = kind === "name" ? split(text) : [];
      let start = index;
      for (const piece of pieces.length ? pieces : [text]) {
        const known = Object.hasOwn(table.aliases, piece) ? table.aliases[piece] : piece;
        tokens.push({ kind, text: known, start, end: start += piece.length });
      }
    }
    return [...tokens.filter(({ kind }) => kind !== "space"), { kind: "end", text: "", start: end, end }];
  }

  // --- tokens and messages

  get token() {
    return this.tokens[this.place];
  }

  take() {
    return this.tokens[this.place++];
  }

  fail(code, column = 0, words = {}) {
    throw new FormulaError(code, column, words);
  }

  shown({ start, end }) {
    return excerpt(this.letters.slice(start, end));
  }

  /** A token that cannot stand where it does. */
  unexpected(token) {
    const opened = this.open.at(-1), shown = this.shown(token);
    if (opened && ["", ")"].includes(token.text)) {
      this.fail(opened.text === "|" ? "bar" : "unclosed", opened.start, { shown: `'${opened.text}'` });
    }
    const codes = { "": "missing", ")": "unopened", ",": "comma", "==": "where" };
    this.fail(codes[token.text] ?? ("[]{}【】".includes(token.text) ? "round" : "foreign"), token.start, { shown });
  }

  /** A node of the text from `start` to the last token read. */
  make(op, parts, start) {
    parts.forEach((part, i) => {
      if (isComparison(part) === (op === "where" && i === 0)) return;
      this.fail(isComparison(part) ? "comparison" : "where", part.start);
    });
    const depth = 1 + Math.max(...parts.map((part) => part.depth));
    if (depth > table.deepest + (op === "whole" ? 1 : 0)) this.fail("deep", start, { limit: table.deepest });
    const constant = parts.every((part) => part.constant);
    return { op, parts, start, end: this.tokens[this.place - 1].end, depth, constant };
  }

  number({ start, end }, value, text) {
    return { op: "number", parts: [], start, end, value, text, depth: 0, constant: true };
  }

  // --- the grammar

  /** What binds at least as tightly as `least`; where no sign stands, a product is meant. */
  expression(least, depth) {
    const { start } = this.token;
    if (depth > table.deepest) this.fail("deep", start, { limit: table.deepest });
    let left = this.prefix(this.take(), depth);
    for (;;) {
      const after = this.token;
      if (after.kind === "superscript") {
        left = this.make("pow", [left, this.exponent(this.take())], start);
        continue;
      }
      if (after.kind === "number") this.fail("beside", after.start, { shown: this.shown(after) });
      const implied = this.beginsFactor(after), [op, atLeft, atRight] = table.infix[implied ? "*" : after.text] ?? ["", -1];
      if (atLeft < least) return left;
      if (!implied) this.take();
      left = this.make(op, [left, this.expression(atRight, depth + 1)], start);
    }
  }

  /** Whether a factor without a sign begins; a bar closes what a bar opened. */
  beginsFactor({ kind, text }) {
    return kind === "name" || ["(", "√", "∛"].includes(text) || (text === "|" && this.open.at(-1)?.text !== "|");
  }

  /** A factor without its powers, or a sign with what it belongs to. */
  prefix(token, depth) {
    const { kind, text, start } = token;
    if (kind === "number") {
      const plain = text.replaceAll("_", "").toLowerCase();
      return this.number(token, Number(plain), plain);
    }
    if (kind === "name") return this.name(token, depth);
    if (text in table.prefix) {
      const [op, atRight] = table.prefix[text], operand = this.expression(atRight, depth + 1);
      return op === "pos" ? operand : this.make(op, [operand], start);
    }
    if (text === "(") return this.enclosed(token, depth)[0];
    if (text === "|") return this.make("absolute", this.enclosed(token, depth), start);
    const inBars = this.open.at(-1)?.text === "|";
    if (text in table.infix || text === "," || (["", ")"].includes(text) && !inBars)) this.fail("missing", start);
    return this.unexpected(token);
  }

  name(token, depth) {
    const { text, start, end } = token, { constants, coordinates, functions } = table;
    if (Object.hasOwn(constants, text)) return this.number(token, constants[text], text);
    if (Object.hasOwn(coordinates, text)) {
      return { op: "coordinate", parts: [], start, end, value: coordinates[text], text, depth: 0, constant: false };
    }
    if (Object.hasOwn(functions, text)) return this.function(token, depth);
    const isCall = this.token.text === "(", known = calledFunctions();
    const hint = didYouMean(text, isCall ? known : ["x", "y", "x1", "x2", ...Object.keys(constants), ...known]);
    return this.fail(isCall ? "function" : "name", start, { shown: this.shown(token), hint });
  }

  /** A function with its argument, and a power between the two: sin^2(x). */
  function(token, depth) {
    const [op, count] = table.functions[token.text], { start } = token;
    const shown = this.letters.slice(start, token.end).join("");
    let power = null;
    if (this.token.kind === "superscript") power = this.exponent(this.take());
    else if (this.token.text === "^" || this.token.text === "**") {
      this.take();
      power = this.token.kind === "number" ? this.prefix(this.take(), depth + 1) : { value: NaN };
    }
    if (power && !(power.value > 0)) this.fail("inverse", start, { shown });
    const isCall = this.token.text === "(";
    const parts = isCall ? this.enclosed(this.take(), depth + 1, true) : [this.bare(token, shown, depth + 1)];
    if (parts.length !== count) {
      this.fail("arguments", start, { shown, count, s: count > 1 ? "s" : "", given: parts.length });
    }
    const called = this.make(op, parts, start);
    return power ? this.make("pow", [called, power], start) : called;
  }

  /** An argument without brackets: a product without signs, up to another function or a bracket. */
  bare({ start }, shown, depth) {
    const { token } = this, [, atRight] = table.prefix["-"];
    if (!this.beginsFactor(token) && token.kind !== "number" && !(token.text in table.prefix)) this.fail("bare", start, { shown });
    let argument = this.expression(atRight, depth);
    while (this.beginsFactor(this.token) && !Object.hasOwn(table.functions, this.token.text)) {
      if (["(", "|"].includes(this.token.text)) this.fail("bracket", this.token.start, { shown });
      argument = this.make("mul", [argument, this.expression(atRight, depth)], token.start);
    }
    return argument;
  }

  /** What stands between a bracket, or bar, and its partner; in a call any number of arguments. */
  enclosed(opened, depth, call = false) {
    if (this.open.length >= table.brackets) this.fail("brackets", opened.start, { limit: table.brackets });
    this.open.push(opened);
    const parts = call && this.token.text === ")" ? [] : [this.expression(0, depth)];
    while (call && this.token.text === ",") {
      this.take();
      parts.push(this.expression(0, depth));
    }
    if (this.token.text !== (opened.text === "(" ? ")" : "|")) this.unexpected(this.token);
    this.take();
    this.open.pop();
    return parts;
  }

  /** A number that is written as a superscript. */
  exponent(token) {
    const digits = Array.from(token.text, (letter) => table.superscripts[letter]).join("");
    if (!/^[+-]?[0-9]+$/.test(digits)) this.fail("foreign", token.start, { shown: this.shown(token) });
    return this.number(token, Number(digits), digits);
  }
}
