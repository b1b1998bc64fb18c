// Formulas: read or refused, and values, gradients and Hessians at points.

import { Steepest, answer } from "./harness.mjs";

await answer((cases) => cases.map(({ text, points = [] }) => {
  try {
    const { dims, f, grad, hessian, quadratic } = Steepest.parse(text, 9);
    const at = (point) => [f(...point), grad(...point), hessian(...point).flat()];
    return { dims, quadratic, values: points.map((point) => at(point.slice(0, dims))) };
  } catch ({ message, column }) {
    return { message, column };
  }
}));
