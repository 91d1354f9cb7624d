// Client side of dashboard/pages/trends.py: asks, paints what was found, chooses points.
(() => {
  const INTERVAL = "trends-interval";
  const CHARTS = [
    "fig-error-rate",
    "fig-stalled",
    "fig-duration",
    "fig-disconnects",
    "fig-throughput",
    "fig-uptime",
    "fig-mttr",
    "fig-error-types",
  ];
  // Nothing came for so long: what is shown is old.
  const STALE_MS = 180_000;
  const DAY_MS = 86_400_000;
  const WEEK_DAYS = 6;
  // What the select of job types says when it asks for all of them.
  const ANY = "(all jobs)";
  const byId = (id) => document.getElementById(id);
  const put = (element, text) => window.jobManagerText.put(element, text);
  const card = (id) => document.querySelector(`[data-chart="${id}"]`);
  const metricOf = (id) => card(id)?.dataset.metric;
  const chartOf = (metric) => CHARTS.find((id) => metricOf(id) === metric);
  const charts = () => window.jobManagerCharts;
  const element = (...parts) => charts().element(...parts);
  const same = () => window.dash_clientside.no_update;

  // What was asked for and what is shown. `gate` is that of poll.js.
  let state = null;
  let asked = {};
  let shown = null;
  let updatedAt = null;

  // ---- asking ----

  /** The fields as the words of the URL; keeps them there. */
  function fieldsOf(source, range, first, last, job) {
    const custom = range === "custom";
    const fields = { range: range || "7d", from: custom ? first : "", to: custom ? last : "", job: job === ANY ? "" : job || "" };
    window.jobManagerShell.keepInUrl("range", fields.range, "7d");
    for (const name of ["from", "to", "job"]) window.jobManagerShell.keepInUrl(name, fields[name] || "");
    return { ...fields, source: source || "" };
  }

  /** Ask again: at once when a field changed, at intervals unless an answer is under way. */
  function ask(_intervals, source, range, first, last, job) {
    const causes = (window.dash_clientside.callback_context?.triggered ?? []).map(({ prop_id: id }) => id.split(".")[0]);
    const fields = fieldsOf(source, range, first, last, job);
    showDays(fields, first, last);
    linkCsv(fields);
    const isTick = causes.length === 1 && causes[0] === INTERVAL;
    const isOther = JSON.stringify(fields) !== JSON.stringify(asked);
    const fresh = !byId("trends")?.dataset.asked;
    byId("trends").dataset.asked = "yes";
    if (fresh) shown = null;
    if (fields.range === "custom" && !first && !last) return same();
    const before = (state ??= window.jobManagerPoll.initial).asked;
    state = window.jobManagerPoll.gate(state, {
      tick: isTick,
      urgent: !isTick || isOther || fresh,
      hidden: document.hidden && !fresh,
      now: Date.now(),
    });
    if (state.asked === before) return same();
    asked = fields;
    return { ...fields, number: state.asked, have: isOther ? null : shown?.stamp };
  }

  /** Two days of one's own are asked for where a range of one's own is chosen. */
  function showDays({ range }, first, last) {
    const days = byId("trends-days");
    days.hidden = range !== "custom";
    if (days.hidden) return;
    const today = isoDay(window.jobManagerTicker.now());
    for (const id of ["trends-first", "trends-last"]) {
      byId(id).max = today;
    }
    if (first || last) return;
    const set = window.dash_clientside.set_props;
    setTimeout(() => {
      set("trends-first", { value: isoDay(window.jobManagerTicker.now() - WEEK_DAYS * DAY_MS) });
      set("trends-last", { value: today });
    });
  }

  const isoDay = (at) => new Date(at).toISOString().slice(0, 10);

  /** The words of the API for these fields. */
  function apiQuery(fields) {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(fields)) if (value) query.set(name, value);
    return query;
  }

  function linkCsv(fields) {
    for (const id of CHARTS) {
      const link = byId(`${id}-csv`);
      if (link) link.href = window.jobManagerShell.below(`api/trends/${metricOf(id)}.csv?${apiQuery(fields)}`);
    }
  }

  // ---- what was found ----

  /** Paint an answer; the figures go on to Dash, others stay as they are. */
  function paint(found) {
    const nothing = CHARTS.map(same);
    if (!found || !byId("trends")) return nothing;
    state = window.jobManagerPoll.gate(state ?? window.jobManagerPoll.initial, {
      ack: found.number,
      hidden: false,
      now: Date.now(),
    });
    if (found.number !== state.asked) return nothing;
    byId("trends").classList.remove("loading");
    paintProblem(found);
    if (found.problem) return nothing;
    updatedAt = window.jobManagerTicker.now();
    paintUpdated();
    if (found.same) return nothing;
    const zooms = CHARTS.map((id) => keptZoom(id, found));
    shown = found;
    paintAround(found);
    for (const id of CHARTS) paintCard(id, found.trends[metricOf(id)]);
    return CHARTS.map((id, at) => fitted(found.trends[metricOf(id)].figure, zooms[at]));
  }

  /** A finger scrolls the page and does not zoom; a narrow chart has fewer ticks. */
  function fitted(figure, zoom) {
    const narrow = innerWidth < 760;
    const { xaxis } = figure.layout;
    const touch = matchMedia("(pointer: coarse)").matches;
    const ticks = narrow ? Math.min(xaxis.nticks, 5) : xaxis.nticks;
    const range = [...(zoom ?? xaxis.range)]; // plotly writes into it
    const axis = { ...xaxis, range, nticks: ticks, fixedrange: xaxis.fixedrange || touch };
    return { ...figure, layout: { ...figure.layout, xaxis: axis } };
  }

  function paintProblem({ problem, asked_wrong: wrong }) {
    const kept = problem && shown && !wrong ? " What is shown is from before." : "";
    put(byId("trends-problem"), problem + kept);
    byId("trends-problem").hidden = !problem;
    for (const id of ["trends-first", "trends-last"]) {
      byId(id).setAttribute("aria-invalid", String(Boolean(wrong)));
    }
    if (problem && !shown) for (const id of CHARTS) put(byId(`${id}-words`), "");
  }

  function paintAround({ progress, trouble, reports }) {
    const bar = byId("trends-progress");
    bar.parentElement.hidden = !progress;
    if (progress) {
      bar.value = progress.percent;
      put(byId("trends-progress-words"), progress.words);
    }
    put(byId("trends-trouble"), trouble);
    byId("trends-trouble").hidden = !trouble;
    const confirmed = reports.filter(({ tone }) => tone === "bad").length;
    put(byId("trends-reports-count"), reports.length ? `${reports.length} in this range, ${confirmed} confirmed` : "none in this range");
    byId("trends-reports").replaceChildren(...reports.map(reportLine));
    window.jobManagerTicker.tick();
  }

  function reportLine({ at, source, words, tone }) {
    const when = element("span");
    when.dataset.as = "clock";
    when.dataset.since = at;
    return element("li", "", when, ` ${source} `, element("span", `tone-${tone}`, words));
  }

  function paintCard(id, trend) {
    put(byId(`${id}-words`), trend.words);
    put(byId(`${id}-note`), trend.note);
    byId(`${id}-note`).hidden = !trend.note || Boolean(trend.empty);
    put(byId(`${id}-empty`), trend.empty);
    byId(`${id}-empty`).hidden = !trend.empty;
    const graph = byId(id);
    graph.setAttribute("role", "img");
    graph.setAttribute("aria-label", `Chart. ${trend.empty || trend.words}`);
    charts().paintTable(id, trend);
  }

  function paintUpdated() {
    const place = byId("trends-updated");
    if (!place || updatedAt == null) return;
    const age = window.jobManagerTicker.now() - updatedAt;
    put(place, ` · updated ${window.jobManagerFormat.ago(age)}`);
    place.classList.toggle("tone-warn", age > STALE_MS);
  }

  // ---- one point ----

  /** A click on a chart chooses a point. */
  function choose(...clicks) {
    const [cause] = window.dash_clientside.callback_context?.triggered ?? [];
    const id = cause?.prop_id.split(".")[0];
    const point = clicks[CHARTS.indexOf(id)]?.points?.[0];
    return point ? chosen(id, point.customdata[0]) : same();
  }

  const chosen = (id, key) => ({ ...asked, metric: metricOf(id), key, at: Date.now() });

  /** What moved the chosen point, below its chart. */
  function caused(cause) {
    const id = cause && chartOf(cause.metric);
    if (!id) return;
    for (const other of CHARTS) byId(`${other}-cause`).hidden = other !== id;
    const close = element("button", "link-button", "Close");
    close.dataset.do = "close";
    const head = element("div", "trend-cause-head", element("strong", "", cause.title ?? "This point"), close);
    const parts = cause.problem
      ? [element("div", "outcome-problem", cause.problem)]
      : [
          element("div", "", cause.words),
          ...cause.parts.map(partsOf),
          element("div", "trend-links", ...cause.links.map(linkOf)),
        ];
    const place = byId(`${id}-cause`);
    place.setAttribute("role", "status");
    place.replaceChildren(head, ...parts);
  }

  function partsOf({ title, lines }) {
    const rows = lines.map(({ name, words, bad }) =>
      element("li", "", element("span", "trend-part", name), element("span", bad ? "tone-bad" : "quiet", words)),
    );
    const list = rows.length ? element("ul", "", ...rows) : element("span", "quiet", "no change");
    return element("div", "trend-parts", element("div", "trend-parts-title", title), list);
  }

  function linkOf({ words, href }) {
    const link = element("a", "", words);
    link.href = href;
    return link;
  }

  // ---- zoom, table, picture ----

  const figureOf = (id, found = shown) => found?.trends[metricOf(id)].figure;
  const zoomOf = (id) => charts().zoomOf(id, figureOf(id)?.layout.xaxis.range);

  /** What a chart stays zoomed to: it goes on to show the same question. */
  function keptZoom(id, found) {
    const [before, next] = [shown, found].map((one) => figureOf(id, one)?.layout.uirevision);
    return before === next ? zoomOf(id) : null;
  }

  /** The way back is offered while a chart is zoomed. */
  function zoomed() {
    requestAnimationFrame(() => {
      for (const id of CHARTS) {
        const button = card(id)?.querySelector("[data-do=whole]");
        if (button) button.hidden = !zoomOf(id);
      }
    });
  }

  const DO = {
    whole: (id) => shown && charts().unzoom(id, figureOf(id).layout.xaxis.range).then(zoomed),
    table: (id, button) => {
      charts().toggleTable(id, button);
      if (shown) charts().paintTable(id, shown.trends[metricOf(id)]);
    },
    png: (id) => shown && charts().save(id, `${metricOf(id)}-${asked.range}`),
    close: (id) => {
      byId(`${id}-cause`).hidden = true;
    },
  };

  function onClick(event) {
    const button = event.target.closest?.("[data-chart] button");
    const id = button?.closest("[data-chart]").dataset.chart;
    if (button?.dataset.key) {
      window.dash_clientside.set_props("trends-chosen", { data: chosen(id, JSON.parse(button.dataset.key)) });
    }
    DO[button?.dataset.do]?.(id, button);
  }

  document.addEventListener("click", onClick);
  setInterval(() => document.hidden || paintUpdated(), 1000);
  window.jobManagerTrends = { apiQuery };
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    trends: { ask, paint, choose, zoomed, caused },
  });
})();
