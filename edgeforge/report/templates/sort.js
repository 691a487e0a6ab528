// A click on a column's head sorts all variants by it, a second one turns the order round, a third restores the groups.
(() => {
  const table = document.getElementById("variants");
  const groups = [...table.tBodies];
  const rows = groups.flatMap((group) => [...group.rows].filter((row) => !row.classList.contains("group")));
  const homes = new Map(rows.map((row) => [row, row.parentNode]));
  const heads = [...table.tHead.rows[0].cells];
  const sorted = table.createTBody();
  const value = (row, column) => {
    const cell = row.cells[column];
    if (!cell || row.classList.contains("failed")) return null;
    if (column === 0) return cell.firstChild.textContent.trim();
    const text = cell.dataset.value ?? cell.textContent.replace(/,/g, "");
    const number = parseFloat(text);
    return Number.isNaN(number) ? (text === "equal" ? Infinity : null) : number;
  };
  const restore = () => {
    rows.forEach((row) => homes.get(row).append(row));
    groups.forEach((group) => { group.hidden = false; });
  };
  const sort = (column, direction) => {
    const order = (a, b) => (a < b ? -direction : a > b ? direction : 0);
    const keyed = rows.map((row) => [value(row, column), row]);
    const known = keyed.filter(([key]) => key !== null).sort(([a], [b]) => order(a, b));
    const unknown = keyed.filter(([key]) => key === null);
    sorted.append(...[...known, ...unknown].map(([, row]) => row));
    groups.forEach((group) => { group.hidden = true; });
  };
  heads.forEach((head, column) => {
    const click = () => {
      const next = { none: "ascending", ascending: "descending", descending: "none" }[head.ariaSort ?? "none"];
      heads.forEach((other) => { other.ariaSort = "none"; });
      head.ariaSort = next;
      if (next === "none") restore();
      else sort(column, next === "ascending" ? 1 : -1);
    };
    head.tabIndex = 0;
    head.classList.add("sortable");
    head.addEventListener("click", click);
    head.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); click(); }
    });
  });
})();
