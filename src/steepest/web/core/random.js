// The random numbers of NumPy's default_rng(seed): PCG64 (O'Neill 2014), seeded through SeedSequence, and normal
// numbers by the ziggurat (Marsaglia and Tsang 2000), so that noise here is the noise of steepest.trace.

const MASK64 = (1n << 64n) - 1n, MASK128 = (1n << 128n) - 1n;
const PCG_FACTOR = (2549297995355413924n << 64n) | 4865540595714422341n;

/** NumPy's SeedSequence: `count` words of 32 bits out of whole numbers, well mixed. */
function seedWords(seeds, count) {
  const entropy = seeds.flatMap((seed) => {
    const words = [];
    for (let rest = BigInt(seed); rest > 0n || words.length === 0; rest >>= 32n) words.push(Number(rest & 0xffffffffn));
    return words;
  });
  let factor = 0x43b0d7e5;
  const hashed = (value) => {
    value ^= factor;
    factor = Math.imul(factor, 0x931e8875);
    value = Math.imul(value, factor);
    return value ^ (value >>> 16);
  };
  const mixed = (a, b) => {
    const value = Math.imul(0xca01f9dd, a) - Math.imul(0x4973f715, b) | 0;
    return value ^ (value >>> 16);
  };
  const pool = [0, 1, 2, 3].map((i) => hashed(entropy[i] ?? 0));
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mixed(pool[to], hashed(pool[from]));
  }
  for (const word of entropy.slice(4)) for (let to = 0; to < 4; to++) pool[to] = mixed(pool[to], hashed(word));
  let other = 0x8b51f9dd;
  return Array.from({ length: count }, (_, i) => {
    let value = pool[i % 4] ^ other;
    other = Math.imul(other, 0x58f38ded);
    value = Math.imul(value, other);
    return (value ^ (value >>> 16)) >>> 0;
  });
}

export class Generator {
  /** As NumPy's default_rng of one whole number, or of several. */
  constructor(...seeds) {
    const words = seedWords(seeds, 8).map(BigInt);
    const half = (i) => words[i] | (words[i + 1] << 32n);
    this.increment = ((((half(4) << 64n) | half(6)) << 1n) | 1n) & MASK128;
    this.state = 0n;
    this.advance();
    this.state = (this.state + ((half(0) << 64n) | half(2))) & MASK128;
    this.advance();
  }

  advance() {
    this.state = (this.state * PCG_FACTOR + this.increment) & MASK128;
  }

  bits() {
    this.advance();
    const folded = (this.state >> 64n) ^ (this.state & MASK64), turn = this.state >> 122n;
    return ((folded >> turn) | (folded << ((64n - turn) & 63n))) & MASK64;
  }

  /** Uniform from 0 to 1. */
  uniform() {
    return Number(this.bits() >> 11n) / 2 ** 53;
  }

  /** Normal with mean 0 and standard deviation 1. */
  normal() {
    for (;;) {
      const bits = this.bits(), layer = Number(bits & 0xffn), size = Number((bits >> 9n) & 0xfffffffffffffn);
      const x = ((bits >> 8n) & 1n ? -1 : 1) * size * WIDTHS[layer];
      if (size < INSIDE[layer]) return x;
      if (layer === 0) return this.tail((bits >> 17n) & 1n ? -1 : 1);
      const height = (HEIGHTS[layer - 1] - HEIGHTS[layer]) * this.uniform() + HEIGHTS[layer];
      if (height < Math.exp(-0.5 * x * x)) return x;
    }
  }

  tail(sign) {
    for (;;) {
      const x = -Math.log1p(-this.uniform()) / EDGE, y = -Math.log1p(-this.uniform());
      if (y + y > x * x) return sign * (EDGE + x);
    }
  }
}

// --- the ziggurat: 256 layers of equal area under exp(-x^2 / 2) ------------------------------------------------------

const EDGE = 3.6541528853610088, AREA = 0.004928673233974655;
const WIDTHS = new Float64Array(256), INSIDE = new Float64Array(256), HEIGHTS = new Float64Array(256);

(function stack() {
  const steps = 2 ** 52, height = (x) => Math.exp(-0.5 * x * x), base = AREA / height(EDGE);
  let x = EDGE, above = EDGE;
  INSIDE[0] = Math.floor((EDGE / base) * steps);
  WIDTHS[0] = base / steps;
  WIDTHS[255] = EDGE / steps;
  HEIGHTS[0] = 1;
  HEIGHTS[255] = height(EDGE);
  for (let layer = 254; layer > 0; layer--) {
    x = Math.sqrt(-2 * Math.log(AREA / x + height(x)));
    INSIDE[layer + 1] = Math.floor((x / above) * steps);
    above = x;
    WIDTHS[layer] = x / steps;
    HEIGHTS[layer] = height(x);
  }
})();
