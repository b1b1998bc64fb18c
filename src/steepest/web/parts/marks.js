// The look of a rule on any picture: its mark (by Matplotlib's letter, as in every figure), its dash, its colour.

import { strokeLines, tracePolygon } from "./pen.js";
import { SvgPen } from "./svg_pen.js";
import { colourOf } from "./theme.js";

const CORNERS = { // polygons of radius 1, y downwards
  s: [[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]],
  D: [[0, -1.15], [1.15, 0], [0, 1.15], [-1.15, 0]],
  d: [[0, -1.25], [0.75, 0], [0, 1.25], [-0.75, 0]],
  "^": regular(3, -90, 1.2), v: regular(3, 90, 1.2), "<": regular(3, 180, 1.2), ">": regular(3, 0, 1.2),
  p: regular(5, -90, 1.1), h: regular(6, -90, 1.1),
  P: plus(0), X: plus(Math.PI / 4),
};

function regular(count, turn, radius) {
  return Array.from({ length: count }, (_, i) => {
    const angle = (turn + 360 * i / count) * Math.PI / 180;
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
}

function plus(turn) {
  const [near, far] = [0.4, 1.15], quarter = [[near, -far], [near, -near], [far, -near]];
  return [0, 1, 2, 3].flatMap((i) => quarter.map(([x, y]) => {
    const angle = turn + i * Math.PI / 2;
    return [x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle)];
  }));
}

/** Add a mark's outline to the pen's path. */
export function traceMark(pen, mark, x, y, radius) {
  const corners = CORNERS[mark];
  if (!corners) {
    pen.moveTo(x + radius, y);
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    return;
  }
  tracePolygon(pen, corners.map(([dx, dy]) => [x + radius * dx, y + radius * dy]));
}

/** A single mark, with an outline in the paper's colour that sets it off. */
export function drawMark(part, pen, mark, x, y, radius, colour, paper, width = 1.5) {
  pen.beginPath();
  traceMark(pen, mark, x, y, radius * part.theme.unit);
  pen.setLineDash([]);
  pen.fillStyle = colour;
  pen.fill();
  if (!width) return;
  pen.strokeStyle = paper;
  pen.lineWidth = width * part.theme.unit;
  pen.lineJoin = "round";
  pen.stroke();
}

/** The look as a small SVG picture for lists and buttons. */
export function lookIcon(part, look, width = 34) {
  const pen = new SvgPen(width, 14);
  pen.strokeStyle = pen.fillStyle = colourOf(part, look);
  pen.lineWidth = 2;
  pen.setLineDash(look.dash.map((length) => 2 * length));
  strokeLines(pen, [[0, 7, width, 7]]);
  pen.beginPath();
  traceMark(pen, look.marker, width / 2, 7, 4.5);
  pen.fill();
  return `<svg viewBox="0 0 ${width} 14" width="${width}" height="14" aria-hidden="true">${pen.parts.join("")}</svg>`;
}
