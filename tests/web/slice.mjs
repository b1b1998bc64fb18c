// A training whose paths are kept, and a slice of its loss.

import { Steepest } from "./harness.mjs";

export default async ({ digits, training: spec, through, size, shape, job }) => {
  const data = Steepest.readImages(digits), training = new Steepest.Training(data, { ...spec, keeps: true });
  training.advance();
  const paths = training.runners.map(({ path }) => path), asked = { data, paths, through, size, shape }, counts = new Set();
  let slice = null;
  for (slice of Steepest.slicing(asked)) counts.add(slice.count ?? null);
  const again = job ? await Steepest.maps.slice(asked).done : null;
  return { paths: paths.map((path) => path.map((point) => Array.from(point))), slice, counts: [...counts], again: again?.value };
};
