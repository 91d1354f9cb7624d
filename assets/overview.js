// Client side of dashboard/views/overview.py: puts a snapshot on the page.
//
// The page's skeleton comes from Dash once; from then on values are assigned straight to
// the DOM and the grid, which is ten times cheaper than a round through the renderer.
// Everything a job can name is assigned as text, never as markup.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const ROWS_IN_VIEW = 14;
  const LOOK_MS = 20;
  const HIDDEN = { narrow: ["id", "worker", "alive", "progress"] };
  const byId = (id) => document.getElementById(id);
  const WHEN_BACK = "They can be cleaned up when the database answers again.";
  // On a phone the job's name gets the room that the bar has elsewhere.
  const WIDTHS = {
    narrow: [
      { colId: "status", width: 100 },
      { colId: "started", flex: null, width: 100 },
    ],
    wide: [
      { colId: "status", width: 122 },
      { colId: "started", flex: 4 },
    ],
  };
  let shown = {};
  let latest = null;
  let grid = null;
  let waiting = null;
  let rows = new Map();
  let filterText = "";
  let isDown = false;
  let isOld = false;

  const setText = (element, text) => window.jobManagerText.put(element, text);

  function setHidden(element, hidden) {
    if (element && element.hidden !== hidden) element.hidden = hidden;
  }

  /** The page was put in place: what is known is painted at once. */
  function opened() {
    shown = {};
    if (latest) paint(latest);
  }

  /** Of those that race assets/order.js lets the later one pass. */
  function arrived(message) {
    latest = message;
    if (byId("overview")) paint(message);
  }

  /** Paint a message; what is on the page already is left alone. */
  function paint({ read_at: readAt, view }) {
    for (const [id, tile] of Object.entries(view.tiles)) {
      changed(id, tile, () => paintTile(byId(id), tile));
    }
    const down = view.trouble?.partial ? null : view.trouble;
    const noAction = down ? WHEN_BACK : view.read_only;
    changed("banner", [view.banner, noAction], () => paintBanner(view.banner, noAction));
    changed("trouble", view.trouble, () => paintTrouble(view.trouble));
    changed("notices", view.notices, () => paintNotices(view.notices));
    paintActive(view.active, readAt, down);
    isDown = Boolean(down);
    paintPage();
  }

  function paintPage() {
    const page = byId("overview");
    if (!page || !latest) return;
    const isStale = isDown || isOld;
    changed("stale", isStale, () => markPage(page, isStale));
  }

  function markPage(page, isStale) {
    page.dataset.painted = "yes";
    page.classList.remove("loading");
    page.classList.toggle("is-stale", isStale);
  }

  /** Run ``draw`` when the value differs from what was drawn last. */
  function changed(key, value, draw) {
    const text = JSON.stringify(value);
    if (shown[key] === text) return;
    shown[key] = text;
    draw();
  }

  function paintTile(element, tile) {
    if (!element) return;
    const [, value, note, spark] = element.children;
    setText(value, tile.value);
    window.jobManagerText.putName(note, tile.note);
    if (tile.since != null) note.append(" ", timed(tile.since, "duration"));
    if (tile.at != null) note.append(" ", timed(tile.at, "clock"));
    element.dataset.tone = tile.tone ?? "";
    changed(`${element.id} spark`, tile.spark ?? "", () => paintSpark(spark, tile.spark));
  }

  function paintSpark(spark, points) {
    spark.replaceChildren(...(points ? [sparkline(points)] : []));
  }

  function sparkline(points) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 100 24");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    const line = document.createElementNS(SVG, "polyline");
    line.setAttribute("points", points);
    svg.append(line);
    return svg;
  }

  const timed = (since, as) => window.jobManagerTicker.timed(since, as);

  function paintBanner(banner, noAction) {
    if (!byId("stalled-banner")) return;
    setHidden(byId("stalled-nothing"), banner.count > 0);
    setText(byId("stalled-title"), banner.count ? banner.title : "");
    setText(byId("stalled-detail"), banner.count ? banner.detail : "");
    setText(byId("cleanup-unavailable"), noAction);
    setHidden(byId("cleanup-unavailable"), !noAction);
    setHidden(byId("cleanup-stalled"), Boolean(noAction));
    setHidden(byId("stalled-banner"), banner.count === 0);
  }

  function paintTrouble(trouble) {
    const element = byId("source-trouble");
    setHidden(element, !trouble);
    element.replaceChildren();
    if (!trouble) return;
    const title = document.createElement("strong");
    title.append(`${trouble.title} since `, timed(trouble.since, "clock"));
    if (trouble.read_at == null) title.append(". No data was read yet.");
    else title.append(", data from ", timed(trouble.read_at, "clock"), ".");
    element.append(title, trouble.message);
    if (trouble.mend) element.append(command(trouble.mend));
  }

  function command(text) {
    const element = document.createElement("pre");
    element.textContent = text;
    element.tabIndex = 0;
    return element;
  }

  /** What could be better about the source: one line, the commands behind it. */
  function paintNotices(notices) {
    const element = byId("source-notices");
    if (!element) return;
    setHidden(element, notices.length === 0);
    const summary = document.createElement("summary");
    summary.textContent =
      notices.length === 1 ? notices[0].message : `${notices.length} indexes are missing.`;
    summary.append(" Reads are slower than they could be.");
    const details = document.createElement("details");
    details.append(summary, command(notices.map(({ mend }) => mend).join("\n")));
    element.replaceChildren(details);
  }

  function paintActive(active, readAt, trouble) {
    if (!byId("active-count")) return;
    setText(byId("active-count"), trouble && readAt == null ? "" : active.count);
    const updated = byId("active-updated");
    if (readAt != null) {
      if (!updated.firstElementChild) updated.append("· updated ", timed(readAt, "ago"));
      window.jobManagerTicker.mark(updated.firstElementChild, readAt);
    }
    setHidden(byId("active-empty"), active.rows.length > 0);
    changed("empty", [Boolean(trouble), trouble && readAt], () => paintEmpty(trouble, readAt));
    setText(byId("active-more"), active.more);
    setHidden(byId("active-more"), !active.more);
    withGrid((api) => {
      changed("rows", active.rows.length, () => fit(active.rows.length));
      assign(api, active.rows);
    });
  }

  /** An empty list means "no jobs" only while the database answers. */
  function paintEmpty(trouble, readAt) {
    const [title, words] = byId("active-empty").children;
    if (!trouble) {
      setText(title, "No active jobs");
      setText(words, "Nothing runs or waits right now.");
    } else if (readAt == null) {
      setText(title, "No data yet");
      setText(words, "Jobs appear here as soon as they can be read.");
    } else {
      setText(title, "Unknown");
      words.replaceChildren("At ", timed(readAt, "clock"), " there were no active jobs.");
    }
  }

  function fit(count) {
    window.jobManagerGrid.fit(byId("active-runs"), count, ROWS_IN_VIEW);
  }

  function withGrid(use) {
    if (grid && !grid.isDestroyed()) return use(grid);
    const isWaited = waiting !== null;
    waiting = use;
    if (!isWaited) findGrid();
  }

  /**
   * Look until the grid is there: of what is to be done with it, the newest counts. The
   * grid's own promise comes up to a second after the grid.
   */
  function findGrid() {
    const api = byId("active-runs") && gridNow();
    if (!api) {
      setTimeout(findGrid, LOOK_MS);
      return;
    }
    const use = waiting;
    [grid, rows, waiting] = [api, new Map(), null];
    dropPagingPanel();
    watchWidth(api);
    use(api);
    api.setGridOption("quickFilterText", filterText);
  }

  function gridNow() {
    try {
      return window.dash_ag_grid.getApi("active-runs");
    } catch {
      return null; // not drawn yet
    }
  }

  /**
   * The panel for pages of rows, which is there and hidden without any: AG Grid writes to
   * it at every change, and the browser then restyles the whole grid.
   */
  function dropPagingPanel() {
    byId("active-runs").querySelector(".ag-paging-panel")?.remove();
  }

  /** Hand the grid only what changed; a row that stays as it was costs nothing. */
  function assign(api, list) {
    const next = new Map();
    const add = [];
    const update = [];
    const remove = [];
    for (const row of list) {
      next.set(row.id, row);
      const before = rows.get(row.id);
      if (!before) add.push(row);
      else if (!isSame(before, row)) update.push(row);
    }
    for (const id of rows.keys()) if (!next.has(id)) remove.push({ id });
    rows = next;
    if (add.length || update.length || remove.length) {
      api.applyTransaction({ add, update, remove });
    }
  }

  /** Do two rows say the same? Their values are plain; a missing one says nothing. */
  function isSame(before, row) {
    for (const key in row) if (row[key] !== before[key]) return false;
    for (const key in before) if (row[key] === undefined) return false;
    return true;
  }

  function watchWidth(api) {
    const changed = () => fit(rows.size);
    window.jobManagerGrid.follow(api, byId("active-runs"), { hidden: HIDDEN, widths: WIDTHS, changed });
  }

  /** The filter that the URL names, for a page that was linked. */
  function filterFromUrl(search) {
    const { no_update } = window.dash_clientside;
    return new URLSearchParams(search ?? "").get("q") ?? no_update;
  }

  function filter(text) {
    filterText = text ?? "";
    window.jobManagerShell.keepInUrl("q", filterText);
    if (grid && !grid.isDestroyed()) grid.setGridOption("quickFilterText", filterText);
  }

  /** Bring the first stalled run into view, wherever sorting put it; a filter gives way. */
  function showStalled() {
    const stalled = [];
    grid?.forEachNodeAfterFilterAndSort((node) => node.data.rank === 0 && stalled.push(node));
    if (stalled.length) grid.ensureNodeVisible(stalled[0], "top");
    else window.dash_clientside.set_props("active-filter", { value: "" });
    byId("active-runs").scrollIntoView({ block: "center", behavior: "smooth" });
  }

  document.addEventListener("jobmanager:snapshot", ({ detail }) => arrived(detail));
  document.addEventListener("jobmanager:freshness", ({ detail }) => {
    isOld = detail.stale;
    paintPage();
  });
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    overview: { opened, filter, filterFromUrl, showStalled },
  });
})();
