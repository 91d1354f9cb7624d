// Client side of dashboard/pages/errors.py: what is chosen, and this tab's recent errors.
(() => {
  const ASKED = "errors-asked";
  const RECENT_EVERY_MS = 2000;
  // The fields in their order, and what each says when it asks for nothing.
  const FIELDS = { range: "7d", status: "open", origin: "any", action: "any", component: "any", job: "", q: "" };
  const HOURS = { "24h": 24, "7d": 168, "30d": 720, "90d": 2160 };
  const STATUSES = {
    open: ["open", "regressed"],
    regressed: ["regressed"],
    resolved: ["resolved"],
    ignored: ["ignored"],
  };
  const byId = (id) => document.getElementById(id);
  let shownPlace = null;

  /** Keep the fields in the URL; where the same events and groups are as CSV. */
  function keep(source, ...values) {
    const fields = {};
    Object.entries(FIELDS).forEach(([field, nothing], at) => {
      fields[field] = values[at] || nothing;
      window.jobManagerShell.keepInUrl(field, fields[field], nothing);
    });
    const query = exportQuery(fields, window.jobManagerTicker.now(), source);
    requestAnimationFrame(() => requestAnimationFrame(filled));
    return ["api/errors.csv", "api/errors/groups.csv"].map((path) =>
      window.jobManagerShell.below(`${path}?${query}`),
    );
  }

  /** The words of the API for these fields. */
  function exportQuery({ range, status, ...others }, now, source) {
    const query = new URLSearchParams({ ...(source && { source }) });
    query.set("since", now - (HOURS[range] ?? HOURS[FIELDS.range]) * 3_600_000);
    for (const one of STATUSES[status] ?? []) query.append("status", one);
    for (const [name, value] of Object.entries(others)) {
      if (value && value !== FIELDS[name]) query.set(name, value.trim());
    }
    return query;
  }

  /** May it not be confirmed yet? Of many runs the number is typed first. */
  function typed(text, plan) {
    if (!plan?.type) return false;
    return String(text ?? "").replace(/[\s,]/g, "") !== String(plan.type);
  }

  const ask = (data) => window.dash_clientside.set_props(ASKED, { data });

  /** A group and one of its events are shown: keep the group in the URL, mark its line. */
  function shown(place) {
    shownPlace = place;
    window.jobManagerShell.keepInUrl("group", place?.group ?? "");
    requestAnimationFrame(() => requestAnimationFrame(filled));
  }

  /** Ages at once and not with the next tick; the line of the chosen group. */
  function filled() {
    window.jobManagerTicker.tick();
    for (const row of document.querySelectorAll("#error-groups tr[data-group]")) {
      row.classList.toggle("chosen", row.dataset.group === shownPlace?.group);
    }
    paintRecent();
  }

  /** A click on a line shows its group; with a modifier its link is opened in another tab. */
  function onClick(event) {
    const step = event.target.closest?.("#error-detail [data-step]")?.dataset.step;
    if (step && shownPlace) ask({ ...shownPlace, step, n: Date.now() });
    const line = event.target.closest?.("#error-groups [data-group]");
    if (!line || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (getSelection().toString()) return;
    ask({ group: line.dataset.group });
    if (matchMedia("(max-width: 1000px)").matches) {
      setTimeout(() => byId("error-detail")?.scrollIntoView({ block: "start" }), 300);
    }
  }

  // ---- this tab's recent errors ----

  let painted = "";

  function paintRecent() {
    const list = byId("recent-errors");
    if (!list) return;
    const recent = window.jobManager?.getRecentErrors?.() ?? [];
    const state = JSON.stringify(recent.map(({ event_id: id }) => id));
    if (state === painted && list.childElementCount) return;
    painted = state;
    list.replaceChildren(...(recent.length ? recent.toReversed().map(entry) : [none()]));
  }

  function none() {
    return element("div", "empty", element("strong", "", "No errors"), element("span", "", "Nothing went wrong in this tab."));
  }

  /** One error of this tab: what and when, its context folded. */
  function entry({ level, message, context }) {
    const when = window.jobManagerFormat.clockTime(Date.parse(context?.timestamp));
    const about = [context?.action, context?.component].filter(Boolean).join(" · ");
    const tone = level === "warning" ? "tone-warn" : "tone-bad";
    return element(
      "details",
      "",
      element(
        "summary",
        "",
        element("span", "quiet", when),
        element("span", tone, ` ${message} `),
        element("span", "quiet", about),
      ),
      element("pre", "", JSON.stringify({ message, context }, null, 2)),
    );
  }

  function element(name, className, ...children) {
    const made = document.createElement(name);
    made.className = className;
    made.append(...children);
    return made;
  }

  document.addEventListener("click", onClick);
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("#recent-errors-clear")) return;
    window.jobManager?.clearRecentErrors?.();
    paintRecent();
  });
  setInterval(() => document.hidden || paintRecent(), RECENT_EVERY_MS);
  window.jobManagerErrorsPage = { exportQuery };
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    errors: { keep, shown, typed },
  });
})();
