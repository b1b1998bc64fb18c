// Small matrices that need not be symmetric: their characteristic polynomial and its roots.

/** Coefficients of det(z - matrix), the highest power (1) left out, falling (Faddeev and LeVerrier). */
function characteristic(matrix) {
  const n = matrix.length, coefficients = [];
  let power = matrix.map((row) => row.map(() => 0)), last = 1;
  for (let k = 1; k <= n; k++) {
    const shifted = power.map((row, i) => row.map((value, j) => value + (i === j ? last : 0)));
    power = matrix.map((row) => row.map((_, j) => row.reduce((total, value, m) => total + value * shifted[m][j], 0)));
    last = -power.reduce((total, row, i) => total + row[i], 0) / k;
    coefficients.push(last);
  }
  return coefficients;
}

/** Eigenvalues as [real, imaginary]. */
export function eigenvalues(matrix) {
  const [b, c] = characteristic(matrix);
  if (matrix.length === 1) return [[-b, 0]];
  if (matrix.length > 2) return rootsOf(characteristic(matrix));
  const inside = b * b - 4 * c;
  if (inside < 0) return [[-b / 2, Math.sqrt(-inside) / 2], [-b / 2, -Math.sqrt(-inside) / 2]];
  const far = -(b + (b < 0 ? -1 : 1) * Math.sqrt(inside)) / 2; // the root whose sum does not cancel
  return [[far, 0], [far === 0 ? 0 : c / far, 0]];
}

/** All roots of a polynomial at once (Durand and Kerner). */
function rootsOf(coefficients) {
  const n = coefficients.length, size = 1 + Math.max(...coefficients.map(Math.abs));
  let roots = coefficients.map(
    (_, i) => [size * Math.cos(0.4 + (2 * Math.PI * i) / n), size * Math.sin(0.4 + (2 * Math.PI * i) / n)],
  );
  for (let turn = 0; turn < 500; turn++) {
    let moved = 0;
    roots.forEach((z, i) => {
      const value = coefficients.reduce((sum, coefficient) => plus(times(sum, z), [coefficient, 0]), [1, 0]);
      const others = roots.reduce((product, other, j) => (j === i ? product : times(product, minus(z, other))), [1, 0]);
      const step = over(value, others);
      roots[i] = minus(z, step);
      moved = Math.max(moved, Math.hypot(...step));
    });
    if (moved < 1e-16 * size) break;
  }
  return roots;
}

const plus = ([a, b], [c, d]) => [a + c, b + d];
const minus = ([a, b], [c, d]) => [a - c, b - d];
const times = ([a, b], [c, d]) => [a * c - b * d, a * d + b * c];
const over = ([a, b], [c, d]) => [(a * c + b * d) / (c * c + d * d), (b * c - a * d) / (c * c + d * d)];

export function radiusOf(matrix) {
  return Math.max(...eigenvalues(matrix).map(([real, imaginary]) => Math.hypot(real, imaginary)));
}

/** The same of a matrix of two rows, without anything that would have to be cleared away. */
export function radiusOfPair([[a, b], [c, d]]) {
  const half = (a + d) / 2, product = a * d - b * c, inside = half * half - product;
  return inside < 0 ? Math.sqrt(product) : Math.abs(half) + Math.sqrt(inside);
}
