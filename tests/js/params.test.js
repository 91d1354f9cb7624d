// assets/params.js: the first fault of params, at the line that the server names too.
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { test } = require("node:test");

const { ROOT, runAsset, fakeDocument } = require("./helpers.js");

const VECTORS = JSON.parse(fs.readFileSync(path.join(ROOT, "tests", "vectors", "params.json")));
const { fault } = runAsset("params.js", { window: {}, document: fakeDocument() }).jobManagerParams;

for (const { name, text, line } of VECTORS) {
  test(`${name}: ${line === null ? "no fault" : `line ${line}`}`, () => {
    assert.equal(fault(text)?.line ?? null, line);
  });
}

test("the column is the one of the fault, counted from 1", () => {
  assert.deepEqual(fault('{\n "b": nope\n}'), {
    line: 2,
    column: 7,
    words: "a value is missing",
  });
});

test("a comma before the end is told", () => {
  assert.match(fault('{"a": 1,}').words, /no comma before }/);
  assert.match(fault('{"a": [1,]}').words, /a value is missing/);
});

test("deep params are refused without running out of stack", () => {
  const deep = (levels) => `{"a": ${"[".repeat(levels)}${"]".repeat(levels)}}`;
  assert.equal(fault(deep(99)), null);
  assert.match(fault(deep(100)).words, /100 levels deep/);
  assert.match(fault(deep(100_000)).words, /100 levels deep/);
});

test("whatever JSON.parse takes for an object is taken, and nothing else", () => {
  const parts = ["{", "}", "[", "]", ",", ":", '"a"', "1", "-0.5E+3", "true", "null", " ", "\n", "x"];
  let seed = 7;
  const random = (below) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % below;
  };
  let right = 0;
  for (let round = 0; round < 200_000; round += 1) {
    const inner = Array.from({ length: random(9) }, () => parts[random(parts.length)]).join("");
    const text = round % 2 ? `{${inner}}` : `{"a":${inner}}`;
    let parses = true;
    try {
      JSON.parse(text);
    } catch {
      parses = false;
    }
    assert.equal(fault(text) === null, parses, text);
    right += parses;
  }
  assert.ok(right > 1000);
});
