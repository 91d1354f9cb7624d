// assets/alerts.js: one preview at a time, a click asks for what its button says.
const assert = require("node:assert/strict");
const { test } = require("node:test");

const { runAsset, fakeDocument, fakeTime } = require("./helpers.js");

const NOTHING = Symbol("no_update");
const SHOWN = { rule: "StalledFrequency" };

function open() {
  const time = fakeTime();
  const document = fakeDocument(["alert-silence-until", "alert-rule"]);
  const set = [];
  document.querySelectorAll = () => [];
  const window = {
    dash_clientside: { no_update: NOTHING, set_props: (id, props) => set.push([id, props.data]) },
    jobManagerShell: { keepInUrl: () => {}, below: (path) => `/jobs/${path}` },
    jobManagerTicker: { tick: () => {} },
  };
  const matchMedia = () => ({ matches: false });
  runAsset("alerts.js", { window, document, matchMedia, ...time.globals });
  return { ...window.dash_clientside.alerts, document, set, time };
}

/** What was asked for, once everything that waits has had its time. */
function asked({ set, time }) {
  time.advance(1000);
  return set.filter(([id]) => id === "alert-rule-preview").map(([, data]) => data);
}

test("the first look at a rule asks for its preview at once", () => {
  const page = open();
  page.preview(["2", "1"], SHOWN, undefined);
  page.time.advance(0);
  assert.deepEqual(page.set, [["alert-rule-preview", { rule: SHOWN.rule, values: ["2", "1"], number: 1 }]]);
});

test("without a rule nothing is asked", () => {
  const page = open();
  page.preview([], null, undefined);
  assert.deepEqual(asked(page), []);
});

test("who types is not asked for until the typing stops", () => {
  const page = open();
  page.preview(["2"], SHOWN, undefined);
  asked(page);
  page.preview(["2"], SHOWN, 1);
  for (const text of ["1", "12", "120"]) {
    page.preview([text], SHOWN, 1);
    page.time.advance(300);
  }
  assert.deepEqual(asked(page).slice(1), [{ rule: SHOWN.rule, values: ["120"], number: 2 }]);
});

test("what is typed while one is under way is asked for when its answer is there", () => {
  const page = open();
  page.preview(["2"], SHOWN, undefined);
  asked(page);
  page.preview(["3"], SHOWN, undefined);
  page.preview(["4"], SHOWN, undefined);
  assert.equal(asked(page).length, 1);
  page.preview(["4"], SHOWN, 1);
  assert.deepEqual(asked(page)[1], { rule: SHOWN.rule, values: ["4"], number: 2 });
});

test("the same is not asked twice", () => {
  const page = open();
  page.preview(["2"], SHOWN, undefined);
  asked(page);
  page.preview(["2"], SHOWN, 1);
  assert.equal(asked(page).length, 1);
});

test("an answer that is lost does not stop the next one for ever", () => {
  const page = open();
  page.preview(["2"], SHOWN, undefined);
  page.time.advance(20_000);
  page.preview(["3"], SHOWN, undefined);
  assert.equal(asked(page).length, 1);
  page.time.advance(10_000);
  page.preview(["3"], SHOWN, undefined);
  assert.equal(asked(page)[1].number, 2);
});

test("an old answer does not let a second one out", () => {
  const page = open();
  page.preview(["2"], SHOWN, undefined);
  asked(page);
  page.preview(["3"], SHOWN, 1);
  asked(page);
  page.preview(["4"], SHOWN, 1);
  assert.equal(asked(page).length, 2);
});

test("a rule that is opened again is looked at again", () => {
  const page = open();
  page.preview(["2"], SHOWN, undefined);
  asked(page);
  page.ruleShown(SHOWN);
  page.preview(["2"], SHOWN, 1);
  assert.equal(asked(page)[1].number, 2);
});

test("a page that is gone asks for nothing", () => {
  const page = open();
  page.preview(["2"], SHOWN, undefined);
  page.document.elements.delete("alert-rule");
  assert.deepEqual(asked(page), []);
});

test("the CSV is of the rule that is chosen", () => {
  const { keep } = open();
  assert.equal(keep("any", null), "/jobs/api/alerts/history.csv?");
  assert.equal(keep("SourceDown", { alert: "7" }), "/jobs/api/alerts/history.csv?rule=SourceDown");
  assert.equal(keep("any", null, "orders"), "/jobs/api/alerts/history.csv?source=orders");
});

test("only until has a field, which is one for a date with a time", () => {
  const { span, document } = open();
  assert.equal(span("1h"), true);
  assert.equal(span("until"), false);
  assert.equal(document.getElementById("alert-silence-until").type, "datetime-local");
});

function click(document, dataset, more = {}) {
  const event = Object.assign(new Event("click", { cancelable: true }), more);
  Object.defineProperty(event, "target", { value: { closest: () => ({ dataset }) } });
  document.dispatchEvent(event);
  return event;
}

test("a button tells the store of what it does, and nothing of how", () => {
  const { document, set } = open();
  const event = click(document, { do: "silence", rule: "SourceDown", label: "jobs" });
  assert.equal(event.defaultPrevented, true);
  assert.deepEqual(set, [["alert-silence-asked", { rule: "SourceDown", label: "jobs", n: 0 }]]);
});

test("with a modifier a link is a link", () => {
  const { document, set } = open();
  const event = click(document, { do: "rule", rule: "SourceDown" }, { ctrlKey: true });
  assert.equal(event.defaultPrevented, false);
  assert.deepEqual(set, []);
});
