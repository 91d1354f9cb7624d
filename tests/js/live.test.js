// assets/live.js: every event in every phase, then the whole on a stub page.
const assert = require("node:assert/strict");
const { describe, test } = require("node:test");

const { fakeDocument, fakeElement, fakeTime, runAsset } = require("./helpers.js");

const NOW = 1_000_000;
const IDS = [
  "live-badge",
  "live-state",
  "live-attempts",
  "live-last-message",
  "live-reconnect",
  "live-help-late",
];

/** A socket that hears what the test lets it hear. */
class FakeSocket extends EventTarget {
  static OPEN = 1;
  static CLOSED = 3;

  constructor(url) {
    super();
    this.url = url;
  }

  hear(data) {
    this.dispatchEvent(Object.assign(new Event("message", { cancelable: true }), { data }));
  }
}

function page({ ids = IDS, location = {}, config } = {}) {
  const time = fakeTime(NOW);
  const document = Object.assign(fakeDocument(ids), { querySelector: () => null });
  if (config) document.elements.set("_dash-config", { textContent: JSON.stringify(config) });
  const told = [];
  const calls = { urls: [], asked: 0, serverTimes: [] };
  const sockets = [];
  const painted = [];
  const window = Object.assign(new EventTarget(), {
    WebSocket: FakeSocket,
    dash_clientside: {
      set_props: (id, { url }) => {
        assert.equal(id, "live-ws");
        calls.urls.push(url);
        if (url) sockets.push(new window.WebSocket(url));
      },
    },
    jobManagerPoll: { askNow: () => (calls.asked += 1) },
    jobManagerTicker: {
      now: () => time.now() + 7,
      mark: (marked, since) => (marked.dataset.since = since),
      serverTime: (at) => calls.serverTimes.push(at),
    },
  });
  document.addEventListener("jobmanager:connection", (event) =>
    told.push(event.detail.connected),
  );
  document.addEventListener("jobmanager:snapshot", (event) => painted.push(event.detail));
  runAsset("freshness.js", { window, document, ...time.globals, setInterval() {} });
  runAsset("live.js", {
    window,
    document,
    location: { protocol: "http:", host: "jobs.example:8050", ...location },
    WebSocket: FakeSocket,
    console: { error() {} },
    Math: Object.assign(Object.create(Math), {
      random: () => 0.5,
      min: Math.min,
      max: Math.max,
    }),
    ...time.globals,
  });
  const live = window.dash_clientside.live;
  const stamp = () => time.now() - NOW;
  const element = (id) => document.getElementById(id);
  return {
    ...{ window, document, time, told, calls, live, element, sockets },
    start(source = "orders") {
      live.onState(undefined);
      live.move(source);
    },
    opened: (timeStamp = stamp()) => live.onState({ readyState: 1, timeStamp }),
    closed: (code, timeStamp = stamp()) => live.onState({ readyState: 3, code, timeStamp }),
    /** What the newest socket hears, or another one; the snapshot that it tells of. */
    receive(content, socket = sockets.at(-1)) {
      const before = painted.length;
      socket.hear(JSON.stringify(content));
      return painted[before];
    },
    beat: (more = {}) =>
      sockets.at(-1).hear(JSON.stringify({ type: "hb", at: time.now(), ...more })),
    window_: (type, more = {}) => window.dispatchEvent(Object.assign(new Event(type), more)),
    state: () => element("live-badge").dataset.state,
    words: () => element("live-state").textContent,
    attempts: () => element("live-attempts").textContent,
  };
}

const snapshot = (seq, more = {}) => ({
  ...{ type: "snapshot", source: "orders", boot: "b1", version: seq, at: NOW, view: {} },
  ...{ read_at: NOW, every: 2000 },
  seq,
  ...more,
});

const { initial, step, badgeOf, isNews, urlOf } = page().window.jobManagerLive;
const RANDOM = 0.5;
const kinds = (effects) => effects.map(({ type }) => type);

/** Links in every phase, as they come about. */
const LINKS = {
  idle: initial,
  connecting: { ...initial, phase: "connecting", since: NOW, lostAt: NOW },
  open: { ...initial, phase: "open", since: NOW, heardAt: NOW, lostAt: NOW },
  live: { ...initial, phase: "live", wasLive: true, heardAt: NOW, liveAt: NOW },
  waiting: {
    ...{ ...initial, phase: "waiting", wasLive: true, attempt: 2 },
    ...{ due: NOW + 1500, lostAt: NOW },
  },
  stopped: { ...initial, phase: "stopped", lostAt: NOW },
};
const AT_ONCE = NOW + 1;

// rows: event; columns: phase before; cells: phase after and effects, "" for no change
const GO = "connecting: connect";
const DROP = "waiting: drop schedule";
const FAIL = "waiting: schedule";
const TABLE = {
  started: [GO, GO, GO, GO, GO, GO],
  opened: ["", "open:", "", "", "", ""],
  message: ["", "live:", "live:", "live:", "", ""],
  closed: ["", FAIL, FAIL, FAIL, "", ""],
  refused: ["", "stopped:", "stopped:", "stopped:", "", ""],
  failed: ["", FAIL, FAIL, FAIL, "", ""],
  tick: ["", "", "", "", "", ""],
  due: ["", "", "", "", GO, ""],
  manual: ["", GO, GO, GO, GO, GO],
  online: ["", GO, "", "", GO, ""],
  offline: ["", DROP, DROP, DROP, "", ""],
  returned: ["", GO, GO, GO, GO, ""],
};

describe("every event in every phase", () => {
  for (const [name, cells] of Object.entries(TABLE)) {
    Object.keys(LINKS).forEach((phase, column) => {
      test(`${name} while ${phase}`, () => {
        const event = name === "refused" ? { type: "closed", code: 4401 } : { type: name };
        const before = Object.freeze({ ...LINKS[phase] });
        const { link, effects } = step(before, event, AT_ONCE, RANDOM);
        const cell = cells[column];
        if (!cell) {
          assert.equal(link, before);
          assert.deepEqual(effects, []);
        } else {
          assert.equal(`${link.phase}: ${kinds(effects).join(" ")}`.trim(), cell);
        }
      });
    });
  }
});

describe("pauses", () => {
  const delayOf = (attempt, code, random) => {
    const link = { ...LINKS.connecting, attempt };
    return step(link, { type: "closed", code }, NOW, random).effects[0].delay;
  };

  test("they double from one second up to thirty, half of each by chance", () => {
    const longest = [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000];
    longest.forEach((pause, attempt) => {
      assert.equal(delayOf(attempt, 1006, 0), pause / 2);
      assert.equal(delayOf(attempt, 1006, 1), pause);
    });
    assert.equal(delayOf(5000, 1006, 1), 30_000);
  });

  test("after a restart the first try comes quickly, the next ones as always", () => {
    assert.equal(delayOf(0, 1012, 1), 500);
    assert.equal(delayOf(1, 1012, 1), 2000);
  });

  test("failures are forgotten only after ten stable seconds", () => {
    const message = (link, now) => step(link, { type: "message" }, now, RANDOM).link;
    const back = message({ ...LINKS.connecting, attempt: 3 }, NOW);
    assert.equal(back.attempt, 3);
    assert.equal(message(back, NOW + 9_999).attempt, 3);
    assert.equal(message(back, NOW + 10_000).attempt, 0);
  });

  test("whoever asks by hand begins with the shortest pause again", () => {
    const tired = { ...LINKS.waiting, attempt: 9 };
    const { link } = step(tired, { type: "manual" }, NOW, RANDOM);
    assert.equal(step(link, { type: "closed", code: 1006 }, NOW, 1).effects[0].delay, 1000);
  });

  test("a link that flaps gets growing pauses", () => {
    let link = LINKS.connecting;
    let now = NOW;
    const pauses = [];
    for (let i = 0; i < 5; i += 1) {
      for (const type of ["opened", "message"]) link = step(link, { type }, now, 1).link;
      const down = step(link, { type: "closed", code: 1012 }, now, 1);
      pauses.push(down.effects[0].delay);
      now += pauses.at(-1);
      link = step(down.link, { type: "due" }, now, 1).link;
    }
    assert.deepEqual(pauses, [500, 2000, 4000, 8000, 16_000]);
  });
});

describe("what only time shows", () => {
  const tick = (link, now) => step(link, { type: "tick" }, now, RANDOM);

  for (const phase of ["open", "live"]) {
    test(`an ${phase} link that says nothing is dropped before twelve seconds`, () => {
      assert.equal(tick(LINKS[phase], NOW + 10_999).link.phase, phase);
      const { link, effects } = tick(LINKS[phase], NOW + 11_000);
      assert.equal(link.phase, "waiting");
      assert.deepEqual(kinds(effects), ["drop", "schedule"]);
      assert.equal(effects[1].delay, 250);
    });
  }

  test("connecting is given up after ten seconds", () => {
    assert.equal(tick(LINKS.connecting, NOW + 9_999).link.phase, "connecting");
    const { link, effects } = tick(LINKS.connecting, NOW + 10_000);
    assert.equal(link.attempt, 1);
    assert.deepEqual(kinds(effects), ["drop", "schedule"]);
    assert.equal(effects[1].delay, 750);
  });

  test("a pause whose timer was held back ends with a tick", () => {
    assert.equal(tick(LINKS.waiting, NOW + 1499).link.phase, "waiting");
    assert.equal(tick(LINKS.waiting, NOW + 1500).link.phase, "connecting");
  });
});

describe("with heartbeats and ticks", () => {
  const BEAT_MS = 4000;
  const TICK_MS = 500;

  /** The link after `span` of ticks; heartbeats arrive until `silentFrom`. */
  function after(span, silentFrom = Infinity) {
    let link = LINKS.live;
    for (let now = NOW; now <= NOW + span; now += TICK_MS) {
      const isBeat = (now - NOW) % BEAT_MS === 0 && now - NOW < silentFrom;
      if (isBeat) link = step(link, { type: "message" }, now, RANDOM).link;
      link = step(link, { type: "tick" }, now, RANDOM).link;
    }
    return link;
  }

  test("an hour of heartbeats never looks like silence", () => {
    assert.deepEqual(after(3_600_000), { ...LINKS.live, heardAt: NOW + 3_600_000 });
  });

  test("two heartbeats that are lost are forgiven, and silence is found within 12 s", () => {
    assert.equal(after(BEAT_MS + 10_500, BEAT_MS + 1).phase, "live");
    assert.equal(after(BEAT_MS + 12_000, BEAT_MS + 1).attempt, 1);
  });
});

describe("ten thousand random events", () => {
  const EVENTS = Object.keys(TABLE).filter((type) => type !== "refused");
  const CODES = [1000, 1001, 1006, 1012, 4401, 4403, undefined];
  const PHASES = Object.keys(LINKS);
  const EFFECTS = ["connect", "drop", "schedule"];

  /** Numbers from 0 to 1 that look random and are the same in every run. */
  function numbers(seed) {
    let last = seed;
    return () => (last = (last * 16_807) % 2_147_483_647) / 2_147_483_647;
  }

  function checkStep(before, event, now, { link, effects }) {
    const story = JSON.stringify({ before, event, now, link, effects });
    const names = kinds(effects);
    assert.ok(PHASES.includes(link.phase), story);
    assert.deepEqual(Object.keys(link).sort(), Object.keys(initial).sort(), story);
    assert.ok(names.every((name) => EFFECTS.includes(name)), story);
    assert.equal(names.includes("schedule"), effects.length > 0 && link.phase === "waiting");
    assert.equal(names.includes("connect"), effects.length > 0 && link.phase === "connecting");
    assert.ok(effects.every(({ delay = 0 }) => delay >= 0 && delay <= 30_000), story);
    assert.equal(link.lostAt === null, ["idle", "live"].includes(link.phase), story);
    assert.ok(Number.isInteger(link.attempt) && link.attempt >= 0, story);
    assert.ok(badgeOf(link, now).words, story);
  }

  for (const seed of [1, 2, 3]) {
    test(`seed ${seed}: no event throws, every result is a phase`, () => {
      const random = numbers(seed);
      const pick = (list) => list[Math.floor(random() * list.length)];
      const seen = new Set();
      let link = initial;
      let now = NOW;
      for (let i = 0; i < 10_000; i += 1) {
        const event = { type: pick(EVENTS), code: pick(CODES) };
        const result = step(Object.freeze(link), event, now, random());
        checkStep(link, event, now, result);
        link = result.link;
        seen.add(link.phase);
        now += Math.floor(random() * 4000);
      }
      assert.deepEqual([...seen].sort(), PHASES.filter((phase) => phase !== "idle").sort());
    });
  }

  test("whatever happened, ticks alone connect a link that was not refused", () => {
    const random = numbers(4);
    for (const phase of PHASES.filter((name) => !["idle", "stopped"].includes(name))) {
      for (let attempt = 0; attempt < 50; attempt += 1) {
        let { link } = step({ ...LINKS[phase], attempt }, { type: "offline" }, NOW, random());
        for (let now = NOW; now <= NOW + 31_000 && link.phase === "waiting"; now += 1000) {
          link = step(link, { type: "tick" }, now, random()).link;
        }
        assert.equal(link.phase, "connecting");
      }
    }
  });
});

describe("the badge", () => {
  const states = Object.entries({
    idle: ["connecting", "Connecting...", "", false],
    connecting: ["connecting", "Connecting...", "", false],
    open: ["connecting", "Connecting...", "", false],
    live: ["live", "Live", "", false],
    waiting: ["reconnecting", "Reconnecting...", "attempt 2", true],
    stopped: ["stopped", "Signed out", "", false],
  });
  for (const [phase, [state, words, attempts, canReconnect]] of states) {
    test(`${phase} is said as "${words}"`, () => {
      const badge = badgeOf(LINKS[phase], NOW);
      assert.deepEqual(badge, { state, words, attempts, canReconnect, late: false });
    });
  }

  test("once live, connecting again is reconnecting", () => {
    assert.equal(badgeOf({ ...LINKS.connecting, wasLive: true }, NOW).state, "reconnecting");
  });

  test("after five minutes without it says whom to ask, not a moment sooner", () => {
    assert.equal(badgeOf(LINKS.waiting, NOW + 300_000).late, false);
    assert.equal(badgeOf(LINKS.waiting, NOW + 300_001).late, true);
    assert.equal(badgeOf(LINKS.live, NOW + 900_000).late, false);
  });

  test("attempts in between do not start the five minutes anew", () => {
    const lost = step(LINKS.live, { type: "closed", code: 1006 }, NOW, RANDOM).link;
    const again = step(lost, { type: "due" }, NOW + 9_000, RANDOM).link;
    const failed = step(again, { type: "closed", code: 1006 }, NOW + 9_500, RANDOM).link;
    assert.equal(failed.lostAt, NOW);
    const refused = step(again, { type: "closed", code: 4401 }, NOW + 9_500, RANDOM).link;
    assert.equal(refused.lostAt, NOW);
  });
});

describe("snapshots", () => {
  test("the first of a socket is news, an older or equal one is not", () => {
    assert.equal(isNews(snapshot(5), null, "orders"), true);
    assert.equal(isNews(snapshot(6), snapshot(5), "orders"), true);
    assert.equal(isNews(snapshot(5), snapshot(5), "orders"), false);
    assert.equal(isNews(snapshot(4), snapshot(5), "orders"), false);
  });

  test("a server that started anew counts from the beginning", () => {
    assert.equal(isNews(snapshot(1, { boot: "b2" }), snapshot(9), "orders"), true);
  });

  test("another source's is not news", () => {
    assert.equal(isNews(snapshot(9), null, "billing"), false);
    assert.equal(isNews(snapshot(9), null, ""), true);
  });
});

test("the address is absolute, below the prefix, quoted, and never the same twice", () => {
  const plain = { protocol: "http:", host: "localhost:8050" };
  const secure = { protocol: "https:", host: "jobs.example" };
  assert.equal(urlOf(plain, "/", "", 1), "ws://localhost:8050/live?c=1");
  assert.equal(
    urlOf(secure, "/portal/jobs/", "a b&c", 2),
    "wss://jobs.example/portal/jobs/live?source=a+b%26c&c=2",
  );
});

describe("on a page", () => {
  test("it connects once both the socket and the source are there", () => {
    const it = page({ config: { requests_pathname_prefix: "/jobs/" } });
    it.live.onState(undefined);
    assert.deepEqual(it.calls.urls, []);
    it.live.move("orders");
    assert.deepEqual(it.calls.urls, ["ws://jobs.example:8050/jobs/live?source=orders&c=1"]);
    assert.equal(it.words(), "Connecting...");
  });

  test("a page without a choice names its source by window.jobManagerSource", () => {
    const it = page();
    it.window.jobManagerSource = () => "billing";
    it.live.onState(undefined);
    assert.match(it.calls.urls[0], /source=billing/);
  });

  test("live means heard, not open", () => {
    const it = page();
    it.start();
    it.opened();
    assert.equal(it.state(), "connecting");
    it.beat({ read_at: NOW - 800 });
    assert.equal(it.state(), "live");
    assert.equal(it.words(), "Live");
    assert.equal(it.element("live-last-message").dataset.since, String(NOW - 800));
  });

  test("a restart: Reconnecting..., an attempt, and Live again", () => {
    const it = page();
    it.start();
    it.receive(snapshot(1));
    it.closed(1012);
    assert.equal(it.words(), "Reconnecting...");
    assert.equal(it.attempts(), "attempt 1");
    assert.equal(it.element("live-reconnect").hidden, false);
    it.time.advance(250);
    assert.match(it.calls.urls.at(-1), /c=2$/);
    assert.equal(it.receive(snapshot(1, { boot: "b2" })).boot, "b2");
    assert.equal(it.words(), "Live");
    assert.equal(it.attempts(), "");
    assert.equal(it.element("live-reconnect").hidden, true);
    assert.deepEqual(it.told, [true, false, true]);
    assert.equal(it.window.jobManager.connected, true);
  });

  test("a half-open link is noticed within twelve seconds", () => {
    const it = page();
    it.start();
    it.time.advance(300);
    it.beat();
    it.time.advance(12_000);
    assert.equal(it.words(), "Reconnecting...");
    assert.equal(it.calls.urls.includes(""), true);
  });

  test("signed out stays so, until somebody asks", () => {
    for (const code of [4401, 4403]) {
      const it = page();
      it.start();
      it.closed(code);
      it.time.advance(120_000);
      assert.equal(it.state(), "stopped");
      assert.equal(it.words(), "Signed out");
      assert.equal(it.calls.urls.length, 1);
      it.live.reconnect(1);
      assert.equal(it.calls.urls.length, 2);
    }
  });

  test("a link that is live over data that grows old is not green", () => {
    const it = page();
    it.start();
    it.receive(snapshot(1));
    const said = [it.words()];
    for (let second = 1; second <= 61; second += 1) {
      it.time.advance(1000);
      it.beat({ read_at: NOW });
      if (said.at(-1) !== it.words()) said.push(it.words());
    }
    assert.deepEqual(said, [
      "Live",
      "Live link, data over 15 s old",
      "Live link, data over 30 s old",
      "Live link, data over 1 min old",
    ]);
    assert.equal(it.state(), "live");
    assert.equal(it.element("live-badge").dataset.freshness, "old");
    it.beat({ read_at: it.time.now() });
    assert.equal(it.words(), "Live");
    assert.equal(it.element("live-badge").dataset.freshness, "fresh");
  });

  test("a link that is back says so once, however old the data has become", () => {
    const it = page();
    it.start();
    it.receive(snapshot(1, { read_at: NOW - 20_000 }));
    it.closed(1006);
    it.time.advance(1000);
    const { writes } = it.element("live-state");
    const before = writes.textContent;

    it.receive(snapshot(1, { boot: "b2", at: it.time.now(), read_at: it.time.now() }));

    assert.equal(it.words(), "Live");
    assert.equal(writes.textContent, before + 1);
  });

  test("a source in trouble is not green, however young its data is", () => {
    const it = page();
    it.start();
    it.receive(snapshot(1, { view: { trouble: { title: "Database unreachable", partial: false } } }));
    assert.equal(it.words(), "Live link, source error");
    it.receive(snapshot(2, { view: { trouble: null } }));
    assert.equal(it.words(), "Live");
  });

  test("a page that is to be reloaded does not wait for a link that may not be there", () => {
    const it = page();
    it.window.jobManagerReload = { isPast: () => true };
    it.start();
    it.receive(snapshot(1));
    assert.equal(it.words(), "Live");
    it.closed(1006);
    assert.equal(it.state(), "stopped");
    assert.equal(it.words(), "Reload needed");
    assert.equal(it.element("live-reconnect").hidden, true);
  });

  test("the status is written only when its words change", () => {
    const it = page();
    it.start();
    for (let i = 0; i < 20; i += 1) {
      it.beat({ read_at: it.time.now() });
      it.time.advance(1000);
    }
    assert.equal(it.element("live-state").writes.textContent, 2);
    assert.equal(it.element("live-attempts").writes.textContent, undefined);
  });

  test("a badge that Dash made anew is filled within a second", () => {
    const it = page();
    it.start();
    it.beat({ read_at: NOW - 800 });
    for (const id of IDS) it.document.elements.set(id, fakeElement());
    it.time.advance(1000);
    assert.equal(it.words(), "Live");
    assert.equal(it.element("live-last-message").dataset.since, String(NOW - 800));
  });

  test("a page without any of the elements works", () => {
    const it = page({ ids: [] });
    it.start();
    it.beat();
    it.time.advance(60_000);
    assert.deepEqual(it.told, [true, false]);
  });

  test("the connection is told only when it changes", () => {
    const it = page();
    it.start();
    for (let i = 0; i < 3; i += 1) {
      for (let beats = 0; beats < 5; beats += 1) it.beat();
      it.closed(1006);
      it.window_("offline");
      it.window_("online");
    }
    assert.deepEqual(it.told, [true, false, true, false, true, false]);
    assert.equal(it.window.jobManager.connected, false);
  });

  test("what other scripts keep in window.jobManager stays", () => {
    const it = page();
    const trackError = () => {};
    it.window.jobManager = { trackError };
    it.start();
    it.beat();
    assert.deepEqual(it.window.jobManager, { trackError, connected: true });
  });

  test("live once, asked by hand to connect again: Reconnecting...", () => {
    const it = page();
    it.start();
    it.beat();
    it.live.reconnect(1);
    assert.equal(it.words(), "Reconnecting...");
    assert.equal(it.attempts(), "");
  });

  test("a pause that was cut short does not shorten the next one", () => {
    const it = page();
    it.start();
    it.closed(1006);
    it.time.advance(100);
    it.live.reconnect(1);
    it.closed(1006);
    it.time.advance(749);
    assert.equal(it.calls.urls.length, 2);
    it.time.advance(1);
    assert.equal(it.calls.urls.length, 3);
  });

  test("however often the source changes, one timer ticks", () => {
    const it = page();
    for (const source of ["orders", "billing", "orders"]) it.start(source);
    assert.equal(it.time.waiting(), 1);
  });

  test("no address is asked for twice", () => {
    const it = page({ location: { protocol: "https:" } });
    it.start();
    it.time.advance(300_000);
    const urls = it.calls.urls.filter(Boolean);
    assert.ok(urls.length > 5);
    assert.equal(new Set(urls).size, urls.length);
    for (const url of urls) assert.ok(url.startsWith("wss://jobs.example:8050/live?"), url);
  });

  test("late events of a socket that was replaced change nothing", () => {
    const it = page();
    it.start();
    it.beat();
    it.time.advance(500);
    it.live.move("billing");
    it.closed(1006, 400);
    it.opened(400);
    assert.equal(it.receive(snapshot(9, { source: "billing" }), it.sockets[0]), undefined);
    assert.equal(it.state(), "connecting");
    assert.equal(it.calls.urls.length, 2);
    assert.equal(it.receive(snapshot(9, { source: "orders" })), undefined);
    assert.equal(it.receive(snapshot(1, { source: "billing" })).seq, 1);
  });

  test("the same source chosen again leaves the link alone", () => {
    const it = page();
    it.start("orders");
    it.live.move("orders");
    assert.equal(it.calls.urls.length, 1);
  });

  test("a component that Dash put there anew is connected at once", () => {
    const it = page();
    it.start();
    it.beat();
    it.live.onState(undefined);
    assert.equal(it.calls.urls.length, 2);
  });

  test("offline drops at once, online connects at once", () => {
    const it = page();
    it.start();
    it.beat();
    it.window_("offline");
    assert.equal(it.state(), "reconnecting");
    assert.equal(it.calls.urls.at(-1), "");
    it.window_("online");
    assert.match(it.calls.urls.at(-1), /c=2$/);
    it.time.advance(5_000);
    assert.equal(it.calls.urls.length, 3);
  });

  test("a page out of the back-forward cache connects again", () => {
    const it = page();
    it.start();
    it.beat();
    it.window_("pageshow", { persisted: false });
    assert.equal(it.calls.urls.length, 1);
    it.window_("pageshow", { persisted: true });
    assert.equal(it.calls.urls.length, 2);
  });

  test("coming into view makes up for a tick that was held back", () => {
    const it = page();
    it.start();
    it.beat();
    it.time.globals.clearInterval(1);
    it.time.advance(60_000);
    assert.equal(it.state(), "live");
    it.document.dispatchEvent(new Event("visibilitychange"));
    assert.equal(it.state(), "reconnecting");
  });

  test("an address that the socket refuses counts as a failure", () => {
    const it = page();
    it.window.dash_clientside.set_props = () => {
      throw new SyntaxError("bad url");
    };
    it.start();
    assert.equal(it.attempts(), "attempt 1");
  });

  test("the renderer sees nothing of the link's messages, and all of other sockets", () => {
    const it = page();
    it.start();
    const heard = [];
    const other = new it.window.WebSocket("ws://jobs.example:8050/chat");
    for (const socket of [it.sockets[0], other]) {
      socket.addEventListener("message", ({ data }) => heard.push(data));
    }
    it.beat();
    other.hear("hello");
    assert.deepEqual(heard, ["hello"]);
  });

  test("nonsense from the socket is left out", () => {
    const it = page();
    it.start();
    it.sockets[0].hear("<html>");
    it.sockets[0].hear(undefined);
    assert.equal(it.state(), "connecting");
  });

  test("a heartbeat tells the server's time and that the page is current", () => {
    const it = page();
    const heard = [];
    it.document.addEventListener("jobmanager:heartbeat", ({ detail }) => heard.push(detail));
    it.start();
    it.receive(snapshot(3));
    it.beat({ version: 3, read_at: 5 });
    assert.deepEqual(heard, [{ type: "hb", at: NOW, version: 3, read_at: 5 }]);
    assert.deepEqual(it.calls.serverTimes, [NOW, NOW]);
    assert.equal(it.calls.asked, 0);
  });

  test("a snapshot that was lost on the way is asked for, once", () => {
    const it = page();
    it.start();
    it.receive(snapshot(3));
    it.beat({ version: 4 });
    it.beat({ version: 4 });
    assert.equal(it.calls.asked, 1);
  });

  test("a server restarts with the same version number: its snapshot is still taken", () => {
    const it = page();
    it.start();
    it.receive(snapshot(3));
    it.closed(1012);
    it.time.advance(250);
    assert.equal(it.receive(snapshot(3)).seq, 3);
  });

  test("without the feature nothing happens", () => {
    const it = page();
    it.window_("online");
    it.document.dispatchEvent(new Event("visibilitychange"));
    it.live.reconnect(1);
    it.time.advance(60_000);
    assert.deepEqual(it.calls.urls, []);
    assert.deepEqual(it.told, []);
  });
});

test("one step takes less than a tenth of a millisecond", () => {
  const events = ["message", "tick", "closed", "due", "opened"].map((type) => ({ type }));
  const rounds = 20_000;
  const start = performance.now();
  let link = LINKS.live;
  for (let i = 0; i < rounds; i += 1) link = step(link, events[i % 5], NOW + i, RANDOM).link;
  assert.ok((performance.now() - start) / rounds < 0.1);
});

describe("a link that breaks is told to the error tracker", () => {
  const told = [
    ["an abnormal end", (it) => it.closed(1006), "WebSocket closed (1006)"],
    ["silence", (it) => it.time.advance(13_000), "WebSocket closed (silent)"],
    ["a restart of the server", (it) => it.closed(1012), undefined],
    ["an end on purpose", (it) => it.closed(1000), undefined],
    ["no network", (it) => it.window_("offline"), undefined],
    ["a click on Reconnect", (it) => it.live.reconnect(1), undefined],
    ["another source", (it) => it.start(), undefined],
    ["a page that is back", (it) => it.window_("pageshow", { persisted: true }), undefined],
  ];
  for (const [name, breaks, words] of told) {
    test(name, () => {
      const it = page();
      const reported = [];
      it.window.jobManagerTracker = { report: (...said) => reported.push(said) };
      it.start();
      it.opened();
      it.receive(snapshot(1));
      breaks(it);
      const context = { action: "liveLink", component: "live-badge" };
      assert.deepEqual(reported, words ? [["warning", words, context, "ws"]] : []);
    });
  }
});

describe("the link itself is told of, for those who count", () => {
  /** [phase, cause, is it tried again] each time that it changed. */
  const heardOf = (at) => {
    const found = [];
    at.document.addEventListener("jobmanager:link", ({ detail }) =>
      found.push([detail.phase, detail.cause, detail.tries]),
    );
    return found;
  };

  test("why it broke, each try, and that it is back", () => {
    const at = page();
    const found = heardOf(at);
    at.start();
    at.opened();
    at.receive(snapshot(1));
    at.receive(snapshot(2));
    at.closed(1006);
    at.time.advance(1000);
    at.opened();
    at.receive(snapshot(3));
    assert.deepEqual(found, [
      ["connecting", "started", false],
      ["open", "opened", false],
      ["live", "message", false],
      ["waiting", 1006, false],
      ["connecting", "due", true],
      ["open", "opened", false],
      ["live", "message", false],
    ]);
  });

  test("silence has no code, and another source is no try", () => {
    const at = page();
    at.start();
    at.opened();
    at.receive(snapshot(1));
    const found = heardOf(at);
    at.time.advance(11_000);
    at.live.move("invoices");
    assert.deepEqual(found.slice(0, 1), [["waiting", "silent", false]]);
    assert.deepEqual(found.at(-1), ["connecting", "started", false]);
  });
});
