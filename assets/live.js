// Client side of dashboard/live.py: the link that keeps the page current.
//
// dash-extensions' WebSocket connects when its url changes and does nothing more. `step`,
// which is pure, decides when to connect again; the rest carries that out and shows it.
// Live means that a message arrived on this very socket: an open one may lead nowhere.
(() => {
  const SOCKET = "live-ws";
  const TICK_MS = 1000;
  const FIRST_PAUSE_MS = 1000;
  const LONGEST_PAUSE_MS = 30_000;
  const QUICK_PAUSE_MS = 500;
  const CONNECT_LIMIT_MS = 10_000;
  // A silent link is noticed within 12 s, and only a tick can notice it.
  const SILENCE_MS = 12_000 - TICK_MS;
  // Sooner, a server that accepts and closes again would be asked once a second for ever.
  const STABLE_MS = 10_000;
  const LATE_MS = 5 * 60_000;
  const RESTART = 1012;
  const SILENT = "silent";
  const REFUSALS = [4401, 4403];
  // Closed by a page or a server that goes, or for being idle.
  const ON_PURPOSE = [1000, 1001, RESTART, 4001, ...REFUSALS];
  // What ends a live link by itself: the browser closes it, or no message arrives any more.
  const BREAKS = ["closed", "failed", "tick"];
  const WORDS = {
    connecting: "Connecting...",
    live: "Live",
    reconnecting: "Reconnecting...",
    stopped: "Signed out",
  };

  // ---- the state of the link, and what to do next: pure ----

  const initial = {
    phase: "idle", // connecting, open, live, waiting, stopped
    wasLive: false,
    attempt: 0, // failures in a row
    since: 0, // when this attempt to connect began
    heardAt: 0, // last sign of life on this socket
    liveAt: 0, // its first message
    due: 0, // when to connect again
    lostAt: null, // since when the page is not live
  };

  const stay = (link) => ({ link, effects: [] });
  const isUp = ({ phase }) => phase === "open" || phase === "live";
  const isTrying = (link) => link.phase === "connecting" || isUp(link);

  function connect(link, now) {
    const lostAt = link.lostAt ?? now;
    const next = { ...link, phase: "connecting", since: now, lostAt };
    return { link: next, effects: [{ type: "connect" }] };
  }

  /** How long to wait: doubling, half of it by chance, so that viewers spread. */
  function pause(attempt, reason, random) {
    const quick = attempt === 1 && (reason === RESTART || reason === SILENT);
    if (quick) return random * QUICK_PAUSE_MS;
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
    return longest / 2 + (random * longest) / 2;
  }

  function fail(link, reason, now, random) {
    const attempt = link.attempt + 1;
    const delay = pause(attempt, reason, random);
    const lostAt = link.lostAt ?? now;
    const next = { ...link, phase: "waiting", attempt, due: now + delay, lostAt };
    return { link: next, effects: [{ type: "schedule", delay }] };
  }

  /** The same for a socket that is still there: it is closed first. */
  function drop(link, reason, now, random) {
    const { link: next, effects } = fail(link, reason, now, random);
    return { link: next, effects: [{ type: "drop" }, ...effects] };
  }

  function opened(link, _event, now) {
    if (link.phase !== "connecting") return stay(link);
    return stay({ ...link, phase: "open", heardAt: now });
  }

  function message(link, _event, now) {
    if (!isTrying(link)) return stay(link);
    const liveAt = link.phase === "live" ? link.liveAt : now;
    const attempt = now - liveAt >= STABLE_MS ? 0 : link.attempt;
    const heard = { phase: "live", wasLive: true, heardAt: now, lostAt: null };
    return stay({ ...link, ...heard, liveAt, attempt });
  }

  function closed(link, { code }, now, random) {
    if (!isTrying(link)) return stay(link);
    if (!REFUSALS.includes(code)) return fail(link, code, now, random);
    return stay({ ...link, phase: "stopped", lostAt: link.lostAt ?? now });
  }

  function tick(link, _event, now, random) {
    if (isUp(link) && now - link.heardAt >= SILENCE_MS) {
      return drop(link, SILENT, now, random);
    }
    if (link.phase === "connecting" && now - link.since >= CONNECT_LIMIT_MS) {
      return drop(link, "timeout", now, random);
    }
    // Browsers hold back the timers of a tab that was hidden.
    const isDue = link.phase === "waiting" && now >= link.due;
    return isDue ? connect(link, now) : stay(link);
  }

  const steps = {
    started: (_link, _event, now) => connect(initial, now),
    opened,
    message,
    closed,
    failed: closed,
    tick,
    due: (link, _event, now) =>
      link.phase === "waiting" ? connect(link, now) : stay(link),
    manual: (link, _event, now) =>
      link.phase === "idle" ? stay(link) : connect({ ...link, attempt: 0 }, now),
    online: (link, _event, now) =>
      link.phase === "waiting" || link.phase === "connecting"
        ? connect(link, now)
        : stay(link),
    offline: (link, _event, now, random) =>
      isTrying(link) ? drop(link, "offline", now, random) : stay(link),
    returned: (link, _event, now) =>
      isTrying(link) || link.phase === "waiting" ? connect(link, now) : stay(link),
  };

  /**
   * What an event makes of the link.
   * @param {typeof initial} link
   * @param {{type: string, code: (number|undefined)}} event
   * @param {number} now epoch ms
   * @param {number} random 0..1
   * @returns {{link: typeof initial, effects: {type: string, delay: (number|undefined)}[]}}
   */
  const step = (link, event, now, random) => steps[event.type](link, event, now, random);

  /** What the badge says of a link. */
  function badgeOf(link, now) {
    const trying = link.wasLive || link.attempt > 0 ? "reconnecting" : "connecting";
    const state = { live: "live", stopped: "stopped" }[link.phase] ?? trying;
    return {
      state,
      words: WORDS[state],
      attempts: state === "reconnecting" && link.attempt ? `attempt ${link.attempt}` : "",
      canReconnect: state === "reconnecting",
      late: link.lostAt !== null && now - link.lostAt > LATE_MS,
    };
  }

  /**
   * The badge, by the data that the page shows: green is a live link with fresh data.
   * `seen` is what assets/freshness.js judges, `isPast` that the page is to be reloaded.
   */
  function overData(badge, seen, isPast) {
    const known = { ...badge, freshness: seen?.kind ?? "fresh", readAt: seen?.readAt ?? null };
    if (badge.state === "live" && seen) {
      return { ...known, words: window.jobManagerFreshness.liveWords(seen) };
    }
    if (!isPast || badge.state !== "reconnecting") return known;
    const over = { state: "stopped", words: "Reload needed", attempts: "", canReconnect: false };
    return { ...known, ...over };
  }

  /** Is a snapshot news after `before`, the last one of this socket (null: none yet)? */
  function isNews(snapshot, before, source) {
    if (source && snapshot.source !== source) return false;
    return !before || snapshot.boot !== before.boot || snapshot.seq > before.seq;
  }

  /** Absolute, because browsers disagree on relative ones, and never the same twice. */
  function urlOf({ protocol, host }, prefix, source, number) {
    const scheme = protocol === "https:" ? "wss" : "ws";
    const query = new URLSearchParams({ ...(source && { source }), c: number });
    return `${scheme}://${host}${prefix}live?${query}`;
  }

  // ---- the page ----

  const byId = (id) => document.getElementById(id);
  let link = initial;
  let chosen;
  let mounted = false;
  let connections = 0;
  let pauseTimer = 0;
  let tickTimer = 0;
  let socketSince = 0;
  let address = "";
  let shown = null;

  function dispatch(event) {
    const next = step(link, event, Date.now(), Math.random());
    if (link.phase === "live" && next.link.phase !== "live") lost(event);
    if (link.phase !== next.link.phase || next.effects.length) moved(event, next);
    link = next.link;
    for (const effect of next.effects) perform[effect.type](effect);
    publish();
  }

  /** A link that broke is an error; one that was closed, or made anew, on purpose is none. */
  function lost({ type, code }) {
    if (!BREAKS.includes(type) || ON_PURPOSE.includes(code)) return;
    const words = `WebSocket closed (${code ?? SILENT})`;
    const context = { action: "liveLink", component: "live-badge" };
    window.jobManagerTracker?.report("warning", words, context, "ws");
  }

  /** Tell of the link itself: its phase, why, and whether this is a try to get it back. */
  function moved({ type, code }, { link: { phase, wasLive, attempt }, effects }) {
    const tries = (wasLive || attempt > 0) && effects.some((effect) => effect.type === "connect");
    const cause = code ?? (type === "tick" ? SILENT : type);
    announce("jobmanager:link", { phase, cause, tries });
  }

  const perform = {
    connect() {
      connections += 1;
      setUrl(urlOf(location, prefix(), source(), connections));
    },
    drop: () => setUrl(""),
    schedule({ delay }) {
      pauseTimer = setTimeout(() => dispatch({ type: "due" }), delay);
    },
  };

  function setUrl(url) {
    clearTimeout(pauseTimer);
    socketSince = performance.now();
    address = url;
    shown = null;
    try {
      window.dash_clientside.set_props(SOCKET, { url });
    } catch (error) {
      console.error(error);
      if (url) dispatch({ type: "failed" });
    }
  }

  function prefix() {
    const config = byId("_dash-config");
    return (config && JSON.parse(config.textContent).requests_pathname_prefix) || "/";
  }

  /** Name of the source to follow; undefined until the page knows it. */
  const source = () => window.jobManagerSource?.() ?? chosen;

  function start() {
    if (!mounted || source() === undefined) return;
    dispatch({ type: "started" });
    tickTimer ||= setInterval(() => dispatch({ type: "tick" }), TICK_MS);
  }

  /** Show the link on the page; elements that are missing are filled when they come. */
  function publish() {
    const isPast = window.jobManagerReload?.isPast() ?? false;
    const badge = overData(badgeOf(link, Date.now()), window.jobManagerFreshness?.seen(), isPast);
    put(byId("live-badge")?.dataset, "state", badge.state);
    put(byId("live-badge")?.dataset, "freshness", badge.freshness);
    put(byId("live-state"), "textContent", badge.words);
    put(byId("live-attempts"), "textContent", badge.attempts);
    put(byId("live-reconnect"), "hidden", !badge.canReconnect);
    put(byId("live-help-late"), "hidden", !badge.late);
    showAge(byId("live-last-message"), badge.readAt);
    tell(link.phase === "live");
  }

  /** How old the data is, whatever the link does. */
  function showAge(element, readAt) {
    const since = String(readAt ?? "");
    if (!element || since === (element.dataset.since ?? "")) return;
    window.jobManagerTicker?.mark(element, since);
  }

  /** Write only what differs: a screen reader announces every write to the status. */
  function put(target, key, value) {
    if (target && target[key] !== value) target[key] = value;
  }

  function tell(connected) {
    window.jobManager ??= { connected: false };
    if (window.jobManager.connected === connected) return;
    window.jobManager.connected = connected;
    announce("jobmanager:connection", { connected });
  }

  function announce(type, detail) {
    document.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** An event of a socket that was replaced since; Dash delivers late. */
  const isPast = ({ timeStamp }) => timeStamp < socketSince;

  /**
   * The link reads its socket itself: on its way through Dash's renderer each message
   * would cost ten times as much, and of a burst only the first and the last arrive.
   */
  const PlainSocket = window.WebSocket;
  class LinkSocket extends PlainSocket {
    constructor(url, protocols) {
      super(url, protocols);
      if (url !== address) return;
      this.addEventListener("message", (event) => {
        event.stopImmediatePropagation();
        if (url === address) hear(event);
      });
    }
  }
  window.WebSocket = LinkSocket;

  function hear({ data }) {
    try {
      receive(JSON.parse(data));
    } catch (error) {
      console.error("The live link sent something unreadable.", error);
    }
  }

  const isOfOther = ({ source: name }) => Boolean(name && source() && name !== source());

  /** What is known of the data comes first: the badge never speaks of older data. */
  function receive(content) {
    window.jobManagerTicker?.serverTime(content.at);
    const isNew = content.type === "snapshot" && isNews(content, shown, source());
    const snapshot = isNew ? chosenOf(content) : null;
    hearOf(content, snapshot);
    dispatch({ type: "message" });
    if (content.type === "hb") beat(content);
    if (!isNew) return;
    shown = { boot: content.boot, seq: content.seq, version: content.version };
    if (snapshot) announce("jobmanager:snapshot", snapshot);
  }

  /** The snapshot that is to be shown now; null: another process read later. */
  const chosenOf = (content) =>
    window.jobManagerOrder ? window.jobManagerOrder.take(content) : content;

  function hearOf(content, snapshot) {
    if (!isOfOther(content)) window.jobManagerFreshness?.hear(snapshot ?? timesOf(content));
  }

  /** What is known of the data without its view. */
  const timesOf = ({ view: _view, ...times }) => times;

  /** Of a version that was never received the server believes that it was. */
  function beat(content) {
    announce("jobmanager:heartbeat", content);
    const snapshot = shown && window.jobManagerOrder?.beat(shown.boot, content);
    if (snapshot) {
      hearOf(content, snapshot);
      announce("jobmanager:snapshot", snapshot);
    }
    if (content.version === shown?.version) return;
    shown = { ...shown, version: content.version };
    window.jobManagerPoll?.askNow();
  }

  // ---- clientside callbacks ----

  /** The socket's `state`; none yet means that the component was put on the page. */
  function onState(state) {
    if (!state) {
      mounted = true;
      start();
    } else if (!isPast(state)) {
      if (state.readyState === WebSocket.OPEN) dispatch({ type: "opened" });
      if (state.readyState === WebSocket.CLOSED) dispatch({ type: "closed", code: state.code });
    }
  }

  function reconnect(clicks) {
    if (clicks) dispatch({ type: "manual" });
  }

  /** The page shows this source now. */
  function move(value) {
    if ((value ?? "") === chosen) return;
    chosen = value ?? "";
    start();
  }

  window.addEventListener("online", () => dispatch({ type: "online" }));
  window.addEventListener("offline", () => dispatch({ type: "offline" }));
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) dispatch({ type: "returned" });
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) dispatch({ type: "tick" });
  });

  document.addEventListener("jobmanager:freshness", () => mounted && publish());
  window.jobManagerLive = { initial, step, badgeOf, overData, isNews, urlOf };
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    live: { onState, reconnect, move },
  });
})();
