// The chart of values on the page: drawn at every change, and a place to scrub by hand.

import { chartPicture } from "./chart.js";
import { byId, fitted, sizeOf } from "./dom.js";
import { pause } from "./player.js";
import { sceneOf, stepOf } from "./scene.js";
import { pixelOf } from "./stage.js";
import { change, follow, request, setBusy } from "./store.js";
import { theme } from "./theme.js";
import { say } from "./words.js";

const chart = { picture: null, key: null, size: [0, 0] };

export function startChart() {
  const figure = byId("chart"), canvas = figure.querySelector("canvas");
  new ResizeObserver(() => { chart.size = sizeOf(figure); request(); }).observe(figure);
  chart.size = sizeOf(figure);
  follow(drawChart);
  const scrubTo = (event) => { pause(); change({ step: chart.picture.toStep(pixelOf(event)[0]) }); };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    setBusy(true);
    scrubTo(event);
  });
  canvas.addEventListener("pointermove", (event) => { if (event.buttons) scrubTo(event); });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => setBusy(false));
}

function drawChart(state) {
  const [width, height] = chart.size, scene = sceneOf(state), pen = fitted(byId("chart").querySelector("canvas"), width, height);
  if (chart.key !== scene || chart.sizeKey !== `${width} ${height} ${theme.rem}`) {
    Object.assign(chart, { key: scene, sizeKey: `${width} ${height} ${theme.rem}`, picture: chartPicture(scene, width, height) });
    byId("chart").parentElement.querySelector("h2").textContent = say(chart.picture.data.above ? "lossAbove" : "lossTitle");
  }
  pen.clearRect(0, 0, width, height);
  if (scene.tracks.length) chart.picture.draw(pen, stepOf(state));
}
