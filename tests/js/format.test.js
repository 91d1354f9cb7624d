// assets/format.js says what the vectors say, which hold dashboard/format.py too.
const assert = require("node:assert/strict");
const path = require("node:path");
const { test } = require("node:test");

const { ROOT, runAsset } = require("./helpers.js");

const vectors = require(path.join(ROOT, "tests/vectors/format.json"));
const format = runAsset("format.js", { window: {} }).jobManagerFormat;
const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());

for (const [name, cases] of Object.entries(vectors)) {
  test(`${camel(name)}: the words of the vector file`, () => {
    for (const { in: given, out: expected } of cases) {
      assert.equal(format[camel(name)](...given), expected, JSON.stringify(given));
    }
  });
}

test("every function has vectors", () => {
  assert.deepEqual(Object.keys(format).sort(), Object.keys(vectors).map(camel).sort());
});

test("a name of 10,000 characters is cut to its length", () => {
  assert.equal(format.shorten("x".repeat(10_000), 120), `${"x".repeat(119)}…`);
});

test("without a zone the viewer's counts", () => {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  assert.equal(format.clockTime(1e12), format.clockTime(1e12, timeZone));
});
