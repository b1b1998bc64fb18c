// The data that Python prints into the page: rules and landscapes with their functions, schedules, the tour, texts.
// A page (or its worker, or node) hands it to `useFacts` once, before anything else; the modules then share it.

import { fillCatalogue } from "./catalogue.js";
import { fillGeometry } from "./geometry.js";
import { fillGrammar } from "./grammar.js";
import { fillLandscapes } from "./landscapes.js";
import { fillRates } from "./rates.js";
import { fillSchedules } from "./schedules.js";
import { fillRules } from "./settings.js";
import { fillTour } from "./state.js";

export let version = "";

/** Facts as `steepest.playground` prints them; a page of which no part needs some of them leaves those out. */
export function useFacts(facts) {
  const { VERSION = "", ABOUT = [], SCHEDULES = {}, RULES = {}, LANDSCAPES = {}, TOUR = [], GRAMMAR, FINDINGS, GEOMETRY, RATES } = facts;
  version = VERSION;
  if (GRAMMAR) fillGrammar(GRAMMAR);
  if (FINDINGS) fillCatalogue(FINDINGS);
  if (GEOMETRY) fillGeometry(GEOMETRY);
  if (RATES) fillRates(RATES);
  fillRules(RULES, ABOUT);
  fillSchedules(SCHEDULES);
  fillLandscapes(LANDSCAPES);
  fillTour(TOUR);
}
