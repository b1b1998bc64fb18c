// What leaves a playground: pictures, tables, Python code, and its link where whoever mounted it has one.

import * as Steepest from "../core/api.js";
import { basinFor } from "./basin_view.js";
import { chartPicture } from "./chart.js";
import { make } from "./dom.js";
import { drawMark } from "./marks.js";
import { setLetters } from "./pen.js";
import { landscapeOf, modeOf, sceneOf, stepOf, titleOf } from "./scene.js";
import { settingName, valueIn } from "./slider.js";
import { FINE, pictureOf } from "./stage.js";
import { SvgPen } from "./svg_pen.js";
import { drawSweepPicture } from "./sweep_view.js";
import { colourOf } from "./theme.js";
import { strokeWay } from "./ways.js";

export function startShare(part) {
  const copy = part.byId("copy"), save = part.byId("save");
  copy.hidden = !part.options.copyLink;
  copy.onclick = part.options.copyLink;
  save.addEventListener("beforetoggle", () => { // below its button, wherever on the page that is
    const { bottom, right } = part.byId("save-open").getBoundingClientRect();
    const room = Math.max(4, document.documentElement.clientWidth - right);
    Object.assign(save.style, { top: `${bottom + 4}px`, right: `${room}px` });
  });
  for (const choice of save.querySelectorAll("[data-save]")) {
    choice.onclick = () => {
      save.hidePopover();
      SAVERS[choice.dataset.save](part);
    };
  }
}

// --- files ------------------------------------------------------------------------------------------------------------

function savePng(part) {
  const [width, height] = exportSize(part), canvas = document.createElement("canvas");
  Object.assign(canvas, { width: 2 * width, height: 2 * height });
  const pen = canvas.getContext("2d");
  pen.scale(2, 2);
  drawExport(part, pen, width, height);
  canvas.toBlob((blob) => download(part, "png", blob));
}

function saveSvg(part) {
  const [width, height] = exportSize(part), pen = new SvgPen(width, height);
  drawExport(part, pen, width, height);
  download(part, "svg", new Blob([pen.text(titleOf(part, landscapeOf(part, part.state)))], { type: "image/svg+xml" }));
}

function saveCsv(part) {
  const runs = sceneOf(part, part.state).tracks.map(({ run }) => run);
  download(part, "csv", new Blob([Steepest.exports.csv(runs)], { type: "text/csv" }));
}

function savePython(part) {
  download(part, "py", new Blob([Steepest.exports.python(part.state)], { type: "text/x-python" }));
}

const SAVERS = { png: savePng, svg: saveSvg, csv: saveCsv, py: savePython };

function download(part, kind, blob) {
  const url = URL.createObjectURL(blob), { id } = landscapeOf(part, part.state);
  const name = (id ?? "formula").replace(/\W+/g, "-").replace(/-$/, "");
  make("a", { href: url, download: `steepest-${name}.${kind}` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

function exportSize(part) { return [1000, 560 + 1.6 * part.theme.rem * (part.state.rules.length + 1)]; }

/** The picture in view beside its values, with a title above and what happened to each rule below. */
function drawExport(part, pen, width, height) {
  const { theme } = part;
  const { state } = part, scene = { ...sceneOf(part, state), touched: true }, rem = theme.rem, top = 2.4 * rem;
  const below = 1.6 * rem * (scene.tracks.length + 0.7), tall = height - top - below, split = Math.round(0.6 * width);
  pen.fillStyle = theme.paper;
  pen.fillRect(0, 0, width, height);
  setLetters(part, pen, 1.1, theme.ink, "left", "middle", 600);
  pen.fillText(titleOf(part, scene.landscape), 1.2 * rem, 1.4 * rem);
  const sweeps = modeOf(part, state) === "sweep" && scene.tracks.length > 0, cells = pen instanceof SvgPen ? 64 : FINE;
  const picture = pictureOf(part, state, split, tall, cells);
  placed(pen, sweeps ? width - split : 0, top, () => {
    picture.drawBase(pen, basinFor(part, state));
    picture.drawTop(pen, scene, stepOf(state));
  });
  if (sweeps) placed(pen, 0, top, () => drawSweepPicture(part, pen, state, width - split, tall));
  else if (scene.tracks.length) {
    const chart = chartPicture(part, scene, width - split, tall);
    placed(pen, split, top, () => drawChartPart(part, pen, chart, state));
  }
  scene.tracks.forEach((track, i) => drawLegendLine(part, pen, track, 1.2 * rem, height - below + 1.6 * rem * (i + 0.6)));
}

function drawChartPart(part, pen, chart, state) {
  const { theme } = part;
  setLetters(part, pen, 0.8, theme.soft, "left");
  pen.fillText(part.say(chart.data.above ? "lossAbove" : "lossTitle"), 2 * theme.rem, -0.6 * theme.rem);
  chart.draw(pen, stepOf(state));
}

function placed(pen, x, y, draw) {
  pen.save();
  pen.translate(x, y);
  draw();
  pen.restore();
}

function drawLegendLine(part, pen, { look, run, rule }, x, y) {
  const { theme } = part;
  const settings = rule.settings.filter((setting) => setting.name === "lr" || valueIn(run.settings, setting) !== setting.value);
  const text = settings.map((setting) => `${settingName(setting)} ${valueIn(run.settings, setting)}`).join(", ");
  pen.strokeStyle = colourOf(part, look);
  pen.lineCap = "butt";
  strokeWay(part, pen, [x, y, x + 34, y], 0, 1, 2, look.dash, 1);
  drawMark(part, pen, look.marker, x + 17, y, 4.5, colourOf(part, look), theme.paper, 0);
  setLetters(part, pen, 0.85, theme.ink, "left", "middle", 600);
  pen.fillText(rule.title, x + 46, y);
  const used = pen.measureText(rule.title).width;
  setLetters(part, pen, 0.85, theme.soft, "left");
  pen.fillText(`${text}: ${run.finding.text(part.lang())}`, x + 56 + used, y);
}
