// Everything by keys: pages, search, rows, help. What a field is typed in is left alone.
(() => {
  // The second key after g, and the page it goes to, below the prefix.
  const PAGES = { o: "", h: "history", t: "trends", e: "errors", a: "audit", l: "alerts" };
  const TYPED_IN = "input, textarea, select, [contenteditable]";
  const SEQUENCE_MS = 1500;
  let wentAt = -Infinity;

  function onKey(event) {
    const busy = event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented;
    if (busy || event.target.closest?.(TYPED_IN) || document.querySelector(".modal.show")) return;
    const isSecond = event.timeStamp - wentAt < SEQUENCE_MS;
    wentAt = !isSecond && event.key === "g" ? event.timeStamp : -Infinity;
    const action = isSecond ? () => openPage(PAGES[event.key]) : KEYS[event.key];
    if (action?.()) event.preventDefault();
  }

  const KEYS = {
    "/": search,
    "?": help,
    j: () => moveRow(1),
    k: () => moveRow(-1),
  };

  function search() {
    const find = (selector) => document.querySelector(`#content ${selector}`);
    const field = find("input[id$=-search]") ?? find("input[type=search]");
    field?.focus();
    field?.select();
    return field;
  }

  function help() {
    window.dash_clientside.set_props("keyboard-modal", { is_open: true });
    return true;
  }

  function openPage(path) {
    if (path === undefined) return false;
    const target = new URL(window.jobManagerShell.below(path), location.origin).pathname;
    const links = [...document.querySelectorAll(".nav-item")];
    const link = links.find(({ href }) => new URL(href).pathname === target);
    link?.click();
    return link;
  }

  /** The next or the previous row of the page's grid has the focus; Enter opens it. */
  function moveRow(step) {
    return moveLine(step) || moveGridRow(step);
  }

  /** In a list of links, as on the errors page. */
  function moveLine(step) {
    const lines = [...document.querySelectorAll("#content a.group-title")];
    const at = lines.indexOf(document.activeElement);
    const next = lines[Math.min(Math.max(at < 0 ? 0 : at + step, 0), lines.length - 1)];
    next?.focus();
    return next;
  }

  function moveGridRow(step) {
    const grid = document.querySelector("#content .ag-root-wrapper")?.closest("[id$=-grid], [id$=-runs]");
    const api = grid && window.dash_ag_grid.getApi(grid.id);
    const rows = api?.getDisplayedRowCount() ?? 0;
    if (!rows) return false;
    const focused = api.getFocusedCell();
    const at = focused ? focused.rowIndex + step : 0;
    const row = Math.min(Math.max(at, 0), rows - 1);
    const column = focused?.column ?? api.getAllDisplayedColumns()[0];
    api.ensureIndexVisible(row);
    api.setFocusedCell(row, column);
    return true;
  }

  const open = (clicks) => (clicks ? true : window.dash_clientside.no_update);

  document.addEventListener("keydown", onKey);
  window.dash_clientside = Object.assign({}, window.dash_clientside, { keyboard: { open } });
})();
