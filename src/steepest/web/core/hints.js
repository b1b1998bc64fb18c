// What Python (CPython 3.11) recognizes as a typical mistake, and where it points then: its second way through a text
// that it could not read.

import { Grammar, TARGETS, Unexpected } from "./grammar.js";
import { Tokens, unreadable } from "./tokens.js";

const OLD_STATEMENTS = ["print", "exec"];
const SOFT_KEYWORDS = ["_", "case", "match"]; // of which CPython compares the beginning only

/** The tree of an expression. */
export function parseExpression(letters) {
  const first = new Grammar(new Tokens(letters));
  try {
    return first.whole();
  } catch (error) {
    if (!(error instanceof Unexpected)) throw error;
  }
  const { tokens } = first, furthest = tokens.read.at(-1);
  let told = unreadable("invalid syntax", furthest.start);
  try {
    new Hints(tokens).whole();
  } catch (error) {
    if (error.fromTokens) throw error;
    if (!(error instanceof Unexpected)) told = error;
  }
  tokens.checkRest();
  throw told;
}

/** The grammar with the hints; `silent` where Python gives none. */
class Hints extends Grammar {
  silent = false;

  beforeExpression() {
    if (this.silent) return;
    const from = this.mark, first = this.attempt(() => this.disjunction()), after = this.mark;
    if (first !== null) {
      this.forgottenComma(first, from);
      this.mark = after;
      if (this.accept("if") && this.attempt(() => this.disjunction()) && !this.is("else", ":")) {
        throw unreadable("expected 'else' after 'if' expression", first.start);
      }
    }
    this.mark = from;
    this.oldStatement();
    this.mark = from;
  }

  /** Two expressions side by side in brackets. */
  forgottenComma(first, from) {
    const { kind, text } = this.tokens.at(from);
    if (kind === "name" && SOFT_KEYWORDS.some((each) => each.startsWith(text))) return;
    if (kind === "name" && this.tokens.at(from + 1).kind === "string") return;
    if (!this.attempt(() => this.silently()) || (first.kind === "name" && OLD_STATEMENTS.includes(text))) return;
    if (this.tokens.at(this.mark - 1).level > 0) {
      throw unreadable("invalid syntax. Perhaps you forgot a comma?", first.start);
    }
  }

  /** A statement of Python 2: print x. */
  oldStatement() {
    const { kind, text, start } = this.tokens.at(this.mark++);
    if (kind !== "name" || !OLD_STATEMENTS.includes(text) || this.is("(")) return;
    if (this.attempt(() => this.star())) throw unreadable(`Missing parentheses in call to '${text}'`, start);
  }

  silently() {
    this.silent = true;
    try {
      return this.expression();
    } finally {
      this.silent = false;
    }
  }

  beforeNamed() {
    if (this.silent) return;
    const from = this.mark, first = this.attempt(() => this.expression());
    if (first !== null && this.accept(":=") && this.attempt(() => this.expression())) {
      throw unreadable("cannot use assignment expressions with this", first.start);
    }
    this.mark = from;
    if (this.tokens.at(from).kind === "name" && this.tokens.at(from + 1).text === "=") {
      this.mark += 2;
      if (this.attempt(() => this.binary(0)) && !this.is("=", ":=")) {
        throw unreadable("invalid syntax. Maybe you meant '==' or ':=' instead of '='?", this.tokens.at(from).start);
      }
    }
    this.mark = from;
    const literal = ["(", "[", "True", "None", "False"].includes(this.token.text);
    const left = literal ? null : this.attempt(() => this.binary(0));
    if (left !== null && this.accept("=") && this.attempt(() => this.binary(0)) && !this.is("=", ":=")) {
      throw unreadable("cannot assign to this here. Maybe you meant '==' instead of '='?", left.start);
    }
    this.mark = from;
  }

  inBrackets() {
    const from = this.mark;
    if (this.silent || !this.accept("**")) return;
    if (this.attempt(() => this.expression()) && this.is(")")) {
      throw unreadable("cannot use double starred expression here", this.tokens.at(from).start);
    }
    this.mark = from;
  }

  afterStarred(first) {
    if (!this.silent && this.is(")")) throw unreadable("cannot use starred expression here", first.start);
  }

  afterArgument(found) {
    if (this.silent || !this.is("=")) return;
    throw unreadable("expression cannot contain assignment, perhaps you meant \"==\"?", found.start);
  }

  afterKeyword() {
    if (this.silent) throw new Unexpected();
    while (this.accept(",")) if (this.attempt(() => this.keyword() ?? this.argument()) === null) break;
    throw unreadable("positional argument follows keyword argument", this.tokens.read.at(-1).start);
  }

  wrongTarget() {
    const found = this.silent ? null : this.attempt(() => this.star());
    const target = found?.kind === "comparison" && found.signs[0] === "in" ? found.parts[0] : found;
    if (target && !TARGETS.has(target.kind)) throw unreadable("cannot assign to this", target.start);
    throw new Unexpected();
  }
}
