// The network: first weights, the loss and its gradient on some rows, and trainings to the end.

import { Steepest } from "./harness.mjs";

export default ({ digits, seed, rows, trainings }) => {
  const data = Steepest.readImages(digits), weights = Steepest.firstWeights(data.sizes, seed), gradient = new Float64Array(weights.length);
  const { loss, right } = Steepest.lossOf(data, weights, rows, gradient);
  const ends = trainings.map((spec) => {
    const training = new Steepest.Training(data, spec);
    training.advance();
    return training.runners.map(({ losses, accuracies }) => ({ losses, accuracy: accuracies.at(-1)[1] }));
  });
  return { weights, loss, right, gradient, ends };
};
