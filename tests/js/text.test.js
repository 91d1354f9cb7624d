// assets/text.js: words go through the text node that is there.
const assert = require("node:assert/strict");
const { test } = require("node:test");

const { runAsset } = require("./helpers.js");

const { put } = runAsset("text.js", { window: {} }).jobManagerText;

/** An element with these children, which counts what is written where. */
function element(...children) {
  const nodes = children.map((child, at) => ({ ...child, nextSibling: children[at + 1] ?? null }));
  const made = { firstChild: nodes[0] ?? null, replaced: 0 };
  Object.defineProperty(made, "textContent", {
    get: () => nodes.map(({ data }) => data).join(""),
    set: (text) => {
      made.replaced += 1;
      made.firstChild = { nodeType: 3, data: text, nextSibling: null };
    },
  });
  return made;
}

const text = (data) => ({ nodeType: 3, data });

test("the text node that is there is kept", () => {
  const it = element(text("1 s ago"));
  const node = it.firstChild;
  put(it, "2 s ago");
  assert.equal(it.firstChild, node);
  assert.equal(node.data, "2 s ago");
  assert.equal(it.replaced, 0);
});

test("the same words are not written again", () => {
  const frozen = Object.freeze({ ...text("now"), nextSibling: null });
  put({ firstChild: frozen, textContent: "now" }, "now");
});

test("an empty element gets its first text, and one of several children a new only one", () => {
  for (const it of [element(), element(text("top: "), { nodeType: 1, data: "x" })]) {
    put(it, "none failed");
    assert.equal(it.replaced, 1);
    assert.equal(it.firstChild.data, "none failed");
  }
});

test("what is not on the page is left out", () => put(null, "words"));
