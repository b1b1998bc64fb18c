// Below each page that the search finds: the section that has most of the words, as a link, and the sentence around them.
(() => {
  const results = document.getElementById("search-results");
  const asked = new URLSearchParams(location.search).get("q");
  if (results === null || !asked) return;
  const AROUND = 110; // characters before the place, and twice as many behind it

  const stem = new Stemmer();
  const plain = splitQuery(asked.toLowerCase().trim()).filter((word) => !stopwords.has(word));
  // what was asked as it was written comes before its words, and a word before its stem
  const terms = [...new Set([asked.toLowerCase().trim(), ...plain])];
  const stems = [...new Set(plain.map((word) => stem.stemWord(word)))];

  /** Where the words of the query stand in a text: the more of them near each other, the better. */
  const place = (text) => {
    const low = text.toLowerCase();
    const whole = low.indexOf(terms[0]);
    if (whole >= 0) return { at: whole, count: stems.length + 1 };
    const at = stems.map((word) => low.indexOf(word)).filter((i) => i >= 0);
    return { at: at.length ? Math.min(...at) : -1, count: at.length };
  };

  const marked = (text) => {
    const escaped = [...terms, ...stems].filter(Boolean).sort((a, b) => b.length - a.length)
      .map((word) => word.replace(/[.*+\-?^${}()|[\]\\]/g, "\\$&"));
    return text.split(new RegExp(`(${escaped.join("|")})`, "gi")).map((piece, i) => {
      const node = document.createElement(i % 2 ? "mark" : "span");
      node.textContent = piece;
      return node;
    });
  };

  const excerpt = (text, at) => {
    let start = Math.max(0, at - AROUND), end = Math.min(text.length, at + 2 * AROUND);
    const blank = text.indexOf(" ", start); // begin and end between words, where there are blanks
    if (start > 0 && blank < at) start = blank + 1;
    if (end < text.length) end = Math.max(text.lastIndexOf(" ", end), end - 20);
    return (start > 0 ? "… " : "") + text.slice(start, end) + (end < text.length ? " …" : "");
  };

  const tell = (item) => {
    const link = item.querySelector("a");
    const [path, anchor] = link.getAttribute("href").split("#");
    const parts = window.steepestTexts?.[path.replace(/\.html$/, "")];
    if (item.dataset.told || parts === undefined) return;
    item.dataset.told = "yes";
    const places = parts.map(([id, title, text]) => ({ id, title, text, ...place(text), count: place(`${title} ${text}`).count }))
      .filter((part) => part.count > 0 && (!anchor || part.id === anchor));
    const best = places.reduce((one, other) => (one && one.count >= other.count ? one : other), undefined);
    const [, , text] = parts.find(([id]) => id === (anchor ?? "")) ?? parts[0] ?? [];
    if (best === undefined && text === undefined) return;
    if (best?.id && !anchor) {
      const section = document.createElement("a");
      Object.assign(section, { href: `${path}#${best.id}`, textContent: best.title });
      const line = Object.assign(document.createElement("div"), { className: "section" });
      line.append("› ", section);
      item.append(line);
    }
    const context = Object.assign(document.createElement("p"), { className: "context" });
    context.append(...marked(best ? excerpt(best.text, best.at) : excerpt(text, 0)));
    item.append(context);
  };

  const all = () => results.querySelectorAll("ul.search > li").forEach(tell);
  new MutationObserver(all).observe(results, { childList: true, subtree: true });
  all();
})();
