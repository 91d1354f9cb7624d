// Client side of dashboard/panels/stalled.py: the parts of the dialog that need no server.
(() => {
  const same = () => window.dash_clientside.no_update;

  function close(clicks) {
    return clicks ? false : same();
  }

  /** The last outcome again: open, no list, nothing wrong, the outcome, no confirm, undo. */
  function reopen(clicks) {
    return clicks ? [true, true, null, false, true, "Close", false] : Array(7).fill(same());
  }

  /** Label of the confirm button, and whether it is off; of both lists what is ticked. */
  function chosen(values, alive) {
    // The list is new: its ages do not wait for the next second.
    requestAnimationFrame(() => window.jobManagerTicker?.tick());
    const count = (values?.length ?? 0) + (alive?.length ?? 0);
    const words = count === 1 ? "1 run" : `${count} runs`;
    return [count ? `Mark ${words} as failed` : "Nothing selected", count === 0];
  }

  let expiry = 0;

  /** Hide the way back to the last clean-up when it can no longer be undone. */
  function last(undoable) {
    clearTimeout(expiry);
    const undo = undoable?.at(-1);
    if (!undo?.token) return true;
    const hide = () => window.dash_clientside.set_props("cleanup-last", { hidden: true });
    // `until` is the server's time, and this browser's clock may be off.
    const now = window.jobManagerTicker?.now() ?? Date.now();
    expiry = setTimeout(hide, undo.until - now);
    return undo.until <= now;
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    cleanup: { close, reopen, chosen, last },
  });
})();
