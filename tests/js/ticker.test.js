// assets/ticker.js: ages that move once a second and are true whatever this clock says.
const assert = require("node:assert/strict");
const { describe, test } = require("node:test");

const { fakeDocument, fakeElement, fakeTime, runAsset } = require("./helpers.js");

const NOW = 1_795_442_518_000;
const MINUTE = 60_000;
const { jobManagerFormat } = runAsset("format.js", { window: {} });

function moving(since, as, more = {}) {
  const element = fakeElement();
  const late = new Set();
  const toggle = (name, on) => (on ? late.add(name) : late.delete(name));
  Object.assign(element, { style: {}, parentElement: { classList: { toggle } }, late });
  Object.assign(element.dataset, { since: String(since), as, ...more });
  return element;
}

function page(...elements) {
  const time = fakeTime(NOW);
  const document = Object.assign(fakeDocument(), {
    updated: null,
    querySelectorAll: () => elements,
    querySelector: () => document.updated,
  });
  const window = { jobManagerFormat };
  runAsset("text.js", { window });
  runAsset("ticker.js", { window, document, ...time.globals });
  const beat = (detail) =>
    document.dispatchEvent(new CustomEvent("jobmanager:heartbeat", { detail }));
  return { ...window.jobManagerTicker, time, document, beat };
}

/** What a page shows of one element, the server's clock being ahead by `apart`. */
function shownOf(element, apart = 0) {
  const { serverTime, tick } = page(element);
  serverTime(NOW + apart);
  tick();
  return element.textContent;
}

describe("what is written", () => {
  const WORDS = [
    ["ago", NOW - 5000, "5 s ago"],
    ["ago", NOW + 4000, "just now"],
    ["duration", NOW - 182_000, "3m 02s"],
    ["due", NOW + 182_000, "in 3m 02s"],
    ["due", NOW, "now"],
    ["due", NOW - 1, "now"],
    ["clock", NOW, jobManagerFormat.clockTime(NOW)],
    ["clock", NOW - 3 * 86_400_000, jobManagerFormat.moment(NOW - 3 * 86_400_000, undefined, NOW)],
  ];
  for (const [as, since, words] of WORDS) {
    test(`${as} of ${since - NOW} ms: ${words}`, () => {
      assert.equal(shownOf(moving(since, as)), words);
    });
  }

  test("without an instant, or for a kind that nobody knows, nothing", () => {
    for (const element of [moving("", "ago"), moving(NOW, "era"), moving(NOW, undefined)]) {
      assert.equal(shownOf(element), "");
      assert.deepEqual(element.writes, {});
    }
  });

  const BARS = [
    [-1000, "0.0%", false],
    [0, "0.0%", false],
    [15_000, "25.0%", false],
    [MINUTE, "100.0%", false],
    [MINUTE + 1, "100.0%", true],
    [10 * MINUTE, "100.0%", true],
  ];
  for (const [age, width, late] of BARS) {
    test(`a bar of a minute after ${age} ms`, () => {
      const bar = moving(NOW - age, "bar", { limit: String(MINUTE) });
      shownOf(bar);
      assert.equal(bar.style.width, width);
      assert.equal(bar.late.has("late"), late);
    });
  }

  test("a bar whose run began again is late no longer", () => {
    const bar = moving(NOW - 2 * MINUTE, "bar", { limit: String(MINUTE) });
    const { tick } = page(bar);
    tick();
    bar.dataset.since = String(NOW);
    tick();
    assert.equal(bar.style.width, "0.0%");
    assert.equal(bar.late.has("late"), false);
  });
});

describe("when it is written", () => {
  test("once a second, and only what differs", () => {
    const seconds = moving(NOW, "ago");
    const minutes = moving(NOW - MINUTE, "ago");
    const { time } = page(seconds, minutes);
    time.advance(10_000);
    assert.equal(seconds.textContent, "10 s ago");
    assert.equal(seconds.writes.textContent, 10);
    assert.equal(minutes.writes.textContent, 1);
  });

  test("not while hidden, and at once when shown again", () => {
    const element = moving(NOW, "ago");
    const { time, document } = page(element);
    document.hidden = true;
    document.dispatchEvent(new Event("visibilitychange"));
    time.advance(30_500);
    assert.equal(element.textContent, "");
    document.hidden = false;
    document.dispatchEvent(new Event("visibilitychange"));
    assert.equal(element.textContent, "30 s ago");
  });
});

describe("a clock that is off", () => {
  for (const apart of [-7 * MINUTE, -5001, 5001, 7 * MINUTE, 24 * 60 * MINUTE]) {
    test(`by ${apart} ms: ages are those of the server`, () => {
      assert.equal(shownOf(moving(NOW + apart - 41_000, "ago"), apart), "41 s ago");
      assert.equal(shownOf(moving(NOW + apart - 41_000, "duration"), apart), "41s");
    });
  }

  test("by no more than a message may take: this clock counts", () => {
    for (const apart of [-5000, -1, 0, 1, 5000]) {
      const { serverTime, now } = page();
      serverTime(NOW + apart);
      assert.equal(now(), NOW);
    }
  });

  test("until the server's is known, this clock counts", () => {
    assert.equal(page().now(), NOW);
  });

  test("and is put right: this clock counts again", () => {
    const { serverTime, now } = page();
    serverTime(NOW + 7 * MINUTE);
    assert.equal(now(), NOW + 7 * MINUTE);
    serverTime(NOW);
    assert.equal(now(), NOW);
  });

  test("goes on with the time that passes here", () => {
    const { serverTime, now, time } = page();
    serverTime(NOW + 7 * MINUTE);
    time.advance(1500);
    assert.equal(now(), NOW + 7 * MINUTE + 1500);
  });

  test("a message without a time changes nothing", () => {
    const { serverTime, now } = page();
    serverTime(undefined);
    assert.equal(now(), NOW);
  });
});

test("a heartbeat says as of when the data is", () => {
  const { document, beat } = page();
  beat({ read_at: NOW });
  document.updated = moving(NOW - MINUTE, "ago");
  beat({ read_at: null });
  beat({});
  assert.equal(document.updated.dataset.since, String(NOW - MINUTE));
  beat({ read_at: NOW });
  assert.equal(String(document.updated.dataset.since), String(NOW));
});
