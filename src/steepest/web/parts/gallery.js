// All landscapes to choose from, each with a small picture; grouped, and found by a word.

import * as Steepest from "../core/api.js";
import { contoursOf, drawIsolines, drawRelief } from "./contours.js";
import { drawCurve } from "./curve.js";
import { button, fitted, make, openDialog } from "./dom.js";
import { makeFrame } from "./frame.js";
import { titleOf } from "./scene.js";

export function drawThumbnail(part, canvas, landscape, width, height) {
  const pen = fitted(canvas, width, height);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  pen.clearRect(0, 0, width, height);
  if (landscape.dims === 1) return thumbnailCurve(part, pen, landscape, width, height);
  const frame = makeFrame(landscape.window, [0, 0, width, height], false), contours = contoursOf(landscape, frame, 2.2);
  drawRelief(part, pen, contours, frame);
  return drawIsolines(part, pen, contours, frame);
}

function thumbnailCurve(part, pen, { f, window: [[low, high]] }, width, height) {
  const xs = Array.from({ length: 60 }, (_, i) => low + i * (high - low) / 59), fs = xs.map((x) => f(x));
  const seen = fs.filter(Number.isFinite), least = Math.min(...seen), most = Math.max(...seen);
  pen.fillStyle = part.theme.relief[3];
  pen.fillRect(0, 0, width, height);
  const frame = makeFrame([[low, high], [least, most + (most === least)]], [3, 4, width - 6, height - 8], false);
  drawCurve(part, pen, xs, fs, frame);
}

/** The groups: from the lecture, then by how many coordinates and what they are like. */
function groupsOf(part) {
  const groups = new Map();
  for (const landscape of Object.values(Steepest.landscapes)) {
    const group = landscape.group?.[part.lang()] ?? part.say(landscape.dims === 1 ? "curves" : "planes");
    groups.set(group, [...(groups.get(group) ?? []), landscape]);
  }
  return groups;
}

/** Opens the gallery; `choose` is called with the landscape that the reader picks. */
export function openGallery(part, choose) {
  const found = make("div", { class: "groups" }), none = make("p", { class: "hint", hidden: true }, part.say("noneFound"));
  const named = { placeholder: part.say("search"), "aria-label": part.say("search") };
  const search = make("input", { type: "search", ...named, input: () => filter(search.value) });
  for (const [group, landscapes] of groupsOf(part)) {
    const tiles = landscapes.map((landscape) => tile(part, landscape, choose));
    found.append(make("section", {}, make("h3", {}, group), make("div", { class: "tiles" }, ...tiles)));
  }
  const filter = (text) => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    for (const shown of found.querySelectorAll(".tile")) shown.hidden = !words.every((word) => shown.dataset.words.includes(word));
    for (const section of found.querySelectorAll("section")) section.hidden = !section.querySelector(".tile:not([hidden])");
    none.hidden = Boolean(found.querySelector(".tile:not([hidden])"));
  };
  openDialog(part, part.byId("gallery"), part.say("chooseLandscape"), search, found, none);
}

function tile(part, landscape, choose) {
  const { id, about, formula } = landscape, canvas = make("canvas", { "aria-hidden": "true" });
  const words = [id, titleOf(part, landscape), about.en, about.zh, formula].join(" ").toLowerCase();
  const close = () => {
    part.byId("gallery").close();
    choose(landscape);
  };
  drawThumbnail(part, canvas, landscape, 132, 84);
  const facts = { "data-words": words, title: about[part.lang()], "aria-pressed": String(part.state.landscape === id) };
  return button({ class: "tile", ...facts, click: close }, canvas, make("span", {}, titleOf(part, landscape)));
}
