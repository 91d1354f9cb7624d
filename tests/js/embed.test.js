// Who is told anything: the origins that may frame us, and nobody else.
const assert = require("node:assert/strict");
const { test } = require("node:test");

const { runAsset, fakeDocument } = require("./helpers.js");

const OWN = "https://jobs.example";
const PORTAL = "https://portal.example";

const window = {};
window.parent = window;
const { targets } = runAsset("embed.js", { window, document: fakeDocument() }).jobManagerEmbed;

test("a portal that may frame us is told", () => {
  assert.deepEqual([...targets(["'self'", PORTAL], OWN, PORTAL)], [PORTAL]);
});

test("our own origin is 'self'", () => {
  assert.deepEqual([...targets(["'self'"], OWN, OWN)], [OWN]);
});

test("nobody else is told", () => {
  assert.deepEqual([...targets(["'self'", PORTAL], OWN, "https://evil.example")], []);
});

test("where the browser does not say who frames us, those are told that may", () => {
  assert.deepEqual([...targets(["'self'", PORTAL], OWN, "")], [OWN, PORTAL]);
});

test("never everybody", () => {
  for (const parent of ["", OWN, PORTAL, "null"]) {
    assert.ok(!targets(["'self'", PORTAL], OWN, parent).includes("*"));
  }
});
