// Learning rates that suit a landscape, proposed where the reader has not set them by hand. A rule of the state knows that
// as `own`: true of a rate set by hand, false of one that was proposed, undefined of one that came with a link.

import * as Steepest from "../core/api.js";
import { toast } from "./dom.js";
import { landscapeOf, titleOf } from "./scene.js";

/** The rate that suits a rule in a state. */
export function suitedRate(part, { id, settings }, state) {
  return Steepest.proposedRate({ landscape: landscapeOf(part, state), start: state.start, rule: id, settings });
}

function isOwn(part, rule, before) { return rule.own ?? rule.settings.lr !== suitedRate(part, rule, before); }

/** Gives rules that the reader has not set by hand rates that suit the landscape in view, and says so; `before`: the
 * state in which the rules were. */
export function proposeRates(part, before) {
  const { rules } = part.state, own = rules.filter((rule) => isOwn(part, rule, before));
  suit(part, (rule) => !own.includes(rule));
  const changed = part.state.rules.some((rule, i) => rule.settings.lr !== rules[i].settings.lr), actions = [];
  if (changed) actions.push({ name: part.say("undo"), act: () => restore(part, rules) });
  if (own.length) actions.push({ name: part.say("suitThese"), act: () => suit(part, (_, i) => own.includes(rules[i])) });
  const kept = own.map(({ id }) => Steepest.rules[id].title).join(", ");
  const told = [changed && part.say("ratesSet", titleOf(part, landscapeOf(part, part.state))), kept && part.say("ratesKept", kept)];
  if (actions.length) toast(part, told.filter(Boolean).join(" "), actions);
}

function suit(part, which) {
  const { state } = part, rate = (rule) => ({ ...rule.settings, lr: suitedRate(part, rule, state) });
  part.change({ rules: state.rules.map((rule, i) => (which(rule, i) ? { ...rule, settings: rate(rule), own: false } : rule)) });
}

/** The rates as they were, which from now on are the reader's own. */
function restore(part, before) {
  part.change({ rules: part.state.rules.map((rule, i) => {
    const old = before[i]?.id === rule.id ? before[i].settings.lr : rule.settings.lr;
    return { ...rule, settings: { ...rule.settings, lr: old }, own: true };
  }) });
}
