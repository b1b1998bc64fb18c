// Numbers as people write them, and the little linear algebra that small symmetric matrices need.

/** A number as Python's format(value, ".4g") writes it, here with `digits` digits. */
export function general(value, digits = 4) {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const [mantissa, power] = toDigits(value, digits).split("e");
  const exponent = Number(power);
  if (exponent >= -4 && exponent < digits) return bare(Number(`${mantissa}e${power}`).toFixed(digits - 1 - exponent));
  const size = String(Math.abs(exponent)).padStart(2, "0");
  return `${bare(mantissa)}e${exponent < 0 ? "-" : "+"}${size}`;
}

/** As toExponential, but what lies in the middle goes to the even digit, as in Python. */
function toDigits(value, digits) {
  const [exact, power] = value.toExponential(60).split("e"), cut = exact.length - 60 + digits - 1;
  const inTheMiddle = /^50*$/.test(exact.slice(cut)) && /[02468]\.?$/.test(exact.slice(0, cut));
  return inTheMiddle ? `${exact.slice(0, cut)}e${power}` : value.toExponential(digits - 1);
}

function bare(text) {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** A point as people write it; in one dimension a number. */
export function generalPoint(values, digits = 4) {
  const texts = values.map((value) => general(value, digits));
  return texts.length === 1 ? texts[0] : `(${texts.join(", ")})`;
}

/** A share as a percentage of three digits, near 1 of four. */
export function percent(share) {
  return `${general(100 * share, share > 0.99 ? 4 : 3)} %`;
}

/** Rounds halves to even, as Python does. */
export function roundHalfEven(value) {
  const below = Math.floor(value);
  const rest = value - below;
  return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1;
}

export function norm(vector) {
  let total = 0;
  for (const value of vector) total += value * value;
  return Math.sqrt(total);
}

export function distance(a, b) {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += (a[i] - b[i]) * (a[i] - b[i]);
  return Math.sqrt(total);
}

export const allFinite = (values) => values.every(Number.isFinite);
export const sum = (values) => values.reduce((total, value) => total + value, 0);
export const largest = (values) => values.reduce((a, b) => Math.max(a, b), -Infinity);
export const smallest = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);
export const differences = (values) => values.slice(1).map((value, i) => value - values[i]);
export const grows = (values) => differences(values).every((rise) => rise > 0);

/** Eigenvalues (rising) and unit eigenvectors of a symmetric matrix of rows, by Jacobi's rotations. */
export function eigenSymmetric(matrix) {
  const n = matrix.length, a = matrix.map((row) => [...row]);
  const v = a.map((_, i) => a.map((_, j) => (i === j ? 1 : 0)));
  for (let sweep = 0; sweep < 60; sweep++) {
    let off = 0;
    for (let p = 0; p < n; p++) for (let q = p + 1; q < n; q++) off += rotate(a, v, p, q);
    if (off === 0) break;
  }
  const order = a.map((_, i) => i).sort((i, j) => a[i][i] - a[j][j]);
  return { values: order.map((i) => a[i][i]), vectors: order.map((i) => v.map((row) => row[i])) };
}

/** One rotation that makes a[p][q] vanish; returns 1 if there was anything to do. */
function rotate(a, v, p, q) {
  const n = a.length, size = Math.abs(a[p][p]) + Math.abs(a[q][q]);
  if (!(Math.abs(a[p][q]) > 1e-17 * size)) return 0;
  const theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1), s = t * c;
  for (let k = 0; k < n; k++) [a[k][p], a[k][q]] = [c * a[k][p] - s * a[k][q], s * a[k][p] + c * a[k][q]];
  for (let k = 0; k < n; k++) [a[p][k], a[q][k]] = [c * a[p][k] - s * a[q][k], s * a[p][k] + c * a[q][k]];
  for (let k = 0; k < n; k++) [v[k][p], v[k][q]] = [c * v[k][p] - s * v[k][q], s * v[k][p] + c * v[k][q]];
  a[p][q] = a[q][p] = 0;
  return 1;
}

/** The shortest solution of matrix * step = target in the sense of least squares. */
export function leastSquares(matrix, target) {
  const { values, vectors } = eigenSymmetric(matrix);
  const largest = Math.max(...values.map(Math.abs)), cut = largest * Number.EPSILON * matrix.length;
  const step = target.map(() => 0);
  values.forEach((value, i) => {
    if (Math.abs(value) <= cut) return;
    const share = vectors[i].reduce((sum, part, k) => sum + part * target[k], 0) / value;
    for (let k = 0; k < step.length; k++) step[k] += share * vectors[i][k];
  });
  return step;
}

/** A number as typed: a decimal comma, a true minus and fractions such as 1/3 are understood; null if it is none. */
export function readNumber(text) {
  const parts = text.replace(",", ".").replace("−", "-").split("/").map((part) => (part.trim() === "" ? NaN : Number(part)));
  const value = parts.length === 2 ? parts[0] / parts[1] : parts.length === 1 ? parts[0] : NaN;
  return Number.isFinite(value) ? value : null;
}
