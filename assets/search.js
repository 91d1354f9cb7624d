// What a search found, onto the page that asked: rows, how many, what comes after them.
//
// The ids are "<page>-grid", "<page>-count" and so on, see dashboard/components/search.py.
(() => {
  const ROWS_IN_VIEW = 16;
  // What there is no room for: the details have it, or a second line.
  const HIDDEN = {
    history: {
      narrow: ["id", "reason", "took", "queue", "worker", "attempt"],
      medium: ["queue", "worker", "attempt"],
    },
    audit: {
      narrow: ["actor", "job", "before", "after", "detail"],
      medium: ["before", "after"],
    },
  };
  const WIDTHS = {
    history: {
      narrow: [
        { colId: "status", width: 104 },
        { colId: "at", width: 102 },
      ],
      wide: [
        { colId: "status", width: 122 },
        { colId: "at", width: 150 },
      ],
    },
    audit: {
      narrow: [
        { colId: "at", width: 100 },
        { colId: "action", width: 88 },
        { colId: "outcome", width: 92 },
      ],
      wide: [
        { colId: "at", width: 150 },
        { colId: "action", width: 130 },
        { colId: "outcome", width: 140 },
      ],
    },
  };
  const NOTHING = {
    history: ["No runs", "No run is over yet, or none matches the filter."],
    audit: ["No actions", "Nobody did anything yet, or nothing that matches the filter."],
  };
  const followed = new WeakSet();
  const byId = (id) => document.getElementById(id);
  const put = (element, text) => window.jobManagerText.put(element, text);

  /** An instant; a text that is there instead of one is shown as it is. */
  const moment = (at) =>
    typeof at !== "number"
      ? (at ?? "")
      : window.jobManagerFormat.moment(at, undefined, window.jobManagerTicker.now());

  /** Show what a search found: in place of the rows, or below them. */
  async function paint(page, found) {
    if (!found || !byId(page)) return;
    const api = await window.dash_ag_grid.getApiAsync(`${page}-grid`);
    followWidth(page, api);
    const stale = found.problem && api.getDisplayedRowCount() ? " The rows are from before." : "";
    put(byId(`${page}-problem`), found.problem + stale);
    byId(`${page}-problem`).hidden = !found.problem;
    byId(page).classList.remove("loading");
    if (found.problem) return;
    if (found.replace) {
      api.deselectAll();
      api.setGridOption("rowData", found.rows);
      put(byId(`${page}-count`), found.count);
    } else {
      api.applyTransaction({ add: found.rows });
    }
    const rows = api.getDisplayedRowCount();
    window.jobManagerGrid.fit(byId(`${page}-grid`), rows, ROWS_IN_VIEW);
    paintEnd(page, found, rows);
  }

  /** Once for each grid: a page that was left and opened again has a new one. */
  function followWidth(page, api) {
    const grid = byId(`${page}-grid`);
    if (followed.has(grid)) return;
    followed.add(grid);
    const changed = () => window.jobManagerGrid.fit(grid, api.getDisplayedRowCount(), ROWS_IN_VIEW);
    window.jobManagerGrid.follow(api, grid, { hidden: HIDDEN[page], widths: WIDTHS[page], changed });
  }

  /** What comes after the last row: more, the end, or nothing at all. */
  function paintEnd(page, { next, searched_to: searchedTo }, rows) {
    const older = byId(`${page}-older`);
    older.hidden = next == null;
    put(older, searchedTo == null ? "Older" : `Searched back to ${moment(searchedTo)}, search older`);
    const empty = byId(`${page}-empty`);
    const [title, words] = empty.children;
    const said = next == null ? NOTHING[page] : ["Nothing found yet", "What is older was not searched."];
    empty.hidden = rows > 0;
    put(title, said[0]);
    put(words, said[1]);
  }

  window.dashAgGridFunctions = Object.assign(window.dashAgGridFunctions ?? {}, { moment });
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    search: {
      history: (found) => paint("history", found),
      audit: (found) => paint("audit", found),
    },
  });
})();
