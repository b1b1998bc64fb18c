// Loads the core's modules with the facts of a page, and answers what a test asks: JSON in, JSON out.
// Numbers that JSON does not have come back as texts: "NaN", "Infinity", "-Infinity".

import { readFileSync, writeSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { runInThisContext } from "node:vm";

const [, , api, facts] = process.argv;
export const Steepest = await import(pathToFileURL(api));
Steepest.useFacts(runInThisContext(`(${readFileSync(facts, "utf8")})`));

export async function answer(handle) {
  const asked = JSON.parse(readFileSync(0, "utf8"));
  const text = JSON.stringify(await handle(asked), (key, value) => {
    if (ArrayBuffer.isView(value)) return Array.from(value, plain);
    return plain(value);
  });
  for (let bytes = Buffer.from(text); bytes.length; ) bytes = bytes.subarray(writeSync(1, bytes));
}

function plain(value) {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}
