// What takes long is computed in a worker made of the page's own script, so that the page never waits. Where a page mounted
// its parts by itself there is no such script, and some front ends of notebooks allow no workers: then it is computed in the
// page, between its pictures.

import { computeMap } from "../core/maps.js";

let script = "", address = null, refused = false;

/** What workers run: the text of the script that this is a piece of; empty where there are to be none. */
export function useScript(text) { script = text; }

/** Starts what core/maps.js computes, {kind, spec}; `tell(map)` follows it. Returns {terminate()}. */
export function startJob(wanted, tell) { return (script && !refused ? startWorker : startHere)(wanted, tell); }

function startWorker(wanted, tell) {
  address ??= URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const worker = new Worker(address);
  let here = null;
  worker.onmessage = ({ data }) => tell(data);
  worker.onerror = (event) => { // without a message where the page around this one, such as a notebook's, allows no workers
    if (event.message !== undefined) return;
    refused = true;
    here = startHere(wanted, tell);
  };
  worker.postMessage(wanted);
  return {
    terminate() {
      worker.onerror = null;
      worker.terminate();
      here?.terminate();
    },
  };
}

/** The same without a worker. */
function startHere(wanted, tell) {
  let job = null;
  const timer = setTimeout(() => { job = computeMap(wanted, tell); });
  return {
    terminate() {
      clearTimeout(timer);
      job?.cancel();
    },
  };
}
