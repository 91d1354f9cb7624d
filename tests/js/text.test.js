// assets/text.js: words go through the text node that is there.
const assert = require("node:assert/strict");
const { test } = require("node:test");

const { runAsset } = require("./helpers.js");

const document = { createElement: (type) => fakeNode(type) };
const { put, putName } = runAsset("text.js", { window: {}, document }).jobManagerText;

/** As much of an element as a name needs. */
function fakeNode(type) {
  const made = { type, className: "", title: "", children: [], writes: 0 };
  Object.defineProperties(made, {
    firstChild: { get: () => made.children[0] ?? null },
    textContent: {
      get: () => made.children.map((child) => child.textContent ?? child.data).join(""),
      set: (data) => made.replaceChildren({ nodeType: 3, data, nextSibling: null }),
    },
  });
  made.append = (content) =>
    made.children.push(typeof content === "string" ? { nodeType: 3, data: content } : content);
  made.replaceChildren = (...children) => {
    made.children = children;
    made.writes += 1;
  };
  made.querySelector = () => made.children.find(({ className }) => className === "name-head") ?? null;
  return made;
}

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

test("a name that may not fit is divided before its end, and is whole to be copied", () => {
  const it = fakeNode("span");
  const name = "com.example.billing.InvoiceJobPrimary";
  putName(it, name);
  assert.deepEqual(it.children.map(({ className }) => className), ["name-head", "name-tail"]);
  assert.equal(it.children[1].textContent, "ceJobPrimary");
  assert.equal(it.textContent, name);
  assert.equal(it.title, name);
});

test("the same name is not written again, another one is", () => {
  const it = fakeNode("span");
  putName(it, "com.example.billing.InvoiceJobPrimary");
  putName(it, "com.example.billing.InvoiceJobPrimary");
  assert.equal(it.writes, 1);
  putName(it, "com.example.billing.InvoiceJobSecondary");
  assert.equal(it.textContent, "com.example.billing.InvoiceJobSecondary");
  putName(it, "send-mail");
  assert.equal(it.textContent, "send-mail");
});

test("a short name, and one whose letters join, stay in one piece", () => {
  for (const name of ["resize-images", "\u0645\u0647\u0645\u0629 ".repeat(10), "👩‍👩‍👧".repeat(10)]) {
    const it = fakeNode("span");
    putName(it, name);
    assert.equal(it.children.length, 1);
    assert.equal(it.title, name);
  }
});

test("a name that is not on the page is left out", () => putName(null, "x"));
