// assets/reload.js: a page from before the server changed asks to be reloaded.
const assert = require("node:assert/strict");
const { test } = require("node:test");

const { fakeDocument, fakeTime, runAsset } = require("./helpers.js");

const OWN = "0123456789abcdef";
const OTHER = "fedcba9876543210";

function page({ answer } = {}) {
  const time = fakeTime();
  const document = Object.assign(fakeDocument(["reload-notice"]), {
    querySelector: () => ({ content: OWN }),
  });
  document.getElementById("reload-notice").hidden = true;
  const asked = [];
  const reloads = [];
  const window = {
    fetch: async (url) => {
      asked.push(url);
      if (!answer) throw new TypeError("Failed to fetch");
      return { json: async () => answer };
    },
    jobManagerShell: { below: (path) => `/jobs/${path}` },
  };
  const location = { reload: () => reloads.push(1) };
  runAsset("reload.js", { window, document, location, ...time.globals });
  const say = (type, detail) =>
    document.dispatchEvent(new CustomEvent(`jobmanager:${type}`, { detail }));
  return {
    ...{ time, document, asked, reloads },
    snapshot: (build) => say("snapshot", { build }),
    freshness: (kind) => say("freshness", { kind }),
    isAsked: () => !document.getElementById("reload-notice").hidden,
    isPast: () => window.jobManagerReload.isPast(),
  };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("a server of the same build is no reason", () => {
  const it = page();
  it.snapshot(OWN);
  it.snapshot(undefined);
  assert.equal(it.isAsked(), false);
});

test("another build is, and stays so when servers of both answer", () => {
  const it = page();
  it.snapshot(OTHER);
  it.snapshot(OWN);
  assert.equal(it.isAsked(), true);
  assert.equal(it.isPast(), true);
});

test("a server that does not answer the page is asked for its build alone", async () => {
  const it = page({ answer: { build: OTHER } });
  it.time.advance(60_000);
  assert.deepEqual(it.asked, []);
  it.freshness("silent");
  await settled();
  assert.deepEqual(it.asked, ["/jobs/api/build"]);
  assert.equal(it.isAsked(), true);
});

test("one that is gone is asked again until the page hears of it", async () => {
  const it = page();
  it.freshness("silent");
  await settled();
  it.time.advance(30_000);
  await settled();
  assert.equal(it.asked.length, 3);
  it.freshness("fresh");
  it.time.advance(60_000);
  assert.equal(it.asked.length, 3);
  assert.equal(it.isAsked(), false);
});

test("the button reloads, nothing else does", () => {
  const it = page();
  it.snapshot(OTHER);
  assert.equal(it.reloads.length, 0);
  const click = (found) =>
    it.document.dispatchEvent(
      Object.defineProperty(new Event("click"), "target", {
        value: { closest: (selector) => (selector === "#reload-page" ? found : null) },
      }),
    );
  click(null);
  assert.equal(it.reloads.length, 0);
  click({});
  assert.equal(it.reloads.length, 1);
});
