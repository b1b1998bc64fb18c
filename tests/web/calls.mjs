// Calls by name: [["link.encode", state], ["stability", "ravine", "sgd", {lr: 0.6}], ...]. An error is told as one.

import { Steepest } from "./harness.mjs";

export default (calls) => Promise.all(calls.map(async ([name, ...given]) => {
  const found = name.split(".").reduce((from, part) => from[part], Steepest);
  try {
    const result = typeof found === "function" ? found(...given) : found;
    return (result?.done instanceof Promise ? await result.done : result) ?? null;
  } catch (error) {
    return { error: error.message };
  }
}));
