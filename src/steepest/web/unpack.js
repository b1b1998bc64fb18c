// Unpacks the page's scripts, which are compressed to keep the file small, and starts them one after another.
(async () => {
  const packed = document.getElementById("packed");
  try {
    const bytes = Uint8Array.from(atob(packed.textContent), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    const scripts = JSON.parse(await new Response(stream).text());
    for (const [id, text] of scripts) document.body.append(Object.assign(document.createElement("script"), { id, text }));
  } catch (error) {
    const message = "This page needs a browser from 2023 or later. 本页需要 2023 年以后的浏览器。";
    document.body.prepend(Object.assign(document.createElement("p"), { className: "note", textContent: message, title: String(error) }));
  }
})();
