// A table that is wider than a phone becomes a list: each row a block, each cell beside the heading of its column. The
// roles keep it a table for whoever hears the page, since a browser takes them away from cells that are no boxes of one.
(() => {
  const narrow = matchMedia("(max-width: 600px)");

  const named = (table) => {
    const heads = [...table.tHead.rows[0].cells];
    for (const head of heads) head.setAttribute("role", "columnheader");
    for (const row of table.rows) {
      row.setAttribute("role", "row");
      if (row.parentElement === table.tHead) continue;
      [...row.cells].forEach((cell, i) => {
        cell.setAttribute("role", "cell");
        cell.dataset.label = heads[i]?.textContent.trim() ?? "";
        cell.classList.toggle("blank", cell.textContent.trim() === "" && cell.querySelector("img") === null);
      });
    }
    for (const part of [table.tHead, ...table.tBodies]) part.setAttribute("role", "rowgroup");
    table.setAttribute("role", "table");
  };

  const arrange = () => {
    for (const table of document.querySelectorAll(".bd-article table.table:not(.facts)")) {
      table.classList.remove("rows");
      if (!narrow.matches || table.tHead === null || table.scrollWidth <= table.parentElement.clientWidth) continue;
      if (table.getAttribute("role") !== "table") named(table);
      table.classList.add("rows");
    }
  };

  arrange();
  narrow.addEventListener("change", arrange);
})();
