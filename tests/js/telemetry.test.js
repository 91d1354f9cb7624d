// assets/counting.js and telemetry.js: what a tab counts, keeps over a reload, and posts.
const assert = require("node:assert/strict");
const { describe, test } = require("node:test");

const { fakeDocument, fakeTime, runAsset } = require("./helpers.js");

const KEY = "jobManagerTelemetry";
const LIVE = { limitMs: 45_000, polling: false };
const POLLING = { limitMs: 45_000, polling: true };
const { jobManagerCounting: counting } = runAsset("counting.js", { window: {} });
const { nothing, opened, taken } = counting;
const settled = async () => {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
};

/** A tab of which time passes by the second; `happens` are events at their seconds. */
function tab(config = LIVE) {
  let now = 0;
  let state = opened(nothing("0123456789abcdef"), now);
  const found = {
    does: (type, more = {}) => {
      state = counting.step(state, { type, ...more }, now, config);
      return found;
    },
    live: () => found.does("link", { phase: "live" }).does("data", { age: 0 }),
    lost: (cause = 1006) => found.does("link", { phase: "waiting", cause }),
    tries: () => found.does("link", { phase: "connecting", tries: true }),
    /** Seconds go by; with `fresh` a message comes in each. */
    pass(seconds, { fresh = false } = {}) {
      for (let n = 0; n < seconds; n += 1) {
        now += 1000;
        if (fresh) found.does("data", { age: 0 });
        found.does("tick");
      }
      return found;
    },
    sleep(ms) {
      now += ms;
      return found;
    },
    get counters() {
      return state.counters;
    },
    get seconds() {
      const { good_s: good, stale_s: stale, disconnected_s: lost } = state.counters;
      return [good, stale, lost];
    },
    get minutes() {
      return [state.counters.minutes, state.counters.good_minutes];
    },
    get faults() {
      return state.counters.faults;
    },
  };
  return found;
}

describe("a second", () => {
  test("is good while the data is young, to the limit", () => {
    assert.deepEqual(tab().live().pass(45).seconds, [45, 0, 0]);
    assert.deepEqual(tab().live().pass(46).seconds, [45, 1, 0]);
  });

  test("is good with a broken link as long as the data is young", () => {
    assert.deepEqual(tab().live().lost().pass(50).seconds, [45, 0, 5]);
  });

  test("is stale when messages come and the data in them is old", () => {
    const found = tab().live();
    for (let n = 0; n < 30; n += 1) found.does("data", { age: 46_000 }).pass(1);
    assert.deepEqual(found.seconds, [0, 30, 0]);
    assert.deepEqual(found.does("data", { age: null }).pass(1).seconds, [0, 31, 0]);
  });

  test("counts from the first: the page came with its data", () => {
    assert.deepEqual(tab().pass(3).seconds, [3, 0, 0]);
  });

  test("that nobody could see does not count", () => {
    const found = tab().live().pass(3).does("hidden").sleep(3_600_000).does("shown").pass(2, { fresh: true });
    assert.deepEqual(found.seconds, [5, 0, 0]);
    assert.deepEqual(tab().live().sleep(700).does("hidden").does("tick").seconds, [0, 0, 0]);
  });

  test("that was waited for is made good, and a sleeping machine's are none", () => {
    assert.deepEqual(tab().live().sleep(9_000).does("tick").seconds, [9, 0, 0]);
    assert.deepEqual(tab().live().sleep(11_000).does("tick").pass(1).seconds, [1, 0, 0]);
    assert.deepEqual(tab().live().sleep(-5_000).does("tick").pass(1).seconds, [1, 0, 0]);
  });

  test("notes the age of the last message", () => {
    const { ages } = tab().live().pass(12).counters;
    assert.deepEqual(ages.counts, [1, 1, 3, 5, 2, 0, 0, 0]);
    assert.equal(ages.sum_ms, 78_000);
  });
});

describe("a minute", () => {
  const withBad = (bad) =>
    tab().live().pass(60 - bad, { fresh: true }).does("data", { age: 60_000 }).pass(bad);

  test("is good with 55 good seconds and not with 54", () => {
    assert.deepEqual(withBad(5).minutes, [1, 1]);
    assert.deepEqual(withBad(6).minutes, [1, 0]);
  });

  test("is one of sixty visible seconds, whenever they were", () => {
    const found = tab().live().pass(30, { fresh: true }).does("hidden").sleep(1e6).does("shown");
    assert.deepEqual(found.pass(29, { fresh: true }).minutes, [0, 0]);
    assert.deepEqual(found.pass(1, { fresh: true }).minutes, [1, 1]);
  });

  test("is spoilt by an action that failed, and the next one is not", () => {
    const found = tab().live().pass(10, { fresh: true });
    found.does("asked", { id: 1 }).does("answered", { id: 1, ok: false });
    assert.deepEqual(found.pass(50, { fresh: true }).minutes, [1, 0]);
    assert.deepEqual(found.pass(60, { fresh: true }).minutes, [2, 1]);
  });

  test("is spoilt by an action that takes more than 10 s, answered or not", () => {
    const asked = () => tab().live().does("asked", { id: 1 });
    const answered = (found) => found.does("answered", { id: 1, ok: true });
    const rest = (found, n) => found.pass(n, { fresh: true }).minutes;
    assert.deepEqual(rest(answered(asked().pass(10)), 50), [1, 1]);
    assert.deepEqual(rest(answered(asked().pass(11)), 49), [1, 0]);
    assert.deepEqual(rest(answered(asked().pass(5).sleep(5_001)), 55), [1, 0]);
    assert.deepEqual(rest(asked(), 60), [1, 0]);
  });

  test("is not spoilt by what a page that goes no longer hears", () => {
    const found = tab().live().does("asked", { id: 1 }).does("leaving");
    found.does("answered", { id: 1, ok: false }).does("stayed");
    assert.deepEqual(found.pass(60, { fresh: true }).minutes, [1, 1]);
  });
});

describe("a fault", () => {
  test("is a link that is not back within 10 s, and counts once", () => {
    assert.deepEqual(tab().live().lost().pass(9).live().pass(60).faults, {});
    assert.deepEqual(tab().live().lost().pass(10).faults, { 1006: 1 });
    assert.deepEqual(tab().live().lost().pass(600).live().pass(9).faults, { 1006: 1 });
    assert.deepEqual(tab().live().lost("silent").tries().pass(11).lost(1006).pass(60).faults, { silent: 1 });
  });

  test("is known by its cause, each time", () => {
    const found = tab();
    for (const cause of [1006, 1011, 1006, "offline"]) found.live().lost(cause).pass(20);
    assert.deepEqual(found.faults, { 1006: 2, 1011: 1, offline: 1 });
  });

  test("is none when the server was shut down cleanly and is back within two minutes", () => {
    const found = tab().live().lost(1012).pass(25).tries().lost(1006).pass(94);
    assert.deepEqual(found.live().pass(300, { fresh: true }).faults, {});
    assert.equal(found.counters.reconnects.sum_ms, 0);
  });

  test("is one of a server that was shut down and is not back by then", () => {
    assert.deepEqual(tab().live().lost(1012).pass(119).faults, {});
    assert.deepEqual(tab().live().lost(1012).pass(120).faults, { restart: 1 });
  });

  test("has no bad seconds and minutes while it may be a clean restart", () => {
    const found = tab().live().lost(1012).pass(119);
    assert.deepEqual([found.seconds, found.minutes], [[45, 0, 0], [0, 0]]);
    assert.deepEqual(found.live().pass(15, { fresh: true }).minutes, [1, 1]);
    const gone = tab().live().lost(1012).pass(120);
    assert.deepEqual([gone.seconds, gone.minutes], [[45, 0, 75], [2, 0]]);
  });

  for (const cause of [1000, 1001, 4001, "manual", "started", "returned"]) {
    test(`is none when it was closed on purpose: ${cause}`, () => {
      assert.deepEqual(tab().live().lost(cause).pass(60).faults, {});
    });
  }

  test("is none of a hidden page, of one that goes, or of one that was never live", () => {
    assert.deepEqual(tab().live().does("hidden").lost().sleep(60_000).does("shown").pass(60).faults, {});
    assert.deepEqual(tab().live().does("leaving").lost().pass(60).faults, {});
    assert.deepEqual(tab().lost().tries().lost().pass(60).faults, {});
  });

  test("counts when it began in view, though the page was hidden since", () => {
    const found = tab().live().lost().pass(2).does("hidden").sleep(60_000);
    assert.deepEqual(found.does("link", { phase: "live" }).faults, { 1006: 1 });
    assert.deepEqual(found.counters.reconnects.sum_ms, 0);
  });

  test("begins anew when the machine slept", () => {
    const found = tab().live().lost("offline").pass(2).sleep(8 * 3_600_000).does("tick");
    assert.deepEqual(found.pass(9).live().faults, {});
    assert.equal(found.counters.reconnects.sum_ms, 0);
  });

  test("notes how often it was tried, and how long it took", () => {
    const found = tab().live().lost().pass(1).tries().pass(3).tries().pass(4).live();
    assert.equal(found.counters.attempts, 2);
    assert.deepEqual(found.counters.reconnects, { counts: [0, 0, 0, 1, 0, 0, 0, 0], sum_ms: 8_000 });
  });
});

describe("without a live link", () => {
  const polls = (found, ok) => found.does("asked", { poll: true }).does("answered", { poll: true, ok });
  const answered = () => polls(tab(POLLING), true);
  const told = (found, boot) => polls(found, true).does("data", { age: 0, boot });
  const failing = () => {
    const found = told(tab(POLLING), "a");
    for (let n = 0; n < 3; n += 1) polls(found, false);
    return found;
  };

  test("the polls are the link: good data is good", () => {
    const found = answered();
    for (let n = 0; n < 4; n += 1) polls(found.pass(15), true).does("data", { age: 0 });
    assert.deepEqual([found.seconds, found.faults], [[60, 0, 0], {}]);
  });

  test("three failures in a row are a fault, two are none", () => {
    const found = answered();
    for (const ok of [false, false, true, false, false]) polls(found.pass(2), ok);
    assert.deepEqual(found.pass(121).faults, {});
    polls(found, false);
    polls(found, false);
    assert.deepEqual(found.pass(109).faults, {});
    assert.deepEqual(found.pass(1).faults, { polls: 1 });
    assert.equal(found.counters.attempts, 5);
  });

  test("polls that fail are none when another process answers within two minutes", () => {
    const found = told(failing().pass(100), "b");
    assert.deepEqual(found.pass(300, { fresh: true }).faults, {});
    assert.equal(found.counters.reconnects.sum_ms, 0);
    assert.deepEqual(found.seconds, [345, 0, 0]);
  });

  test("they are one when the same process answers, or one that was heard of before", () => {
    assert.deepEqual(told(failing().pass(100), "a").faults, { polls: 1 });
    const several = told(told(tab(POLLING), "b"), "a");
    for (let n = 0; n < 3; n += 1) polls(several, false);
    assert.deepEqual(told(several, "b").faults, { polls: 1 });
  });

  test("they are one when no message follows the answer, or nobody answers in time", () => {
    assert.deepEqual(polls(failing(), true).pass(2).faults, {});
    assert.deepEqual(polls(failing(), true).pass(3).faults, { polls: 1 });
    assert.deepEqual(told(failing().pass(110), "b").faults, { polls: 1 });
  });

  test("so is a poll that nobody answers for more than 15 s", () => {
    const late = () => answered().does("asked", { poll: true }).pass(10).does("asked", { poll: true });
    assert.deepEqual(polls(late().pass(5), true).pass(3).faults, {});
    assert.deepEqual(polls(late().pass(6), true).pass(3).faults, { polls: 1 });
    const found = late().pass(109);
    assert.deepEqual(found.faults, {});
    assert.deepEqual(found.pass(1).faults, { polls: 1 });
    polls(found, true).pass(3);
    assert.equal(found.counters.reconnects.counts.reduce((a, b) => a + b), 1);
    polls(found, false);
    assert.deepEqual(found.pass(30).faults, { polls: 1 });
  });

  test("a poll of a page that was hidden meanwhile is not missed", () => {
    const found = answered().does("asked", { poll: true }).pass(3).does("hidden").sleep(60_000);
    assert.deepEqual(found.does("shown").pass(3).faults, {});
  });

  test("seconds with old data are disconnected when polls fail, and stale otherwise", () => {
    const found = answered().pass(45);
    for (let n = 0; n < 3; n += 1) polls(found, false);
    assert.deepEqual(polls(found.pass(5), true).pass(3).seconds, [45, 3, 5]);
    assert.deepEqual(answered().pass(50).seconds, [45, 5, 0]);
  });

  test("with one, polls that fail are no fault", () => {
    const found = tab().live();
    for (let n = 0; n < 5; n += 1) polls(found, false);
    assert.deepEqual(found.pass(30).faults, {});
  });
});

describe("what is kept", () => {
  const kept = { ...nothing("0123456789abcdef"), number: 7 };

  test("is taken by the next page of the tab", () => {
    assert.deepEqual(taken(JSON.stringify({ ...kept, open: false })), kept);
  });

  test("is not taken by a copy of a tab that is still open, but after it was discarded", () => {
    assert.equal(taken(JSON.stringify({ ...kept, open: true })), null);
    assert.deepEqual(taken(JSON.stringify({ ...kept, open: true }), true), kept);
  });

  for (const text of [
    null,
    "",
    "{",
    "7",
    "{}",
    JSON.stringify({ ...kept, session: "x" }),
    JSON.stringify({ ...kept, number: -1 }),
    JSON.stringify({ ...kept, minute: {} }),
    JSON.stringify({ ...kept, counters: { ...kept.counters, good_s: "1" } }),
    JSON.stringify({ ...kept, counters: { ...kept.counters, ages: 7 } }),
    JSON.stringify({ ...kept, counters: { ...kept.counters, ages: { counts: [], sum_ms: 0 } } }),
    JSON.stringify({ ...kept, counters: { ...kept.counters, faults: null } }),
  ]) {
    test(`is left alone when it is not ours: ${String(text).slice(0, 40)}`, () => {
      assert.ok(!taken(text));
    });
  }
});

// ---- the whole, on a stub page ----

function storage({ blocked = false } = {}) {
  const kept = new Map();
  const refuse = () => {
    if (blocked) throw new Error("blocked");
  };
  return {
    getItem: (key) => (refuse(), kept.get(key) ?? null),
    setItem: (key, text) => (refuse(), kept.set(key, text)),
    copy: () => {
      const other = storage();
      for (const [key, text] of kept) other.setItem(key, text);
      return other;
    },
  };
}

function page({ kept = storage(), live = "on", time = fakeTime(1_000_000) } = {}) {
  const posts = [];
  const beacons = [];
  const home = { down: false, answers: [], other: async () => ({ status: 200 }) };
  const document = fakeDocument(["live-badge"]);
  const metas = { "refresh-ms": "15000", live };
  document.querySelector = (selector) => ({ content: metas[/job-manager-([a-z-]+)/.exec(selector)[1]] });
  const window = Object.assign(new EventTarget(), {
    jobManagerCounting: counting,
    jobManagerShell: { below: (path) => `/jobs/${path}` },
    fetch: async (url, options) => {
      if (url !== "/jobs/api/telemetry") return home.other(url, options);
      if (home.down) throw new TypeError("Failed to fetch");
      posts.push(JSON.parse(options.body));
      const { status = 202, headers = {} } = home.answers.shift() ?? {};
      return { ok: status < 300, status, headers: { get: (name) => headers[name] ?? null } };
    },
  });
  runAsset("telemetry.js", {
    window,
    document,
    sessionStorage: kept,
    navigator: { sendBeacon: (_url, blob) => Boolean(beacons.push(blob)) },
    crypto,
    Blob: class {
      constructor([text]) {
        Object.assign(this, JSON.parse(text));
      }
    },
    ...time.globals,
  });
  const fire = (type, detail) => document.dispatchEvent(new CustomEvent(`jobmanager:${type}`, { detail }));
  const found = { window, document, posts, beacons, home, kept, time };
  return Object.assign(found, {
    async pass(seconds, { fresh = true } = {}) {
      for (let n = 0; n < seconds; n += 1) {
        if (fresh) fire("heartbeat", { at: time.now(), read_at: time.now() - 500 });
        time.advance(1000);
        await settled();
      }
      return found;
    },
    link: (phase, more = {}) => fire("link", { phase, ...more }),
    hide(hidden = true) {
      document.hidden = hidden;
      document.dispatchEvent(new Event("visibilitychange"));
    },
    /** In the order that Chromium has. */
    leave() {
      window.dispatchEvent(new Event("pagehide"));
      found.hide();
    },
    stored: () => JSON.parse(kept.getItem(KEY)),
  });
}

describe("a tab", () => {
  test("posts each minute while it is visible, and its counters only grow", async () => {
    const { posts } = await page().pass(180);
    assert.deepEqual(posts.map(({ number, counters }) => [number, counters.good_s]), [[1, 60], [2, 120], [3, 180]]);
    assert.deepEqual(posts.map(({ counters: { minutes, good_minutes: good } }) => [minutes, good]), [[1, 1], [2, 2], [3, 3]]);
    assert.equal(new Set(posts.map(({ session }) => session)).size, 1);
    assert.match(posts[0].session, /^[0-9a-f]{16}$/);
  });

  test("posts on hiding what it has not posted, and nothing while it is hidden", async () => {
    const found = await page().pass(75);
    found.hide();
    assert.deepEqual(found.beacons.map(({ number, counters }) => [number, counters.good_s]), [[2, 75]]);
    await found.pass(300);
    found.hide();
    assert.deepEqual([found.posts.length, found.beacons.length], [1, 1]);
    found.hide(false);
    await found.pass(1);
    assert.equal(found.posts.at(-1).counters.good_s, 76);
  });

  test("tells later what it could not tell while nobody answered", async () => {
    const found = await page().pass(30);
    found.home.down = true;
    await found.pass(300);
    assert.equal(found.posts.length, 0);
    found.home.down = false;
    await found.pass(60);
    assert.deepEqual(found.posts.map(({ counters }) => counters.good_s), [360]);
  });

  test("leaves a server alone that asks for it", async () => {
    const found = page();
    found.home.answers = [{ status: 503, headers: { "Retry-After": "100" } }];
    await found.pass(159);
    assert.equal(found.posts.length, 1);
    await found.pass(1);
    assert.equal(found.posts.length, 2);
  });

  test("goes on after a reload, in the middle of a minute", async () => {
    const first = await page().pass(90);
    first.leave();
    const second = await page({ kept: first.kept, time: first.time }).pass(30);
    second.leave();
    assert.equal(second.beacons[0].session, first.beacons[0].session);
    const { number, counters } = second.beacons[0];
    assert.deepEqual([number, counters.good_s, counters.minutes], [3, 120, 2]);
  });

  test("that is a copy counts for itself", async () => {
    const first = await page().pass(60);
    const copy = await page({ kept: first.kept.copy() }).pass(60);
    assert.notEqual(copy.posts[0].session, first.posts[0].session);
    assert.deepEqual([copy.posts[0].number, copy.posts[0].counters.good_s], [1, 60]);
  });

  test("that comes back from the browser's cache goes on where another page left off", async () => {
    const first = await page().pass(60);
    first.leave();
    const other = await page({ kept: first.kept, time: first.time }).pass(60);
    other.leave();
    first.document.hidden = false;
    first.window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
    await first.pass(61);
    assert.equal(first.posts.at(-1).session, other.posts[0].session);
    assert.equal(first.posts.at(-1).counters.good_s, 181);
  });

  test("counts without a storage too", async () => {
    const found = await page({ kept: storage({ blocked: true }) }).pass(60);
    assert.equal(found.posts[0].counters.good_s, 60);
  });

  test("that stays after all counts on", async () => {
    const found = await page().pass(3);
    found.window.dispatchEvent(new Event("beforeunload"));
    await found.pass(4);
    assert.equal(found.stored().open, true);
    found.link("live");
    found.link("waiting", { cause: 1006 });
    await found.pass(60, { fresh: false });
    assert.deepEqual(found.posts.at(-1).counters.faults, { 1006: 1 });
  });

  test("knows the age of data by the server's clock alone", async () => {
    const found = page();
    found.link("live");
    found.document.dispatchEvent(new CustomEvent("jobmanager:snapshot", { detail: { at: 5e12, read_at: 5e12 - 44_500 } }));
    await found.pass(60, { fresh: false });
    assert.deepEqual([found.posts[0].counters.good_s, found.posts[0].counters.stale_s], [0, 60]);
  });

  test("a fault is told once, and minutes without the server arrive later", async () => {
    const found = page();
    found.link("live");
    await found.pass(60);
    found.home.down = true;
    found.link("waiting", { cause: 1006 });
    for (let n = 0; n < 10; n += 1) {
      found.link("connecting", { tries: true });
      await found.pass(30, { fresh: false });
    }
    found.home.down = false;
    found.link("live");
    await found.pass(60);
    const { counters } = found.posts.at(-1);
    assert.deepEqual(counters.faults, { 1006: 1 });
    assert.equal(counters.attempts, 10);
    assert.deepEqual([counters.good_s, counters.disconnected_s, counters.minutes, counters.good_minutes], [163, 257, 7, 2]);
    assert.deepEqual(counters.reconnects, { counts: [0, 0, 0, 0, 0, 0, 1, 0], sum_ms: 300_000 });
  });
});

describe("a page that can tell", () => {
  const marks = async (found) => {
    let headers;
    found.home.other = async (_url, options) => {
      headers = options.headers;
      return { status: 200, headers: { get: () => null } };
    };
    const body = JSON.stringify({ output: "x.y", changedPropIds: [], inputs: [] });
    await found.window.fetch("/jobs/_dash-update-component", { method: "POST", headers: { a: "b" }, body });
    return headers;
  };

  test("says so with what it asks, once a post was answered, with an error too", async () => {
    const found = page();
    assert.deepEqual(await marks(found), { a: "b" });
    found.home.answers = [{ status: 503 }];
    await found.pass(60);
    assert.deepEqual(await marks(found), { a: "b", "X-Job-Manager-Telemetry": "1" });
  });

  test("says nothing while a content blocker, or a lost server, keeps its posts", async () => {
    const found = await page().pass(60);
    found.home.down = true;
    await found.pass(60);
    assert.deepEqual(await marks(found), { a: "b" });
  });
});

describe("callbacks", () => {
  const ask = (found, changed, answer) => {
    found.home.other = answer;
    const body = JSON.stringify({ output: "x.y", changedPropIds: [changed], inputs: [] });
    return found.window.fetch("/jobs/_dash-update-component", { method: "POST", body }).catch(() => {});
  };
  const headers = (note) => ({ get: () => note });
  const good = async (changed, answer) => {
    const found = page();
    ask(found, changed, answer);
    await found.pass(60);
    return found.posts[0].counters.good_minutes;
  };

  test("that fail spoil the minute: by status, by word, by silence", async () => {
    assert.equal(await good("run-submit.n_clicks", async () => ({ status: 200, headers: headers(null) })), 1);
    assert.equal(await good("run-submit.n_clicks", async () => ({ status: 500 })), 0);
    assert.equal(await good("run-submit.n_clicks", async () => ({ status: 200, headers: headers(`${"a".repeat(32)} error no`) })), 0);
    assert.equal(await good("run-submit.n_clicks", async () => ({ status: 200, headers: headers(`${"a".repeat(32)} warning no`) })), 1);
    assert.equal(await good("run-submit.n_clicks", () => Promise.reject(new TypeError("no"))), 0);
    assert.equal(await good("run-submit.n_clicks", () => new Promise(() => {})), 0);
  });

  test("that no person waits for do not", async () => {
    for (const changed of ["refresh-asked.data", "errors-interval.n_intervals"]) {
      assert.equal(await good(changed, async () => ({ status: 500 })), 1);
    }
  });

  test("are the link where there is no other", async () => {
    const found = page({ live: "off" });
    const answers = [200, 500, 500, 500, 500];
    for (const status of answers) await ask(found, "refresh-asked.data", async () => ({ status }));
    await found.pass(120);
    assert.deepEqual(found.posts.at(-1).counters.faults, { polls: 1 });
  });

  test("are no lost link when another process answers after a restart", async () => {
    const found = page({ live: "off" });
    const polled = (status) => ask(found, "refresh-asked.data", async () => ({ status }));
    const told = (boot) =>
      found.document.dispatchEvent(
        new CustomEvent("jobmanager:snapshot", { detail: { at: 5e12, read_at: 5e12, boot } }),
      );
    await polled(200);
    told("a");
    for (let n = 0; n < 4; n += 1) await polled(502);
    await found.pass(30, { fresh: false });
    await polled(200);
    told("b");
    await found.pass(120);
    assert.deepEqual(found.posts.at(-1).counters.faults, {});
  });
});
