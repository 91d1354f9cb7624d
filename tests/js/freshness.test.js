// assets/freshness.js: the age of the data is judged, whatever messages come.
const assert = require("node:assert/strict");
const { describe, test } = require("node:test");

const { fakeDocument, fakeElement, fakeTime, runAsset } = require("./helpers.js");

const NOW = 1_795_442_518_000;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const TROUBLE = { title: "Database unreachable", partial: false, read_at: NOW };
const PARTIAL = { title: "orders: Database unreachable", partial: true, read_at: NOW - MINUTE };

function page({ source = "orders", refreshMs = 15_000, ids = [] } = {}) {
  const time = fakeTime(NOW);
  const document = Object.assign(
    fakeDocument(["stale-notice", "stale-notice-words", "stale-notice-age", ...ids]),
    { querySelector: () => ({ content: String(refreshMs) }) },
  );
  for (const element of document.elements.values()) {
    element.replaceChildren = (...parts) => (element.parts = parts);
  }
  const select = fakeElement({ value: source });
  document.elements.set("source-select", select);
  document.getElementById("stale-notice").hidden = true;
  const told = [];
  document.addEventListener("jobmanager:freshness", ({ detail }) => told.push(detail));
  const window = {
    jobManager: { connected: true },
    jobManagerText: { put: (element, text) => (element.textContent = text) },
    jobManagerTicker: {
      now: () => time.now(),
      timed: (since, as) => `${as} of ${since}`,
    },
  };
  runAsset("freshness.js", { window, document, ...time.globals });
  const element = (id) => document.getElementById(id);
  return {
    ...{ time, document, window, told, select },
    ...window.jobManagerFreshness,
    snapshot: (more = {}) =>
      window.jobManagerFreshness.hear({ source, read_at: time.now(), every: 2000, view: { trouble: null }, ...more }),
    beat: (more = {}) => window.jobManagerFreshness.hear({ read_at: time.now(), every: 2000, ...more }),
    kind: () => window.jobManagerFreshness.seen().kind,
    notice: () => (element("stale-notice").hidden ? null : element("stale-notice-words").textContent),
    age: () => (element("stale-notice-age").parts ?? []).join(""),
  };
}

const { nothing, heard, judge, liveWords } = page();
const message = (more) => ({ read_at: NOW, every: 2000, view: { trouble: null }, ...more });
const knownOf = (more) => heard(nothing("orders", NOW), message(more), NOW);

describe("what the age of the data comes to", () => {
  const CASES = [
    ["just read", {}, 0, 0, "fresh"],
    ["at the limit of 15 s", {}, 15 * SECOND, 0, "fresh"],
    ["past it", {}, 15 * SECOND + 1, 0, "old"],
    ["read seldom, and as often as that", { every: 30 * SECOND }, 40 * SECOND, 0, "fresh"],
    ["read seldom, and less often", { every: 30 * SECOND }, 40 * SECOND + 1, 0, "old"],
    ["without a link, between two questions", {}, 27 * SECOND, 15 * SECOND, "fresh"],
    ["without a link, longer", {}, 27 * SECOND + 1, 15 * SECOND, "old"],
    ["of a source in trouble", { view: { trouble: TROUBLE } }, 0, 0, "trouble"],
    ["of several, one in trouble", { view: { trouble: PARTIAL } }, 0, 0, "partial"],
    ["of several, one in trouble and the others old", { view: { trouble: PARTIAL } }, MINUTE, 0, "old"],
    ["not there yet", { read_at: null }, 0, 0, "unread"],
    ["not there, and the source in trouble", { read_at: null, view: { trouble: TROUBLE } }, 0, 0, "trouble"],
  ];
  for (const [what, more, age, waitMs, kind] of CASES) {
    test(`${what}: ${kind}`, () => {
      const known = { ...knownOf(more), heardAt: NOW + age };
      assert.equal(judge(known, NOW + age, waitMs).kind, kind);
    });
  }

  test("a server that does not answer is silent, whatever it said last", () => {
    const known = knownOf({ view: { trouble: TROUBLE } });
    assert.equal(judge(known, NOW + 15 * SECOND, 0).kind, "trouble");
    assert.equal(judge(known, NOW + 15 * SECOND + 1, 0).kind, "silent");
  });

  test("data that grew old because nobody answered is no fault of the source", () => {
    const known = { ...knownOf(), heardAt: NOW + 10 * SECOND };
    assert.equal(judge(known, NOW + 16 * SECOND, 0).kind, "old");
    assert.equal(judge(known, NOW + 16 * SECOND + 1, 0).kind, "silent");
    assert.equal(judge(known, NOW + 31 * SECOND, 15 * SECOND).kind, "old");
    assert.equal(judge(known, NOW + 31 * SECOND + 1, 15 * SECOND).kind, "silent");
  });

  test("what was read before never makes data younger or older than it is", () => {
    const known = heard(knownOf(), message({ read_at: NOW - MINUTE }), NOW);
    assert.equal(known.readAt, NOW);
    assert.equal(heard(known, message({ read_at: null }), NOW).readAt, NOW);
  });

  test("a clock that was set back does not keep old data young", () => {
    const known = knownOf({ read_at: NOW + 60 * MINUTE });
    assert.equal(heard(known, message({ read_at: NOW }), NOW).readAt, NOW);
  });

  test("a heartbeat ends no trouble", () => {
    const known = knownOf({ view: { trouble: TROUBLE } });
    assert.equal(heard(known, { read_at: NOW, every: 2000 }, NOW).trouble, TROUBLE);
  });
});

describe("what the badge says of a live link", () => {
  const WORDS = [
    ["fresh", 0, "Live"],
    ["unread", null, "Live link, no data yet"],
    ["partial", 0, "Live link, some data old"],
    ["trouble", null, "Live link, no data"],
    ["trouble", 14_999, "Live link, source error"],
    ["trouble", 15_000, "Live link, data over 15 s old"],
    ["old", 59_999, "Live link, data over 30 s old"],
    ["old", MINUTE, "Live link, data over 1 min old"],
    ["old", 119_999, "Live link, data over 1 min old"],
    ["old", 60 * MINUTE, "Live link, data over 1 h old"],
    ["old", 90_000 * MINUTE, "Live link, data over 1 day old"],
  ];
  for (const [kind, age, words] of WORDS) {
    test(`${kind}, ${age} ms: ${words}`, () => assert.equal(liveWords({ kind, age }), words));
  }
});

describe("on a page", () => {
  test("messages without newer data do not keep it young, and say so in words", () => {
    const it = page();
    it.snapshot();
    assert.equal(it.notice(), null);
    for (let second = 1; second <= 16; second += 1) {
      it.time.advance(SECOND);
      it.beat({ read_at: NOW });
    }
    assert.equal(it.notice(), "The source was not read lately. Showing the last known data.");
    assert.equal(it.age(), `Data from clock of ${NOW}, duration of ${NOW} old.`);
    it.beat();
    assert.equal(it.notice(), null);
  });

  test("others are told when it changes, and only then", () => {
    const it = page();
    it.snapshot();
    for (let beat = 1; beat <= 5; beat += 1) {
      it.time.advance(4 * SECOND);
      it.beat({ read_at: NOW });
    }
    it.beat();
    assert.deepEqual(it.told.map(({ kind, stale }) => [kind, stale]), [
      ["fresh", false],
      ["old", true],
      ["fresh", false],
    ]);
  });

  test("a server that is gone is said, with and without a live link", () => {
    for (const [connected, limit] of [[true, 15], [false, 25]]) {
      const it = page();
      it.window.jobManager.connected = connected;
      it.snapshot();
      it.time.advance(limit * SECOND);
      assert.equal(it.notice(), null);
      it.time.advance(SECOND);
      assert.equal(it.notice(), "No answer from Job Manager. Showing the last known data.");
    }
  });

  test("trouble is said by its title where the page does not say it itself", () => {
    const it = page();
    it.snapshot({ view: { trouble: TROUBLE } });
    assert.equal(it.notice(), "Database unreachable. Showing the last known data.");
    const overview = page({ ids: ["source-trouble"] });
    overview.snapshot({ view: { trouble: TROUBLE } });
    assert.equal(overview.notice(), null);
  });

  test("of several sources the age is that of the one in trouble", () => {
    const it = page({ source: "all" });
    it.snapshot({ view: { trouble: PARTIAL } });
    assert.equal(it.notice(), "orders: Database unreachable. Its last known data is shown.");
    assert.match(it.age(), new RegExp(`clock of ${PARTIAL.read_at},`));
  });

  test("another source's message says nothing of the chosen one", () => {
    const it = page();
    it.snapshot();
    it.time.advance(16 * SECOND);
    it.hear({ source: "billing", read_at: it.time.now(), every: 2000, view: { trouble: null } });
    assert.equal(it.kind(), "silent");
  });

  test("a source that was just chosen has no data yet, and is judged by its own", () => {
    const it = page();
    it.snapshot();
    it.select.value = "billing";
    it.time.advance(SECOND);
    assert.equal(it.kind(), "unread");
    it.hear({ source: "billing", read_at: it.time.now(), every: 2000, view: { trouble: null } });
    assert.equal(it.kind(), "fresh");
  });

  test("a tab that comes back is not told that nobody answered while it did not ask", () => {
    const it = page();
    it.window.jobManager.connected = false;
    it.snapshot();
    it.document.hidden = true;
    it.time.advance(10 * MINUTE);
    it.document.hidden = false;
    it.document.dispatchEvent(new Event("visibilitychange"));
    assert.equal(it.kind(), "old");
  });
});
