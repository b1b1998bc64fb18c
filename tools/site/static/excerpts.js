// Below each page that the search finds: the section that has most of the words, as a link, and the sentence around them.
// Pages that have the words as they were asked come first, a name such as `weight_decay` counting as its words; words in
// quotation marks are found on these pages only.
(() => {
  const results = document.getElementById("search-results");
  const query = (new URLSearchParams(location.search).get("q") ?? "").trim();
  if (results === null || !query) return;
  const quoted = /^["“«「](.+)["”»」]$/.exec(query), asked = (quoted?.[1] ?? query).toLowerCase().trim();
  const AROUND = 110; // characters before the place, and twice as many behind it

  const stem = new Stemmer();
  const plain = splitQuery(asked).filter((word) => !stopwords.has(word));
  // what was asked as it was written comes before its words, and a word before its stem
  const terms = [...new Set([asked, ...plain])];
  const stems = [...new Set(plain.map((word) => stem.stemWord(word)))];

  const wordsOf = (text) => text.replaceAll("_", " "); // of as many letters
  const hasWhole = (path) => (window.steepestTexts?.[path] ?? [])
    .some(([, title, text]) => wordsOf(`${title} ${text}`.toLowerCase()).includes(wordsOf(asked)));

  /** Where the words of the query stand in a text: the more of them near each other, the better. */
  const place = (text) => {
    const low = text.toLowerCase();
    const whole = wordsOf(low).indexOf(wordsOf(asked));
    if (whole >= 0) return { at: whole, count: stems.length + 1 };
    const at = stems.map((word) => low.indexOf(word)).filter((i) => i >= 0);
    return { at: at.length ? Math.min(...at) : -1, count: at.length };
  };

  const marked = (text) => {
    const escaped = [...terms, ...stems].filter(Boolean).sort((a, b) => b.length - a.length)
      .map((word) => word.replace(/[.*+\-?^${}()|[\]\\]/g, "\\$&").replace(/[ _]/g, "[ _]"));
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
    const [path, anchor] = link.getAttribute("href").split("#"), page = path.replace(/\.html$/, "");
    const parts = window.steepestTexts?.[page];
    if (item.dataset.told || parts === undefined) return;
    item.dataset.told = "yes";
    if (hasWhole(page)) item.dataset.whole = "yes";
    else if (quoted) return item.remove();
    const before = [...item.parentElement.children].find((other) => other.dataset.told && !other.dataset.whole);
    if (item.dataset.whole && before) before.before(item);
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

  /** Sphinx counts what it has found before words in quotation marks are looked for. */
  const recount = () => {
    const told = results.querySelector("p.search-summary"), count = results.querySelectorAll("ul.search > li").length;
    const ended = results.querySelector("h2")?.textContent === Documentation.gettext("Search Results");
    if (!quoted || !ended || told.dataset.count === String(count)) return;
    told.dataset.count = count;
    told.textContent = count === 0
      ? Documentation.gettext("Your search did not match any documents. Please make sure that all words are spelled correctly and that you've selected enough categories.")
      : Documentation.ngettext("Search finished, found one page matching the search query.", "Search finished, found ${resultCount} pages matching the search query.", count)
        .replace("${resultCount}", count);
  };

  const all = () => {
    results.querySelectorAll("ul.search > li").forEach(tell);
    recount();
  };
  new MutationObserver(all).observe(results, { childList: true, subtree: true });
  all();
})();
