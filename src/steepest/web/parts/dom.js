// Helpers that make and fill HTML elements.


/** An element with attributes (functions become listeners, false and null are left out) and children. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (name === "html") element.innerHTML = value; // only for pictures and MathML of our own
    else if (value !== null && value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function button(attributes, ...children) { return make("button", { type: "button", ...attributes }, ...children); }

/** Attributes of something whose name is read aloud and shown when pointed at. */
export function called(name) { return { "aria-label": name, title: name }; }

/** A patch of a colour and what it means. */
export function keyOf(colour, text, title = text) {
  const patch = make("i");
  patch.style.background = colour;
  return make("span", { class: "key", title }, patch, text);
}

/** New children, with the focus on the one that has the key of the one that had it. */
export function refill(place, ...children) {
  const focused = place.getRootNode().activeElement, key = place.contains(focused) ? focused.dataset.key : null;
  place.replaceChildren(...children);
  if (key) place.querySelector(`[data-key="${key}"]`)?.focus();
}

const DENSITY_ON_PAPER = 2; // pixels of a canvas to one of CSS, at least, where canvases are printed as pixels

/** Gives the canvas the pixels of its place on the screen, or on paper, and returns its pen, scaled to CSS pixels. */
export function fitted(canvas, width, height) {
  const printed = canvas.getRootNode().host?.hasAttribute("data-printed");
  const density = Math.max(window.devicePixelRatio || 1, printed ? DENSITY_ON_PAPER : 1), [wide, tall] = [Math.round(width * density), Math.round(height * density)];
  if (canvas.width !== wide || canvas.height !== tall) Object.assign(canvas, { width: wide, height: tall });
  const pen = canvas.getContext("2d");
  pen.setTransform(density, 0, 0, density, 0, 0);
  return pen;
}

/**
 * Letters so small that elements of the class `fits` show all they have; what is still too long is scrolled, by keys too.
 * All are written, then all are read: the page is laid out twice, not twice for each.
 */
export function fit(...elements) {
  elements.forEach((element) => element.style.setProperty("--fit", 1));
  const shares = elements.map((element) => element.clientWidth / element.scrollWidth);
  elements.forEach((element, i) => { if (shares[i] < 1) element.style.setProperty("--fit", Math.max(0.72, 0.99 * shares[i])); });
  const long = elements.map((element) => element.scrollWidth > element.clientWidth);
  elements.forEach((element, i) => {
    if (long[i]) element.tabIndex = 0;
    else element.removeAttribute("tabindex");
  });
}

/** A dialog with a title and a way out; a click beside it closes it, too. */
export function openDialog(part, dialog, title, ...content) {
  const close = button({ class: "quiet close", ...called(part.say("close")), click: () => dialog.close() }, "×");
  dialog.replaceChildren(make("div", { class: "dialog" }, make("div", { class: "head" }, make("h2", {}, title), close), ...content));
  dialog.setAttribute("aria-label", title);
  dialog.onclick = (event) => { if (event.target === dialog) dialog.close(); };
  dialog.showModal();
}

/** Says something for a while, with buttons for what can be done about it: `actions`, each {name, act}. */
export function toast(part, text, actions = []) {
  const place = part.byId("toast"), hide = () => { place.hidden = true; };
  const choices = actions.map(({ name, act }) => button({ click: () => { hide(); act(); } }, name));
  place.replaceChildren(make("span", {}, text), ...choices);
  place.hidden = false;
  clearTimeout(part.toasted);
  part.toasted = setTimeout(hide, actions.length ? 15000 : 6000);
}
