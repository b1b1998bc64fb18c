// In a worker: computes the map of each message, and posts its progress at most every 60 milliseconds.

import { basin, sweep } from "./maps.js";

const MAPS = { basin, sweep };

export function answerMaps() {
  let told = 0;
  self.onmessage = ({ data: { kind, spec } }) => MAPS[kind](spec, (map) => {
    if (!map.done && performance.now() - told < 60) return;
    told = performance.now();
    self.postMessage(map);
  });
}
