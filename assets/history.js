// Client side of dashboard/pages/history.py: rows onto the grid, fields into the URL.
(() => {
  const ROW_HEIGHT = 40;
  const HEADER_HEIGHT = 36;
  const ROWS_IN_VIEW = 16;
  const NARROW = 640;
  const WIDE_ONLY = ["id", "took", "queue", "worker", "attempt"];
  // The fields in their order, and what each says when it asks for nothing.
  const FIELDS = { status: "all", job: "", queue: "", range: "any", q: "" };
  const byId = (id) => document.getElementById(id);
  const put = (element, text) => window.jobManagerText.put(element, text);
  const format = () => window.jobManagerFormat;

  const moment = (at) =>
    at == null ? "—" : format().moment(at, undefined, window.jobManagerTicker.now());
  const took = (ms) => (ms == null ? "—" : format().duration(ms));

  /** Show what a search found: in place of the rows, or below them. */
  async function paint(found) {
    if (!found || !byId("history")) return;
    const api = await window.dash_ag_grid.getApiAsync("history-grid");
    fitWidth(api);
    put(byId("history-problem"), found.problem);
    byId("history-problem").hidden = !found.problem;
    byId("history").classList.remove("loading");
    if (found.problem) return;
    if (found.replace) {
      api.deselectAll();
      api.setGridOption("rowData", found.rows);
      put(byId("history-count"), found.count);
    } else {
      api.applyTransaction({ add: found.rows });
    }
    const rows = api.getDisplayedRowCount();
    byId("history-grid").style.height =
      `${HEADER_HEIGHT + Math.min(rows, ROWS_IN_VIEW) * ROW_HEIGHT + 2}px`;
    paintEnd(found, rows);
  }

  /** What comes after the last row: more, the end, or nothing at all. */
  function paintEnd({ next, searched_to: searchedTo }, rows) {
    const older = byId("history-older");
    older.hidden = next == null;
    put(older, searchedTo == null ? "Older" : `Searched back to ${moment(searchedTo)}, search older`);
    const [title, words] = byId("history-empty").children;
    byId("history-empty").hidden = rows > 0;
    put(title, next == null ? "No runs" : "Nothing found yet");
    put(words, next == null ? "No run matches these words." : "Older runs were not searched.");
  }

  function fitWidth(api) {
    const narrow = byId("history-grid").clientWidth < NARROW;
    api.setColumnsVisible(WIDE_ONLY, !narrow);
  }

  /** Keep the fields in the URL; the address of the same runs as CSV. */
  function keep(source, ...values) {
    const fields = {};
    Object.entries(FIELDS).forEach(([field, nothing], at) => {
      fields[field] = values[at] || nothing;
      window.jobManagerShell.keepInUrl(field, fields[field], nothing);
    });
    return exportUrl(source, fields);
  }

  const STATES = {
    all: ["SUCCEEDED", "FAILED", "CANCELLED"],
    open: ["SCHEDULED", "PENDING", "RUNNING", "OTHER"],
  };
  const HOURS = { "1h": 1, "24h": 24, "7d": 168, "30d": 720 };

  /** Where the runs of these fields are as CSV. */
  function exportUrl(source, { status, job, queue, range, q }) {
    const query = new URLSearchParams({ ...(source && { source }) });
    for (const state of STATES[status] ?? [status]) query.append("status", state);
    for (const [name, value] of Object.entries({ job, queue, q })) {
      if (value) query.set(name, value.trim());
    }
    const hours = HOURS[range];
    if (hours) query.set("since", window.jobManagerTicker.now() - hours * 3_600_000);
    const config = byId("_dash-config");
    const prefix = (config && JSON.parse(config.textContent).requests_pathname_prefix) || "/";
    return `${prefix}api/runs.csv?${query}`;
  }

  /** The bar of actions comes with the first selected row. */
  function selected(rows) {
    const bar = byId("bulk-bar");
    if (!bar) return;
    bar.hidden = !rows?.length;
    put(byId("bulk-count"), rows?.length ? `${rows.length} selected` : "");
  }

  const close = (clicks) => (clicks ? false : window.dash_clientside.no_update);

  window.dashAgGridFunctions = Object.assign(window.dashAgGridFunctions ?? {}, {
    moment,
    took,
  });
  window.jobManagerHistory = { exportUrl };
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    history: { paint, keep, selected, close },
  });
})();
