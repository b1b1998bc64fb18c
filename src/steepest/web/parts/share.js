// What leaves a playground: pictures, tables, Python code, and its link where whoever mounted it has one.

import * as Steepest from "../core/api.js";
import { basinFor } from "./basin_view.js";
import { chartPicture } from "./chart.js";
import { make } from "./dom.js";
import { drawMark } from "./marks.js";
import { setLetters } from "./pen.js";
import { mapOf, mapWanted } from "./map_job.js";
import { keysOf } from "./maps_view.js";
import { landscapeOf, modeOf, pointText, sceneOf, selectedRule, stepOf, titleOf } from "./scene.js";
import { settingName, valueIn } from "./slider.js";
import { FINE, pictureOf } from "./stage.js";
import { SvgPen } from "./svg_pen.js";
import { drawSweepPicture, shownOf } from "./sweep_view.js";
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
  const mode = modeOf(part, part.state), view = mode === "contours" || kind === "csv" || kind === "py" ? "" : `-${mode}`;
  const name = (id ?? "formula").replace(/\W+/g, "-").replace(/-$/, "") + view;
  make("a", { href: url, download: `steepest-${name}.${kind}` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

const WIDTH = 1000, PICTURE = 540, EDGE = 1.2; // pixels, and rems at the sides

/** What a picture says in words, in lines that fit: what it shows, the keys of a map, and what happened to each rule. */
function wordsOf(part) {
  const { state, theme } = part, scene = sceneOf(part, state), pen = document.createElement("canvas").getContext("2d");
  const room = WIDTH - 2 * EDGE * theme.rem;
  setLetters(part, pen, 0.85, theme.soft, "left");
  const shown = folded(pen, contentsOf(part, state), room), keys = mapKeys(part, state);
  const rules = scene.tracks.map((track) => {
    setLetters(part, pen, 0.85, theme.ink, "left", "middle", 600);
    const name = track.rule.title, used = 56 + pen.measureText(name).width;
    setLetters(part, pen, 0.85, theme.soft, "left");
    return { track, name, used, lines: folded(pen, `${settingsText(track)}: ${track.run.finding.text(part.lang())}`, room - used) };
  });
  return { shown, keys, rules, count: rules.reduce((sum, { lines }) => sum + lines.length, 0) };
}

/** The view, and what it was computed with. */
function contentsOf(part, state) {
  const { steps, noise, seed, schedule, start } = state, mode = modeOf(part, state), now = stepOf(state), rule = selectedRule(state);
  const view = mode === "contours" && landscapeOf(part, state).dims === 1 ? "curve" : mode;
  const names = [part.say(view) + (rule && (mode === "basin" || mode === "sweep") ? ` (${Steepest.rules[rule.id].title})` : "")];
  if (mode === "sweep" && rule) names.push(`${part.say("mapShow")}: ${part.say(shownOf(state))}`);
  if (mode === "basin" && rule) names.push(part.say("basinShade"));
  names.push(part.say("startAt", pointText(start)), part.say("stepOf", now, steps));
  if (noise) names.push(`${part.say("noise")} ${noise} (${part.say("seed")} ${seed})`);
  if (schedule) names.push(`${part.say("schedule")} ${Steepest.schedules[schedule.id].title[part.lang()]}`);
  return names.join(" · ");
}

/** The keys of the map in view: {colour, text} each. */
function mapKeys(part, state) {
  const mode = modeOf(part, state), wanted = mapWanted(part, state), map = wanted && mapOf(part, mode, wanted.spec);
  const made = map ? keysOf(part, map, mode, state) : [];
  return made.map((key) => ({ colour: key.querySelector("i")?.style.background, text: key.title || key.textContent }));
}

/** A text in lines of at most so many pixels; Chinese is broken between any two characters, but not before a mark. */
function folded(pen, text, room) {
  const pieces = text.match(/[\u3400-\u9fff][，。；：、）]*|[^\s\u3400-\u9fff]+\s*|\s+/g) ?? [], lines = [""];
  for (const piece of pieces) {
    const grown = lines.at(-1) + piece;
    if (pen.measureText(grown.trimEnd()).width <= room || !lines.at(-1)) lines[lines.length - 1] = grown;
    else lines.push(piece);
  }
  return lines.map((line) => line.trimEnd());
}

function exportSize(part) {
  const { shown, keys, count } = wordsOf(part), rem = part.theme.rem;
  return [WIDTH, Math.ceil(PICTURE + rem * (2.6 + 1.4 * shown.length + (keys.length ? 1.6 : 0) + 1.5 * count + 0.8))];
}

/** The picture in view beside its values; above it a title and what it shows, below it what happened to each rule. */
function drawExport(part, pen, width, height) {
  const { state, theme } = part, { rem } = theme, scene = { ...sceneOf(part, state), touched: true };
  const { shown, keys, rules } = wordsOf(part), split = Math.round(0.6 * width), edge = EDGE * rem;
  pen.fillStyle = theme.paper;
  pen.fillRect(0, 0, width, height);
  setLetters(part, pen, 1.1, theme.ink, "left", "middle", 600);
  pen.fillText(titleOf(part, scene.landscape), edge, 1.4 * rem);
  setLetters(part, pen, 0.85, theme.soft, "left");
  shown.forEach((line, i) => pen.fillText(line, edge, (2.9 + 1.4 * i) * rem));
  const top = (2.6 + 1.4 * shown.length) * rem + (keys.length ? 1.6 * rem : 0);
  drawKeys(part, pen, keys, edge, top - 1.5 * rem);
  const sweeps = modeOf(part, state) === "sweep" && scene.tracks.length > 0, cells = pen instanceof SvgPen ? 64 : FINE;
  const picture = pictureOf(part, state, split, PICTURE, cells);
  placed(pen, sweeps ? width - split : 0, top, () => {
    picture.drawBase(pen, basinFor(part, state));
    picture.drawTop(pen, scene, stepOf(state));
  });
  if (sweeps) placed(pen, 0, top, () => drawSweepPicture(part, pen, state, width - split, PICTURE));
  else if (scene.tracks.length) {
    const chart = chartPicture(part, scene, width - split, PICTURE - 1.4 * rem);
    placed(pen, split, top + 1.4 * rem, () => drawChartPart(part, pen, chart, state));
  }
  let y = top + PICTURE + 0.9 * rem;
  for (const { track, name, used, lines } of rules) {
    drawLegendName(part, pen, track, name, edge, y);
    setLetters(part, pen, 0.85, theme.soft, "left");
    for (const line of lines) {
      pen.fillText(line, edge + used, y);
      y += 1.5 * rem;
    }
  }
}

function drawKeys(part, pen, keys, left, y) {
  const { rem, soft } = part.theme;
  setLetters(part, pen, 0.8, soft, "left");
  let x = left;
  for (const { colour, text } of keys) {
    if (colour) {
      pen.fillStyle = colour;
      pen.fillRect(x, y - 0.4 * rem, 0.8 * rem, 0.8 * rem);
      x += 1.1 * rem;
    }
    pen.fillStyle = soft;
    pen.fillText(text, x, y);
    x += pen.measureText(text).width + 1.2 * rem;
  }
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

function settingsText({ run, rule }) {
  const settings = rule.settings.filter((setting) => setting.name === "lr" || valueIn(run.settings, setting) !== setting.value);
  return settings.map((setting) => `${settingName(setting)} ${valueIn(run.settings, setting)}`).join(", ");
}

function drawLegendName(part, pen, { look }, name, x, y) {
  const { theme } = part;
  pen.strokeStyle = colourOf(part, look);
  pen.lineCap = "butt";
  strokeWay(part, pen, [x, y, x + 34, y], 0, 1, 2, look.dash, 1);
  drawMark(part, pen, look.marker, x + 17, y, 4.5, colourOf(part, look), theme.paper, 0);
  setLetters(part, pen, 0.85, theme.ink, "left", "middle", 600);
  pen.fillText(name, x + 46, y);
}
