// Client side of dashboard/panels/start.py: opening, and the instant that was chosen.
(() => {
  /** Open the dialog, for the source of the page where that is one. */
  function open(clicks, source, options) {
    const { no_update } = window.dash_clientside;
    if (!clicks) return [no_update, no_update];
    // Dash knows no field for a date with a time
    requestAnimationFrame(() => {
      const when = document.getElementById("run-when");
      if (when) when.type = "datetime-local";
    });
    const isOne = options.some(({ value }) => value === source);
    return [true, isOne ? source : no_update];
  }

  /** "2026-11-24T18:00" in the viewer's time zone as epoch ms, null for now. */
  function toInstant(words) {
    const at = words ? new Date(words).getTime() : NaN;
    return Number.isFinite(at) ? at : null;
  }

  /** What cannot work is not offered; the button says why. */
  function offer({ detail: { view } }) {
    const button = document.getElementById("run-job");
    if (!button || !view) return;
    const why = view.no_start ?? "";
    button.disabled = why !== "";
    button.title = why;
  }

  document.addEventListener("jobmanager:snapshot", offer);
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    start: { open, toInstant },
  });
})();
