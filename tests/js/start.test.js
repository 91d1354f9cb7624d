// assets/start.js: "Run job" is not offered where it cannot work, and says why.
const assert = require("node:assert/strict");
const { test } = require("node:test");

const { runAsset, fakeDocument } = require("./helpers.js");

function page() {
  const button = { disabled: false, title: "" };
  const heard = {};
  const document = {
    ...fakeDocument(),
    getElementById: (id) => (id === "run-job" ? button : null),
    addEventListener: (type, listener) => { heard[type] = listener; },
  };
  runAsset("start.js", { window: {}, document });
  return { button, snapshot: (view) => heard["jobmanager:snapshot"]({ detail: { view } }) };
}

test("the button follows what the source can do", () => {
  const { button, snapshot } = page();

  snapshot({ no_start: "This source is configured as read-only." });
  assert.deepEqual(button, { disabled: true, title: "This source is configured as read-only." });
  snapshot({ no_start: "" });
  assert.deepEqual(button, { disabled: false, title: "" });
});

test("a message without a view changes nothing", () => {
  const { button, snapshot } = page();

  snapshot(undefined);
  assert.equal(button.disabled, false);
});
