// Unpacks the page's script, which is compressed to keep the file small, and starts it.
(async () => {
  try {
    const packed = document.currentScript.previousElementSibling.textContent;
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    document.body.append(Object.assign(document.createElement("script"), { text: await new Response(stream).text() }));
  } catch (error) {
    const message = "This page needs a browser from 2023 or later. 本页需要 2023 年以后的浏览器。";
    document.body.prepend(Object.assign(document.createElement("p"), { textContent: message, title: String(error) }));
  }
})();
