// What the page, its worker and node may use.

return {
  version: VERSION, rules, landscapes, schedules, tour: stations(), run, stateAt, parse, stability, predicted,
  equations, filledEquations, rightSides, mathml, settingsOf, slider, check, within, look, maps: { basin, sweep },
  link, exports, checkedState, defaultState, landscapeOf, general, Generator, limitsAt,
};
