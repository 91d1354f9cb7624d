// Judges how old the data on the page is: by when it was read, not by when a message came.
//
// One judgement for the live badge, the notice below the header, the panels and the portal.
// A link can be live, with a message each second, over data that nobody could read anew.
(() => {
  // Data may be so much older than the next read is due; never less than the first.
  const LEAST_LIMIT_MS = 15_000;
  const SLACK_MS = 10_000;
  // A server that is there says something every 4 s.
  const QUIET_MS = 6_000;
  const TICK_MS = 1000;
  const MINUTE_MS = 60_000;
  const HOUR_MS = 60 * MINUTE_MS;
  // Said as "over ...": words that change each second would be read aloud each second.
  const STEPS = [
    [24 * HOUR_MS, "1 day"],
    [12 * HOUR_MS, "12 h"],
    [6 * HOUR_MS, "6 h"],
    [2 * HOUR_MS, "2 h"],
    [HOUR_MS, "1 h"],
    [30 * MINUTE_MS, "30 min"],
    [10 * MINUTE_MS, "10 min"],
    [5 * MINUTE_MS, "5 min"],
    [2 * MINUTE_MS, "2 min"],
    [MINUTE_MS, "1 min"],
    [30_000, "30 s"],
    [15_000, "15 s"],
  ];
  // What is old as a whole; of "partial" only one of several sources is.
  const STALE = ["silent", "trouble", "old"];

  // ---- what is known, and what it comes to: pure ----

  /** A source of which nothing was heard yet. */
  const nothing = (source, now) => ({
    source,
    readAt: null, // when its data was read, by the server's clock
    every: 0, // how often it is read, ms
    heardAt: now, // when the server said something last
    trouble: null,
  });

  /** The later one; what lies in the future is of a clock that was set back since. */
  function newest(before, readAt, now) {
    if (readAt == null || before === null || before > now) return readAt ?? before;
    return Math.max(before, readAt);
  }

  /** What a snapshot, or a heartbeat, makes of it. */
  function heard(known, { read_at: readAt, every, view }, now) {
    return {
      ...known,
      readAt: newest(known.readAt, readAt, now),
      every: every ?? known.every,
      heardAt: now,
      trouble: view ? view.trouble : known.trouble,
    };
  }

  /**
   * What is to be said of the data.
   * @param {ReturnType<typeof nothing>} known
   * @param {number} now epoch ms, by the server's clock
   * @param {number} waitMs how long news may be under way: the interval without a live link
   * @returns {{kind: string, age: ?number}} kind: fresh, unread (nothing was read yet),
   *   partial, old, trouble, silent (the server does not answer)
   */
  function judge({ readAt, every, heardAt, trouble }, now, waitMs) {
    const age = readAt === null ? null : now - readAt;
    const limit = (span) => Math.max(LEAST_LIMIT_MS, SLACK_MS + waitMs + span);
    const isQuiet = now - heardAt > QUIET_MS + waitMs;
    const kindOf = () => {
      if (now - heardAt > limit(0)) return "silent";
      if (trouble && !trouble.partial) return "trouble";
      if (age !== null && age > limit(every)) return isQuiet ? "silent" : "old";
      if (trouble) return "partial";
      return age === null ? "unread" : "fresh";
    };
    return { kind: kindOf(), age };
  }

  const isStale = ({ kind }) => STALE.includes(kind);

  /** "data over 1 min old", in steps. */
  function ageWords(age) {
    const step = STEPS.find(([least]) => age >= least);
    return step ? `data over ${step[1]} old` : "source error";
  }

  /** What the badge says of a link that is live. */
  function liveWords({ kind, age }) {
    if (kind === "fresh") return "Live";
    if (kind === "unread") return "Live link, no data yet";
    if (kind === "partial") return "Live link, some data old";
    return `Live link, ${age === null ? "no data" : ageWords(age)}`;
  }

  /** What the notice below the header says, "" for nothing. */
  function noticeWords({ kind }, trouble) {
    if (kind === "silent") return "No answer from Job Manager. Showing the last known data.";
    if (kind === "trouble") return `${trouble.title}. Showing the last known data.`;
    if (kind === "old") return "The source was not read lately. Showing the last known data.";
    if (kind === "partial") return `${trouble.title}. Its last known data is shown.`;
    return "";
  }

  // ---- the page ----

  const byId = (id) => document.getElementById(id);
  const put = (element, text) => window.jobManagerText.put(element, text);
  const now = () => window.jobManagerTicker?.now() ?? Date.now();
  const refreshMs = Number(document.querySelector('meta[name="job-manager-refresh-ms"]')?.content ?? 0);
  let known = nothing("", now());
  let judged = { kind: "unread", age: null };
  let told = "";

  const chosen = () => byId("source-select")?.value ?? "";

  /** A message came, by whichever way. */
  function hear(message) {
    const source = chosen();
    if (message.source && source && message.source !== source) return;
    follow(message.source ?? source);
    known = heard(known, message, now());
    update();
  }

  function follow(source) {
    if (source && source !== known.source) known = nothing(source, now());
  }

  function update() {
    follow(chosen());
    const waitMs = window.jobManager?.connected ? 0 : refreshMs;
    judged = judge(known, now(), waitMs);
    paint();
    const detail = { kind: judged.kind, stale: isStale(judged), readAt: known.readAt };
    const text = JSON.stringify([detail.kind, detail.stale]);
    if (told === text) return;
    told = text;
    document.dispatchEvent(new CustomEvent("jobmanager:freshness", { detail }));
  }

  /** The overview says itself what is wrong with its source. */
  const isSaid = () =>
    judged.kind !== "silent" && judged.kind !== "old" && byId("source-trouble") !== null;

  function paint() {
    const notice = byId("stale-notice");
    if (!notice) return;
    const words = isSaid() ? "" : noticeWords(judged, known.trouble);
    put(byId("stale-notice-words"), words);
    paintAge(byId("stale-notice-age"));
    if (notice.hidden !== !words) notice.hidden = !words;
  }

  /** Outside the status role: it moves each second. */
  function paintAge(element) {
    const readAt = judged.kind === "partial" ? known.trouble.read_at : known.readAt;
    const since = String(readAt ?? "");
    if (element.dataset.of === since) return;
    element.dataset.of = since;
    const { timed } = window.jobManagerTicker;
    if (readAt == null) element.replaceChildren("No data was read yet.");
    else element.replaceChildren("Data from ", timed(readAt, "clock"), ", ", timed(readAt, "duration"), " old.");
  }

  setInterval(() => document.hidden || update(), TICK_MS);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    // nobody asked meanwhile, so nobody could answer
    known = { ...known, heardAt: now() };
    update();
  });

  window.jobManagerFreshness = {
    ...{ nothing, heard, judge, liveWords, noticeWords },
    hear,
    seen: () => ({ ...judged, readAt: known.readAt }),
  };
})();
