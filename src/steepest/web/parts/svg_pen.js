// A pen with the part of CanvasRenderingContext2D that the pictures use, which writes SVG: every picture is drawn by the
// same code on the screen and in a vector file.

/** What `save` keeps, as a new pen has it. */
const SETTINGS = {
  fillStyle: "#000", strokeStyle: "#000", lineWidth: 1, lineJoin: "miter", lineCap: "butt", globalAlpha: 1,
  font: "12px sans-serif", textAlign: "left", textBaseline: "alphabetic", dash: [], move: "", clipped: "",
};

export class SvgPen {
  constructor(width, height) {
    Object.assign(this, { width, height, parts: [], defs: [], path: "", stack: [] }, SETTINGS);
  }

  save() { this.stack.push(Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, this[name]]))); }
  restore() { Object.assign(this, this.stack.pop()); }
  translate(x, y) { this.move += `translate(${short(x)} ${short(y)})`; }
  rotate(angle) { this.move += `rotate(${short(angle * 180 / Math.PI)})`; }
  setLineDash(dash) { this.dash = dash; }
  measureText(text) {
    this.ruler ??= document.createElement("canvas").getContext("2d"); // icons need none
    this.ruler.font = this.font;
    return this.ruler.measureText(text);
  }

  beginPath() { this.path = ""; }
  moveTo(x, y) { this.go("M", x, y); }
  lineTo(x, y) { this.go("L", x, y); }
  go(how, x, y) { if (Number.isFinite(x) && Number.isFinite(y)) this.path += `${how}${short(x)} ${short(y)}`; } // as a canvas: behind NaN a browser draws nothing
  closePath() { this.path += "Z"; }
  rect(x, y, width, height) { this.path += `M${short(x)} ${short(y)}h${short(width)}v${short(height)}h${short(-width)}Z`; }
  arc(x, y, radius) {
    const across = short(2 * radius), round = short(radius);
    this.path += `M${short(x - radius)} ${short(y)}a${round} ${round} 0 1 0 ${across} 0a${round} ${round} 0 1 0 -${across} 0Z`;
  }

  fill(rule) { this.put("path", `d="${this.path}" fill="${this.fillStyle}"${rule === "evenodd" ? ' fill-rule="evenodd"' : ""}`); }
  stroke() {
    const last = this.parts.length - 1, filled = `<path d="${this.path}" fill="${this.fillStyle}"/>`; // one shape, not two
    if (this.parts[last] === filled) this.parts[last] = `${filled.slice(0, -2)} ${this.outline()}/>`;
    else this.put("path", `d="${this.path}" fill="none" ${this.outline()}`);
  }
  clip() {
    const name = `clip${this.defs.length}`;
    this.defs.push(`<clipPath id="${name}"><path d="${this.path}"${this.moved()}/></clipPath>`);
    this.clipped = ` clip-path="url(#${name})"`;
  }
  fillRect(x, y, width, height) {
    this.put("rect", `x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}" fill="${this.fillStyle}"`);
  }
  fillText(text, x, y) { this.letters(text, x, y, `fill="${this.fillStyle}"`); }
  strokeText(text, x, y) { this.letters(text, x, y, `fill="none" ${this.outline()}`); }

  drawImage(canvas, x, y, width, height) { // cells of a map: a picture by nature
    this.put("image", `x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${short(height)}" `
      + `preserveAspectRatio="none" image-rendering="pixelated" href="${canvas.toDataURL()}"`);
  }

  outline() {
    const dash = this.dash.length ? ` stroke-dasharray="${this.dash.map(short).join(" ")}"` : "";
    return `stroke="${this.strokeStyle}" stroke-width="${short(this.lineWidth)}" stroke-linejoin="${this.lineJoin}" `
      + `stroke-linecap="${this.lineCap}"${dash}`;
  }
  letters(text, x, y, paint) {
    const [, weight, size, family] = /^(?:(\d+) )?([\d.]+)px (.*)$/.exec(this.font) ?? [null, null, "12", "sans-serif"];
    const anchor = { left: "start", center: "middle", right: "end" }[this.textAlign];
    const lower = { middle: 0.35, top: 0.8 }[this.textBaseline] ?? 0; // editors disagree on dominant-baseline
    const face = `font-family="${escaped(family)}" font-size="${size}"${weight ? ` font-weight="${weight}"` : ""}`;
    this.put("text", `x="${short(x)}" y="${short(y + lower * size)}" text-anchor="${anchor}" ${face} ${paint}`, escaped(text));
  }
  moved() { return this.move ? ` transform="${this.move}"` : ""; }
  put(tag, attributes, content) {
    const seen = this.globalAlpha < 1 ? ` opacity="${short(this.globalAlpha)}"` : "";
    const drawn = `<${tag} ${attributes}${seen}${this.moved()}`;
    const whole = content === undefined ? `${drawn}/>` : `${drawn}>${content}</${tag}>`;
    this.parts.push(this.clipped ? `<g${this.clipped}>${whole}</g>` : whole); // a clip is not moved with what it clips
  }

  text(title) {
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${short(this.width)} ${short(this.height)}" `
      + `width="${short(this.width)}" height="${short(this.height)}"><title>${escaped(title)}</title>`
      + `<defs>${this.defs.join("")}</defs>${this.parts.join("\n")}</svg>\n`;
  }
}

function short(value) { return Math.round(value * 100) / 100; }

export function escaped(text) {
  return String(text).replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]);
}
