// Asks for the snapshot at intervals, whatever the socket does.
//
// dcc.Interval alone would ask while the tab is hidden, and ask again while an answer is
// under way: then Dash drops every answer that was overtaken, and the page never moves.
(() => {
  const INTERVAL = "refresh-interval";
  const ASKED = "refresh-asked";
  const ANSWERED = "refresh-answered";
  // Twice what an answer may take: the server was killed and will never answer.
  const GIVE_UP_MS = 10_000;
  const AWAY = [502, 503, 504]; // what is said for a server that is not there
  const meta = document.querySelector('meta[name="job-manager-live"]');

  const initial = { asked: 0, answered: 0, at: 0, missed: false };

  /**
   * Decide whether to ask now. Pure.
   * @param {{asked: number, answered: number, at: number, missed: boolean}} state
   * @param {Object} event
   * @param {?number} event.ack number of the last question that was answered
   * @param {boolean} event.tick is it time to ask?
   * @param {boolean} event.urgent ask even while an answer is under way
   * @param {boolean} event.hidden is the tab hidden?
   * @param {number} event.now
   * @returns the next state; to ask means that `asked` grew
   */
  function gate(state, { ack, tick = false, urgent = false, hidden, now }) {
    const next = { ...state, answered: Math.max(state.answered, ack ?? 0) };
    if (!tick && !urgent) return next;
    if (hidden) return { ...next, missed: true };
    const waiting = next.asked > next.answered && now - next.at < GIVE_UP_MS;
    if (waiting && !urgent) return next;
    return { ...next, asked: next.asked + 1, at: now, missed: false };
  }

  let state = initial;

  /** Let an event through the gate: the number of the question, null for none. */
  function pass(event) {
    const before = state.asked;
    state = gate(state, { ...event, hidden: document.hidden, now: Date.now() });
    return state.asked > before ? state.asked : null;
  }

  /** The interval's clientside callback; any other input, like the source, is urgent. */
  function ask(_intervals, ack) {
    const { callback_context: context, no_update: same } = window.dash_clientside;
    const causes = (context?.triggered ?? []).map(({ prop_id: id }) => id.split(".")[0]);
    const tick = causes.length === 0 || causes.includes(INTERVAL);
    const urgent = causes.some((id) => id !== INTERVAL && id !== ANSWERED);
    return pass({ ack, tick, urgent }) ?? same;
  }

  /** Ask now, whatever the interval says. */
  function askNow() {
    const number = pass({ ack: null, urgent: true });
    if (number) window.dash_clientside.set_props(ASKED, { data: number });
  }

  /** An answer came: told to whoever shows it, in the same way as the socket's. */
  function arrived(message) {
    if (!message) return;
    window.jobManagerTicker?.serverTime(message.at);
    const chosen = window.jobManagerOrder ? window.jobManagerOrder.take(message) : message;
    if (!chosen) return;
    window.jobManagerFreshness?.hear(chosen);
    document.dispatchEvent(new CustomEvent("jobmanager:snapshot", { detail: chosen }));
  }

  // ---- without the live link, the questions are what connects ----

  /** Tell of it in the same way as assets/live.js. */
  function tell(connected) {
    window.jobManager ??= { connected: false };
    if (window.jobManager.connected === connected) return;
    window.jobManager.connected = connected;
    document.dispatchEvent(new CustomEvent("jobmanager:connection", { detail: { connected } }));
  }

  function isQuestion(resource, options) {
    const [path] = String(resource?.url ?? resource).split("?");
    const isCallback = path.endsWith("_dash-update-component");
    return isCallback && /"changedPropIds":\["refresh-asked\./.test(String(options?.body));
  }

  const plainFetch = window.fetch?.bind(window);
  function watchedFetch(resource, options) {
    const answer = plainFetch(resource, options);
    if (isQuestion(resource, options)) {
      answer.then(({ status }) => tell(!AWAY.includes(status)), () => tell(false));
    }
    return answer;
  }
  if (meta?.content === "off") window.fetch = watchedFetch;

  // Back in view: what was skipped is made good now, not at the next tick.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && state.missed) askNow();
  });
  window.jobManagerPoll = { initial, gate, askNow };
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    poll: { ask, arrived },
  });
})();
