// Formulas: read or refused, and values, gradients and Hessians at points.

import { Steepest } from "./harness.mjs";

export default (cases) => cases.map(({ text, points = [], most = 9 }) => {
  try {
    const { dims, f, grad, hessian, quadratic, equation } = Steepest.parse(text, most);
    const at = (point) => [f(...point), grad(...point), hessian(...point).flat()];
    return { dims, quadratic, equation, values: points.map((point) => at(point.slice(0, dims))) };
  } catch ({ message, code, column }) {
    return { message, code, column };
  }
});
