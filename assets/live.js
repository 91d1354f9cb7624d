// Client side of dashboard/live.py: keeps the link alive and says honestly how it is.
//
// dash-extensions' WebSocket never reconnects by itself: a new socket is made by setting
// another url. `step` decides (pure, tested); the rest of this file carries it out.
(() => {
  const TICK_MS = 500;
  const FIRST_DELAY_MS = 1000;
  const LONGEST_DELAY_MS = 30000;
  const RESTART_DELAY_MS = 500;
  //: The server says something every 4 s; a link this silent is dead (12 s less a tick).
  const SILENT_MS = 11000;
  const OPEN_LIMIT_MS = 10000;
  //: A link that held this long starts counting attempts anew when it is lost.
  const STABLE_MS = 10000;
  const SUPPORT_AFTER_MS = 5 * 60 * 1000;
  const RESTART = 1012;
  const SIGNED_OUT = 4401;
  const FORBIDDEN = 4403;

  const START = {
    phase: "idle",
    attempt: 0,
    //: when the phase began, when the next attempt is due, when the link was lost
    since: 0,
    retryAt: 0,
    lostAt: null,
    lastMessageAt: null,
    liveAt: 0,
  };

  const connect = (link, now) => [
    { ...link, phase: "connecting", since: now },
    ["connect"],
  ];

  /** Equal jitter: at least half of the doubling delay, so that viewers spread out. */
  function delayOf(attempt, code, random) {
    if (code === RESTART && attempt === 1) return RESTART_DELAY_MS * (1 + random);
    const cap = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
    return cap / 2 + (random * cap) / 2;
  }

  function lose(link, now, random, { code = 0, effects = [] } = {}) {
    const attempt = link.attempt + 1;
    const retryAt = now + delayOf(attempt, code, random);
    const lostAt = link.lostAt ?? now;
    return [{ ...link, phase: "waiting", attempt, since: now, retryAt, lostAt }, effects];
  }

  const on = {
    started: (link, _event, now) =>
      link.phase === "idle" ? connect({ ...link, lostAt: now }, now) : [link, []],

    opened: (link, _event, now) =>
      link.phase === "connecting" ? [{ ...link, phase: "open", since: now }, []] : [link, []],

    message(link, _event, now) {
      if (link.phase === "waiting" || link.phase === "stopped") return [link, []];
      const liveAt = link.phase === "live" ? link.liveAt : now;
      const attempt = now - liveAt > STABLE_MS ? 0 : link.attempt;
      const next = { phase: "live", liveAt, attempt, lastMessageAt: now, lostAt: null };
      return [{ ...link, ...next }, []];
    },

    closed(link, { code }, now, random) {
      if (["idle", "waiting", "stopped"].includes(link.phase)) return [link, []];
      if (code === SIGNED_OUT || code === FORBIDDEN) {
        return [{ ...link, phase: "stopped", since: now, lostAt: link.lostAt ?? now }, []];
      }
      return lose(link, now, random, { code });
    },

    tick(link, _event, now, random) {
      const { phase, since, lastMessageAt, retryAt } = link;
      if (phase === "waiting" && now >= retryAt) return connect(link, now);
      const opening = phase === "connecting" || phase === "open";
      if (opening && now - since > OPEN_LIMIT_MS) {
        return lose(link, now, random, { effects: ["drop"] });
      }
      if (phase === "live" && now - lastMessageAt > SILENT_MS) {
        const [lost] = lose(link, now, random);
        return connect(lost, now);
      }
      return [link, []];
    },

    manual: (link, _event, now) =>
      connect({ ...link, attempt: 0, lostAt: link.lostAt ?? now }, now),

    online: (link, _event, now) =>
      link.phase === "waiting" ? connect(link, now) : [link, []],

    offline(link, _event, now, random) {
      if (["idle", "waiting", "stopped"].includes(link.phase)) return [link, []];
      return lose(link, now, random, { effects: ["drop"] });
    },
  };

  /**
   * What an event makes of the link.
   * @param {object} link as START
   * @param {{type: string, code?: number}} event
   * @param {number} now epoch ms
   * @param {number} random 0..1
   * @returns {[object, string[]]} the link after it, and effects: "connect", "drop"
   */
  function step(link, event, now, random) {
    return on[event.type](link, event, now, random);
  }

  /** What the badge shows: state, words, attempts. */
  function badgeOf(link) {
    if (link.phase === "live") return { state: "live", words: "Live", attempts: "" };
    if (link.phase === "stopped") return { state: "stopped", words: "Signed out", attempts: "" };
    if (link.lastMessageAt === null && link.attempt === 0) {
      return { state: "connecting", words: "Connecting...", attempts: "" };
    }
    const attempts = link.attempt ? `attempt ${link.attempt}` : "";
    return { state: "reconnecting", words: "Reconnecting...", attempts };
  }

  let link = START;
  let connects = 0;
  let told = null;

  const byId = (id) => document.getElementById(id);

  function handle(event) {
    const [next, effects] = step(link, event, Date.now(), Math.random());
    link = next;
    for (const effect of effects) {
      const url = effect === "connect" ? address() : "";
      window.dash_clientside.set_props("live-ws", { url });
    }
    showBadge();
    tellOthers();
  }

  /** Absolute, below the prefix, and new each time: an equal url does nothing. */
  function address() {
    connects += 1;
    const config = JSON.parse(byId("_dash-config").textContent);
    const url = new URL(`${config.requests_pathname_prefix}live`, location.href);
    url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    url.searchParams.set("source", source());
    url.searchParams.set("c", connects);
    return url.href;
  }

  const source = () => byId("source-select")?.value ?? "";

  function showBadge() {
    const badge = byId("live-badge");
    if (!badge) return;
    const { state, words, attempts } = badgeOf(link);
    if (badge.dataset.state !== state) badge.dataset.state = state;
    write(byId("live-state"), words);
    write(byId("live-attempts"), attempts);
    hide(byId("live-reconnect"), state === "live" || state === "connecting");
    const late = link.lostAt !== null && Date.now() - link.lostAt > SUPPORT_AFTER_MS;
    hide(byId("live-help-late"), !late);
    if (link.lastMessageAt !== null) {
      byId("live-last-message").dataset.since = link.lastMessageAt + clockOffset();
    }
  }

  const clockOffset = () => window.jobManagerTicker.now() - Date.now();

  /** Only on change: the words are announced to screen readers. */
  function write(element, text) {
    if (element && element.textContent !== text) element.textContent = text;
  }

  function hide(element, hidden) {
    if (element && element.hidden !== hidden) element.hidden = hidden;
  }

  function tellOthers() {
    const connected = link.phase === "live";
    if (connected === told) return;
    told = connected;
    window.jobManager = Object.assign(window.jobManager ?? {}, { connected });
    const event = new CustomEvent("jobmanager:connection", { detail: { connected } });
    document.dispatchEvent(event);
  }

  function begin() {
    setInterval(() => handle({ type: "tick" }), TICK_MS);
    addEventListener("online", () => handle({ type: "online" }));
    addEventListener("offline", () => handle({ type: "offline" }));
    addEventListener("pageshow", (event) => event.persisted && handle({ type: "manual" }));
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) handle({ type: "tick" });
    });
  }

  /** The socket's state changed; the first call says that the page is there. */
  function onState(state) {
    if (link.phase === "idle") {
      begin();
      setTimeout(() => handle({ type: "started" }));
    } else if (state?.readyState === WebSocket.OPEN) handle({ type: "opened" });
    else if (state?.readyState === WebSocket.CLOSED) handle({ type: "closed", code: state.code });
  }

  /** A message came: the link lives. A snapshot is handed on, a sign of life is noted. */
  function onMessage(message) {
    const { no_update } = window.dash_clientside;
    if (!message) return no_update;
    const data = JSON.parse(message.data);
    window.jobManagerTicker.serverTime(data.at);
    handle({ type: "message" });
    if (data.type === "snapshot" && data.source === source()) return data;
    if (data.type === "hb") window.jobManagerTicker.readAt(data.read_at);
    return no_update;
  }

  function reconnect(clicks) {
    if (clicks) handle({ type: "manual" });
  }

  /** Another source was chosen: the link moves there. */
  function move() {
    if (link.phase !== "idle") handle({ type: "manual" });
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    live: { onState, onMessage, reconnect, move },
  });
  window.jobManagerLive = { START, step, badgeOf };
})();
