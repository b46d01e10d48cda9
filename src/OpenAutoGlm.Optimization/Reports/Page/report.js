// Tables can be sorted by a column. Without scripts they stand in their own order.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const key = (row, index) => {
    const cell = row.cells[index];
    const data = cell.querySelector("data");
    return data ? Number(data.value) : cell.textContent.trim() === "–" ? Number.POSITIVE_INFINITY : cell.textContent.trim();
  };
  [...table.tHead.rows[0].cells].forEach((head, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const falling = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const rows = [...body.rows].sort((a, b) => {
        const [x, y] = [key(a, index), key(b, index)];
        const order = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true });
        return falling ? -order : order;
      });
      body.append(...rows);
    });
  });
}
