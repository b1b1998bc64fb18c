// How much a page of the search counts: as Sphinx has it, but where pages count alike, documents come before the pages of
// optimizers, which have most settings in common, and these before sources.
var Scorer = {
  score([page, , , , score]) {
    return score - (page.startsWith("source/") ? 0.6 : page.startsWith("rules/") ? 0.3 : 0);
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
