// assets/errorTracking.js: the last ten errors, scrubbed; each told to the server once.
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const { describe, test } = require("node:test");

const { ROOT, fakeTime, runAsset } = require("./helpers.js");

const VECTORS = JSON.parse(fs.readFileSync(path.join(ROOT, "tests/vectors/errors.json"), "utf8"));
const START = Date.UTC(2026, 2, 18, 12);
const KEY = "jobManagerErrors";
const OUTBOX = "jobManagerErrorsOutbox";
const bytes = (text) => new TextEncoder().encode(text).length;
const settled = async () => {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
};

function storage(texts = {}) {
  const kept = new Map(Object.entries(texts));
  return {
    kept,
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, text) => kept.set(key, text),
    removeItem: (key) => kept.delete(key),
  };
}

/** A server that keeps every event once; `down` refuses connections, `answers` come first. */
function server() {
  const found = { events: new Map(), requests: [], answers: [], down: false };
  found.keep = (body) => {
    for (const event of JSON.parse(body).events) found.events.set(event.event_id, event);
  };
  found.fetch = async (url, options) => {
    if (url !== "/api/errors") return found.other(url, options);
    if (found.down) throw new TypeError("Failed to fetch");
    found.requests.push(JSON.parse(options.body));
    const { status = 202, headers = {} } = found.answers.shift() ?? {};
    if (status < 300) found.keep(options.body);
    return { ok: status < 300, status, headers: { get: (name) => headers[name] ?? null } };
  };
  found.other = async () => ({ status: 200 });
  return found;
}

/** A page with the tracker on it; `kept` is what survives a reload. */
function page({ kept = storage(), home = server(), time = fakeTime(START), more = {}, data = {}, globals = {} } = {}) {
  const lines = [];
  const console = {
    error: (...said) => lines.push(["error", ...said]),
    warn: (...said) => lines.push(["warn", ...said]),
  };
  const beacons = [];
  const window = Object.assign(new EventTarget(), { sessionStorage: kept, fetch: home.fetch }, more);
  const document = Object.assign(new EventTarget(), {
    visibilityState: "visible",
    currentScript: { dataset: { errors: "/api/errors", release: "1.2.3", ...data } },
  });
  const navigator = {
    userAgent: "Mozilla/5.0 (a browser)",
    sendBeacon: (url, blob) => {
      beacons.push([url, blob]);
      return navigator.takes;
    },
    takes: true,
  };
  class FakeDate extends Date {
    static now() {
      return time.now();
    }
  }
  const location = { href: "http://localhost:8050/history?run=7&token=abc" };
  runAsset("errorTracking.js", { window, document, navigator, location, console, ...time.globals, Date: FakeDate, ...globals });
  const { jobManager, jobManagerTracker: tracker } = window;
  const hide = () => {
    document.visibilityState = "hidden";
    document.dispatchEvent(new Event("visibilitychange"));
  };
  const show = () => {
    document.visibilityState = "visible";
    document.dispatchEvent(new Event("visibilitychange"));
  };
  const pass = async (ms, step = 1000) => {
    for (let gone = 0; gone < ms; gone += step) {
      time.advance(Math.min(step, ms - gone));
      await settled();
    }
  };
  return { window, document, navigator, console, lines, beacons, kept, home, time, jobManager, tracker, hide, show, pass };
}

const inStorage = ({ kept }) => JSON.parse(kept.getItem(KEY) ?? "[]");

describe("the same as in Python", () => {
  const { tracker } = page();
  const functions = {
    norm: tracker.norm,
    codes: tracker.codesOf,
    scrub_text: tracker.scrubText,
    scrub_url: tracker.scrubUrl,
    is_secret: tracker.isSecret,
    cut: tracker.cut,
    scrub: (value) => tracker.scrub(value),
  };
  for (const [name, rows] of Object.entries(VECTORS)) {
    for (const row of rows) {
      test(`${name} ${JSON.stringify(row[0]).slice(0, 50)}`, () => {
        assert.deepEqual(functions[name](...row.slice(0, -1)), row.at(-1));
      });
    }
  }
});

describe("the ring", () => {
  test("keeps message and context as the reference shows them", () => {
    const { jobManager, ...at } = page();
    const context = { action: "enqueueJob", component: "JobManagerPage", jobName: "match-scores", runId: "r-1", params: { batchSize: 100 } };
    const id = jobManager.trackError(new TypeError("Network request failed"), context);
    const [entry] = inStorage(at);
    assert.match(id, /^[0-9a-f]{32}$/);
    assert.equal(entry.event_id, id);
    assert.equal(entry.message, "Network request failed");
    assert.deepEqual(entry.context, {
      ...context,
      timestamp: "2026-03-18T12:00:00.000Z",
      userAgent: "Mozilla/5.0 (a browser)",
      url: "/history?[run,token]",
    });
    assert.deepEqual(jobManager.getRecentErrors(), [entry]);
    assert.equal(at.lines[0][1], "[job-manager]");
    assert.equal(at.lines[0][2], "Network request failed");
    assert.equal(at.lines[0][3].action, "enqueueJob");
  });

  test("the eleventh pushes out the first, and equal ones are all there", () => {
    const { jobManager } = page();
    for (let n = 0; n < 11; n += 1) jobManager.trackError(`error ${n}`);
    assert.deepEqual(jobManager.getRecentErrors().map(({ message }) => message), Array.from({ length: 10 }, (_, n) => `error ${n + 1}`));
    for (let n = 0; n < 3; n += 1) jobManager.trackError("same");
    assert.equal(jobManager.getRecentErrors().filter(({ message }) => message === "same").length, 3);
  });

  test("survives a reload, and is empty when cleared", () => {
    const before = page();
    before.jobManager.trackWarning("low on space", { action: "x" });
    const after = page({ kept: before.kept });
    assert.equal(after.jobManager.getRecentErrors()[0].level, "warning");
    after.jobManager.getRecentErrors().push("nothing");
    assert.equal(after.jobManager.getRecentErrors().length, 1);
    after.jobManager.clearRecentErrors();
    assert.deepEqual(page({ kept: after.kept }).jobManager.getRecentErrors(), []);
  });

  test("stays below 10,240 bytes whatever is in it", () => {
    const { jobManager, ...at } = page();
    for (const letter of ["x", "é", "日", "😀", "\\", '"', "\0", "\ud800"]) {
      const long = letter.repeat(5_000);
      const params = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`${letter}${n}`, long]));
      for (let n = 0; n < 10; n += 1) {
        jobManager.trackError(new Error(long), { action: long, component: long, jobName: long, runId: long, params });
        assert.ok(bytes(at.kept.getItem(KEY)) <= 10_240);
      }
      assert.equal(inStorage(at).length, 10);
    }
  });

  const unusable = {
    corrupt: storage({ [KEY]: "{not json" }),
    "of another kind": storage({ [KEY]: '{"a": 1}' }),
    full: { getItem: () => null, setItem: () => { throw new DOMException("quota", "QuotaExceededError"); } },
    blocked: { getItem: () => { throw new Error("blocked"); }, setItem: () => { throw new Error("blocked"); } },
  };
  for (const [name, kept] of Object.entries(unusable)) {
    test(`goes on in memory when storage is ${name}`, () => {
      const { jobManager } = page({ kept });
      jobManager.trackError("it broke");
      assert.equal(jobManager.getRecentErrors().at(-1).message, "it broke");
    });
  }

  const foreign = {
    "entries too long": [{ message: "x".repeat(9_000), context: {} }, { message: "kept", context: {} }],
    "what are no entries": [null, 7, "x", [], { message: 7, context: {} }, { message: "x" }, { message: "kept", context: {} }],
    "too many": Array.from({ length: 40 }, () => ({ message: "kept", context: {} })),
  };
  for (const [name, entries] of Object.entries(foreign)) {
    test(`of ${name} in storage it takes what is fit`, () => {
      const { jobManager, ...at } = page({ kept: storage({ [KEY]: JSON.stringify(entries) }) });
      assert.ok(jobManager.getRecentErrors().every(({ message }) => message === "kept"));
      for (let n = 0; n < 9; n += 1) jobManager.trackError("new ".repeat(100));
      assert.equal(jobManager.getRecentErrors()[0].message, "kept");
      assert.equal(inStorage(at).length, 10);
      assert.ok(bytes(at.kept.getItem(KEY)) <= 10_240);
    });
  }

  test("an entry that is too long loses its params first, then its stack", () => {
    const { jobManager } = page();
    const error = new Error("m".repeat(290));
    error.stack = `Error\n    at load (http://h/assets/${"d".repeat(150)}.js:12:7)`;
    const params = { a: "p ".repeat(95), b: "p ".repeat(95) };
    jobManager.trackError(error, { action: "a".repeat(100), params });
    const long = "l".repeat(100);
    jobManager.trackError(error, { action: long, component: long, jobName: long, runId: long, params });
    const [first, second] = jobManager.getRecentErrors();
    assert.equal(first.context.params, "…");
    assert.match(first.stack, /^load \(/);
    assert.equal(second.context.params, "…");
    assert.equal(second.stack, undefined);
    assert.equal(second.context.runId, long);
    jobManager.trackError("m".repeat(300), { action: "a\u0001".repeat(50), component: "\u0001".repeat(100), runId: "\u0001".repeat(100) });
    assert.match(jobManager.getRecentErrors()[2].event_id, /^[0-9a-f]{32}$/);
  });

  test("params are nobody's when there were none", () => {
    const { jobManager } = page();
    const long = '"'.repeat(100);
    const error = Object.assign(new Error("m".repeat(300)), { stack: "" });
    jobManager.trackError(error, { action: long, component: long, jobName: "l".repeat(100), runId: "l" });
    jobManager.trackError(error, { action: long, component: long, jobName: long, runId: long });
    assert.equal("params" in jobManager.getRecentErrors()[1].context, false);
    assert.equal("params" in jobManager.getRecentErrors()[0].context, false);
  });

  test("ids come without a source of good random numbers too", () => {
    const broken = { getRandomValues() { throw new Error("insecure"); } };
    const { jobManager } = page({ globals: { crypto: broken } });
    assert.match(jobManager.trackError("x"), /^[0-9a-f]{32}$/);
    assert.notEqual(jobManager.trackError("x"), jobManager.trackError("x"));
  });

  test("goes on when even asking for storage throws", () => {
    const window = Object.defineProperty(new EventTarget(), "sessionStorage", { get() { throw new Error("no"); } });
    const time = fakeTime(START);
    const console = { error() {}, warn() {} };
    const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
    runAsset("errorTracking.js", { window, document, navigator: {}, location: { href: "/" }, console, ...time.globals, Date });
    window.jobManager.trackError("it broke");
    assert.equal(window.jobManager.getRecentErrors().length, 1);
  });
});

describe("it never throws", () => {
  const circle = { name: "circle" };
  circle.self = circle;
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const thrower = () => { throw new Error("no"); };
  const odd = {
    undefined, null: null, text: "x", number: 7, symbol: Symbol("s"), bigint: 10n, function: thrower,
    circle, revoked: revoked.proxy, proxy: new Proxy({}, { get: thrower, ownKeys: thrower, getPrototypeOf: thrower }),
    getter: { get message() { return thrower(); }, get stack() { return thrower(); }, get name() { return thrower(); } },
    frozen: Object.freeze(new Error("frozen")), dom: new DOMException("gone", "NotFoundError"), event: new Event("error"),
    response: new Response("x", { status: 503, statusText: "Service Unavailable" }), huge: "m".repeat(5_000_000), hugeError: new Error("m".repeat(5_000_000)),
    noString: { toString: thrower, valueOf: thrower }, bare: Object.create(null), array: [1, [2, [3, [4, [5]]]]], nul: "a\0b\ud800c",
  };
  for (const [name, value] of Object.entries(odd)) {
    test(`given ${name}`, () => {
      const { jobManager, ...at } = page();
      assert.match(jobManager.trackError(value, value), /^[0-9a-f]{32}$/);
      assert.match(jobManager.trackError("x", { params: { value, list: [value] }, action: value, jobName: value }), /^[0-9a-f]{32}$/);
      assert.match(jobManager.trackWarning(value, null), /^[0-9a-f]{32}$/);
      const entries = inStorage(at);
      assert.equal(entries.length, 3);
      for (const entry of entries) assert.equal(typeof entry.message, "string");
    });
  }

  test("params of other kinds are told shortly", () => {
    const { tracker } = page();
    const found = tracker.scrub({ map: new Map([["token", "abc"], ["n", 1]]), set: new Set([1, 2]), big: new Uint8Array(5_000_000) });
    assert.deepEqual(found, { map: { token: "[Filtered]", n: 1 }, set: [1, 2], big: "<5000000 bytes>" });
  });

  test("a line that only looks like a frame costs nothing", () => {
    const { jobManager } = page();
    const error = Object.assign(new Error("x"), { stack: `at ${" (http://h:1:2".repeat(1_000)}` });
    const before = performance.now();
    for (let n = 0; n < 20; n += 1) jobManager.trackError(error);
    assert.ok(performance.now() - before < 1_000);
    assert.equal(jobManager.getRecentErrors()[0].stack, undefined);
  });

  test("an answer tells its status", () => {
    const { jobManager } = page();
    jobManager.trackError(odd.response);
    jobManager.trackError(new Response("", { status: 502 }));
    const messages = jobManager.getRecentErrors().map(({ message }) => message);
    assert.deepEqual(messages, ["Response 503 Service Unavailable", "Response 502"]);
  });

  test("the console stays safe", () => {
    const { console, jobManager } = page();
    for (const value of Object.values(odd)) console.error(value);
    assert.ok(jobManager.getRecentErrors().length < Object.keys(odd).length);
  });

  test("what is tracked while tracking is counted and no more", () => {
    const { jobManager, tracker, window } = page();
    window.LogRocket = { captureException: () => jobManager.trackError("inner") };
    jobManager.trackError("outer");
    assert.deepEqual(jobManager.getRecentErrors().map(({ message }) => message), ["outer"]);
    assert.equal(tracker.stats().failures, 1);
  });

  test("a LogRocket that throws costs nothing", () => {
    const { jobManager, tracker } = page({ more: { LogRocket: { captureException: thrower } } });
    jobManager.trackError("x");
    assert.equal(tracker.stats().dropped.logrocket, 1);
    assert.equal(jobManager.getRecentErrors().length, 1);
  });
});

test("no secret is kept, sent or logged", async () => {
  const secrets = ["hunter2secret", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "4111 1111 1111 1111", "jane@example.org"];
  const text = `password=${secrets[0]} ${secrets[1]} card ${secrets[2]} ${secrets[3]} https://u:${secrets[0]}@h/ Bearer ${secrets[0]}`;
  const { jobManager, pass, ...at } = page();
  const error = Object.assign(new Error(text, { cause: new Error(text) }), { name: text });
  jobManager.trackError(error, {
    action: text, component: text, jobName: text, runId: text,
    params: { password: secrets[0], api_key: secrets[0], nested: { token: secrets[0] }, text, [text]: 1, card: 4111111111111111 },
  });
  await pass(6_000);
  const everywhere = JSON.stringify([at.kept.getItem(KEY), at.home.requests, at.lines]);
  for (const secret of [...secrets, "4111111111111111"]) assert.ok(!everywhere.includes(secret), secret);
  assert.equal(at.home.events.size, 1);
});

describe("trackAsync", () => {
  test("gives the value", async () => {
    const { jobManager } = page();
    assert.equal(await jobManager.trackAsync(async () => 7, {}), 7);
    assert.deepEqual(jobManager.getRecentErrors(), []);
  });
  for (const [name, fn] of Object.entries({
    rejection: (error) => async () => { throw error; },
    throw: (error) => () => { throw error; },
  })) {
    test(`tracks a ${name} and throws the same again`, async () => {
      const { jobManager, pass, home } = page();
      const error = new RangeError("too far");
      await assert.rejects(jobManager.trackAsync(fn(error), { action: "cancelJob" }), (thrown) => thrown === error);
      await pass(6_000);
      assert.equal([...home.events.values()][0].kind, "async");
    });
  }
});

describe("delivery", () => {
  test("an event has what the server asks for", async () => {
    const { jobManager, pass, home } = page();
    const error = new TypeError("no");
    error.stack = "TypeError: no\n    at load (http://h/assets/own.js?m=1:12:7)\n    at http://h/_dash-component-suites/x.min.js:1:2";
    const id = jobManager.trackError(error, { action: "cancelJob", params: { limit: 5 } });
    await pass(6_000);
    const event = home.events.get(id);
    assert.equal(event.v, 1);
    assert.equal(event.level, "error");
    assert.equal(event.release, "1.2.3");
    assert.deepEqual(event.exception.frames, [
      { function: "load", module: "/assets/own.js", lineno: 12, in_app: true },
      { function: "", module: "/_dash-component-suites/x.min.js", lineno: 1, in_app: false },
    ]);
    assert.match(event.session, /^[0-9a-f]{16}$/);
    assert.deepEqual(event.context.params, { limit: 5 });
    assert.equal(event.breadcrumbs[0].c, "page");
  });

  test("no event is longer than 8,000 bytes, no request than 48,000", async () => {
    const { jobManager, pass, home, ...at } = page();
    home.down = true;
    for (const letter of ["\u0001", '"', "😀", ..."abcdefghijkl"]) {
      const long = letter.repeat(9_000);
      const error = new Error(long, { cause: new Error(long) });
      error.stack = Array.from({ length: 30 }, (_, n) => `    at f${n} (http://h/${"d".repeat(250)}.js:1:${n})`).join("\n");
      const params = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`k${n}`, long]));
      jobManager.trackError(error, { action: long, component: long, jobName: long, runId: long, params });
      jobManager.trackError(new Error(`${letter} ${long}`));
    }
    await pass(10_000);
    home.down = false;
    at.window.dispatchEvent(new Event("online"));
    await pass(60_000);
    assert.equal(home.events.size, 20);
    assert.ok(home.requests.length > 1);
    for (const request of home.requests) assert.ok(bytes(JSON.stringify(request)) <= 48_000);
    for (const event of home.events.values()) assert.ok(bytes(JSON.stringify(event)) <= 8_000);
  });

  test("a stack of another browser, and a function that waited", async () => {
    const { jobManager, pass, home } = page();
    const error = new Error("no");
    error.stack = "load@http://h/a.js:3:4\n@http://h/b.js:5:6\n    at async save (http://h/c.js:7:8)\n    at new Grid (http://h/d.js:9:1)";
    const id = jobManager.trackError(error);
    await pass(6_000);
    const frames = home.events.get(id).exception.frames.map((frame) => [frame.function, frame.module, frame.lineno]);
    assert.deepEqual(frames, [["load", "/a.js", 3], ["", "/b.js", 5], ["save", "/c.js", 7], ["new Grid", "/d.js", 9]]);
  });

  test("ten go at once, fewer after five seconds", async () => {
    const { jobManager, pass, home } = page();
    for (let n = 0; n < 10; n += 1) jobManager.trackError(`kind ${"abcdefghij"[n]}`);
    await pass(10, 10);
    assert.equal(home.events.size, 10);
    jobManager.trackError("one more");
    await pass(1_000);
    assert.equal(home.events.size, 10);
    await pass(5_000);
    assert.equal(home.events.size, 11);
  });

  test("the same within five seconds only counts, before it was sent and after", async () => {
    const { jobManager, pass, home } = page();
    for (let n = 0; n < 4; n += 1) jobManager.trackError(`order ${n} is late`);
    await pass(5_000);
    assert.deepEqual([...home.events.values()].map(({ count }) => count), [4]);
    jobManager.trackError("order 5 is late");
    await pass(300, 100);
    jobManager.trackError("order 6 is late");
    jobManager.trackError("order 7 is late");
    await pass(20_000);
    const counted = [...home.events.values()].reduce((sum, { count }) => sum + count, 0);
    assert.equal(counted, 7);
    assert.equal(jobManager.getRecentErrors().length, 7);
  });

  test("what comes again after it was sent goes on as one more event", async () => {
    const { jobManager, tracker, pass, home } = page();
    jobManager.trackError("order 1 is late");
    tracker.flush();
    await settled();
    for (const n of [2, 3, 4]) jobManager.trackError(`order ${n} is late`);
    await pass(4_000);
    assert.equal(home.events.size, 1);
    await pass(6_000);
    assert.deepEqual([...home.events.values()].map(({ count }) => count), [1, 3]);
  });

  test("10,000 at once: at most 20 are sent a minute, and all are counted", async () => {
    const { jobManager, pass, home, tracker } = page();
    const letters = (n) => [...String(n)].map((digit) => "abcdefghij"[digit]).join("");
    for (let n = 0; n < 10_000; n += 1) jobManager.trackError(`kind ${letters(n)}`);
    await pass(60_000);
    assert.ok(home.events.size <= 20);
    jobManager.trackError("one more");
    await pass(10_000);
    const dropped = home.requests.reduce((sum, { dropped: found }) => Math.max(sum, found.rate ?? 0), 0);
    assert.equal(home.events.size - 1 + dropped, 10_000);
    assert.equal(tracker.stats().dropped.rate, undefined);
  });

  test("never more than 20 in any minute, however they come", async () => {
    const { jobManager, home, time, tracker } = page();
    const sentAt = [];
    const letters = (n) => [...String(n)].map((digit) => "abcdefghij"[digit]).join("");
    for (let n = 0; n < 600; n += 1) {
      jobManager.trackError(`kind ${letters(n)}`);
      time.advance(500);
      await settled();
      while (sentAt.length < home.events.size) sentAt.push(time.now());
    }
    for (const [n, at] of sentAt.entries()) assert.ok(n < 20 || at - sentAt[n - 20] > 50_000);
    assert.ok(sentAt.length <= 100);
    assert.ok(sentAt.length > 80);
    assert.ok(tracker.stats().queued <= 30);
  });

  test("a switch of tabs while offline loses nothing", async () => {
    const { jobManager, hide, show, pass, home, window, beacons, kept } = page();
    home.down = true;
    const id = jobManager.trackError("x");
    await pass(6_000);
    hide();
    assert.ok(kept.getItem(OUTBOX).includes(id));
    show();
    home.down = false;
    window.dispatchEvent(new Event("online"));
    await pass(1_000);
    assert.equal(home.requests.length, 1);
    assert.ok(home.events.has(id));
    assert.equal(kept.getItem(OUTBOX), null);
    assert.deepEqual(beacons, []);
  });

  test("what was dropped is told once", async () => {
    const { jobManager, hide, show, pass, home, beacons, window } = page();
    window.dispatchEvent(Object.assign(new Event("error"), { message: "Script error." }));
    jobManager.trackError("x");
    hide();
    show();
    jobManager.trackError("y");
    await pass(6_000);
    assert.deepEqual(JSON.parse(await beacons[0][1].text()).dropped, { ignored: 1 });
    assert.deepEqual(home.requests.map(({ dropped }) => dropped), [{}]);
  });

  test("a request that cannot even be made is tried again", async () => {
    const home = server();
    const { fetch } = home;
    let calls = 0;
    home.fetch = (...said) => {
      calls += 1;
      if (calls === 1) throw new TypeError("not now");
      return fetch(...said);
    };
    const { jobManager, pass } = page({ home });
    jobManager.trackError("x");
    await pass(20_000);
    assert.equal(home.events.size, 1);
  });

  test("one request at a time", async () => {
    const home = server();
    let calls = 0;
    home.fetch = () => {
      calls += 1;
      return new Promise(() => {});
    };
    const { jobManager, pass } = page({ home });
    for (const letter of "abcdefghijklmno") {
      jobManager.trackError(`kind ${letter}`);
      await pass(2_000);
    }
    assert.equal(calls, 1);
  });

  test("without an address nothing is sent", async () => {
    const { jobManager, hide, pass, home, beacons } = page({ data: { errors: undefined } });
    jobManager.trackError("x");
    await pass(10_000);
    hide();
    assert.equal(home.requests.length + beacons.length, 0);
    assert.equal(jobManager.getRecentErrors().length, 1);
  });

  test("an outbox that is none of ours does no harm", async () => {
    for (const text of ["{", "{}", "null", "[null, 7]", JSON.stringify([{ event_id: "a", x: "y".repeat(60_000) }])]) {
      const { jobManager, pass, home } = page({ kept: storage({ [OUTBOX]: text }) });
      const id = jobManager.trackError("x");
      await pass(6_000);
      assert.deepEqual([...home.events.keys()], [id]);
    }
  });

  test("offline for five minutes, then every event arrives exactly once", async () => {
    const { jobManager, pass, home, window } = page();
    home.down = true;
    const ids = [];
    for (let n = 0; n < 15; n += 1) {
      ids.push(jobManager.trackError(`kind ${"abcdefghijklmno"[n]}`));
      await pass(20_000);
    }
    assert.equal(home.events.size, 0);
    home.down = false;
    window.dispatchEvent(new Event("online"));
    await pass(20_000);
    assert.deepEqual(new Set(home.events.keys()), new Set(ids));
    const sent = home.requests.flatMap(({ events }) => events.map(({ event_id: id }) => id));
    assert.equal(sent.length, ids.length);
  });

  test("it asks less and less often, but every five minutes", async () => {
    const home = server();
    let calls = 0;
    home.fetch = async () => {
      calls += 1;
      throw new TypeError("Failed to fetch");
    };
    const { jobManager, pass } = page({ home });
    jobManager.trackError("x");
    await pass(20 * 60_000);
    const before = calls;
    await pass(60 * 60_000);
    assert.ok(before < 12);
    assert.equal(calls - before, 12);
  });

  test("without the browser's word it tries again by itself", async () => {
    const { jobManager, pass, home } = page();
    home.down = true;
    jobManager.trackError("x");
    await pass(60_000);
    home.down = false;
    await pass(300_000);
    assert.equal(home.events.size, 1);
  });

  test("waits as long as it is told", async () => {
    const { jobManager, pass, home, window } = page();
    home.answers.push({ status: 429, headers: { "Retry-After": "40" } });
    jobManager.trackError("x");
    await pass(40_000);
    assert.equal(home.requests.length, 1);
    window.dispatchEvent(new Event("online"));
    assert.equal(home.requests.length, 1);
    await pass(10_000);
    assert.equal(home.events.size, 1);
  });

  for (const [status, events, requests] of [[413, 1, 2], [503, 1, 2], [500, 1, 2], [400, 0, 1], [403, 0, 1]]) {
    test(`after ${status} it is ${events ? "sent again" : "given up and counted"}`, async () => {
      const { jobManager, pass, home, tracker } = page();
      home.answers.push({ status });
      jobManager.trackError("x");
      await pass(90_000);
      assert.equal(home.events.size, events);
      assert.equal(home.requests.length, requests);
      assert.equal(tracker.stats().dropped.refused, events ? undefined : 1);
    });
  }

  test("a server without error tracking is left alone", async () => {
    const { jobManager, pass, home, tracker } = page();
    home.answers.push({ status: 404 });
    jobManager.trackError("x");
    await pass(6_000);
    jobManager.trackError("y");
    await pass(60_000);
    assert.equal(home.requests.length, 1);
    assert.equal(tracker.stats().queued, 0);
    assert.equal(jobManager.getRecentErrors().length, 2);
  });

  test("a page that goes hands all to the browser", async () => {
    const { jobManager, hide, beacons } = page();
    const id = jobManager.trackError("x");
    hide();
    const [[url, blob]] = beacons;
    assert.equal(url, "/api/errors");
    assert.equal(blob.type, "application/json");
    assert.equal(JSON.parse(await blob.text()).events[0].event_id, id);
  });

  test("a page that is closed after a request that failed tries once more, and keeps it too", async () => {
    const { window, jobManager, hide, pass, home, beacons, kept } = page();
    home.down = true;
    const id = jobManager.trackError("x");
    await pass(6_000);
    hide();
    assert.deepEqual(beacons, []);
    window.dispatchEvent(new Event("pagehide"));
    assert.equal(JSON.parse(await beacons[0][1].text()).events[0].event_id, id);
    assert.ok(kept.getItem(OUTBOX).includes(id));
  });

  test("a page that is closed does not ask a server that wants to be left alone", async () => {
    const { window, jobManager, hide, pass, home, beacons } = page();
    home.answers.push({ status: 429, headers: { "Retry-After": "40" } });
    jobManager.trackError("x");
    await pass(6_000);
    hide();
    window.dispatchEvent(new Event("pagehide"));
    assert.deepEqual(beacons, []);
  });

  test("what the browser does not take is told by the next page", async () => {
    const before = page();
    before.navigator.takes = false;
    const id = before.jobManager.trackError("x");
    before.hide();
    assert.ok(before.kept.getItem(OUTBOX).includes(id));
    const after = page({ kept: before.kept });
    await after.pass(6_000);
    assert.ok(after.home.events.has(id));
    assert.equal(after.kept.getItem(OUTBOX), null);
  });

  test("what is under way when the page goes is told again, under the same id", async () => {
    const never = page({ home: { ...server(), fetch: () => new Promise(() => {}) } });
    const id = never.jobManager.trackError("x");
    await never.pass(6_000);
    never.hide();
    const after = page({ kept: never.kept });
    await after.pass(6_000);
    assert.ok(after.home.events.has(id));
  });
});

describe("what is caught", () => {
  const dash = (output, changed, values = {}, state = {}) => ({
    body: JSON.stringify({
      output,
      inputs: Object.entries(values).map(([key, value]) => ({ id: key.split(".")[0], property: key.split(".")[1], value })),
      state: Object.entries(state).map(([key, value]) => ({ id: key.split(".")[0], property: key.split(".")[1], value })),
      changedPropIds: [changed],
    }),
  });
  const operations = [
    ["loadActiveJobs", "active-runs", dash("..snapshot.data...refresh-answered.data..", "refresh-asked.data", {}, { "source-select.value": "jobs" }), { params: { source: "jobs" } }],
    [
      "loadJobHistory",
      "history-grid",
      dash("history-found.data", "history-search.value", { "source-select.value": "jobs", "history-job.value": "etl", "history-status.value": "FAILED", "history-search.value": "token=abc", "history-queue.value": "", "history-older.n_clicks": 2 }),
      { jobName: "etl", params: { source: "jobs", job: "etl", status: "FAILED", search: "token=[Filtered]" } },
    ],
    ["enqueueJob", "run-modal", dash("run-message.children", "run-submit.n_clicks", {}, { "run-name.value": "etl", "run-params.value": '{"limit": 5}' }), { jobName: "etl", params: { limit: 5 } }],
    [
      "cancelJob",
      "run-details",
      dash("details-message.children", "cancel-run.n_clicks", {}, { "details-asked.data": { run: "r-7" }, "details-opening.data": { job: "etl" }, "source-select.value": "jobs" }),
      { jobName: "etl", runId: "r-7", params: { source: "jobs" } },
    ],
    [
      "retryJob",
      "run-details",
      dash("details-message.children", "retry-run.n_clicks", {}, { "details-asked.data": { run: "r-7", job: "etl" }, "retry-params.value": '{"limit": 5, "token": "abc"}', "source-select.value": "jobs" }),
      { jobName: "etl", runId: "r-7", params: { source: "jobs", params: { limit: 5, token: "[Filtered]" } } },
    ],
    [
      "cleanupStalledJobs",
      "cleanup-modal",
      dash("cleanup-result.children", "cleanup-confirm.n_clicks", {}, { "cleanup-list.value": ["1", "2"], "source-select.value": "jobs" }),
      { params: { source: "jobs", run_ids: ["1", "2"] } },
    ],
    [
      "cleanupStalledJobs",
      "cleanup-modal",
      dash("cleanup-result.children", "cleanup-confirm.n_clicks", {}, { "cleanup-list.value": ["1"], "source-select.value": "jobs" }),
      { runId: "1", params: { source: "jobs", run_ids: ["1"] } },
    ],
    ["cleanupStalledJobs", "cleanup-modal", dash("cleanup-result.children", "cleanup-stalled.n_clicks", {}, { "source-select.value": "jobs" }), { params: { source: "jobs" } }],
    [
      "loadJobDetails",
      "run-details",
      dash("run-details.is_open", "details-asked.data", { "details-asked.data": { run: "r-9", job: "etl" }, "source-select.value": "jobs" }),
      { jobName: "etl", runId: "r-9", params: { source: "jobs" } },
    ],
    [
      "cancelJob",
      "history-grid",
      dash("bulk-body.children", "bulk-confirm.n_clicks", {}, { "bulk-plan.data": { action: "cancel", ids: ["1", "2"] }, "source-select.value": "jobs" }),
      { params: { source: "jobs", run_ids: ["1", "2"] } },
    ],
    ["retryJob", "history-grid", dash("bulk-body.children", "bulk-confirm.n_clicks", {}, { "bulk-plan.data": { action: "retry", ids: ["1"] } }), { runId: "1", params: { run_ids: ["1"] } }],
    ["retryJob", "error-detail", dash("error-retry-body.children", "error-retry-confirm.n_clicks", {}, { "error-retry-plan.data": { ids: ["1", "2"] } }), { params: { run_ids: ["1", "2"] } }],
    ["renderPage", "somewhere", dash("somewhere.children", "else.value"), {}],
  ];
  for (const [action, component, options, more] of operations) {
    test(`${action} of ${component}, which the server could not do`, async () => {
      const { window, home, jobManager, lines, pass } = page();
      const id = "0123456789abcdef".repeat(2);
      const note = `${id} error Orders%3A%20gone%2C%20password%3Dhunter2`;
      home.other = async () => ({ status: 200, headers: new Headers({ "X-Job-Manager-Error": note }) });
      await window.fetch("/_dash-update-component", options);
      await settled();
      const [{ event_id, level, message, context }] = jobManager.getRecentErrors();
      assert.deepEqual([event_id, level, message], [id, "error", "Orders: gone, password=[Filtered]"]);
      const told = Object.fromEntries(Object.entries(context).filter(([key]) => !["timestamp", "userAgent", "url"].includes(key)));
      assert.deepEqual(told, { action, component, ...more });
      assert.deepEqual(lines.map(([how, , words]) => [how, words]), [["warn", message]]);
      await pass(10_000);
      assert.equal(home.events.size, 0); // the server has it
    });

    for (const kind of ["an answer 500", "no answer"]) {
      test(`${action} of ${component}, ${kind}`, async () => {
        const { window, home, jobManager } = page();
        const broken = new TypeError("Failed to fetch");
        home.other = async () => {
          if (kind === "no answer") throw broken;
          return { status: 500 };
        };
        const asked = window.fetch("/portal/_dash-update-component", options);
        if (kind === "no answer") await assert.rejects(asked, (error) => error === broken);
        else assert.equal((await asked).status, 500);
        await settled();
        const [{ context }] = jobManager.getRecentErrors();
        const told = Object.fromEntries(Object.entries(context).filter(([key]) => !["timestamp", "userAgent", "url"].includes(key)));
        assert.deepEqual(told, { action, component, ...more });
      });
    }
  }

  describe("while the link is down", () => {
    const link = (found, connected) =>
      found.document.dispatchEvent(new CustomEvent("jobmanager:connection", { detail: { connected } }));
    const cancel = (found) => {
      const body = JSON.stringify({ output: "a.b", changedPropIds: ["cancel-run.n_clicks"] });
      return found.window.fetch("/jobs/_dash-update-component", { body }).catch(() => {});
    };
    const failing = (found) => {
      found.home.other = async () => {
        throw new TypeError("Failed to fetch");
      };
      return cancel(found);
    };

    test("a request that nobody answers stays in this tab's list", async () => {
      const found = page();
      link(found, true);
      link(found, false);
      await failing(found);
      await found.pass(10_000);
      assert.equal(found.home.events.size, 0);
      assert.equal(found.jobManager.getRecentErrors().length, 1);
      assert.deepEqual(found.tracker.stats().dropped, { link: 1 });
    });

    test("so does what a proxy answers, and a file that does not load", async () => {
      const found = page();
      link(found, true);
      link(found, false);
      found.home.other = async () => ({ status: 502 });
      await cancel(found);
      found.window.dispatchEvent(
        Object.assign(new Event("unhandledrejection"), { reason: new TypeError("Load failed") }),
      );
      await found.pass(10_000);
      assert.equal(found.home.events.size, 0);
      assert.equal(found.jobManager.getRecentErrors().length, 2);
    });

    test("an error of the server, or of the page itself, is told all the same", async () => {
      const found = page();
      link(found, true);
      link(found, false);
      found.home.other = async () => ({ status: 500 });
      await cancel(found);
      found.jobManager.trackError(new TypeError("Failed to fetch"));
      await found.pass(10_000);
      assert.equal(found.home.events.size, 2);
    });

    test("without a live link, the questions that fail are what tells of it", async () => {
      const found = page();
      const querySelector = () => ({ content: "off" });
      const { window } = found;
      window.dash_clientside = {};
      runAsset("poll.js", { window, document: Object.assign(found.document, { querySelector }), ...found.time.globals });
      const ask = (status) => {
        found.home.other = async () => {
          if (status) return { status };
          throw new TypeError("Failed to fetch");
        };
        return window.fetch("/jobs/_dash-update-component", operations[0][2]).catch(() => {});
      };
      for (const status of [200, null, 502, 200, 502, null]) await ask(status);
      await failing(found);
      await found.pass(10_000);
      assert.equal(found.home.events.size, 0);
      assert.deepEqual(found.tracker.stats().dropped, { link: 3 });
      for (const status of [200, 500]) await ask(status);
      await found.pass(10_000);
      assert.equal(found.home.events.size, 1);
    });

    test("it is told before there was a link, and when the link is back", async () => {
      const found = page();
      link(found, false);
      await failing(found);
      link(found, true);
      await found.pass(10_000);
      await failing(found);
      await found.pass(10_000);
      assert.equal([...found.home.events.values()].reduce((sum, { count }) => sum + count, 0), 2);
    });
  });

  test("the interval's failures are told once, until one succeeds", async () => {
    const { window, home, jobManager } = page();
    const poll = operations[0][2];
    for (const status of [500, 500, 200, 500, 500]) {
      home.other = async () => ({ status });
      await window.fetch("/_dash-update-component", poll);
      await settled();
    }
    assert.equal(jobManager.getRecentErrors().length, 2);
  });

  test("a refusal is told like a failure, with what was asked", async () => {
    const { window, home, console, jobManager } = page();
    home.other = async () => ({ status: 403 });
    const [, , options] = operations.find(([action]) => action === "cancelJob");
    await window.fetch("/_dash-update-component", options);
    await settled();
    console.error({ message: "Callback error updating details-message.children", html: "" });
    const told = jobManager.getRecentErrors().map(({ message, context: { action, runId } }) => [message, action, runId]);
    assert.deepEqual(told, [["The server answered 403", "cancelJob", "r-7"]]);
  });

  test("a note that is none is nobody's error", async () => {
    const { window, home, jobManager, tracker } = page();
    for (const note of ["", "x", "0123 error x", `${"0".repeat(32)} fatal x`, `${"0".repeat(32)} error %`]) {
      home.other = async () => ({ status: 200, headers: new Headers({ "X-Job-Manager-Error": note }) });
      await window.fetch("/_dash-update-component", operations[0][2]);
      await settled();
    }
    assert.deepEqual(jobManager.getRecentErrors(), []);
    assert.equal(tracker.stats().failures, 1);
  });

  test("other requests, and those of a page that goes, are nobody's errors", async () => {
    const { window, home, console, jobManager } = page();
    home.other = async () => ({ status: 500 });
    await window.fetch("/api/runs");
    window.dispatchEvent(new Event("pagehide"));
    await window.fetch("/_dash-update-component", operations[1][2]);
    await settled();
    console.error(new Error("Callback failed: the server did not respond."));
    assert.deepEqual(jobManager.getRecentErrors(), []);
  });

  test("Dash's renderer in the console, in its two shapes only", () => {
    const { console, jobManager, lines } = page();
    console.error("words");
    console.error({ message: "no html" });
    console.error(new Error("a component crashed"));
    console.error({ message: "Callback error updating history-found.data", html: "<pre>" });
    assert.deepEqual(
      jobManager.getRecentErrors().map(({ message, context }) => [message, context.action]),
      [["a component crashed", "renderPage"], ["Callback error updating history-found.data", "loadJobHistory"]],
    );
    assert.equal(lines.filter(([, first]) => first !== "[job-manager]").length, 4);
  });

  test("the renderer's own words for no answer are none of a second error", async () => {
    const { window, home, console, jobManager, time } = page();
    home.other = async () => { throw new TypeError("Failed to fetch"); };
    await assert.rejects(window.fetch("/_dash-update-component", operations[1][2]));
    await settled();
    console.error(new Error("Callback failed: the server did not respond."));
    console.error({ message: "Callback error with no output from input a.b", html: "" });
    assert.equal(jobManager.getRecentErrors().length, 1);
    time.advance(2_000);
    console.error(new Error("Callback failed: the server did not respond."));
    assert.equal(jobManager.getRecentErrors().length, 2);
  });

  test("the renderer's report of another output is another error", async () => {
    const { window, home, console, jobManager } = page();
    home.other = async () => ({ status: 500 });
    await window.fetch("/_dash-update-component", dash("..a.data@12ab...b.data..", "x.value"));
    await settled();
    console.error({ message: "Callback error updating a.data, b.data", html: "" });
    console.error({ message: "Callback error updating b.data", html: "" });
    const messages = jobManager.getRecentErrors().map(({ message, context }) => [message, context.component]);
    assert.deepEqual(messages, [["The server answered 500", "a"], ["Callback error updating b.data", "b"]]);
  });

  test("of several changed ids the one with an operation counts; parts may be missing or lists", async () => {
    const { window, home, jobManager } = page();
    home.other = async () => ({ status: 500 });
    const bodies = [
      { output: "a.b", changedPropIds: ["toString.x", "refresh-interval.n", "cancel-run.n_clicks"], state: [[{ id: "details-asked", property: "data", value: { run: 7 } }, { id: { index: 1 }, property: "x" }]] },
      { output: "a.b" },
      {},
    ];
    for (const body of [...bodies.map((one) => JSON.stringify(one)), "no json", undefined]) {
      await window.fetch(new URL("http://h/_dash-update-component?x=1"), { body });
      await settled();
    }
    const told = jobManager.getRecentErrors().map(({ context: { action, component, runId } }) => [action, component, runId]);
    const nowhere = ["renderPage", "", undefined];
    assert.deepEqual(told, [["cancelJob", "run-details", "7"], ["renderPage", "a", undefined], nowhere, nowhere, nowhere]);
  });

  test("a failed request that the renderer tells of too is one error", async () => {
    const { window, home, console, jobManager } = page();
    home.other = async () => ({ status: 500 });
    await window.fetch("/_dash-update-component", operations[1][2]);
    await settled();
    console.error({ message: "Callback error updating history-found.data", html: "" });
    assert.equal(jobManager.getRecentErrors().length, 1);
  });

  const fire = (window, type, values) => window.dispatchEvent(Object.assign(new Event(type), values));
  test("errors of scripts, rejections, and files that do not come", async () => {
    const { window, pass, home } = page();
    fire(window, "error", { error: new TypeError("is not a function"), message: "Uncaught" });
    fire(window, "unhandledrejection", { reason: new RangeError("rejected") });
    fire(window, "unhandledrejection", { detail: { reason: "worded" } });
    const target = { tagName: "SCRIPT", src: "http://h/x.js?token=abc" };
    window.dispatchEvent(Object.defineProperty(new Event("error"), "target", { value: target }));
    await pass(6_000);
    assert.deepEqual(
      [...home.events.values()].map(({ kind, handled, exception }) => [kind, handled, exception.message]),
      [
        ["onerror", false, "is not a function"],
        ["unhandledrejection", false, "rejected"],
        ["unhandledrejection", false, "worded"],
        ["resource", false, "Could not load script /x.js?[token]"],
      ],
    );
  });

  test("what nobody can mend is counted and no more", () => {
    const { window, jobManager, tracker } = page();
    fire(window, "error", { message: "Script error." });
    fire(window, "error", { message: "ResizeObserver loop completed with undelivered notifications." });
    fire(window, "unhandledrejection", { reason: new DOMException("left", "AbortError") });
    fire(window, "error", { message: "x", filename: "chrome-extension://abc/x.js" });
    const target = { tagName: "SCRIPT", src: "moz-extension://abc/x.js" };
    window.dispatchEvent(Object.defineProperty(new Event("error"), "target", { value: target }));
    const error = new Error("x");
    error.stack = "Error: x\n    at f (safari-web-extension://abc/x.js:1:2)";
    fire(window, "unhandledrejection", { reason: error });
    assert.deepEqual(jobManager.getRecentErrors(), []);
    assert.equal(tracker.stats().dropped.ignored, 6);
    jobManager.trackError(new DOMException("left", "AbortError"));
    assert.equal(jobManager.getRecentErrors().length, 1);
  });

  test("where the person went is told without values", async () => {
    const pushed = [];
    const history = { pushState(...said) { pushed.push([this, ...said]); } };
    const location = { href: "http://h/" };
    const { window, home, pass, jobManager } = page({ more: { history }, globals: { location } });
    location.href = "http://h/history?q=typed";
    history.pushState({ a: 1 }, "", "/history?q=typed");
    location.href = "http://h/audit";
    window.dispatchEvent(new Event("popstate"));
    jobManager.trackError("x");
    await pass(6_000);
    const [{ breadcrumbs }] = home.events.values();
    assert.deepEqual(breadcrumbs.map(({ c, m }) => [c, m]), [["page", "/"], ["page", "/history?[q]"], ["page", "/audit"]]);
    assert.deepEqual(pushed, [[history, { a: 1 }, "", "/history?q=typed"]]);
  });

  test("what happened before is told without what was typed", async () => {
    const { window, document, home, pass, time, jobManager } = page();
    time.advance(200);
    document.dispatchEvent(new CustomEvent("jobmanager:connection", { detail: { connected: false } }));
    await window.fetch("/_dash-update-component", operations[1][2]);
    const target = { closest: () => ({ id: "run-submit" }), value: "typed" };
    document.dispatchEvent(Object.defineProperty(new Event("click"), "target", { value: target }));
    time.advance(1_000);
    jobManager.trackError("x");
    await pass(6_000);
    const [{ breadcrumbs }] = home.events.values();
    assert.deepEqual(breadcrumbs.slice(1), [
      { t: -1000, c: "ws", m: "disconnected" },
      { t: -1000, c: "dash", m: "history-found.data" },
      { t: -1000, c: "click", m: "run-submit" },
    ]);
  });
});

test("LogRocket hears no secret", () => {
  const heard = [];
  const captureException = ({ name, message, stack, cause }, options) => heard.push([name, message, stack, cause, options]);
  const { jobManager } = page({ more: { LogRocket: { captureException } } });
  const error = new Error("password=hunter2 of jane@example.org", { cause: new Error("token=hunter2") });
  jobManager.trackError(error, { params: { token: "hunter2" } });
  jobManager.trackError({ toString: () => "password=hunter2" });
  jobManager.trackWarning("Bearer hunter2hunter2");
  assert.equal(heard.length, 3);
  assert.doesNotMatch(JSON.stringify(heard), /hunter2|jane/);
});

test("LogRocket hears of it where the page has it", () => {
  const calls = [];
  const { jobManager } = page({ more: { LogRocket: { captureException: (...said) => calls.push(said) } } });
  const error = new Error("x");
  jobManager.trackError(error, { action: "cancelJob", component: "run-details", jobName: "etl", runId: "r-1", params: { a: 1 } });
  assert.deepEqual(calls.map(([{ name, message, stack }, more]) => [name, message, stack, more]), [
    ["Error", "x", error.stack, { tags: { action: "cancelJob", component: "run-details", jobName: "etl", kind: "manual" }, extra: { runId: "r-1", params: '{"a":1}' } }],
  ]);
});

test("of a burst the console shows the first ones, then how many more", () => {
  const { jobManager, lines, time } = page();
  for (let n = 0; n < 50; n += 1) jobManager.trackError("x");
  assert.equal(lines.length, 20);
  time.advance(61_000);
  jobManager.trackError("x");
  assert.equal(lines[20][2], "30 more errors were tracked.");
});
