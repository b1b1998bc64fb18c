// Python's grammar of expressions (CPython 3.11), whole: what a formula may not hold has to be recognized, too, to be
// refused at the same place. Nodes are {kind, start, end, ...}; columns count characters.

const COMPARISONS = new Set(["==", "!=", "<=", "<", ">=", ">"]);
export const TARGETS = new Set(["name", "attribute", "item", "tuple", "list", "starred"]);
const LEVELS = [["|"], ["^"], ["&"], ["<<", ">>"], ["+", "-"], ["*", "/", "//", "%", "@"]];

/** No rule of the grammar goes on here; the place is the furthest token that was read. */
export class Unexpected extends Error {}

export class Grammar {
  constructor(tokens) {
    this.tokens = tokens;
    this.mark = 0;
    this.known = new Map();
  }

  // --- where Python looks for typical mistakes on its second way through; see hints.js

  beforeExpression() {}

  beforeNamed() {}

  inBrackets() {}

  afterStarred() {}

  afterArgument() {}

  afterKeyword() {
    throw new Unexpected();
  }

  wrongTarget() {
    throw new Unexpected();
  }

  // --- tokens

  get token() {
    return this.tokens.at(this.mark);
  }

  is(...texts) {
    const { kind, text } = this.token;
    return (kind === "operator" || kind === "keyword") && texts.includes(text);
  }

  accept(...texts) {
    if (!this.is(...texts)) return null;
    return this.tokens.at(this.mark++);
  }

  expect(text) {
    if (!this.accept(text)) throw new Unexpected();
  }

  node(kind, from, more = {}) {
    return { kind, start: this.tokens.at(from).start, end: this.tokens.at(this.mark - 1).end, ...more };
  }

  /** What a rule gives, or null if it does not go on here. */
  attempt(rule) {
    const mark = this.mark;
    try {
      return rule();
    } catch (error) {
      if (!(error instanceof Unexpected)) throw error;
      this.mark = mark;
      return null;
    }
  }

  /** What a rule gave at this place before: else the time would double with every bracket. */
  remembered(name, rule) {
    const key = `${name} ${this.mark} ${this.silent}`;
    if (!this.known.has(key)) {
      const found = this.attempt(rule);
      this.known.set(key, found && { found, mark: this.mark });
    }
    const known = this.known.get(key);
    if (known === null) throw new Unexpected();
    this.mark = known.mark;
    return known.found;
  }

  /** Continues an expression as long as `more` goes on, each time with what is there so far. */
  growing(left, more) {
    for (let next = left; next !== null; next = this.attempt(() => more(left))) left = next;
    return left;
  }

  // --- expressions, from the loosest binding to the tightest

  whole() {
    const from = this.mark, first = this.expression();
    const tree = this.is(",") ? this.rest(from, () => this.expression()) : first;
    if (this.token.kind !== "end") throw new Unexpected();
    return tree;
  }

  /** A tuple without brackets, after its first element. */
  rest(from, element) {
    while (this.accept(",")) if (this.attempt(element) === null) break;
    return this.node("tuple", from);
  }

  expression() {
    return this.remembered("expression", () => this.anyExpression());
  }

  anyExpression() {
    const from = this.mark;
    this.beforeExpression();
    if (this.is("lambda")) return this.lambda();
    const then = this.disjunction();
    const chosen = this.attempt(() => {
      this.expect("if");
      this.disjunction();
      this.expect("else");
      this.expression();
      return this.node("choice", from);
    });
    return chosen ?? then;
  }

  lambda() {
    const from = this.mark;
    this.expect("lambda");
    while (!this.is(":")) {
      if (this.accept("*", "**", "/", ",")) continue;
      if (this.token.kind !== "name") throw new Unexpected();
      this.mark += 1;
      if (this.accept("=")) this.expression();
      if (!this.is(":", ",")) throw new Unexpected();
    }
    this.expect(":");
    this.expression();
    return this.node("lambda", from);
  }

  disjunction() {
    return this.remembered("disjunction", () => this.joined("or", () => this.joined("and", () => this.inversion())));
  }

  /** Operands with a word between. */
  joined(word, operand) {
    const from = this.mark;
    return this.growing(operand(), () => {
      this.expect(word);
      operand();
      return this.node("boolean", from);
    });
  }

  inversion() {
    const from = this.mark;
    if (!this.accept("not")) return this.comparison();
    this.inversion();
    return this.node("unary", from, { sign: "not" });
  }

  comparison() {
    const from = this.mark, signs = [], parts = [];
    return this.growing(this.binary(0), (left) => {
      const sign = this.comparator(), right = this.binary(0);
      parts.push(...(parts.length ? [right] : [left, right]));
      signs.push(sign);
      return this.node("comparison", from, { signs, parts });
    });
  }

  comparator() {
    if (this.token.kind === "operator" && COMPARISONS.has(this.token.text)) return this.tokens.at(this.mark++).text;
    if (this.accept("in")) return "in";
    if (this.accept("is")) return this.accept("not") ? "is not" : "is";
    this.expect("not");
    this.expect("in");
    return "not in";
  }

  binary(level) {
    if (level === LEVELS.length) return this.factor();
    return level === 0 ? this.remembered("binary", () => this.operators(0)) : this.operators(level);
  }

  operators(level) {
    const from = this.mark;
    return this.growing(this.binary(level + 1), (left) => {
      const sign = this.accept(...LEVELS[level]);
      if (sign === null) throw new Unexpected();
      const right = this.binary(level + 1);
      return this.node("binary", from, { sign: sign.text, left, right });
    });
  }

  factor() {
    const from = this.mark, sign = this.accept("+", "-", "~");
    if (sign) {
      const operand = this.factor();
      return this.node("unary", from, { sign: sign.text, operand });
    }
    const left = this.accept("await") ? (this.primary(), this.node("await", from)) : this.primary();
    const power = this.attempt(() => {
      this.expect("**");
      const right = this.factor();
      return this.node("binary", from, { sign: "**", left, right });
    });
    return power ?? left;
  }

  // --- what has a place of its own

  primary() {
    const from = this.mark;
    return this.growing(this.atom(), (left) => {
      if (this.is("(")) return this.callOf(left, from);
      if (this.accept("[")) {
        this.slices();
        this.expect("]");
        return this.node("item", from);
      }
      this.expect(".");
      if (this.token.kind !== "name") throw new Unexpected();
      this.mark += 1;
      return this.node("attribute", from);
    });
  }

  slices() {
    const slice = () => {
      const colon = () => this.accept(":") !== null;
      if (this.attempt(() => (this.accept("*") ? this.binary(0) : this.named())) === null && !this.is(":")) {
        throw new Unexpected();
      }
      for (let colons = 0; colons < 2 && colon(); colons++) this.attempt(() => this.expression());
      return true;
    };
    slice();
    while (this.accept(",")) if (this.attempt(slice) === null) break;
  }

  atom() {
    const from = this.mark, { kind, text, value } = this.token;
    if (kind === "name") {
      this.mark += 1;
      return this.node("name", from, { name: text.normalize("NFKC") });
    }
    if (kind === "number" || kind === "complex") {
      this.mark += 1;
      return this.node(kind, from, { value });
    }
    if (kind === "string") {
      while (this.token.kind === "string") this.mark += 1;
      return this.node("string", from);
    }
    if (this.accept("True", "False", "None", "...")) return this.node("constant", from);
    if (this.is("(")) return this.brackets();
    if (this.is("[")) return this.list();
    if (this.is("{")) return this.braces();
    throw new Unexpected();
  }

  // --- brackets

  star() {
    const from = this.mark;
    if (!this.accept("*")) return this.named();
    this.binary(0);
    return this.node("starred", from);
  }

  named() {
    const from = this.mark;
    if (this.token.kind === "name" && this.tokens.at(from + 1).text === ":=" ) {
      this.mark += 2;
      this.expression();
      return this.node("named", from);
    }
    this.beforeNamed();
    const found = this.expression();
    if (this.is(":=")) throw new Unexpected();
    return found;
  }

  comprehension() {
    const begins = () => this.is("for") || (this.is("async") && this.tokens.at(this.mark + 1).text === "for");
    if (!begins()) return false;
    while (begins()) {
      this.accept("async");
      this.expect("for");
      const aimed = this.attempt(() => (this.targets(), this.expect("in"), true));
      if (aimed === null) this.wrongTarget();
      this.disjunction();
      while (this.accept("if")) this.disjunction();
    }
    return true;
  }

  targets() {
    const target = () => {
      this.accept("*");
      if (!TARGETS.has(this.binary(0).kind)) throw new Unexpected();
      return true;
    };
    target();
    while (this.accept(",")) if (this.attempt(target) === null) break;
  }

  brackets() {
    const from = this.mark;
    this.expect("(");
    if (this.accept(")")) return this.node("tuple", from);
    this.inBrackets();
    if (this.is("yield")) return this.yielded();
    const first = this.star();
    if (this.is(",")) {
      while (this.accept(",")) if (this.attempt(() => this.star()) === null) break;
      this.expect(")");
      return this.node("tuple", from);
    }
    if (first.kind === "starred") {
      this.afterStarred(first);
      throw new Unexpected();
    }
    if (this.comprehension()) {
      this.expect(")");
      return this.node("generator", from);
    }
    this.expect(")");
    return first;
  }

  yielded() {
    const from = this.mark;
    this.expect("yield");
    if (this.accept("from")) this.expression();
    else if (!this.is(")")) this.rest(from, (this.star(), () => this.star()));
    const found = this.node("yield", from);
    this.expect(")");
    return found;
  }

  list() {
    const from = this.mark;
    this.expect("[");
    if (!this.is("]")) {
      this.star();
      if (!this.comprehension()) while (this.accept(",")) if (this.attempt(() => this.star()) === null) break;
    }
    this.expect("]");
    return this.node("list", from);
  }

  braces() {
    const from = this.mark;
    this.expect("{");
    const element = () => {
      if (this.accept("**")) return this.binary(0);
      const first = this.star();
      if (this.accept(":")) this.expression();
      return first;
    };
    if (!this.is("}")) {
      element();
      if (!this.comprehension()) while (this.accept(",")) if (this.attempt(element) === null) break;
    }
    this.expect("}");
    return this.node("braces", from);
  }

  callOf(called, from) {
    const bracket = this.mark, args = [];
    this.expect("(");
    let keywords = 0;
    while (!this.is(")")) {
      if (this.keyword()) keywords += 1;
      else {
        const argument = this.argument();
        if (keywords && argument.kind !== "starred") this.afterKeyword();
        if (argument.kind !== "starred" && args.length === 0 && this.comprehension()) {
          this.expect(")");
          return this.node("call", from, { called, args: [this.node("generator", bracket)], keywords });
        }
        args.push(argument);
      }
      if (!this.accept(",")) break;
    }
    this.expect(")");
    return this.node("call", from, { called, args, keywords });
  }

  keyword() {
    const { kind } = this.token;
    if (this.accept("**")) return this.expression();
    if (kind !== "name" || this.tokens.at(this.mark + 1).text !== "=") return null;
    this.mark += 2;
    return this.expression();
  }

  argument() {
    const from = this.mark;
    if (this.accept("*")) {
      this.expression();
      return this.node("starred", from);
    }
    if (this.token.kind === "name" && this.tokens.at(from + 1).text === ":=") return this.named();
    const found = this.expression();
    this.afterArgument(found);
    if (this.is(":=", "=")) throw new Unexpected();
    return found;
  }

}
