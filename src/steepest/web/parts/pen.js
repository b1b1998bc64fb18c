// What all pictures do with their pen, which draws on a canvas or writes SVG: letters, strokes, lines, polygons, clipping.

/** Sets how the pen writes: letters of so many rems, their colour, where the text stands from its place, their weight. */
export function setLetters({ theme }, pen, rems, colour, align, baseline = "middle", weight = "") {
  const font = `${weight} ${Math.round(rems * theme.rem * 10) / 10}px ${theme.family}`.trim();
  Object.assign(pen, { font, fillStyle: colour, textAlign: align, textBaseline: baseline });
}

export function setStroke(pen, colour, width, dash = []) {
  Object.assign(pen, { strokeStyle: colour, lineWidth: width });
  pen.setLineDash(dash);
}

/** Strokes straight lines, each [x, y, x2, y2]. */
export function strokeLines(pen, lines) {
  pen.beginPath();
  for (const [x, y, x2, y2] of lines) {
    pen.moveTo(x, y);
    pen.lineTo(x2, y2);
  }
  pen.stroke();
}

/** Adds a closed polygon to the pen's path. */
export function tracePolygon(pen, corners) {
  corners.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.closePath();
}

/** Strokes the frame of a picture. */
export function strokeBox({ theme }, pen, box) {
  setStroke(pen, theme.line, 1);
  pen.beginPath();
  pen.rect(...box);
  pen.stroke();
}

export function clipTo(pen, box) {
  pen.beginPath();
  pen.rect(...box);
  pen.clip();
}
