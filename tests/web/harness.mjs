// Loads the core's modules with the facts of a page, and answers tests, a line of JSON for each: in come the name of a
// script beside this file and what its function takes, out goes what that returns, or the error that it raises.
// Numbers that JSON does not have come back as texts: "NaN", "Infinity", "-Infinity".

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { runInThisContext } from "node:vm";

const [, , api, facts] = process.argv;
export const Steepest = await import(pathToFileURL(api));
Steepest.useFacts(runInThisContext(`(${readFileSync(facts, "utf8")})`));

function plain(value) {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}

createInterface({ input: process.stdin }).on("line", async (line) => {
  let answer;
  try {
    const [script, asked] = JSON.parse(line);
    answer = { result: await (await import(`./${script}.mjs`)).default(asked) };
  } catch (error) {
    answer = { error: error.stack };
  }
  const text = JSON.stringify(answer, (key, value) => (ArrayBuffer.isView(value) ? Array.from(value, plain) : plain(value)));
  process.stdout.write(`${text}\n`);
});
