// assets/report.js: what goes with a report, shown as it goes, sent once.
const assert = require("node:assert/strict");
const { describe, test } = require("node:test");

const { fakeDocument, runAsset } = require("./helpers.js");

const { jobManagerFormat } = runAsset("format.js", { window: {} });
const SAME = Symbol("no update");
const COUNTERS = { good_s: 3_600, stale_s: 75, disconnected_s: 0, faults: { 1006: 2, silent: 1 } };
const SEEN = { counters: COUNTERS, dataAt: 8_000, heardAt: 9_600, loss: null, now: 10_000.4 };

function page({ seen = {}, config = {}, answers = [], badge = "live" } = {}) {
  const document = fakeDocument(["live-badge"]);
  document.elements.get("live-badge").dataset.state = badge;
  const sent = [];
  let made = 0;
  const window = {
    dash_clientside: { no_update: SAME },
    jobManager: { getRecentErrors: () => [1, 2] },
    jobManagerFormat,
    jobManagerTelemetry: {
      config: { limitMs: 45_000, polling: false, ...config },
      newId: (length) => String((made += 1)).padStart(length, "0"),
      seen: () => ({ ...SEEN, ...seen }),
      report: async (told) => {
        sent.push(told);
        const answer = answers.shift() ?? { ok: true };
        if (answer instanceof Error) throw answer;
        return answer;
      },
    },
  };
  runAsset("report.js", { window, document, location: { pathname: "/history" } });
  const { open, send } = window.dash_clientside.report;
  return { open, send, sent, shown: () => open(1)[1].map(({ props: { children } }) => children.map(({ props }) => props.children)) };
}

describe("what goes with a report", () => {
  test("is what the tab knows, in words that a person reads", () => {
    assert.deepEqual(page().shown(), [
      ["Data", "2s old; up to 45s is good"],
      ["Live link", "live"],
      ["Last message", "just now"],
      ["This tab so far", "1h 00m good, 1m 15s with old data, 0s disconnected"],
      ["Links lost", "3"],
      ["Recent errors", "2"],
      ["Page", "/history"],
    ]);
  });

  test("says so when the link is lost, and when there never was any data", () => {
    const seen = { dataAt: null, loss: { at: 4_000 } };
    const lines = Object.fromEntries(page({ seen, badge: "reconnecting" }).shown());
    assert.equal(lines["Live link"], "lost, being made again, for 6s");
    assert.equal(lines.Data, "never read; up to 45s is good");
  });

  test("says so when there is no link by choice", () => {
    const polling = (loss) => Object.fromEntries(page({ config: { polling: true }, seen: { loss } }).shown())["Live link"];
    assert.equal(polling(null), "none; the page asks by itself");
    assert.match(polling({ at: 0 }), /^none; the page asks and gets no answer/);
  });
});

describe("sending", () => {
  test("tells what was shown, and thanks", async () => {
    const at = page();
    at.open(1);
    const [words, note] = await at.send(1, "wrong_data", "half of it", "orders");
    assert.equal(words, "Thank you. It was sent as shown above.");
    assert.equal(note, "");
    const [{ record, ...told }] = at.sent;
    assert.deepEqual(told, { report_id: "1".padStart(32, "0"), source: "orders", category: "wrong_data", note: "half of it" });
    assert.deepEqual([record.age_ms, record.link, record.lost_ms, record.faults], [2_000, "live", null, 3]);
  });

  test("keeps the note when it fails, and sends the same report again", async () => {
    const refusal = { ok: false, status: 503, json: async () => ({ error: { message: "It cannot be kept just now." } }) };
    const nonsense = { ok: false, status: 502, json: () => Promise.reject(new SyntaxError("<html>")) };
    const at = page({ answers: [new TypeError("Failed to fetch"), refusal, nonsense] });
    at.open(1);
    const says = [];
    for (let click = 1; click <= 4; click += 1) says.push(await at.send(click, "other", "x"));
    assert.match(says[0][0], /^It was not sent: the server cannot be reached\. Your note is kept/);
    assert.match(says[1][0], /^It was not sent: It cannot be kept just now\./);
    assert.match(says[2][0], /the server answered 502\./);
    assert.deepEqual(says.map(([, note]) => note), [SAME, SAME, SAME, ""]);
    assert.equal(new Set(at.sent.map(({ report_id: id }) => id)).size, 1);
  });

  test("does nothing for a double click, a page that opens, or after it was sent", async () => {
    const at = page();
    assert.deepEqual(at.open(undefined), [SAME, SAME, SAME]);
    assert.deepEqual(await at.send(1, "other", ""), [SAME, SAME]);
    at.open(1);
    await Promise.all([at.send(1, "other", ""), at.send(2, "other", "")]);
    await at.send(3, "other", "");
    assert.equal(at.sent.length, 1);
    at.open(2);
    await at.send(4, "other", "");
    assert.equal(new Set(at.sent.map(({ report_id: id }) => id)).size, 2);
  });
});
