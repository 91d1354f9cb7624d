// What a tab counts: good, stale and disconnected seconds, links that broke. Pure.
//
// `step` makes of each event the next state; assets/telemetry.js knows the page.
(() => {
  const GRACE_MS = 10_000; // a link that is back by then did no harm
  const RESTART = 1012; // the server said that it goes, and comes back
  const RESTART_GRACE_MS = 120_000;
  const POLLS = "polls"; // they fail: the server may be restarting too
  const WAIT_MS = 10_000; // an action that takes longer spoils its minute
  const UNANSWERED_MS = 15_000;
  const FAILED_POLLS = 3;
  const TOLD_MS = 2_000; // after a poll's answer by then its message came, or none will
  const PROCESSES = 8;
  const MINUTE_S = 60;
  const GOOD_S = 55;
  const ASLEEP_S = 10; // nobody saw a second of which no tick came for so long
  const BUCKETS_S = [1, 2, 5, 10, 30, 60, 300];
  // Closed by the page that goes, for being idle, or by the person.
  const ON_PURPOSE = [1000, 1001, 4001, "manual", "started", "returned"];

  const spread = () => ({ counts: Array(BUCKETS_S.length + 1).fill(0), sum_ms: 0 });

  /** What is kept over a reload. */
  const nothing = (session) => ({
    session,
    number: 0, // posts so far
    minute: { seconds: 0, good: 0, spoilt: false },
    counters: {
      good_s: 0,
      stale_s: 0,
      disconnected_s: 0,
      minutes: 0,
      good_minutes: 0,
      faults: {},
      attempts: 0,
      reconnects: spread(),
      ages: spread(),
    },
  });

  /** A page that opens at `now`; it came with its first data in it. */
  const opened = (kept, now) => ({
    ...kept,
    at: now, // seconds are counted to here
    dataAt: now, // the data on the page is as of then, null: there never was any
    heardAt: now,
    isHidden: false,
    isLeaving: false,
    isLive: false,
    loss: null, // {at, cause, grace, isFault, isUnseen, answeredAt, held}: the missed link
    boots: [], // the server's processes that were heard of
    failedPolls: 0,
    askedAt: null, // the oldest poll that was not answered
    waiting: {}, // since when, by the number of the request
  });

  const counted = (state, more) => ({ ...state, counters: { ...state.counters, ...more } });
  const spoilt = (state) => ({ ...state, minute: { ...state.minute, spoilt: true } });

  function observed({ counts, sum_ms: sum }, ms) {
    const found = BUCKETS_S.findIndex((end) => ms <= end * 1000);
    const bucket = found < 0 ? BUCKETS_S.length : found;
    return {
      counts: counts.map((count, at) => count + (at === bucket ? 1 : 0)),
      sum_ms: sum + Math.round(ms),
    };
  }

  function qualityOf({ dataAt, isLive }, now, limitMs) {
    if (dataAt !== null && now - dataAt <= limitMs) return "good";
    return isLive ? "stale" : "disconnected";
  }

  /** Is the link missed, and may that be a restart? */
  const isPlanned = ({ loss }) => loss?.grace === RESTART_GRACE_MS && !loss.isFault;

  /** One visible second that ended at `now`; a bad one waits for what the loss turns out to be. */
  function passed(state, now, limitMs) {
    const seen = { quality: qualityOf(state, now, limitMs), age: now - state.heardAt };
    if (seen.quality === "good" || !isPlanned(state)) return second(state, seen);
    return { ...state, loss: { ...state.loss, held: [...state.loss.held, seen] } };
  }

  function second(state, { quality, age }) {
    const { counters, minute } = state;
    const good = minute.good + (quality === "good" ? 1 : 0);
    const next = counted(state, {
      [`${quality}_s`]: counters[`${quality}_s`] + 1,
      ages: observed(counters.ages, age),
    });
    if (minute.seconds + 1 < MINUTE_S) {
      return { ...next, minute: { ...minute, seconds: minute.seconds + 1, good } };
    }
    const isGood = good >= GOOD_S && !minute.spoilt;
    const ended = { ...next, minute: { seconds: 0, good: 0, spoilt: false } };
    return counted(ended, {
      minutes: counters.minutes + 1,
      good_minutes: counters.good_minutes + (isGood ? 1 : 0),
    });
  }

  /** Count a fault once, when the link is missed for too long, and the seconds without it. */
  function judged(state, now, grace = state.loss?.grace) {
    const { loss, counters } = state;
    if (!loss || loss.isFault || now - loss.at < grace) return state;
    const faults = { ...counters.faults, [loss.cause]: (counters.faults[loss.cause] ?? 0) + 1 };
    const next = { ...counted(state, { faults }), loss: { ...loss, isFault: true, held: [] } };
    return loss.held.reduce(second, next);
  }

  /** Polls are answered again: by a new process it was a restart, else the link was lost. */
  function settled(state, boot, now) {
    const { loss, boots } = state;
    if (loss?.answeredAt == null) return state;
    const isNew = boot && boots.length > 0 && !boots.includes(boot);
    if (isNew && isPlanned(state)) return { ...state, loss: null };
    if (!boot && now - loss.answeredAt <= TOLD_MS) return state;
    return regained(judged(state, loss.answeredAt, GRACE_MS), loss.answeredAt);
  }

  /** The link is back: how long that took, if somebody was there all the time. */
  function regained(state, now) {
    const { loss, counters } = state;
    if (!loss) return state;
    const seen = judged(state, now);
    const next = { ...seen, loss: null };
    if (loss.isUnseen || isPlanned(seen)) return next;
    return counted(next, { reconnects: observed(counters.reconnects, now - loss.at) });
  }

  function lostBy(state, cause, at) {
    if (state.loss || state.isHidden || state.isLeaving || ON_PURPOSE.includes(cause)) return state;
    const isRestart = cause === RESTART;
    const grace = isRestart || cause === POLLS ? RESTART_GRACE_MS : GRACE_MS;
    const named = isRestart ? "restart" : String(cause);
    const unknown = { isFault: false, isUnseen: false, answeredAt: null, held: [] };
    return { ...state, loss: { at, cause: named, grace, ...unknown } };
  }

  /** The machine slept: what was missed meanwhile is missed anew. */
  const woken = (state, now) => ({
    ...state,
    at: now,
    askedAt: null,
    waiting: {},
    loss: state.loss && { ...state.loss, at: now, isUnseen: true },
  });

  function unanswered(state, now) {
    if (state.askedAt === null || now - state.askedAt <= UNANSWERED_MS) return state;
    return pollsFailed(state, state.askedAt, now);
  }

  /** Polls fail: without a live link, that is the link that broke. */
  const pollsFailed = (state, at, now) =>
    judged(lostBy({ ...state, isLive: false }, POLLS, Math.min(at, now - GRACE_MS)), now);

  function tick(state, _event, now, { limitMs, polling }) {
    if (state.isHidden) return state;
    const seconds = Math.floor((now - state.at) / 1000);
    if (seconds < 0 || seconds > ASLEEP_S) return woken(state, now);
    const isWaiting = Object.values(state.waiting).some((since) => now - since > WAIT_MS);
    let next = isWaiting ? spoilt(state) : state;
    next = polling ? unanswered(settled(next, null, now), now) : next;
    next = judged(next, now);
    for (let n = 0; n < seconds; n += 1) next = passed(next, now, limitMs);
    return { ...next, at: state.at + seconds * 1000 };
  }

  const withOne = (boots, boot) =>
    !boot || boots.includes(boot) ? boots : [...boots, boot].slice(-PROCESSES);

  const steps = {
    tick,
    /** A message: its data was `age` old when the server sent it. */
    data: (state, { age, boot }, now) => ({
      ...settled(state, boot, now),
      boots: withOne(state.boots, boot),
      heardAt: now,
      dataAt: age === null ? null : now - Math.max(age, 0),
    }),
    /** The live link is in another phase, or tries anew. */
    link(state, { phase, cause, tries }, now) {
      const isLive = phase === "live";
      const { attempts } = state.counters;
      const next = counted({ ...state, isLive }, { attempts: attempts + (tries ? 1 : 0) });
      if (isLive) return regained(next, now);
      return state.isLive ? lostBy(next, cause, now) : next;
    },
    asked(state, { id, poll }, now, { polling }) {
      if (!poll) return { ...state, waiting: { ...state.waiting, [id]: now } };
      const tries = polling && state.failedPolls > 0 ? 1 : 0;
      const next = { ...state, askedAt: state.askedAt ?? now };
      return counted(next, { attempts: state.counters.attempts + tries });
    },
    answered(state, { id, poll, ok }, now, { polling }) {
      if (poll) return polling ? pollAnswered(state, ok, now) : state;
      const { [id]: since, ...waiting } = state.waiting;
      const isFine = ok && !(now - since > WAIT_MS);
      return { ...(isFine || state.isLeaving ? state : spoilt(state)), waiting };
    },
    hidden: (state, event, now, config) => ({
      ...tick(state, event, now, config),
      isHidden: true,
      askedAt: null,
      loss: state.loss && { ...state.loss, isUnseen: true },
    }),
    shown: (state, _event, now) => ({ ...state, isHidden: false, at: now }),
    leaving: (state) => ({ ...state, isLeaving: true }),
    stayed: (state) => ({ ...state, isLeaving: false }),
  };

  /** Whether that was a restart the message says, which comes after the answer. */
  const answeredAgain = ({ loss, ...state }, now) => ({
    ...state,
    loss: loss && { ...loss, answeredAt: loss.answeredAt ?? now },
  });

  function pollAnswered(state, ok, now) {
    const next = { ...state, askedAt: null };
    if (ok) return { ...answeredAgain(next, now), isLive: true, failedPolls: 0 };
    const failed = { ...next, failedPolls: state.failedPolls + 1 };
    return failed.failedPolls < FAILED_POLLS ? failed : pollsFailed(failed, now, now);
  }

  /**
   * What an event makes of the state.
   * @param {Object} state as `opened` makes it
   * @param {{type: string}} event
   * @param {number} now ms, of a clock that nobody sets
   * @param {{limitMs: number, polling: boolean}} config how old good data may be
   */
  const step = (state, event, now, config) => steps[event.type](state, event, now, config);

  /** Counters as they were kept; null when these are none, or a copy of an open tab's. */
  function taken(text, wasDiscarded) {
    try {
      const { open, ...kept } = JSON.parse(text);
      return open && !wasDiscarded ? null : isWhole(kept) && kept;
    } catch {
      return null;
    }
  }

  function isWhole(kept) {
    const { faults } = kept.counters;
    const isSession = /^[0-9a-f]{16}$/.test(kept.session);
    return isSession && isLike(kept, nothing("")) && Object.values(faults).every(isNumber);
  }

  const isNumber = (value) => Number.isFinite(value) && value >= 0;

  /** Has this all that the model has, in the same types? */
  function isLike(value, model) {
    if (typeof model === "number") return isNumber(value);
    if (typeof value !== typeof model || value === null) return false;
    const keys = typeof model === "string" ? [] : Object.keys(model);
    return keys.every((key) => isLike(value[key], model[key]));
  }

  window.jobManagerCounting = { nothing, opened, step, taken };
})();
