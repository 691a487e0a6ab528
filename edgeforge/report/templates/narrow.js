// A table that is wider than its place stands as cards, a row each: every cell is given the name of its column, which
// the style sheet shows before it. On paper all tables are tables.
(() => {
  const tables = [...document.querySelectorAll("table")];
  tables.forEach((table) => {
    const heads = table.tHead ? [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim()) : [];
    const names = heads.map((name, column) => (name === "of" ? `of the board's ${heads[column - 1]}` : name));
    [...table.tBodies].flatMap((body) => [...body.rows]).forEach((row) => {
      let column = 0;
      [...row.cells].forEach((cell) => {
        if (!cell.textContent.trim() && !cell.querySelector("svg, img, i")) cell.classList.add("empty");
        else if (column && cell.colSpan === 1 && names[column]) cell.dataset.label = names[column];
        column += cell.colSpan;
      });
    });
  });
  const scrolling = [...document.querySelectorAll("figure, pre, .scroll")];
  const lay = () => {
    tables.forEach((table) => {
      table.classList.remove("cards");
      table.classList.toggle("cards", table.scrollWidth > table.parentElement.clientWidth + 1);
    });
    // What scrolls must be reached by the keyboard too.
    scrolling.forEach((place) => place.toggleAttribute("tabindex", place.scrollWidth > place.clientWidth));
    document.querySelectorAll("[tabindex='']").forEach((place) => { place.tabIndex = 0; });
  };
  lay();
  addEventListener("resize", lay);
  document.querySelectorAll("details").forEach((details) => details.addEventListener("toggle", lay));
})();
