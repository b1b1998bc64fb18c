// Rare words: short texts whose words have Zipf's frequencies, told good from bad by logistic regression with a weight for
// each word. The workload `zipf` in small; `steepest.lecture.rare_words` does the same in Python, number for number.

import { Generator } from "./random.js";

/** Texts as drawn from NumPy's generator: {words (length to a text), good, train, count, vocabulary, length}. */
export function drawTexts({ vocabulary, length, train, held }) {
  const random = new Generator(0), count = train + held, total = Array.from({ length: vocabulary }, (_, k) => 1 / (k + 1));
  const whole = total.reduce((sum, share) => sum + share, 0), shares = total.map((share) => share / whole), ends = [];
  shares.reduce((sum, share, k) => (ends[k] = sum + share), 0);
  const words = Int32Array.from({ length: count * length }, () => placeIn(ends, random.uniform()));
  const values = shares.map((share) => -Math.log(share) * random.normal());
  const sums = Array.from({ length: count }, (_, n) => words.subarray(n * length, (n + 1) * length).reduce((sum, word) => sum + values[word], 0));
  const rising = [...sums].sort((a, b) => a - b), median = (rising[Math.floor((count - 1) / 2)] + rising[Math.floor(count / 2)]) / 2;
  return { words, good: Uint8Array.from(sums, (sum) => Number(sum > median)), train, count, vocabulary, length };
}

/** The first place whose end is not below a value. */
function placeIn(ends, value) {
  let low = 0, high = ends.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The mean loss on some texts and how many are told right; its gradient goes into `gradient`, if given. */
export function lossOfTexts({ words, good, length }, weights, rows, gradient = null) {
  let loss = 0, right = 0;
  gradient?.fill(0);
  rows.forEach((row) => {
    let score = 0;
    for (let k = row * length; k < (row + 1) * length; k++) score += weights[words[k]];
    loss += Math.max(score, 0) + Math.log1p(Math.exp(-Math.abs(score))) - good[row] * score;
    right += Number(score > 0) === good[row];
    const slope = (1 / (1 + Math.exp(-score)) - good[row]) / rows.length;
    if (gradient) for (let k = row * length; k < (row + 1) * length; k++) gradient[words[k]] += slope;
  });
  return { loss: loss / rows.length, right };
}

/** For `Training`: weights begin at 0. */
export const TEXTS = { first: ({ vocabulary }) => new Float64Array(vocabulary), lossOf: lossOfTexts };
