// One chart of the trends page: its table, its zoom, its picture.
//
// Of a chart called "fig-x" the parts are "fig-x-table", "fig-x-words" and so on, see
// dashboard/panels/chart.py.
(() => {
  const byId = (id) => document.getElementById(id);
  // What each table says: only what differs is written anew.
  const painted = new WeakMap();
  const plotOf = (id) => document.querySelector(`#${id} .js-plotly-plot`);

  function element(name, className = "", ...children) {
    const made = document.createElement(name);
    if (className) made.className = className;
    made.append(...children);
    return made;
  }

  // ---- table ----

  /** The same numbers as a table; when it can be seen, its rows can be chosen. */
  function paintTable(id, { heads, cells, keys }) {
    const place = byId(`${id}-table`);
    const visible = isTableShown(id);
    const state = JSON.stringify([heads, cells, visible]);
    if (painted.get(place) === state) return;
    painted.set(place, state);
    const chosen = place.contains(document.activeElement) && document.activeElement.dataset.key;
    const body = element("tbody");
    body.append(...cells.map((row, at) => tableRow(row, keys[at], visible)).reverse());
    const head = element("tr", "", ...heads.map((words) => element("th", "", words)));
    for (const cell of head.children) cell.scope = "col";
    place.replaceChildren(element("table", "", element("thead", "", head), body));
    place.tabIndex = visible ? 0 : -1;
    if (chosen) [...place.querySelectorAll("button")].find(({ dataset }) => dataset.key === chosen)?.focus();
  }

  const isTableShown = (id) => !byId(`${id}-table`).classList.contains("visually-hidden");

  function toggleTable(id, button) {
    byId(`${id}-table`).classList.toggle("visually-hidden");
    button.setAttribute("aria-pressed", String(isTableShown(id)));
  }

  function tableRow([first, ...others], key, visible) {
    const name = element("th");
    name.scope = "row";
    name.append(visible ? chooser(first, key) : first);
    return element("tr", "", name, ...others.map((words) => element("td", "", words)));
  }

  function chooser(words, key) {
    const button = element("button", "link-button", words);
    button.dataset.key = JSON.stringify(key);
    return button;
  }

  // ---- zoom ----

  /** Plotly writes instants as "2026-03-18 12:00:00", UTC. */
  const instant = (end) => (typeof end === "number" ? end : Date.parse(`${end.replace(" ", "T")}${end.length > 10 ? "Z" : ""}`));

  /** What a chart is zoomed to; null when it shows the whole range. */
  function zoomOf(id, whole) {
    const range = plotOf(id)?.layout?.xaxis?.range;
    if (!range || !whole) return null;
    const isZoomed = range.some((end, at) => Math.abs(instant(end) - instant(whole[at])) > 1);
    return isZoomed ? range : null;
  }

  /** Show the whole range again. */
  function unzoom(id, range) {
    const plot = plotOf(id);
    const layout = { ...plot.layout, uirevision: Date.now(), xaxis: { ...plot.layout.xaxis, range: [...range] } };
    return window.Plotly.react(plot, plot.data, layout);
  }

  // ---- picture ----

  /** The chart as it is seen, with its heading and the colours of the theme. */
  function picture(id) {
    const plot = plotOf(id);
    const css = getComputedStyle(document.documentElement);
    const colour = (name) => css.getPropertyValue(name).trim();
    const axis = (name) => ({ ...plot.layout[name], gridcolor: colour("--line"), zerolinecolor: colour("--line") });
    const layout = {
      ...plot.layout,
      autosize: false,
      paper_bgcolor: colour("--surface"),
      plot_bgcolor: colour("--surface"),
      font: { family: colour("--font"), size: 12, color: colour("--text-quiet") },
      title: { text: titleOf(id), x: 0.02, font: { size: 14, color: colour("--text") } },
      margin: { ...plot.layout.margin, t: 70 },
      xaxis: axis("xaxis"),
      yaxis: axis("yaxis"),
    };
    return { data: plot.data, layout };
  }

  /** Plotly takes a little markup in titles. */
  function titleOf(id) {
    const words = [byId(`${id}-heading`), byId(`${id}-words`)].map(({ textContent }) => textContent);
    return words.join(" · ").replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  }

  const save = (id, filename) =>
    window.Plotly.downloadImage(picture(id), { format: "png", width: 1000, height: 420, scale: 2, filename });

  window.jobManagerCharts = { element, paintTable, toggleTable, zoomOf, unzoom, picture, save, instant };
})();
