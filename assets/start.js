// Client side of dashboard/panels/start.py: opening, and the instant that was chosen.
(() => {
  function open(clicks) {
    if (!clicks) return window.dash_clientside.no_update;
    // Dash knows no field for a date with a time
    requestAnimationFrame(() => {
      const when = document.getElementById("run-when");
      if (when) when.type = "datetime-local";
    });
    return true;
  }

  /** "2026-11-24T18:00" in the viewer's time zone as epoch ms, null for now. */
  function toInstant(words) {
    const at = words ? new Date(words).getTime() : NaN;
    return Number.isFinite(at) ? at : null;
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    start: { open, toInstant },
  });
})();
