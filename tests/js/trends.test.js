// assets/trends.js asks once at a time; assets/charts.js knows what is zoomed.
const assert = require("node:assert/strict");
const { test } = require("node:test");

const { fakeDocument, fakeTime, runAsset } = require("./helpers.js");

const SAME = Symbol("no_update");
const NOW = Date.parse("2026-03-18T12:34:56Z");

/** The page with the source "jobs" and a week; `tick` is the interval, `change` a field. */
function page() {
  const time = fakeTime(NOW);
  const document = Object.assign(fakeDocument(["trends", "trends-days"]), { querySelector: () => null });
  const url = {};
  const window = {
    dash_clientside: { no_update: SAME, callback_context: { triggered: [] } },
    jobManagerTicker: { now: time.now },
    jobManagerShell: { keepInUrl: (key, value, otherwise = "") => (url[key] = value === otherwise ? "" : value) },
  };
  const AnyDate = Object.assign(function at(ms) { return new Date(ms); }, { now: time.now, parse: Date.parse });
  const globals = { window, document, ...time.globals, Date: AnyDate };
  runAsset("poll.js", globals);
  runAsset("charts.js", { ...globals, WeakMap });
  runAsset("trends.js", globals);
  const fields = ["jobs", "7d", "", "", "(all jobs)"];
  const ask = (cause, values = fields) => {
    window.dash_clientside.callback_context.triggered = [{ prop_id: `${cause}.value` }];
    return window.dash_clientside.trends.ask(1, ...values);
  };
  return { time, document, url, ask, fields, window, tick: () => ask("trends-interval") };
}

test("the first question is asked at once, with the fields of the page", () => {
  const { ask, url } = page();
  assert.deepEqual(ask("source-select"), { range: "7d", from: "", to: "", job: "", source: "jobs", number: 1, have: null });
  assert.deepEqual(url, { range: "", from: "", to: "", job: "" });
});

test("while an answer is under way the interval waits, a field does not", () => {
  const { ask, tick, fields, url } = page();
  ask("source-select");
  assert.equal(tick(), SAME);
  const asked = ask("trends-range", ["jobs", "90d", ...fields.slice(2)]);
  assert.equal(asked.number, 2);
  assert.equal(url.range, "90d");
});

test("an answer that never comes is given up", () => {
  const { ask, tick, time } = page();
  ask("source-select");
  time.advance(10_001);
  assert.equal(tick().number, 2);
});

test("a hidden tab asks for nothing at intervals", () => {
  const { ask, tick, time, document } = page();
  ask("source-select");
  time.advance(60_000);
  document.hidden = true;
  assert.equal(tick(), SAME);
});

test("days are asked for with a range of one's own only", () => {
  const { ask, url, document } = page();
  for (const id of ["trends-first", "trends-last"]) document.elements.set(id, {});
  const own = ["jobs", "custom", "2026-03-01", "2026-03-02", "etl"];
  assert.equal(ask("trends-range", own).from, "2026-03-01");
  assert.deepEqual([url.from, url.to, url.job], ["2026-03-01", "2026-03-02", "etl"]);
  assert.equal(document.elements.get("trends-last").max, "2026-03-18");
  assert.equal(ask("trends-range", ["jobs", "30d", "2026-03-01", "2026-03-02", "etl"]).from, "");
});

test("what is not heard of for three minutes is said to be old", () => {
  const { ask, window, document, time } = page();
  const classes = new Set();
  const flag = { toggle: (name, on) => (on ? classes.add(name) : classes.delete(name)), remove() {} };
  document.elements.get("trends").classList = flag;
  for (const id of ["trends-problem", "trends-first", "trends-last", "trends-updated"]) {
    document.elements.set(id, { classList: flag, setAttribute() {} });
  }
  runAsset("text.js", { window });
  window.jobManagerFormat = { ago: (age) => `${age / 1000} s ago` };
  const { number } = ask("source-select");
  window.dash_clientside.trends.paint({ number, same: true, problem: "" });
  time.advance(180_000);
  assert.equal(document.elements.get("trends-updated").textContent, " · updated 180 s ago");
  assert.equal(classes.has("tone-warn"), false);
  time.advance(1_000);
  assert.equal(classes.has("tone-warn"), true);
});

test("the query of the CSV leaves out what asks for nothing", () => {
  const { window } = page();
  const query = window.jobManagerTrends.apiQuery({ range: "7d", from: "", job: "a&b", source: "jobs" });
  assert.equal(String(query), "range=7d&job=a%26b&source=jobs");
});

test("instants are read as plotly writes them", () => {
  const { instant } = page().window.jobManagerCharts;
  assert.equal(instant("2026-03-18 12:34"), Date.parse("2026-03-18T12:34Z"));
  assert.equal(instant("2026-03-18 12:34:56.25"), NOW + 250);
  assert.equal(instant("2026-03-18"), Date.parse("2026-03-18"));
  assert.equal(instant(5), 5);
});
