// Which of two messages tells of later data: what a page shows never goes back.
//
// Poll and socket may reach different processes, each with reads of its own. Those of one
// process are ordered by their number, those of two by when the source was read.
(() => {
  // Without news for so long from where the page's data came, older data counts: the process
  // is gone, or the clocks differ. More where the source is read less often.
  const QUIET_MS = 12_000;

  let latest = null; // the last message that was taken
  let takenAt = 0;
  let overtaken = null; // the last one that came too late

  /** Does `message` tell of earlier data than `before`? Pure. */
  function isOlder(message, before) {
    if (!before || before.source !== message.source) return false;
    if (before.boot === message.boot) return message.seq < before.seq;
    if (before.read_at == null) return false;
    return message.read_at == null || message.read_at < before.read_at;
  }

  /** That a source cannot be read is shown over the later rows. */
  function withTrouble({ view, ...message }, before) {
    const readAt = before.read_at;
    const trouble = view.trouble.partial ? view.trouble : { ...view.trouble, read_at: readAt };
    return { ...message, read_at: readAt, view: { ...before.view, trouble } };
  }

  /**
   * What to show of a message. Pure.
   * @param {Object} message
   * @param {?Object} before what is shown
   * @param {number} quietMs how long ago the last news came from where that is from
   * @returns {?Object} null: nothing
   */
  function choose(message, before, quietMs) {
    if (!isOlder(message, before)) return message;
    if (before.boot === message.boot) return null;
    if (message.view?.trouble && before.view) return withTrouble(message, before);
    return quietMs > Math.max(QUIET_MS, 2 * (before.every ?? 0)) ? message : null;
  }

  /** What to show of a message that came; null for nothing. */
  function take(message) {
    const now = Date.now();
    const chosen = choose(message, latest, now - takenAt);
    overtaken = chosen ? null : message;
    if (chosen) [latest, takenAt] = [chosen, now];
    return chosen;
  }

  /**
   * A sign of life from the process `boot`: the data of `version` was read again. What to
   * show now, null for nothing.
   */
  function beat(boot, { version, at, read_at: readAt }) {
    if (latest?.boot === boot) {
      takenAt = Date.now();
      latest = { ...latest, read_at: Math.max(latest.read_at ?? 0, readAt ?? 0) || null };
      return null;
    }
    if (overtaken?.boot !== boot || overtaken.version !== version) return null;
    return take({ ...overtaken, at, read_at: readAt });
  }

  /** What came with the page itself. */
  const { source, boot, seq, readAt } = document.getElementById("first-view")?.dataset ?? {};
  if (boot) {
    latest = { source, boot, seq: Number(seq), read_at: readAt ? Number(readAt) : null };
    takenAt = Date.now();
  }

  window.jobManagerOrder = { isOlder, choose, take, beat };
})();
