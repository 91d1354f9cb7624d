// assets/cleanup.js: what the dialog says and does without the server.
const assert = require("node:assert/strict");
const { test } = require("node:test");

const { fakeTime, runAsset } = require("./helpers.js");

const SAME = Symbol("no_update");
const NOW = 1_000_000;
const MINUTE = 60_000;

function dialog({ jobManagerTicker } = {}) {
  const time = fakeTime(NOW);
  const set = [];
  const window = {
    dash_clientside: { no_update: SAME, set_props: (id, props) => set.push([id, props]) },
    jobManagerTicker,
  };
  runAsset("cleanup.js", { window, ...time.globals });
  return { ...window.dash_clientside.cleanup, time, set };
}

const { chosen, close, reopen } = dialog();
const HIDDEN = ["cleanup-last", { hidden: true }];

const LABELS = [
  ["several", ["a", "b"], [], ["Mark 2 runs as failed", false]],
  ["only one", ["a"], [], ["Mark 1 run as failed", false]],
  ["one that is alive", [], ["c"], ["Mark 1 run as failed", false]],
  ["some of both lists", ["a", "b"], ["c"], ["Mark 3 runs as failed", false]],
  ["none", [], [], ["Nothing selected", true]],
  ["nothing known yet", null, undefined, ["Nothing selected", true]],
];
for (const [name, values, alive, expected] of LABELS) {
  test(`the confirm button when chosen is: ${name}`, () => {
    assert.deepEqual(chosen(values, alive), expected);
  });
}

test("only a click closes or reopens the dialog", () => {
  assert.equal(close(1), false);
  assert.deepEqual(reopen(1), [true, true, null, false, true, "Close", false]);
  for (const clicks of [undefined, null, 0]) {
    assert.equal(close(clicks), SAME);
    assert.deepEqual(new Set(reopen(clicks)), new Set([SAME]));
  }
});

test("a clean-up can be reached until it can no longer be undone", () => {
  const { last, time, set } = dialog();
  assert.equal(last([{ token: "t", until: NOW + 10 * MINUTE }]), false);
  time.advance(10 * MINUTE - 1);
  assert.deepEqual(set, []);
  time.advance(1);
  assert.deepEqual(set, [HIDDEN]);
});

test("nothing to undo is hidden, and what was waiting to expire is forgotten", () => {
  for (const nothing of [null, undefined, [], [{ token: null, until: null }]]) {
    const { last, time, set } = dialog();
    last([{ token: "t", until: NOW + MINUTE }]);
    assert.equal(last(nothing), true);
    time.advance(2 * MINUTE);
    assert.deepEqual(set, []);
  }
});

test("what can no longer be undone when the page is opened again is hidden", () => {
  assert.equal(dialog().last([{ token: "t", until: NOW }]), true);
});

test("a newer clean-up gets its own time", () => {
  const { last, time, set } = dialog();
  last([{ token: "first", until: NOW + MINUTE }]);
  time.advance(30_000);
  last([{ token: "second", until: NOW + 3 * MINUTE }]);
  time.advance(MINUTE);
  assert.deepEqual(set, []);
  time.advance(90_000);
  assert.deepEqual(set, [HIDDEN]);
});

for (const off of [-15 * MINUTE, 15 * MINUTE]) {
  test(`a browser's clock that is off by ${off / MINUTE} minutes changes nothing`, () => {
    const { last, time, set } = dialog({ jobManagerTicker: { now: () => NOW - off } });
    assert.equal(last([{ token: "t", until: NOW - off + 10 * MINUTE }]), false);
    time.advance(10 * MINUTE - 1);
    assert.deepEqual(set, []);
    time.advance(1);
    assert.deepEqual(set, [HIDDEN]);
  });
}

test("the ages in a new list are written at the next frame", () => {
  let ticks = 0;
  const opened = dialog({ jobManagerTicker: { tick: () => (ticks += 1), now: () => NOW } });

  opened.chosen(["a"], []);
  opened.time.advance(16);

  assert.equal(ticks, 1);
});
