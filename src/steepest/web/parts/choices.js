// The buttons that choose the language and the colour theme (auto, light or dark; called `light` in the code).

export function startLanguage(part) {
  const other = part.byId("language");
  other.onclick = () => {
    part.change({ lang: part.lang() === "zh" ? "en" : "zh" });
    part.refresh();
  };
  part.follow((_, state, changed) => {
    if (!changed("lang")) return;
    other.textContent = part.lang() === "zh" ? "English" : "中文";
    other.lang = part.lang() === "zh" ? "en" : "zh-CN";
  });
}

const LIGHTS = ["auto", "light", "dark"];

export function startLight(part) {
  const choice = part.byId("light");
  part.follow((_, state, changed) => {
    if (!changed("lang")) return;
    choice.title = part.say("light", part.say(`light-${part.light}`));
    choice.setAttribute("aria-label", choice.title);
  });
  choice.onclick = () => {
    part.light = LIGHTS[(LIGHTS.indexOf(part.light) + 1) % LIGHTS.length];
    part.options.onChange?.(part.state);
  };
}
