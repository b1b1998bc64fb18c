// What leaves the page: its link, pictures, tables and Python code.

import * as Steepest from "../core/api.js";
import { basinFor } from "./basin_view.js";
import { chartPicture } from "./chart.js";
import { byId, make, toast } from "./dom.js";
import { drawMark } from "./marks.js";
import { player } from "./player.js";
import { home, landscapeOf, sceneOf, stepOf } from "./scene.js";
import { titleOf } from "./setup.js";
import { settingName, valueIn } from "./slider.js";
import { FINE, modeOf, pictureOf, stage } from "./stage.js";
import { change, follow, store } from "./store.js";
import { SvgPen } from "./svg_pen.js";
import { drawSweepPicture } from "./sweep_view.js";
import { colourOf, fontOf, theme } from "./theme.js";
import { endTour } from "./tour.js";
import { strokeWay } from "./ways.js";
import { lang, say } from "./words.js";

const LINK_PAUSE = 300; // milliseconds: browsers allow about a hundred changes of a link in half a minute
let linkTimer = 0;

export function startShare() {
  follow(() => { clearTimeout(linkTimer); linkTimer = setTimeout(writeLink, LINK_PAUSE); }, true);
  addEventListener("hashchange", () => readLink(location.hash));
  byId("copy").onclick = copyLink;
  for (const choice of byId("save").querySelectorAll("[data-save]")) {
    choice.onclick = () => {
      byId("save").hidePopover();
      SAVERS[choice.dataset.save]();
    };
  }
}

function linkNow() { return `#${Steepest.link.encode({ ...store.state, step: player.playing ? null : store.state.step })}`; }

function writeLink() {
  if (location.hash !== linkNow()) history.replaceState(null, "", linkNow());
}

/** Follows a link; of a bad one says what is wrong and keeps the page as it is. */
export function readLink(hash) {
  const text = hash.replace(/^#/, "");
  if (!text || hash === linkNow() || text === "stage") return;
  const found = Steepest.link.decode(text);
  if (found.state) {
    endTour();
    adopt(found.state);
  } else toast(say("badLink", found.reason[lang()]));
}

/** Shows a state that comes from elsewhere: a link, a stop of the tour. */
export function adopt(state) {
  stage.touched = true;
  home.landscape = null;
  change({ ...state, selected: state.map?.rule ?? state.selected });
}

async function copyLink() {
  writeLink();
  try {
    await navigator.clipboard.writeText(location.href);
  } catch { // not allowed here: the old way
    const field = make("textarea", {}, location.href);
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  toast(say("copied"));
}

// --- files ------------------------------------------------------------------------------------------------------------

const SAVERS = {
  png: () => {
    const [width, height] = exportSize(), canvas = document.createElement("canvas");
    Object.assign(canvas, { width: 2 * width, height: 2 * height });
    const pen = canvas.getContext("2d");
    pen.scale(2, 2);
    drawExport(pen, width, height);
    canvas.toBlob((blob) => download("png", blob));
  },
  svg: () => {
    const [width, height] = exportSize(), pen = new SvgPen(width, height);
    drawExport(pen, width, height);
    download("svg", new Blob([pen.text(titleOf(landscapeOf(store.state)))], { type: "image/svg+xml" }));
  },
  csv: () => {
    const runs = sceneOf(store.state).tracks.map(({ run }) => run);
    download("csv", new Blob([Steepest.exports.csv(runs)], { type: "text/csv" }));
  },
  py: () => download("py", new Blob([Steepest.exports.python(store.state)], { type: "text/x-python" })),
};

function download(kind, blob) {
  const name = (landscapeOf(store.state).id ?? "formula").replace(/\W+/g, "-").replace(/-$/, ""), url = URL.createObjectURL(blob);
  make("a", { href: url, download: `steepest-${name}.${kind}` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

function exportSize() { return [1000, 560 + 1.6 * theme.rem * (store.state.rules.length + 1)]; }

/** The picture in view beside its values, with a title above and what happened to each rule below. */
function drawExport(pen, width, height) {
  const { state } = store, scene = { ...sceneOf(state), touched: true }, rem = theme.rem, top = 2.4 * rem;
  const below = 1.6 * rem * (scene.tracks.length + 0.7), tall = height - top - below, split = Math.round(0.6 * width);
  pen.fillStyle = theme.paper;
  pen.fillRect(0, 0, width, height);
  pen.font = fontOf(1.1, 600);
  pen.fillStyle = theme.ink;
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  pen.fillText(titleOf(scene.landscape), 1.2 * rem, 1.4 * rem);
  const sweeps = modeOf(state) === "sweep" && scene.tracks.length > 0, cells = pen instanceof SvgPen ? 64 : FINE;
  const picture = pictureOf(state, split, tall, cells);
  placed(pen, sweeps ? width - split : 0, top, () => {
    picture.drawBase(pen, basinFor(state));
    picture.drawTop(pen, scene, stepOf(state));
  });
  if (sweeps) placed(pen, 0, top, () => drawSweepPicture(pen, state, width - split, tall));
  else if (scene.tracks.length) placed(pen, split, top, () => drawChartPart(pen, chartPicture(scene, width - split, tall), state));
  scene.tracks.forEach((track, i) => drawLegendLine(pen, track, 1.2 * rem, height - below + 1.6 * rem * (i + 0.6)));
}

function drawChartPart(pen, chart, state) {
  pen.font = fontOf(0.8);
  pen.fillStyle = theme.soft;
  pen.textAlign = "left";
  pen.fillText(say(chart.data.above ? "lossAbove" : "lossTitle"), 2 * theme.rem, -0.6 * theme.rem);
  chart.draw(pen, stepOf(state));
}

function placed(pen, x, y, draw) {
  pen.save();
  pen.translate(x, y);
  draw();
  pen.restore();
}

function drawLegendLine(pen, { look, run, rule }, x, y) {
  const settings = rule.settings.filter((setting) => setting.name === "lr" || valueIn(run.settings, setting) !== setting.value);
  const text = settings.map((setting) => `${settingName(setting)} ${valueIn(run.settings, setting)}`).join(", ");
  pen.strokeStyle = colourOf(look);
  pen.lineCap = "butt";
  strokeWay(pen, [x, y, x + 34, y], 0, 1, 2, look.dash, 1);
  drawMark(pen, look.marker, x + 17, y, 4.5, colourOf(look), theme.paper, 0);
  pen.font = fontOf(0.85, 600);
  pen.fillStyle = theme.ink;
  pen.textAlign = "left";
  pen.textBaseline = "middle";
  pen.fillText(rule.title, x + 46, y);
  const used = pen.measureText(rule.title).width;
  pen.font = fontOf(0.85);
  pen.fillStyle = theme.soft;
  pen.fillText(`${text}: ${run.message[lang()]}`, x + 56 + used, y);
}
