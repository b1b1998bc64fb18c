// The words of a formula, as Python's tokenizer (CPython 3.11) reads them, so that what is refused is refused at the
// same place. Columns count characters from 0.

/** A formula that cannot be read: a message in both languages, and the column that it points at. */
export class FormulaError extends Error {
  constructor(en, zh, column) {
    super();
    this.name = "FormulaError";
    this.message = { en, zh };
    this.column = column;
  }
}

export function unreadable(reason, column) {
  return new FormulaError(`cannot be read (${reason})`, "读不懂", column);
}

const KEYWORDS = new Set(
  ("False None True and as assert async await break class continue def del elif else except finally for from global " +
    "if import in is lambda nonlocal not or pass raise return try while with yield").split(" "),
);
const OPERATORS = [
  "**=", "//=", ">>=", "<<=", "...", "!=", "->", ":=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "@=", "**", "//",
  ">>", "<<", "<=", ">=", "==", "<>",
];
const CLOSING = { "(": ")", "[": "]", "{": "}" };
const MOST_BRACKETS = 200;
const EXPONENT = /^[eE][+-]?[0-9]/, WORD = /[A-Za-z0-9_\u0080-\u{10ffff}]/u, AFTER_NUMBER = /[A-Za-z0-9_]/;
const MAY_FOLLOW = /^(and|else|for|i[fns]|or|not)/; // keywords that may touch a number

/** Reads tokens {kind, text, start, end, level} one by one, as far as a parser asks for them. */
export class Tokens {
  constructor(letters) {
    this.letters = letters;
    this.place = 0;
    this.open = []; // brackets, with their columns
    this.read = [];
  }

  /** Token number i; what the tokenizer refuses is thrown when it is first reached. */
  at(i) {
    while (this.read.length <= i) this.read.push(this.next());
    return this.read[i];
  }

  /** Throws what the tokenizer refuses in the rest of the text. */
  checkRest() {
    for (let last = null; last !== "end"; ) {
      try {
        last = this.next().kind;
      } catch (error) {
        if (error.atTheEnd) return;
        throw error;
      }
    }
  }

  fail(reason, column = this.place - 1) {
    throw Object.assign(unreadable(reason, column), { fromTokens: true });
  }

  next() {
    const { letters } = this;
    while (/[ \t\f]/.test(letters[this.place] ?? "")) this.place += 1;
    const start = this.place, letter = letters[start];
    if (letter === undefined || letter === "#") return this.atTheEnd(start);
    if (/[A-Za-z_\u0080-\u{10ffff}]/u.test(letter)) return this.word(start);
    if (/[0-9]/.test(letter) || (letter === "." && /[0-9]/.test(letters[start + 1] ?? ""))) return this.number(start);
    if (letter === '"' || letter === "'") return this.string(start);
    if (letter === "\\") return this.continuation(start);
    return this.operator(start);
  }

  token(kind, start) {
    return {
      kind,
      text: this.letters.slice(start, this.place).join(""),
      start,
      end: this.place,
      level: this.open.length,
    };
  }

  atTheEnd(start) {
    if (this.open.length) {
      const { bracket, column } = this.open.at(-1);
      throw Object.assign(unreadable(`'${bracket}' was never closed`, column), { fromTokens: true, atTheEnd: true });
    }
    this.place = this.letters.length;
    return { kind: "end", text: "", start: this.place, end: start, level: 0 };
  }

  word(start) {
    const { letters } = this;
    while (WORD.test(letters[this.place] ?? "")) this.place += 1;
    const text = letters.slice(start, this.place).join(""), quote = letters[this.place];
    if (/^(b|u|r|f|br|rb|fr|rf)$/i.test(text) && (quote === '"' || quote === "'")) return this.string(start);
    const wrong = letters.slice(start, this.place).findIndex(
      (letter, i) => !(i ? /[\p{XID_Continue}]/u : /[_\p{XID_Start}]/u).test(letter),
    );
    if (wrong >= 0) this.fail(`invalid character '${letters[start + wrong]}'`, start + wrong);
    return this.token(KEYWORDS.has(text) ? "keyword" : "name", start);
  }

  string(start) {
    const { letters } = this;
    while (letters[this.place] !== '"' && letters[this.place] !== "'") this.place += 1;
    const quote = letters[this.place], triple = letters[this.place + 1] === quote && letters[this.place + 2] === quote;
    const end = triple ? 3 : 1;
    this.place += end;
    for (let run = 0; run < end; ) {
      const letter = letters[this.place++];
      if (letter === undefined) {
        this.fail(triple ? "unterminated triple-quoted string literal" : "unterminated string literal", start);
      }
      run = letter === quote ? run + 1 : 0;
      if (letter === "\\") this.place += 1;
    }
    return this.token("string", start);
  }

  continuation(start) {
    this.place = this.letters.length;
    const column = Math.min(start + 1, this.place - 1);
    throw Object.assign(
      unreadable("unexpected character after line continuation character", column),
      { fromTokens: true, atTheEnd: true },
    );
  }

  operator(start) {
    const { letters } = this, letter = letters[start];
    if (letter < " " || letter === "\x7f") {
      this.place += 1;
      this.fail("invalid non-printable character");
    }
    const long = OPERATORS.find((each) => letters.slice(start, start + each.length).join("") === each);
    this.place += long ? long.length : 1;
    if (letter in CLOSING) {
      if (this.open.length >= MOST_BRACKETS) this.fail("too many nested parentheses");
      this.open.push({ bracket: letter, column: start });
    } else if (")]}".includes(letter)) {
      const opened = this.open.pop();
      if (!opened) this.fail(`unmatched '${letter}'`);
      if (CLOSING[opened.bracket] !== letter) {
        this.fail(`closing parenthesis '${letter}' does not match opening parenthesis '${opened.bracket}'`);
      }
    }
    return this.token("operator", start);
  }

  // --- numbers

  number(start) {
    const { letters } = this;
    const base = { x: "hexadecimal", o: "octal", b: "binary" }[(letters[start + 1] ?? "").toLowerCase()];
    if (letters[start] === "0" && base) return this.withBase(start, base);
    const zero = letters[start] === "0";
    let whole = false;
    if (letters[start] !== ".") {
      this.digits(zero);
      whole = true;
    }
    if (letters[this.place] === ".") {
      this.place += 1;
      whole = false;
      if (/[0-9]/.test(letters[this.place] ?? "")) this.digits();
    }
    if (/[eE]/.test(letters[this.place] ?? "")) {
      if (this.exponent()) whole = false;
      else this.endOfNumber("decimal");
    }
    const imaginary = /[jJ]/.test(letters[this.place] ?? "");
    if (imaginary) this.place += 1;
    const text = letters.slice(start, this.place).join("");
    if (whole && !imaginary && zero && /[1-9]/.test(text)) {
      this.fail("leading zeros in decimal integer literals are not permitted", start);
    }
    this.endOfNumber(imaginary ? "imaginary" : "decimal");
    return { ...this.token(imaginary ? "complex" : "number", start), value: Number(text.replaceAll("_", "")) };
  }

  digits() {
    const { letters } = this, isDigit = (at) => /[0-9]/.test(letters[at] ?? "");
    for (;;) {
      while (isDigit(this.place)) this.place += 1;
      if (letters[this.place] !== "_") return;
      this.place += 1;
      if (!isDigit(this.place)) this.fail("invalid decimal literal");
    }
  }

  /** Reads an exponent if there is one; "2e" and "2else" have none. */
  exponent() {
    const { letters } = this, rest = letters.slice(this.place, this.place + 3).join("");
    if (EXPONENT.test(rest)) {
      this.place += /[+-]/.test(letters[this.place + 1]) ? 2 : 1;
      this.digits();
      return true;
    }
    if (/^[eE][+-]/.test(rest)) {
      this.place += 2;
      this.fail("invalid decimal literal");
    }
    return false;
  }

  withBase(start, base) {
    const { letters } = this, digit = { hexadecimal: /[0-9a-fA-F]/, octal: /[0-7]/, binary: /[01]/ }[base];
    this.place = start + 2;
    do {
      if (letters[this.place] === "_") this.place += 1;
      this.digitOf(digit, base);
      while (digit.test(letters[this.place] ?? "")) this.place += 1;
    } while (letters[this.place] === "_");
    if (base !== "hexadecimal" && /[0-9]/.test(letters[this.place] ?? "")) this.digitOf(digit, base);
    this.endOfNumber(base);
    const token = this.token("number", start);
    return { ...token, value: Number(token.text.replaceAll("_", "").toLowerCase()) };
  }

  digitOf(digit, base) {
    const letter = this.letters[this.place] ?? "";
    if (digit.test(letter)) return;
    if (base === "hexadecimal" || !/[0-9]/.test(letter)) this.fail(`invalid ${base} literal`);
    this.place += 1;
    this.fail(`invalid digit '${letter}' in ${base} literal`);
  }

  endOfNumber(kind) {
    const rest = this.letters.slice(this.place, this.place + 4).join("");
    if (AFTER_NUMBER.test(rest[0] ?? "") && !MAY_FOLLOW.test(rest)) this.fail(`invalid ${kind} literal`);
  }
}
