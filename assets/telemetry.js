// Tells the server what this tab saw: counters that only grow, each minute and on hiding.
//
// A post that is lost or repeated is harmless, and minutes without a network arrive with
// the next one. assets/counting.js counts; a reload goes on where the page left off.
(() => {
  const KEY = "jobManagerTelemetry";
  const POLL = "refresh-asked";
  const EVERY_MS = 1_000;
  const POST_MS = 60_000;
  const LEAST_LIMIT_MS = 15_000;

  const now = () => performance.now();
  const meta = (name) => document.querySelector(`meta[name="job-manager-${name}"]`)?.content;
  const config = {
    limitMs: Math.max(LEAST_LIMIT_MS, 3 * Number(meta("refresh-ms") ?? 0)),
    polling: meta("live") === "off",
  };
  const memory = {
    get() {
      try {
        return sessionStorage.getItem(KEY);
      } catch {
        return null;
      }
    },
    set(text) {
      try {
        sessionStorage.setItem(KEY, text);
      } catch {
        // blocked, as in some frames: the counters then last as long as the page
      }
    },
  };
  const { nothing, opened, step, taken } = window.jobManagerCounting;
  let state = opened(taken(memory.get(), document.wasDiscarded) || nothing(newId(16)), now());
  let postedAt = now();
  let restUntil = 0;
  let postedSeconds = secondsOf(state);
  let requests = 0;
  let isAnswered = false; // the server, and no content blocker, had the last post
  keep(true);

  function newId(length) {
    const bytes = crypto.getRandomValues(new Uint8Array(length / 2));
    return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  function keep(open) {
    const { session, number, minute, counters } = state;
    memory.set(JSON.stringify({ open, session, number, minute, counters }));
  }

  function secondsOf({ counters: { good_s: good, stale_s: stale, disconnected_s: lost } }) {
    return good + stale + lost;
  }

  function dispatch(event) {
    state = step(state, event, now(), config);
  }

  /** The next post: all counters, and what a person reports. */
  function body(report) {
    state = { ...state, number: state.number + 1 };
    keep(!state.isLeaving);
    postedAt = now();
    postedSeconds = secondsOf(state);
    const { session, number, counters } = state;
    return JSON.stringify({ v: 1, session, number, counters, ...(report && { report }) });
  }

  const address = () => window.jobManagerShell.below("api/telemetry");

  function send(text) {
    const headers = { "Content-Type": "application/json" };
    return plainFetch(address(), { method: "POST", headers, body: text, keepalive: true });
  }

  function post() {
    send(body()).then(
      (answer) => {
        isAnswered = true;
        const seconds = Number(answer.headers.get("Retry-After")) || 0;
        restUntil = now() + seconds * 1000;
      },
      () => {
        isAnswered = false; // the next one tells the same, and more
      },
    );
  }

  /** The page may be over: the browser delivers it when nobody is here any more. */
  function leave() {
    if (secondsOf(state) === postedSeconds) return;
    try {
      navigator.sendBeacon(address(), new Blob([body()], { type: "application/json" }));
    } catch {
      // what was counted is kept for the next page of this tab
    }
  }

  /** Tell the server what a person reports; its answer. */
  const report = (told) => send(body(told));

  /** The state as of now, and the instant that it is as of. */
  function seen() {
    dispatch({ type: "tick" });
    return { ...state, now: now() };
  }

  // ---- what is listened to ----

  /** A callback is asked: the interval's, or somebody waits for what it does. */
  const plainFetch = window.fetch.bind(window);
  function watchedFetch(resource, options) {
    const isCallback = callbackOf(resource);
    const answer = plainFetch(resource, isCallback && isAnswered ? marked(options) : options);
    const asked = askedOf(String(resource?.url ?? resource), options);
    if (asked) {
      dispatch({ type: "asked", ...asked });
      const answered = (ok) => dispatch({ type: "answered", ...asked, ok });
      answer.then((found) => answered(isFine(found)), () => answered(false));
    }
    return answer;
  }

  const callbackOf = (resource) =>
    String(resource?.url ?? resource).split("?")[0].endsWith("_dash-update-component");

  /** Says that this page tells of itself: from one that cannot, nothing is expected. */
  function marked(options) {
    const headers = options?.headers;
    if (headers !== undefined && Object.getPrototypeOf(headers) !== Object.prototype) return options;
    return { ...options, headers: { ...headers, "X-Job-Manager-Telemetry": "1" } };
  }

  function isFine({ status, headers }) {
    const note = headers?.get?.("X-Job-Manager-Error") ?? "";
    return status < 400 && note.split(" ")[1] !== "error";
  }

  function askedOf(url, options) {
    if (!url.split("?")[0].endsWith("_dash-update-component")) return null;
    const said = typeof options?.body === "string" ? options.body : "";
    const [, changed = ""] = /"changedPropIds":\["([^"]*)"/.exec(said) ?? [];
    const [id] = changed.split(".");
    if (id.endsWith("-interval")) return null; // nobody waits for it
    requests += 1;
    return { id: requests, poll: id === POLL };
  }

  /** A message of the link, or the interval's answer; both clocks are the server's. */
  function heard({ detail: { at, read_at: readAt, boot } }) {
    dispatch({ type: "data", age: readAt == null ? null : at - readAt, boot });
  }

  function onVisibility() {
    dispatch({ type: document.hidden ? "hidden" : "shown" });
    if (!document.hidden) return;
    leave();
    keep(!state.isLeaving);
  }

  function onTick() {
    dispatch({ type: "tick" });
    const due = now() - postedAt >= POST_MS && now() >= restUntil;
    if (due && !document.hidden) post();
  }

  window.addEventListener("pagehide", () => {
    dispatch({ type: "leaving" });
    leave();
    keep(false);
  });
  window.addEventListener("pageshow", ({ persisted }) => {
    if (!persisted) return;
    // another page of this tab may have counted on
    state = opened(taken(memory.get()) || nothing(newId(16)), now());
    keep(true);
  });
  window.addEventListener("beforeunload", () => {
    dispatch({ type: "leaving" });
    setTimeout(() => {
      dispatch({ type: "stayed" });
      keep(true);
    }, 3_000);
  });
  document.addEventListener("visibilitychange", onVisibility);
  document.addEventListener("jobmanager:snapshot", heard);
  document.addEventListener("jobmanager:heartbeat", heard);
  document.addEventListener("jobmanager:link", ({ detail }) => dispatch({ type: "link", ...detail }));
  if (document.hidden) dispatch({ type: "hidden" });
  setInterval(onTick, EVERY_MS);
  window.fetch = watchedFetch;
  window.jobManagerTelemetry = { config, newId, report, seen };
})();
