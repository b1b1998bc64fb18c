// Colours of the canvases, read from the style of a part so that there is one place for light and dark.

const RELIEF = { // from deep to high: pale enough for every path to stand out
  light: ["#b4cbde", "#cfdee9", "#e4ecf2", "#f3f6f8", "#ffffff"],
  dark: ["#2c5274", "#234059", "#1d3041", "#19232d", "#151a20"],
};

const SLOPES = { // of the surface, which stands in the light of a lamp
  light: ["#5b8fb9", "#8db4d2", "#bcd3e2", "#dfe6e6", "#f3ece0"],
  dark: ["#2f6f9f", "#346587", "#3b5a70", "#4a5963", "#645f5a"],
};

export const HEAT = ["#fdf3d8", "#f3d38a", "#dfa15c", "#b96a5f", "#7d4468", "#402a5c", "#1b1638"]; // even steps of lightness

const NAMES = ["ink", "soft", "line", "paper", "card", "accent", "warm", "bad", "iso", "bare", "family"];

/** The size of the page's letters, in which parts are measured. */
export function remOf() { return parseFloat(getComputedStyle(document.documentElement).fontSize); }

/** Reads the colours of an element's style into `theme`. */
export function readTheme(element, theme) {
  const style = getComputedStyle(element), read = (name) => style.getPropertyValue(`--${name}`).trim();
  for (const name of NAMES) theme[name] = read(name);
  theme.dark = read("dark") === "1";
  theme.relief = RELIEF[theme.dark ? "dark" : "light"];
  theme.slopes = SLOPES[theme.dark ? "dark" : "light"];
  theme.rem = remOf();
  theme.unit = theme.rem / 15.5; // lines and marks grow with the letters, as on a projector
}

export function colourOf(part, look) { return part.theme.dark ? look.colorDark : look.color; }

/** A colour between those of a ramp, at a share from 0 to 1, as [red, green, blue]. */
export function mixed(ramp, share) {
  const place = Math.min(Math.max(share, 0), 1) * (ramp.length - 1), first = Math.min(Math.floor(place), ramp.length - 2);
  const [from, to] = [channels(ramp[first]), channels(ramp[first + 1])];
  return from.map((value, i) => Math.round(value + (place - first) * (to[i] - value)));
}

export function channels(hex) { return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)); }

export function asColour([red, green, blue], alpha = 1) { return `rgba(${red},${green},${blue},${alpha})`; }
