// assets/order.js: poll and socket may reach different processes; a page never goes back.
const assert = require("node:assert/strict");
const { describe, test } = require("node:test");

const { fakeTime, runAsset } = require("./helpers.js");

const NOW = 1_000_000;

function page(dataset) {
  const time = fakeTime(NOW);
  const first = dataset ? { dataset } : null;
  const document = { getElementById: (id) => (id === "first-view" ? first : null) };
  const window = runAsset("order.js", { window: {}, document, ...time.globals });
  return { time, ...window.jobManagerOrder };
}

function message(boot, seq, readAt, more = {}) {
  const view = { rows: `${boot}${seq}`, trouble: null };
  return { source: "orders", boot, seq, version: seq, read_at: readAt, every: 2_000, view, ...more };
}

const trouble = { title: "Database unreachable", partial: false, read_at: null };
const failed = (boot, seq, readAt) =>
  message(boot, seq, readAt, { view: { rows: "none", trouble } });

describe("of one process", () => {
  test("the number of the read decides", () => {
    const it = page();
    assert.equal(it.take(message("a", 2, NOW)).seq, 2);
    assert.equal(it.take(message("a", 1, NOW - 1)), null);
    assert.equal(it.take(message("a", 3, NOW + 1)).seq, 3);
  });

  test("a clock that was set back keeps nothing from being shown", () => {
    const it = page();
    it.take(message("a", 2, NOW));
    assert.equal(it.take(message("a", 3, NOW - 3_600_000)).seq, 3);
  });
});

describe("of two processes", () => {
  test("what was read earlier is not shown after what was read later", () => {
    const it = page();
    const shown = [];
    const reads = [
      ["a", 1, 100],
      ["b", 7, 98],
      ["a", 2, 104],
      ["b", 8, 103],
      ["b", 9, 106],
      ["a", 2, 104],
    ];
    for (const read of reads) shown.push(it.take(message(...read))?.read_at ?? null);
    assert.deepEqual(shown, [100, null, 104, null, 106, null]);
  });

  test("another source is another matter", () => {
    const it = page();
    it.take(message("a", 1, 100));
    assert.equal(it.take(message("b", 1, 50, { source: "billing" })).read_at, 50);
  });

  test("that the source cannot be read is shown over the later rows", () => {
    const it = page();
    it.take(message("a", 1, 100));
    const shown = it.take(failed("b", 5, 90));
    assert.equal(shown.read_at, 100);
    assert.equal(shown.view.rows, "a1");
    assert.deepEqual(shown.view.trouble, { ...trouble, read_at: 100 });
    assert.equal(it.take(message("a", 2, 102)).view.trouble, null);
  });

  test("a server that starts anew and cannot read takes no row from the page", () => {
    const it = page();
    it.take(message("a", 1, 100));
    const shown = it.take(failed("b", 1, null));
    assert.equal(shown.read_at, 100);
    assert.equal(shown.view.rows, "a1");
  });

  test("older data counts once nothing newer has come for long", () => {
    const it = page();
    it.take(message("a", 1, NOW));
    it.time.advance(12_000);
    assert.equal(it.take(message("b", 1, NOW - 3_600_000)), null);
    it.time.advance(1);
    assert.equal(it.take(message("b", 2, NOW - 3_600_000)).boot, "b");
  });

  test("longer where the source is read less often", () => {
    const it = page();
    it.take(message("a", 1, NOW, { every: 30_000 }));
    it.time.advance(60_000);
    assert.equal(it.take(message("b", 1, NOW - 1)), null);
    it.time.advance(1);
    assert.equal(it.take(message("b", 2, NOW - 1)).boot, "b");
  });
});

describe("a sign of life", () => {
  test("moves the time below which nothing is shown", () => {
    const it = page();
    it.take(message("a", 1, 100));
    assert.equal(it.beat("a", { version: 1, at: 111, read_at: 110 }), null);
    assert.equal(it.take(message("b", 1, 105)), null);
    assert.equal(it.take(message("b", 2, 111)).read_at, 111);
  });

  test("of the other process shows what was overtaken, once it was read again", () => {
    const it = page();
    it.take(message("a", 1, 100));
    assert.equal(it.take(message("b", 5, 98)), null);
    assert.equal(it.beat("b", { version: 5, at: 99, read_at: 99 }), null);
    const shown = it.beat("b", { version: 5, at: 103, read_at: 102 });
    assert.equal(shown.view.rows, "b5");
    assert.equal(shown.read_at, 102);
  });
});

describe("what came with the page", () => {
  const dataset = { source: "orders", boot: "a", seq: "3", readAt: "100" };

  test("is not replaced by what another process read earlier", () => {
    const it = page(dataset);
    assert.equal(it.take(message("b", 1, 99)), null);
    assert.equal(it.take(message("b", 2, 101)).read_at, 101);
  });

  test("is replaced by the same read", () => {
    assert.equal(page(dataset).take(message("a", 3, 100)).seq, 3);
  });

  test("is replaced by anything when nothing was read for it", () => {
    assert.equal(page({ ...dataset, readAt: "" }).take(message("b", 1, null)).boot, "b");
  });
});
