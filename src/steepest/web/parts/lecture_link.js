// The lecture's state as the part of a link behind "#": at=saddle&phase=1&done=minima:1.09*,saddle:2&on=...; what is not the
// lecture's own belongs to the figure of the station.

import { didYouMean, quoted } from "../core/names.js";

const OWN = ["at", "phase", "done", "big", "lang"];

/** The text for a state; what is at its default is left out. */
export function encodeLecture({ at, phase, done, big, lang, figure }) {
  const parts = [`at=${at}`], records = Object.entries(done).map(([id, record]) => `${id}:${encodeRecord(record)}`);
  if (phase) parts.push(`phase=${phase}`);
  if (records.length) parts.push(`done=${records.join(",")}`);
  if (big) parts.push("big=1");
  if (lang) parts.push(`lang=${lang}`);
  return [...parts, figure].filter(Boolean).join("&");
}

/** {state} or {state: null, reason: {en, zh}}. */
export function decodeLecture(text, stations) {
  const ids = stations.map(({ id }) => id), own = {}, rest = [];
  for (const part of text.replace(/^#/, "").split("&").filter(Boolean)) {
    const [name, ...value] = part.split("=");
    if (OWN.includes(name)) own[name] = decoded(value.join("="));
    else rest.push(part);
  }
  if (own.at === undefined && rest.length) return { state: null, reason: { en: `it names no station, as in at=${ids[0]}`, zh: `其中没有站名，例如 at=${ids[0]}` } };
  const at = own.at ?? ids[0];
  if (!ids.includes(at)) {
    const hint = didYouMean(at, ids);
    return { state: null, reason: { en: `the lecture has no station ${quoted(at)}; ${hint.en}`, zh: `讲座中没有 ${quoted(at)} 这一站；${hint.zh}` } };
  }
  const phase = ["1", "2"].includes(own.phase) ? Number(own.phase) : 0, lang = ["en", "zh"].includes(own.lang) ? own.lang : null;
  return { state: { at, phase, done: decodeDone(own.done ?? "", stations), big: own.big === "1", lang, figure: rest.join("&") } };
}

/** Mail and messengers write marks such as : and * as percent signs with digits. */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch { // cut off
    return text;
  }
}

/** What was guessed, "-" for nothing, with a star if the exercise is solved. */
function encodeRecord({ guess, solved }) { return `${guess === undefined ? "-" : [guess].flat().join(";")}${solved ? "*" : ""}`; }

function decodeDone(text, stations) {
  const facts = new Map(stations.map((station) => [station.id, station]));
  const records = text.split(",").map((part) => part.split(":")).filter(([id, value]) => facts.has(id) && value);
  return Object.fromEntries(records.map(([id, value]) => {
    const numbers = value.replace("*", "").split(";").map(Number), guess = numbers.length > 1 ? numbers : numbers[0];
    return [id, { ...(canBeGuessed(facts.get(id).guess, numbers) ? { guess } : {}), ...(value.endsWith("*") ? { solved: true } : {}) }];
  }));
}

/** Whether numbers are what a station asks for: the place of an option, a number, or a point of as many coordinates. */
function canBeGuessed(guess, numbers) {
  if (!guess || !numbers.every(Number.isFinite)) return false;
  if (guess.kind === "choose") return numbers.length === 1 && guess.options[numbers[0]] !== undefined;
  return numbers.length === (guess.kind === "drag" ? guess.start.length : 1);
}
