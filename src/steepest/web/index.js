// The bundle's entry. The text of the whole script, bundle and facts, is what a page runs and what its workers run.

import * as core from "./core/api.js";
import { answerMaps } from "./core/worker.js";
import { startPage } from "./parts/main.js";

export { core };

/** Starts the page, or what a worker of the page does; `facts` as in core/facts.js. */
export function start(facts) {
  core.useFacts(facts);
  if (typeof document === "undefined") answerMaps();
  else startPage(document.currentScript.text);
}
