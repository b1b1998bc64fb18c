// Findings: a code with numbers becomes a status and sentences, by the catalogue that steepest.findings.catalogue reads
// too (findings/catalogue.toml says how templates are written).

import { general, percent, generalPoint } from "./numbers.js";

let findings = {}, phrases = {};

/** Thresholds of the catalogue, by name. */
export const LIMITS = {};

/** The catalogue as `steepest.playground.facts` prints it: {thresholds, findings, phrases}. */
export function fillCatalogue(catalogue) {
  ({ findings, phrases } = catalogue);
  Object.assign(LIMITS, catalogue.thresholds);
}

/** What was found on a path: `code` of the catalogue, and `numbers` of its sentence by name. */
export class Finding {
  constructor(code, numbers = {}) {
    Object.assign(this, { code, numbers });
  }

  get status() {
    return findings[this.code].status ?? "finished";
  }

  /** The step at which it ended; null for the last one. */
  get step() {
    return this.numbers.step ?? null;
  }

  happened(lang) {
    return written(findings[this.code][lang], this.numbers, lang);
  }

  advice(lang) {
    return written(findings[this.code].advice?.[lang] ?? "", this.numbers, lang);
  }

  text(lang) {
    return [this.happened(lang), this.advice(lang)].filter(Boolean).join(lang === "zh" ? "；" : "; ");
  }
}

/** Several findings as one text. */
export function textOf(list, lang) {
  return list.map((finding) => finding.text(lang)).join(lang === "zh" ? "" : " ");
}

/** The text of a variant of a phrase. */
export function phrase(name, variant, lang) {
  return phrases[name][variant][lang];
}

function written(template, numbers, lang) {
  const text = filled(template, numbers, lang); // numbers stand apart from Chinese characters, not from punctuation
  return lang === "zh" ? text.replace(/ (?=[，；：。（）]|$)/g, "") : text;
}

const FIELD = /\{(\w+)(?:\[(\w+)\])?(?::(\w+|%))?\}/g;

function filled(template, numbers, lang) {
  const fill = (_, name, key, form) => {
    if (key) return filled(phrase(name, numbers[key], lang), numbers, lang);
    const value = numbers[name], { each, joined } = phrases[form] ?? {};
    return each ? value.map((entry) => filled(each[lang], entry, lang)).join(joined[lang]) : shown(value, form);
  };
  if (lang === "en") return template.replace(FIELD, fill);
  const parts = [];
  let end = 0;
  for (const match of template.matchAll(FIELD)) {
    parts.push(template.slice(end, match.index), fill(...match));
    end = match.index + match[0].length;
  }
  return joinedParts([...parts, template.slice(end)]);
}

const WIDE = "[\u2e80-\u9fff\uff00-\uffef]"; // Chinese characters and their punctuation
const SPACE_BEHIND = new RegExp(`${WIDE} $`), SPACE_BEFORE = new RegExp(`^ ${WIDE}`);
const BEGINS_WIDE = new RegExp(`^${WIDE}`), ENDS_WIDE = new RegExp(`${WIDE}$`);
const MEETING = /^(?:[\u3400-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u3400-\u9fff])$/;

/** Parts of a Chinese sentence put together, a space where a Latin word meets Chinese characters (base/translation.py). */
function joinedParts(parts) {
  return parts.reduce((text, part) => {
    if (SPACE_BEHIND.test(text) && BEGINS_WIDE.test(part)) return text.slice(0, -1) + part;
    if (SPACE_BEFORE.test(part) && ENDS_WIDE.test(text)) return text + part.slice(1);
    return text + (MEETING.test(text.slice(-1) + part.slice(0, 1)) ? " " : "") + part;
  }, "");
}

function shown(value, form = "4") {
  if (typeof value === "string") return value;
  if (form === "d") return String(value);
  if (form === "%") return percent(value);
  return Array.isArray(value) ? generalPoint(value, Number(form)) : general(value, Number(form));
}
