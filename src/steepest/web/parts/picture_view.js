// A picture that Python made as data, on the page: its canvas, what its colours mean, and the numbers under the pointer.

import { fitted, make } from "./dom.js";
import { linesPicture } from "./lines.js";
import { mapPicture } from "./layer_map.js";

const KINDS = { lines: linesPicture, map: mapPicture };

/**
 * The figure of a picture (`report/diagnosis/pictures.py` says what it is made of).
 *
 * wanted: {mark: [first step, last step] to mark, or null; row: the name of the row to mark}.
 */
export function figureOf(part, picture, { mark = null, row = null }) {
  const canvas = make("canvas", { role: "img" }), tip = make("output", { class: "tip", hidden: true });
  const title = make("h3"), keys = make("p", { class: "colours" });
  const place = make("div", { class: `drawing ${picture.kind}` }, canvas, tip);
  part.texts.push([title, picture.title]);
  if (picture.kind === "map") place.style.setProperty("--rows", Math.min(picture.rows.length, 30));
  let size = [0, 0], key = [], drawn = null;
  part.watchSize(place, (now) => { size = now; });
  part.drawings.push(() => {
    const now = [...size, part.theme.rem, part.theme.paper, part.lang(), window.devicePixelRatio];
    if (now.every((value, i) => value === key[i])) return;
    key = now;
    drawn = KINDS[picture.kind](part, picture, { mark, row }, ...size);
    canvas.setAttribute("aria-label", picture.alt[part.lang() === "zh" ? 1 : 0]);
    keys.replaceChildren(...drawn.keys);
    const pen = fitted(canvas, ...size);
    pen.clearRect(0, 0, ...size);
    drawn.draw(pen);
  });
  const showTip = (event) => {
    const box = canvas.getBoundingClientRect(), [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const told = drawn?.tell(x, y) ?? null;
    tip.hidden = told === null;
    if (told === null) return;
    tip.textContent = told;
    tip.style.left = `${Math.max(0, Math.min(x + 12, size[0] - tip.offsetWidth))}px`;
    tip.style.top = `${Math.max(0, y - tip.offsetHeight - 8)}px`;
  };
  canvas.addEventListener("pointermove", showTip);
  canvas.addEventListener("pointerdown", showTip);
  canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
  const note = make("p", { class: "hint" });
  if (picture.note) part.texts.push([note, picture.note]);
  return make("figure", {}, title, place, keys, picture.note ? note : null);
}
