// The bundle's entry. The text of the whole script, bundle and facts, is what a page runs and what its workers run.

import * as core from "./core/api.js";
import { answerMaps } from "./core/maps.js";
import { mountAll } from "./parts/page.js";
import { useScript } from "./parts/worker.js";

export { mountDiagnosis } from "./parts/diagnosis.js";
export { mountLecture } from "./parts/lecture.js";
export { mountPaths } from "./parts/paths.js";
export { mountPlayground } from "./parts/playground.js";
export { core };

/** Starts a page, or what a worker of the page does; `facts` as in core/facts.js, `states` as in parts/page.js. */
export function start(facts, states) {
  core.useFacts(facts);
  if (typeof document === "undefined") answerMaps();
  else {
    useScript(document.currentScript?.text ?? ""); // none of a module, or of a file
    mountAll(states);
  }
}
