// The interval's gate: one question at a time, none while nobody looks.
//
// dcc.Interval fires whatever happens; a server slower than the interval would be asked
// again and again and no answer would ever be shown.
(() => {
  //: An answer that takes longer than this is given up, so that a lost one frees the gate.
  const ANSWER_LIMIT_MS = 10000;
  const START = { asked: 0, answered: 0, at: 0, source: null };

  /**
   * Whether to ask now.
   * @param {object} gate as START
   * @param {{source: string, answered: number|undefined, ticked: boolean, hidden: boolean,
   *   now: number}} seen `ticked`: the interval fired (else an answer came)
   * @returns {[object, boolean]} the gate after it, and whether to ask
   */
  function pass(gate, { source, answered, ticked, hidden, now }) {
    const known = { ...gate, answered: Math.max(gate.answered, answered ?? 0) };
    const moved = source !== gate.source;
    if (!moved && (hidden || !ticked)) return [known, false];
    const waiting = known.asked > known.answered && now - known.at < ANSWER_LIMIT_MS;
    if (waiting && !moved) return [known, false];
    return [{ ...known, asked: known.asked + 1, at: now, source }, true];
  }

  let gate = START;

  function ask(_ticks, answered, source) {
    const triggered = window.dash_clientside.callback_context.triggered ?? [];
    const ticked = triggered.some(({ prop_id: id }) => id.endsWith(".n_intervals"));
    const seen = { source, answered, ticked, hidden: document.hidden, now: Date.now() };
    const [next, asking] = pass(gate, seen);
    gate = next;
    return asking ? gate.asked : window.dash_clientside.no_update;
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, { poll: { ask } });
  window.jobManagerPoll = { START, pass };
})();
