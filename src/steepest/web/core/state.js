// The state of the page, which is what a link holds: checked here, once, so that the page can trust it.

import { parse } from "./formula.js";
import { didYouMean, quoted } from "./names.js";
import { diagonalOf } from "./geometry.js";
import { allFinite, eigenSymmetric, largest } from "./numbers.js";
import { landscapeOf, landscapes } from "./landscapes.js";
import { scheduleDefaults, schedules } from "./schedules.js";
import { check, inBoth, rules, settingsOf } from "./settings.js";
import { FormulaError } from "./grammar.js";

const MOST = { steps: 5000, rules: 6, noise: 1e6, start: 1e9, seed: 2 ** 32 - 1 };
const VIEWS = ["contours", "surface", "basin", "sweep"];

/** What is wrong with a state or a setting: a sentence in both languages. */
export class StateError extends Error {
  constructor(en, zh) {
    super();
    this.message = { en, zh };
  }
}

/** A whole state of the page, with everything that is not said at its default; throws a StateError if it is none. */
export function checkedState(wanted) {
  const stop = checkedStop(wanted.tour ?? null), given = stop && wanted.landscape === undefined ? atStop(stop, wanted) : wanted;
  const landscape = checkedLandscape(given.landscape), { dims } = landscapeOf(landscape);
  const state = {
    v: 1,
    landscape,
    start: numbers(given.start ?? landscapeOf(landscape).start, "start", "起点"),
    rules: (given.rules ?? []).map(checkedRule),
    steps: whole(given.steps ?? 60, 1, MOST.steps, "steps", "步数"),
    schedule: checkedSchedule(given.schedule ?? null),
    noise: between(given.noise ?? 0, 0, MOST.noise, "noise", "噪声"),
    seed: whole(given.seed ?? 0, 0, MOST.seed, "seed", "种子"),
    view: checkedView(given.view ?? {}, dims),
    predicted: Boolean(given.predicted),
    tour: stop?.id ?? null,
    lang: given.lang ?? null,
  };
  if (state.start.length !== dims) {
    throw new StateError(`start: needs ${dims} number${dims > 1 ? "s" : ""}`, `起点：需要 ${dims} 个数`);
  }
  if (state.rules.length > MOST.rules) {
    throw new StateError(`at most ${MOST.rules} rules fit into the picture`, `图中最多放 ${MOST.rules} 个优化器`);
  }
  if (![null, "en", "zh"].includes(state.lang)) throw new StateError("lang: must be en or zh", "语言：只能是 en 或 zh");
  const last = Math.max(0, state.rules.length - 1);
  state.step = given.step === null || given.step === undefined
    ? null
    : whole(given.step, 0, state.steps, "step", "第几步");
  state.selected = whole(given.selected ?? 0, 0, last, "selected", "选中的优化器");
  state.map = checkedMap(given.map ?? null, state);
  return state;
}

function checkedStop(id) {
  const stop = tour.find((known) => known.id === id);
  if (id === null || stop) return stop ?? null;
  const hint = didYouMean(String(id), tour.map((known) => known.id));
  throw new StateError(`the tour has no stop ${quoted(String(id))}; ${hint.en}`, `导览中没有 ${quoted(String(id))} 这一站；${hint.zh}`);
}

/** The state in which a stop of the tour opens, with what is said beside it. */
function atStop({ id, state }, { lang = null, step = 0 }) {
  return { ...state, tour: id, step, lang };
}

function checkedLandscape(on) {
  if (on === undefined) throw new StateError("it names no landscape", "没有指明地形");
  if (typeof on === "string") {
    if (Object.hasOwn(landscapes, on)) return on;
    const hint = didYouMean(on, Object.keys(landscapes));
    throw new StateError(`unknown landscape ${quoted(on)}; ${hint.en}`, `没有地形 ${quoted(on)}；${hint.zh}`);
  }
  try {
    return { formula: parse(String(on?.formula ?? "")).formula };
  } catch (error) {
    if (!(error instanceof FormulaError)) throw error;
    throw new StateError(`formula: ${error.message.en}`, `公式：${error.message.zh}`);
  }
}

function checkedRule({ id, settings = {} }) {
  if (!Object.hasOwn(rules, id)) {
    const hint = didYouMean(String(id), Object.keys(rules));
    throw new StateError(`unknown rule ${quoted(String(id))}; ${hint.en}`, `没有优化器 ${quoted(String(id))}；${hint.zh}`);
  }
  for (const name of Object.keys(settings)) {
    if (rules[id].settings.some((setting) => setting.name === name)) continue;
    const hint = didYouMean(name, rules[id].settings.map((setting) => setting.name));
    throw new StateError(
      `${rules[id].title} has no setting ${quoted(name)}; ${hint.en}`,
      `${rules[id].title} 没有设置 ${quoted(name)}；${hint.zh}`,
    );
  }
  const all = settingsOf(id, settings);
  for (const setting of rules[id].settings) {
    const wrong = check(setting, setting.place === null ? all[setting.name] : all[setting.name][setting.place]);
    if (wrong) throw new StateError(`${rules[id].title}: ${wrong.en}`, `${rules[id].title}：${wrong.zh}`);
  }
  return { id, settings: all };
}

function checkedSchedule(schedule) {
  if (schedule === null || schedule.id === "constant") return null;
  const { id, ...settings } = schedule;
  if (!Object.hasOwn(schedules, id)) {
    const hint = didYouMean(String(id), Object.keys(schedules));
    throw new StateError(
      `unknown schedule ${quoted(String(id))}; ${hint.en}`,
      `没有学习率调度 ${quoted(String(id))}；${hint.zh}`,
    );
  }
  const all = { ...scheduleDefaults(id), ...settings };
  for (const name of Object.keys(all)) {
    const setting = schedules[id].settings.find((known) => known.name === name);
    const wrong = setting
      ? check(setting, all[name])
      : { en: `has no setting ${quoted(name)}`, zh: `没有设置 ${quoted(name)}` };
    if (wrong) throw new StateError(`${id}: ${wrong.en}`, `${id}：${wrong.zh}`);
  }
  return { id, ...all };
}

function checkedView({ window = null, mode = "contours", turn = null }, dims) {
  if (!VIEWS.includes(mode)) {
    throw new StateError(`view: must be one of ${VIEWS.join(", ")}`, `视图：只能是 ${VIEWS.join("、")}`);
  }
  const ends = window === null ? null : window.map((side) => numbers(side, "window", "窗口"));
  if (ends !== null && (ends.length < dims || ends.some((side) => side.length !== 2 || !(side[0] < side[1])))) {
    throw new StateError("window: needs a lower and a higher end for each coordinate", "窗口：每个坐标要有一小一大两个端点");
  }
  if (turn !== null && numbers(turn, "turn", "转角").length !== 2) {
    throw new StateError("turn: needs two angles", "转角：需要两个角度");
  }
  return { window: ends, mode, turn };
}

/** What a map of two settings of the selected rule shows: {x: "lr", y: "betas.0", show}. */
function checkedMap(map, { rules: chosen, selected }) {
  if (map === null || chosen.length === 0) return null;
  const names = axesOf(chosen[selected].id), { x = names[0], y = names[1] ?? names[0], show = "value" } = map;
  const wrong = [x, y].find((name) => !names.includes(name));
  if (wrong !== undefined) {
    throw new StateError(
      `map: no setting ${quoted(String(wrong))}; ${didYouMean(String(wrong), names).en}`,
      `图：没有设置 ${quoted(String(wrong))}；${didYouMean(String(wrong), names).zh}`,
    );
  }
  if (!["value", "steps"].includes(show)) throw new StateError("map: shows value or steps", "图：只能显示 value 或 steps");
  return { x, y, show };
}

/** The settings of a rule that a map can have at its axes, by name: "lr", "betas.0". */
function axesOf(rule) {
  return rules[rule].settings.filter(({ kind }) => kind === "number").map(
    ({ name, place }) => (place === null ? name : `${name}.${place}`),
  );
}

function numbers(values, en, zh) {
  if (!Array.isArray(values) || !values.every((value) => Number.isFinite(value) && Math.abs(value) <= MOST.start)) {
    throw new StateError(`${en}: must be finite numbers`, `${zh}：必须是有限的数`);
  }
  return [...values];
}

function between(value, low, high, en, zh) {
  if (typeof value === "number" && value >= low && value <= high) return value;
  throw new StateError(`${en}: must be a number from ${low} to ${high}`, `${zh}：必须是 ${low} 到 ${high} 的数`);
}

function whole(value, low, high, en, zh) {
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw new StateError(`${en}: must be a whole number from ${low} to ${high}`, `${zh}：必须是 ${low} 到 ${high} 的整数`);
}

// --- states to begin with --------------------------------------------------------------------------------------------

/** A state that shows something on a landscape: rules with learning rates that work there. */
export function defaultState(on = "ravine") {
  const landscape = landscapeOf(on), { hessian, start, window } = landscape;
  const steepest = largest(eigenOf(hessian(...start)).map(Math.abs));
  const rough = (value) => Number(value.toPrecision(1)), reach = diagonalOf(window);
  const lr = steepest > 0 ? rough(Math.min(0.8 / steepest, 1)) : 0.1;
  const rules = [
    { id: "sgd", settings: { lr } },
    { id: "momentum", settings: { lr: rough(lr / 4), momentum: 0.8 } },
    { id: "adam", settings: { lr: rough(reach / 60) } },
  ];
  return checkedState({ landscape: landscape.id ?? { formula: landscape.formula }, start, rules });
}

function eigenOf(matrix) {
  return matrix.every(allFinite) ? eigenSymmetric(matrix).values : [0];
}

/** The stops of the guided tour, each with a whole state. */
export const tour = [];

export function fillTour(printed) {
  for (const { title, sentence, state, ...rest } of printed) {
    tour.push({ ...rest, title: inBoth(title), sentence: inBoth(sentence), state: checkedState(state) });
  }
}
