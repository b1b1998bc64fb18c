// Formulas as graphs of operations: exact derivatives by the rules of calculus, evaluated as a list.
// Nothing is ever evaluated as code.

const OPERATIONS = [
  "neg", "absolute", "sign", "sqrt", "exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arctan", "step",
  "add", "sub", "mul", "truediv", "pow", "maximum", "minimum", "lt", "le", "gt", "ge", "where",
];
const CODE = Object.fromEntries(OPERATIONS.map((name, i) => [name, i]));

/** A graph in which equal parts are one node: {op, parts, value (of a constant), index (of a coordinate)}. */
export class Graph {
  constructor() {
    this.nodes = new Map();
    this.slopes = new Map();
  }

  make(key, node) {
    if (!this.nodes.has(key)) this.nodes.set(key, { ...node, id: this.nodes.size });
    return this.nodes.get(key);
  }

  constant(value) {
    return this.make(`=${Object.is(value, -0) ? "-0" : value}`, { op: "constant", parts: [], value });
  }

  coordinate(index) {
    return this.make(`x${index}`, { op: "coordinate", parts: [], index });
  }

  /** An operation as it is written. */
  plain(op, ...parts) {
    return this.make(`${op} ${parts.map((part) => part.id).join(" ")}`, { op, parts });
  }

  /** An operation of a derivative: what is constant is computed, what is 0 or 1 left out. */
  of(op, ...parts) {
    const [a, b] = parts, is = (node, value) => node.op === "constant" && node.value === value;
    if (parts.every((part) => part.op === "constant")) {
      return this.constant(evaluate(op, ...parts.map((part) => part.value)));
    }
    if (op === "mul" && (is(a, 0) || is(b, 0))) return this.constant(0);
    if (op === "mul" && is(a, 1)) return b;
    if ((op === "mul" || op === "truediv" || op === "pow") && is(b, 1)) return a;
    if (op === "mul" && b.op === "constant") return this.of("mul", b, a);
    if (op === "mul" && a.op === "constant" && b.op === "mul" && b.parts[0].op === "constant") {
      return this.of("mul", this.constant(a.value * b.parts[0].value), b.parts[1]);
    }
    if (op === "truediv" && is(a, 0)) return a;
    if (op === "pow" && is(b, 0)) return this.constant(1);
    if (op === "add" && is(a, 0)) return b;
    if ((op === "add" || op === "sub") && is(b, 0)) return a;
    if (op === "sub" && a === b) return this.constant(0);
    if (op === "sub" && is(a, 0)) return this.of("neg", b);
    if (op === "neg" && a.op === "neg") return a.parts[0];
    if (op === "where" && parts[1] === parts[2]) return parts[1];
    return this.plain(op, ...parts);
  }

  /** The derivative of a node by a coordinate. */
  slope(node, index) {
    const key = `${node.id} ${index}`;
    if (!this.slopes.has(key)) this.slopes.set(key, this.differentiate(node, index));
    return this.slopes.get(key);
  }

  differentiate(node, index) {
    if (node.op === "constant") return this.constant(0);
    if (node.op === "coordinate") return this.constant(node.index === index ? 1 : 0);
    const parts = node.op === "where" ? node.parts.slice(1) : node.parts;
    const inner = parts.map((part) => this.slope(part, index));
    if (inner.every((slope) => slope.op === "constant" && slope.value === 0)) return this.constant(0);
    return SLOPES[node.op](this, node, ...node.parts, ...inner);
  }
}

/** The derivative of each operation, of the graph, the node, what it is applied to, and the slopes of that. */
const SLOPES = {
  neg: (g, node, a, da) => g.of("neg", da),
  absolute: (g, node, a, da) => g.of("mul", g.of("sign", a), da),
  sign: (g) => g.constant(0),
  step: (g) => g.constant(0), // the infinite curvature of a kink is left out
  sqrt: (g, node, a, da) => g.of("truediv", da, g.of("mul", g.constant(2), node)),
  exp: (g, node, a, da) => g.of("mul", node, da),
  log: (g, node, a, da) => g.of("truediv", da, a),
  sin: (g, node, a, da) => g.of("mul", g.of("cos", a), da),
  cos: (g, node, a, da) => g.of("neg", g.of("mul", g.of("sin", a), da)),
  tan: (g, node, a, da) => g.of("mul", g.of("add", g.of("mul", node, node), g.constant(1)), da),
  sinh: (g, node, a, da) => g.of("mul", g.of("cosh", a), da),
  cosh: (g, node, a, da) => g.of("mul", g.of("sinh", a), da),
  tanh: (g, node, a, da) => g.of("mul", g.of("sub", g.constant(1), g.of("mul", node, node)), da),
  arctan: (g, node, a, da) => g.of("truediv", da, g.of("add", g.of("mul", a, a), g.constant(1))),
  add: (g, node, a, b, da, db) => g.of("add", da, db),
  sub: (g, node, a, b, da, db) => g.of("sub", da, db),
  mul: (g, node, a, b, da, db) => g.of("add", g.of("mul", da, b), g.of("mul", a, db)),
  truediv: (g, node, a, b, da, db) => g.of("sub", g.of("truediv", da, b), g.of("truediv", g.of("mul", a, db), g.of("mul", b, b))),
  pow: slopeOfPower,
  maximum: (g, node, a, b, da, db) => eitherSlope(g, g.of("sub", a, b), da, db),
  minimum: (g, node, a, b, da, db) => eitherSlope(g, g.of("sub", b, a), da, db),
  where: (g, node, condition, a, b, da, db) => g.of("where", condition, da, db),
};

/** The first slope where the difference is above 0, the second where it is below, the middle of both at 0. */
function eitherSlope(g, difference, da, db) {
  return g.of("add", g.of("mul", g.of("step", difference), da), g.of("mul", g.of("step", g.of("neg", difference)), db));
}

function slopeOfPower(g, node, a, b, da, db) {
  const zero = (slope) => slope.op === "constant" && slope.value === 0;
  if (zero(db)) {
    const power = b.op === "constant" ? g.constant(b.value - 1) : g.of("sub", b, g.constant(1));
    return g.of("mul", g.of("mul", b, g.of("pow", a, power)), da);
  }
  const turning = g.of("mul", g.of("log", a), db);
  if (zero(da)) return g.of("mul", node, turning);
  return g.of("mul", node, g.of("add", turning, g.of("truediv", g.of("mul", b, da), a)));
}

// --- evaluation ------------------------------------------------------------------------------------------------------

/** One operation on numbers. */
export function evaluate(op, ...values) {
  const row = Float64Array.from([...values, 0]);
  compute(row, values.length, CODE[op], 0, 1, 2);
  return row[values.length];
}

function compute(row, to, code, i, j, k) {
  const a = row[i];
  switch (code) {
    case 0: row[to] = -a; break;
    case 1: row[to] = Math.abs(a); break;
    case 2: row[to] = Math.sign(a); break;
    case 3: row[to] = Math.sqrt(a); break;
    case 4: row[to] = Math.exp(a); break;
    case 5: row[to] = Math.log(a); break;
    case 6: row[to] = Math.sin(a); break;
    case 7: row[to] = Math.cos(a); break;
    case 8: row[to] = Math.tan(a); break;
    case 9: row[to] = Math.sinh(a); break;
    case 10: row[to] = Math.cosh(a); break;
    case 11: row[to] = Math.tanh(a); break;
    case 12: row[to] = Math.atan(a); break;
    case 13: row[to] = a > 0 ? 1 : a < 0 ? 0 : a === 0 ? 0.5 : NaN; break;
    case 14: row[to] = a + row[j]; break;
    case 15: row[to] = a - row[j]; break;
    case 16: row[to] = a * row[j]; break;
    case 17: row[to] = a / row[j]; break;
    case 18: row[to] = row[j] === 2 ? a * a : Math.pow(a, row[j]); break;
    case 19: row[to] = Math.max(a, row[j]); break;
    case 20: row[to] = Math.min(a, row[j]); break;
    case 21: row[to] = a < row[j] ? 1 : 0; break;
    case 22: row[to] = a <= row[j] ? 1 : 0; break;
    case 23: row[to] = a > row[j] ? 1 : 0; break;
    case 24: row[to] = a >= row[j] ? 1 : 0; break;
    case 25: row[to] = a ? row[j] : row[k]; break;
  }
}

/** A function of the coordinates that returns the numbers of these nodes as an array. */
export function compile(outputs, dims) {
  const order = [], seen = new Set();
  const visit = (node) => {
    if (seen.has(node)) return;
    seen.add(node);
    node.parts.forEach(visit);
    order.push(node);
  };
  outputs.forEach(visit);
  const places = new Map(), operations = order.filter((node) => node.parts.length);
  const row = new Float64Array(dims + order.length);
  let used = dims;
  for (const node of order) {
    places.set(node, node.op === "coordinate" ? node.index : used);
    if (node.op !== "coordinate") used += 1;
    if (node.op === "constant") row[places.get(node)] = node.value;
  }
  const list = Int32Array.from(operations.flatMap((node) => {
    const [i = 0, j = 0, k = 0] = node.parts.map((part) => places.get(part));
    return [places.get(node), CODE[node.op], i, j, k];
  }));
  const results = outputs.map((node) => places.get(node));
  return (...coordinates) => {
    for (let i = 0; i < dims; i++) row[i] = coordinates[i];
    for (let at = 0; at < list.length; at += 5) {
      compute(row, list[at], list[at + 1], list[at + 2], list[at + 3], list[at + 4]);
    }
    return results.map((place) => row[place]);
  };
}
