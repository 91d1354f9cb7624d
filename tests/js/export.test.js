// assets/export.js: rows are counted as they come.
const assert = require("node:assert/strict");
const { test } = require("node:test");

const { runAsset, fakeDocument } = require("./helpers.js");

const { newLines, read } = runAsset("export.js", { window: {}, document: fakeDocument() }).jobManagerExport;

const bytes = (text) => new TextEncoder().encode(text);

test("new lines are counted", () => {
  assert.equal(newLines(bytes("")), 0);
  assert.equal(newLines(bytes("a\r\nb\r\n\n")), 3);
});

test("the head is no row, and every part is kept", async () => {
  const told = [];
  const answer = new Response(new Blob(["id\r\n", "1\r\n2\r\n"]).stream());
  const { parts, rows } = await read(answer, (soFar) => told.push(soFar));
  assert.equal(rows, 2);
  assert.equal(told.at(-1), 2);
  assert.equal(await new Blob(parts).text(), "id\r\n1\r\n2\r\n");
});
