// The network: first weights, the loss and its gradient on some rows, and trainings to the end; the same of texts with
// rare words.

import { Steepest } from "./harness.mjs";

export default ({ digits, seed, rows, trainings, texts, wordTraining, watched }) => {
  const data = Steepest.readImages(digits), weights = Steepest.firstWeights(data.sizes, seed), gradient = new Float64Array(weights.length);
  const { loss, right } = Steepest.lossOf(data, weights, rows, gradient);
  const noise = Steepest.noiseOf(data, weights), ends = trainings.map((spec) => {
    const training = new Steepest.Training(data, spec);
    training.advance();
    return training.runners.map(({ losses, accuracies }) => ({ losses, accuracy: accuracies.at(-1)[1] }));
  });
  const read = texts && Steepest.drawTexts(texts), slopes = texts && new Float64Array(texts.vocabulary);
  const asked = texts && { ...wordTraining, watched }, training = texts && new Steepest.Training(read, asked, Steepest.TEXTS);
  training?.advance();
  const words = texts && {
    ...read, lossOfTexts: Steepest.lossOfTexts(read, Float64Array.from({ length: texts.vocabulary }, (_, k) => Math.sin(k)), rows, slopes), slopes,
    ends: training.runners.map(({ rates, accuracies, losses }) => ({ rates, losses, accuracy: accuracies.at(-1)[1] })),
  };
  return { words, weights, loss, right, gradient, noise, ends };
};
