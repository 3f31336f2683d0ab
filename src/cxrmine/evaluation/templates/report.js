
"use strict";

// Charts: the legend shows and hides lines, the pointer reads out the nearest value.
for (const figure of document.querySelectorAll(".chart")) {
  const svg = figure.querySelector(":scope > svg");
  const lines = Array.from(svg.querySelectorAll(".series"));
  const spot = svg.querySelector(".spot");
  const readout = figure.querySelector(".readout");
  const numbers = (line, name) => line.dataset[name] ? line.dataset[name].split(" ").map(Number) : [];
  const points = lines.map((line) => {
    const [x, y, px, py] = ["x", "y", "px", "py"].map((name) => numbers(line, name));
    return px.map((left, i) => ({ x: x[i], y: y[i], px: left, py: py[i] }))
      .filter((point) => Number.isFinite(point.px) && Number.isFinite(point.py));
  });
  const hide = () => { spot.setAttribute("visibility", "hidden"); readout.textContent = ""; };
  for (const button of figure.querySelectorAll(".legend button")) {
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(shown));
      lines[Number(button.dataset.series)].classList.toggle("off", !shown);
      lines[Number(button.dataset.series)].setAttribute("visibility", shown ? "visible" : "hidden");
      hide();
    });
  }
  svg.addEventListener("pointermove", (event) => {
    const matrix = svg.getScreenCTM();
    if (!matrix) return;
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse());
    let best = null, nearest = 40 * 40;
    lines.forEach((line, i) => {
      if (line.classList.contains("off")) return;
      for (const point of points[i]) {
        const distance = (point.px - at.x) ** 2 + (point.py - at.y) ** 2;
        if (distance < nearest) { nearest = distance; best = { line, point }; }
      }
    });
    if (!best) { hide(); return; }
    spot.setAttribute("cx", best.point.px);
    spot.setAttribute("cy", best.point.py);
    spot.setAttribute("visibility", "visible");
    readout.textContent = `${best.line.dataset.name}: ${best.point.y} at ${best.point.x}`;
  });
  svg.addEventListener("pointerleave", hide);
}

// Tables: a click on a column's name sorts by it; totals stay where they are.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = Array.from(table.tHead.rows[0].cells);
  const body = table.tBodies[0];
  if (!body) continue;
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === (column ? "descending" : "ascending");
      const descending = column ? !down : down;
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      const value = (row) => row.cells[column].dataset.value;
      const rows = Array.from(body.rows).sort((a, b) => {
        const [one, two] = [value(a), value(b)];
        if ((one === undefined) !== (two === undefined)) return one === undefined ? 1 : -1;
        const order = one === undefined
          ? a.cells[column].textContent.localeCompare(b.cells[column].textContent)
          : Number(one) - Number(two);
        return descending ? -order : order;
      });
      body.append(...rows);
    });
  });
}

// Overlays: kinds of boxes and findings to look at.
for (const figure of document.querySelectorAll(".overlays")) {
  for (const box of figure.querySelectorAll("input[data-kind]")) {
    const apply = () => figure.classList.toggle(`no-${box.dataset.kind}`, !box.checked);
    box.addEventListener("change", apply);
    apply();  // a browser keeps what was ticked before a reload
  }
  const select = figure.querySelector("select");
  const apply = () => {
    for (const overlay of figure.querySelectorAll(".overlay")) {
      overlay.hidden = select.value !== "" && overlay.dataset.finding !== select.value;
    }
  };
  select.addEventListener("change", apply);
  apply();
}
