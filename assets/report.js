// Client side of dashboard/panels/report.py: a report carries what was shown before it went.
(() => {
  const WORDS = {
    connecting: "being made",
    live: "live",
    reconnecting: "lost, being made again",
    stopped: "closed: signed out",
    polling: "none; the page asks by itself",
    "polling fails": "none; the page asks and gets no answer",
  };
  const format = () => window.jobManagerFormat;
  let record = null;
  let number = "";
  let isSending = false;

  /** What this tab knows of how fresh it is. */
  function recordOf({ counters, dataAt, heardAt, loss, now }, { limitMs, polling }) {
    const polled = loss ? "polling fails" : "polling";
    const badge = document.getElementById("live-badge")?.dataset.state ?? "connecting";
    return {
      age_ms: dataAt === null ? null : Math.round(now - dataAt),
      limit_ms: limitMs,
      link: polling ? polled : badge,
      lost_ms: loss && Math.round(now - loss.at),
      last_message_ms: Math.round(now - heardAt),
      good_s: counters.good_s,
      stale_s: counters.stale_s,
      disconnected_s: counters.disconnected_s,
      faults: Object.values(counters.faults).reduce((sum, n) => sum + n, 0),
      errors: window.jobManager?.getRecentErrors?.().length ?? 0,
      page: location.pathname.slice(0, 200),
    };
  }

  /** The same for the person who sends it: [what, words] each. */
  function linesOf(told) {
    const { duration, limit, count } = format();
    const since = told.lost_ms === null ? "" : `, for ${duration(told.lost_ms)}`;
    const age = told.age_ms === null ? "never read" : `${duration(told.age_ms)} old`;
    const seconds = [
      `${duration(1000 * told.good_s)} good`,
      `${duration(1000 * told.stale_s)} with old data`,
      `${duration(1000 * told.disconnected_s)} disconnected`,
    ];
    return [
      ["Data", `${age}; up to ${limit(told.limit_ms)} is good`],
      ["Live link", WORDS[told.link] + since],
      ["Last message", format().ago(told.last_message_ms)],
      ["This tab so far", seconds.join(", ")],
      ["Links lost", count(told.faults)],
      ["Recent errors", count(told.errors)],
      ["Page", told.page],
    ];
  }

  const element = (type, children) => ({ namespace: "dash_html_components", type, props: { children } });

  function open(clicks) {
    const { no_update: same } = window.dash_clientside;
    if (!clicks) return [same, same, same];
    const telemetry = window.jobManagerTelemetry;
    record = recordOf(telemetry.seen(), telemetry.config);
    number = telemetry.newId(32);
    const lines = linesOf(record).map(([what, words]) =>
      element("Div", [element("Dt", what), element("Dd", words)]),
    );
    return [true, lines, ""];
  }

  async function send(clicks, category, note, source) {
    const { no_update: same } = window.dash_clientside;
    if (!clicks || isSending || !record) return [same, same];
    isSending = true;
    const told = { report_id: number, source: source ?? "", category, note: note ?? "", record };
    const problem = await problemOf(told);
    isSending = false;
    if (problem) return [`It was not sent: ${problem} Your note is kept; try again.`, same];
    record = null;
    return ["Thank you. It was sent as shown above.", ""];
  }

  /** Why it could not be told, "" when it was. The same again is told once. */
  async function problemOf(told) {
    try {
      const answer = await window.jobManagerTelemetry.report(told);
      if (answer.ok) return "";
      const { error } = await answer.json().catch(() => ({}));
      return error?.message ?? `the server answered ${answer.status}.`;
    } catch {
      return "the server cannot be reached.";
    }
  }

  window.jobManagerReport = { recordOf, linesOf };
  window.dash_clientside = Object.assign({}, window.dash_clientside, { report: { open, send } });
})();
