// The live part of a page: its script is fetched and unpacked when the place comes into view, and it keeps to the page's
// language (by the place's `lang`) and to its light or dark.
(() => {
  const place = document.querySelector("[data-part]");
  if (place === null) return;
  const root = document.documentElement;

  const light = () => {
    for (const host of place.children) if (host.shadowRoot) host.dataset.light = root.dataset.theme === "dark" ? "dark" : "light";
  };

  const load = (address) => new Promise((resolve, reject) => {
    document.head.append(Object.assign(document.createElement("script"), { src: address, onload: resolve, onerror: reject }));
  });

  async function mount() {
    try {
      await load(place.dataset.script);
      const bytes = Uint8Array.from(atob(window.steepestParts), (letter) => letter.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
      const text = await new Response(stream).text();
      place.replaceChildren();
      place.dataset.steepest = place.dataset.part;
      document.head.append(Object.assign(document.createElement("script"), { text })); // starts all parts of the page
      light();
      new MutationObserver(light).observe(root, { attributeFilter: ["data-theme"] });
    } catch (error) {
      place.textContent = place.dataset.failed;
      place.title = String(error);
    }
  }

  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    mount();
  }, { rootMargin: "300px" });
  observer.observe(place);
})();
