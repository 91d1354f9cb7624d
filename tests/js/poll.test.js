// assets/poll.js: one question at a time, none while hidden, never silent for ever.
const assert = require("node:assert/strict");
const { test } = require("node:test");

const { fakeDocument, fakeTime, runAsset } = require("./helpers.js");

const SAME = Symbol("no_update");

function page({ live = "on" } = {}) {
  const time = fakeTime(1_000_000);
  const document = Object.assign(fakeDocument(), { querySelector: () => ({ content: live }) });
  const asked = [];
  const home = { answer: async () => ({ status: 200 }) };
  const window = {
    fetch: () => home.answer(),
    dash_clientside: {
      no_update: SAME,
      set_props: (id, { data }) => asked.push([id, data]),
    },
  };
  runAsset("poll.js", { window, document, ...time.globals });
  const fire = (ack, ...causes) => {
    const triggered = causes.map((id) => ({ prop_id: `${id}.data` }));
    window.dash_clientside.callback_context = { triggered };
    return window.dash_clientside.poll.ask(1, ack);
  };
  return {
    time,
    home,
    window,
    document,
    asked,
    poll: window.jobManagerPoll,
    arrived: window.dash_clientside.poll.arrived,
    open: () => fire(null),
    tick: (ack = null) => fire(ack, "refresh-interval"),
    answer: (ack) => fire(ack, "refresh-answered"),
    choose: (ack) => fire(ack, "source-select"),
    both: (ack) => fire(ack, "refresh-interval", "refresh-answered"),
    show(hidden) {
      document.hidden = hidden;
      document.dispatchEvent(new Event("visibilitychange"));
    },
  };
}

test("the page asks as soon as it is open", () => {
  assert.equal(page().open(), 1);
});

test("no second question while an answer is under way", () => {
  const it = page();
  it.open();
  it.time.advance(9_999);
  assert.equal(it.tick(), SAME);
});

test("an answer asks nothing, but lets the next tick ask", () => {
  const it = page();
  it.open();
  assert.equal(it.answer(1), SAME);
  assert.equal(it.tick(1), 2);
});

test("an answer and a tick at once ask", () => {
  const it = page();
  it.open();
  assert.equal(it.both(1), 2);
});

test("an answer to an older question lets nothing through", () => {
  const it = page();
  it.open();
  it.choose(null);
  assert.equal(it.both(1), SAME);
  assert.equal(it.both(2), 3);
});

test("a server that never answers is asked again after ten seconds", () => {
  const it = page();
  it.open();
  it.time.advance(10_000);
  assert.equal(it.tick(), 2);
});

test("an answer that was overtaken does not undo the newer one", () => {
  const it = page();
  it.open();
  it.choose(null);
  it.answer(2);
  it.answer(1);
  assert.equal(it.tick(1), 3);
});

test("another source is asked for at once", () => {
  const it = page();
  it.open();
  assert.equal(it.choose(null), 2);
});

test("nothing is asked while hidden; what was missed is asked when shown", () => {
  const it = page();
  it.show(true);
  assert.equal(it.tick(), SAME);
  assert.deepEqual(it.asked, []);
  it.show(false);
  assert.deepEqual(it.asked, [["refresh-asked", 1]]);
  it.show(true);
  it.show(false);
  assert.equal(it.asked.length, 1);
});

test("a source chosen while hidden is asked for when shown", () => {
  const it = page();
  it.open();
  it.show(true);
  assert.equal(it.choose(1), SAME);
  it.show(false);
  assert.deepEqual(it.asked, [["refresh-asked", 2]]);
});

test("an answer that comes while hidden lets the first tick in view ask", () => {
  const it = page();
  it.open();
  it.show(true);
  assert.equal(it.answer(1), SAME);
  it.show(false);
  assert.deepEqual(it.asked, []);
  assert.equal(it.tick(1), 2);
});

test("an answer that comes after all, once given up, lets nothing twice through", () => {
  const it = page();
  it.open();
  it.time.advance(10_000);
  assert.equal(it.tick(), 2);
  assert.equal(it.answer(1), SAME);
  assert.equal(it.tick(1), SAME);
  assert.equal(it.tick(2), 3);
});

test("askNow asks even while an answer is under way", () => {
  const it = page();
  it.open();
  it.poll.askNow();
  assert.deepEqual(it.asked, [["refresh-asked", 2]]);
});

test("the gate leaves the state that it was given as it was", () => {
  const { initial, gate } = page().poll;
  gate(Object.freeze({ ...initial }), { ack: null, tick: true, hidden: false, now: 5 });
  assert.equal(initial.asked, 0);
});

test("an answer is told to whoever shows it; none is not", () => {
  const it = page();
  const told = [];
  it.document.addEventListener("jobmanager:snapshot", ({ detail }) => told.push(detail));
  it.arrived({ seq: 3 });
  it.arrived(null);
  assert.deepEqual(told, [{ seq: 3 }]);
});

async function heard(it, changed, answers) {
  const told = [];
  it.document.addEventListener("jobmanager:connection", ({ detail }) => told.push(detail.connected));
  const body = JSON.stringify({ output: "a.b", changedPropIds: [changed] });
  for (const answer of answers) {
    it.home.answer = async () => {
      if (answer === null) throw new TypeError("Failed to fetch");
      return { status: answer };
    };
    await it.window.fetch("/jobs/_dash-update-component", { body }).catch(() => {});
  }
  return told;
}

test("without the live link the questions tell whether the server is there", async () => {
  const it = page({ live: "off" });
  assert.deepEqual(await heard(it, "refresh-asked.data", [200, 200, null, 502, 500, 503, 200]), [
    ...[true, false, true, false, true],
  ]);
  assert.equal(it.window.jobManager.connected, true);
});

test("other requests, and questions beside the live link, tell of no connection", async () => {
  assert.deepEqual(await heard(page({ live: "off" }), "cancel-run.n_clicks", [200, null]), []);
  assert.deepEqual(await heard(page(), "refresh-asked.data", [200, null]), []);
});
