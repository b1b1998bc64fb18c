// What a page does around its parts: mounts them where its HTML has places for them, and, where a playground or a lecture
// is the whole page, keeps its link in the address bar, the page's title, and the page's colour theme (light or dark).
//
// A place is an element with `data-steepest`, the name of a part, and `data-state`: the text of a link (what stands after
// the # in the address of a playground), or the name of a state that Python printed into the page.

import * as Steepest from "../core/api.js";
import { mountDiagnosis } from "./diagnosis.js";
import { mountLecture } from "./lecture.js";
import { mountPaths } from "./paths.js";
import { mountPlayground } from "./playground.js";

const PARTS = { playground: mountPlayground, paths: mountPaths, lecture: mountLecture, diagnosis: mountDiagnosis };
const LINKED = ["playground", "lecture"]; // parts whose state is a link
const LINK_PAUSE = 300; // milliseconds: browsers allow about a hundred changes of a link in half a minute

/** Mounts all parts of the page; `states` by name. */
export function mountAll(states) {
  for (const place of document.querySelectorAll("[data-steepest]")) {
    const { steepest: name, state, alone } = place.dataset;
    try {
      if (alone === undefined) PARTS[name](place, stateOf(state, states));
      else if (LINKED.includes(name)) startPage(PARTS[name], place, stateOf(state, states));
      else mountAlone(PARTS[name], place, stateOf(state, states));
    } catch (error) {
      place.append(Object.assign(document.createElement("p"), { textContent: error.message?.en ?? String(error) }));
    }
  }
}

/** A part that is the whole page: the page takes its language and its colour theme. */
function mountAlone(mount, place, state, options = {}) {
  const root = document.documentElement;
  const follow = () => {
    root.lang = shown.lang() === "zh" ? "zh-CN" : "en";
    root.dataset.light = shown.light;
    options.onChange?.();
  };
  const shown = mount(place, state, { alone: true, lang: root.lang || navigator.language, ...options, onChange: follow });
  return shown;
}

function stateOf(text, states) {
  if (text === undefined) return null;
  if (Object.hasOwn(states, text)) return states[text];
  const { state, reason } = Steepest.link.decode(text);
  if (state) return state;
  throw new Error(`steepest: data-state="${text}": ${reason.en}`);
}

/**
 * A part that is the whole page, in the state of the address bar's link. Within another page, as below a notebook's cell, it
 * has no address, and no link that somebody else could open.
 */
function startPage(mount, place, state) {
  const hasAddress = location.protocol !== "about:";
  let timer = 0;
  const linkNow = () => `#${shown.link()}`;
  const writeLink = () => { if (location.hash !== linkNow()) history.replaceState(null, "", linkNow()); };
  const onChange = () => {
    document.title = `steepest · ${shown.title()}`;
    clearTimeout(timer);
    if (hasAddress) timer = setTimeout(writeLink, LINK_PAUSE);
  };
  const copyLink = async () => {
    writeLink();
    await copied(location.href);
    shown.toast(shown.say("copied"));
  };
  /** Follows a link; of a bad one says what is wrong and keeps the page as it is. */
  const readLink = (event) => {
    const { hash } = event ? new URL(event.newURL) : location; // what was followed, even if the link has been written since
    if (hash.length < 2 || hash === linkNow()) return;
    const reason = shown.follow(hash.slice(1));
    if (reason) shown.toast(shown.say("badLink", reason[shown.lang()]));
  };
  const shown = mountAlone(mount, place, state, { onChange, copyLink: hasAddress ? copyLink : null });
  addEventListener("hashchange", readLink);
  readLink();
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // not allowed here: the old way
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
}
