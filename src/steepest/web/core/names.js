// Names of coordinates; for a mistyped name the nearest known one, by the similarity of Python's difflib.

/** Names that are listed where none is similar, as in base/errors.py. */
const MOST_LISTED = 30;

/** The names of a landscape's coordinates: its own, as of a formula in x1 and x2, or x, y, or x1, x2, x3... */
export function coordinateNames({ names, dims }) {
  return names ?? (dims <= 2 ? ["x", "y"].slice(0, dims) : Array.from({ length: dims }, (_, i) => `x${i + 1}`));
}

export function quoted(text) {
  return text.includes("'") && !text.includes('"') ? `"${text}"` : `'${text.replaceAll("'", "\\'")}'`;
}

export function didYouMean(name, known) {
  const scored = known.map((other) => [likeness(name.toLowerCase(), other), other]).filter(([score]) => score >= 0.6);
  if (scored.length === 0) {
    const all = [...known].sort();
    const more = all.length - MOST_LISTED, listed = all.slice(0, MOST_LISTED);
    return {
      en: `known: ${listed.join(", ")}${more > 0 ? ` and ${more} others` : ""}`,
      zh: `可用：${listed.join("、")}${more > 0 ? ` 等，另有 ${more} 个` : ""}`,
    };
  }
  const best = quoted(scored.reduce((a, b) => (b[0] > a[0] || (b[0] === a[0] && b[1] > a[1]) ? b : a))[1]);
  return { en: `did you mean ${best}?`, zh: `是不是 ${best}？` };
}

/** Twice the letters that match, in order, as a share of all (Ratcliff and Obershelp 1988). */
function likeness(a, b) {
  return a.length + b.length ? (2 * matching(b, a)) / (a.length + b.length) : 1;
}

function matching(a, b) {
  let size = 0, i = 0, j = 0;
  for (let p = 0; p < a.length; p++) {
    for (let q = 0; q < b.length; q++) {
      let length = 0;
      while (p + length < a.length && q + length < b.length && a[p + length] === b[q + length]) length += 1;
      if (length > size) [size, i, j] = [length, p, q];
    }
  }
  if (size === 0) return 0;
  return size + matching(a.slice(0, i), b.slice(0, j)) + matching(a.slice(i + size), b.slice(j + size));
}
