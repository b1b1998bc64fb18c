// The chart of values on the page: drawn at every change, and a place to scrub by hand.

import { chartPicture } from "./chart.js";
import { fitted } from "./dom.js";
import { pause } from "./player.js";
import { sceneOf, stepOf } from "./scene.js";
import { pixelOf } from "./stage.js";

export function startChart(part) {
  part.chart = { picture: null, key: [], size: [0, 0] };
  const figure = part.byId("chart"), canvas = figure.querySelector("canvas");
  part.watchSize(figure, (size) => { part.chart.size = size; });
  part.follow(drawChart);
  const scrubTo = (event) => { pause(part); part.change({ step: part.chart.picture.toStep(pixelOf(event)[0]) }); };
  part.busyWhileHeld(canvas);
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    scrubTo(event);
  });
  canvas.addEventListener("pointermove", (event) => { if (event.buttons) scrubTo(event); });
}

function drawChart(part, state) {
  const { chart, theme } = part, [width, height] = chart.size, scene = sceneOf(part, state), figure = part.byId("chart");
  const key = [scene, width, height, theme.rem, part.lang()];
  if (key.some((value, i) => value !== chart.key[i])) {
    Object.assign(chart, { key, picture: chartPicture(part, scene, width, height) });
    figure.parentElement.querySelector("h2").textContent = part.say(chart.picture.data.above ? "lossAbove" : "lossTitle");
  }
  const pen = fitted(figure.querySelector("canvas"), width, height);
  pen.clearRect(0, 0, width, height);
  if (scene.tracks.length) chart.picture.draw(pen, stepOf(state));
}
