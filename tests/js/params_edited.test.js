// assets/params.js: params that were left alone are the run's own, whatever they hold.
const assert = require("node:assert/strict");
const { test } = require("node:test");

const { runAsset, fakeDocument } = require("./helpers.js");

const { isEdited } = runAsset("params.js", {
  window: {},
  document: fakeDocument(),
}).jobManagerParams;

const field = (given, value) => ({ dataset: { given }, value });

test("what the field was filled with is not edited, whatever its line breaks", () => {
  assert.equal(isEdited(field("half\r\nof {", "half\nof {")), false);
  assert.equal(isEdited(field("a\rb", "a\nb")), false);
});

test("a blank more, in a text or beside it, is an edit", () => {
  assert.equal(isEdited(field('{"a": "x y"}', '{"a": "x  y"}')), true);
  assert.equal(isEdited(field("{}", "{} ")), true);
});

test("a field that nobody filled is judged", () => {
  assert.equal(isEdited({ dataset: {}, value: "" }), true);
});
