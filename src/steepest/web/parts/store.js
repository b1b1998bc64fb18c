// The state of the page, which is what a link holds, and those who follow it: every change is followed in the next frame;
// slow followers (text) wait a little while something is being dragged or played.

export const store = { state: {}, fast: [], slow: [], seen: {}, seenSlow: {}, frame: 0, timer: 0, busy: false };
const PAUSE = 110; // milliseconds between two texts while things move

/** Calls `watcher(state, changed)` in the frame after a change; `changed(...names)` tells whether one of them did. */
export function follow(watcher, slow = false) { (slow ? store.slow : store.fast).push(watcher); }

export function change(patch) {
  store.state = { ...store.state, ...patch };
  request();
}

export function request() { store.frame ||= requestAnimationFrame(render); }

/** Everything again, as after a change of language or light. */
export function refresh() {
  store.seen = {};
  store.seenSlow = {};
  request();
}

function render() {
  store.frame = 0;
  store.seen = tell(store.fast, store.seen);
  if (!store.busy) renderSlow();
  else store.timer ||= setTimeout(renderSlow, PAUSE);
}

function renderSlow() {
  clearTimeout(store.timer);
  store.timer = 0;
  if (store.seenSlow !== store.state) store.seenSlow = tell(store.slow, store.seenSlow);
}

function tell(watchers, seen) {
  const { state } = store, changed = (...names) => names.some((name) => seen[name] !== state[name]) || !("landscape" in seen);
  for (const watcher of watchers) watcher(state, changed);
  return state;
}

/** While busy, the frames come first. */
export function setBusy(busy) {
  store.busy = busy;
  if (!busy) request();
}
