"use strict";
(() => {
  const table = document.getElementById("table");
  const measure = document.getElementById("measure");
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const part = (cell, place) => (cell.getAttribute(`data-${measure.value.replaceAll("_", "-")}`) ?? "|").split("|")[place];

  const valueOf = (row, column) => {
    const cell = row.cells[column];
    if (column === 0) return cell.dataset.value;
    const text = column === 1 ? cell.dataset.value : part(cell, 0);
    return text === "inf" ? Infinity : text === "nan" ? NaN : Number(text);
  };

  const compare = (a, b) => {
    if (typeof a === "string") return a.localeCompare(b, undefined, { numeric: true });
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
    return a === b ? 0 : a < b ? -1 : 1;
  };

  const sort = (column, direction) => {
    const sign = direction === "ascending" ? 1 : -1;
    const rows = [...body.rows].map((row) => [valueOf(row, column), row]);
    rows.sort(([a], [b]) => sign * compare(a, b));
    body.append(...rows.map(([, row]) => row));
    for (const head of heads) head.removeAttribute("aria-sort");
    heads[column].setAttribute("aria-sort", direction);
  };

  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    sort(column, head.getAttribute("aria-sort") === "ascending" ? "descending" : "ascending");
  }));

  const show = () => {
    for (const row of body.rows) for (const cell of [...row.cells].slice(2)) cell.textContent = part(cell, 1);
    const column = Math.max(2, heads.findIndex((head) => head.hasAttribute("aria-sort")));
    const lower = measure.selectedOptions[0].dataset.better === "lower";
    sort(column, lower ? "descending" : "ascending");
  };
  measure.addEventListener("change", show);
  if (measure.value !== "auc") show();
})();
