// Client side of dashboard/pages/alerts.py: what is asked for, one preview at a time.
(() => {
  // What a button does, and the store that hears of it.
  const STORES = {
    rule: "alert-rule-asked",
    alert: "alert-episode",
    acknowledge: "alert-acknowledge-asked",
    silence: "alert-silence-asked",
    end: "alert-silence-ending",
    test: "channel-testing",
    switch: "channel-switching",
    remove: "channel-remove-asked",
  };
  // Who stops typing for this long has typed it.
  const TYPING_MS = 400;
  // A preview that was lost on its way: another one may be asked for.
  const LOST_AFTER_MS = 30_000;
  const NARROW = "(max-width: 1000px)";
  const byId = (id) => document.getElementById(id);
  let openRule = "";
  let shownAlert = "";
  const flight = { number: 0, at: -Infinity, asked: "", open: false, timer: 0 };

  /**
   * Ask for a preview of what is in the fields when nobody typed for a moment, one at a
   * time: what was typed meanwhile is asked for when the answer is there.
   */
  function preview(values, shown, answered) {
    if (answered === flight.number) flight.open = false;
    clearTimeout(flight.timer);
    flight.timer = setTimeout(() => ask(values, shown?.rule), flight.asked ? TYPING_MS : 0);
  }

  function ask(values, rule) {
    const wanted = JSON.stringify([rule, values]);
    const now = performance.now();
    const waits = flight.open && now - flight.at < LOST_AFTER_MS;
    if (!rule || !byId("alert-rule") || waits || wanted === flight.asked) return;
    Object.assign(flight, { number: flight.number + 1, at: now, asked: wanted, open: true });
    window.dash_clientside.set_props("alert-rule-preview", { data: { rule, values, number: flight.number } });
  }

  /** A rule is open, or none: keep it in the URL, bring its panel into view. */
  function ruleShown(shown) {
    const rule = shown?.rule ?? "";
    if (rule === openRule) return;
    openRule = rule;
    Object.assign(flight, { asked: "", open: flight.open && Boolean(rule) });
    window.jobManagerShell.keepInUrl("rule", rule);
    markChosen(rule);
    if (!rule) return;
    if (matchMedia(NARROW).matches) byId("alert-rule")?.scrollIntoView({ block: "start" });
    byId("alert-rule-heading")?.focus({ preventScroll: true });
  }

  function markChosen(rule) {
    for (const line of document.querySelectorAll("#alerts-list [data-rule]")) {
      line.classList.toggle("chosen", Boolean(rule) && line.dataset.rule === rule);
    }
  }

  /** What was looked at is on the page: ages at once, and where the same is as CSV. */
  function keep(rule, chosen, source) {
    window.jobManagerShell.keepInUrl("of", rule, "any");
    window.jobManagerShell.keepInUrl("alert", chosen?.alert ?? "");
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        window.jobManagerTicker.tick();
        bringIntoView(chosen?.alert ?? "");
      }),
    );
    const query = new URLSearchParams({
      ...(rule && rule !== "any" && { rule }),
      ...(source && { source }),
    });
    return window.jobManagerShell.below(`api/alerts/history.csv?${query}`);
  }

  /** An alert that was asked for, by a link too, is not left below the fold. */
  function bringIntoView(alert) {
    const facts = byId("alert-chosen");
    if (alert === shownAlert || (alert && !facts?.childElementCount)) return;
    shownAlert = alert;
    if (alert) facts.scrollIntoView({ block: "center" });
  }

  /** Only "until" has a field of its own; Dash knows none for a date with a time. */
  function span(value) {
    const field = byId("alert-silence-until");
    if (field) field.type = "datetime-local";
    return value !== "until";
  }

  function onClick(event) {
    const button = event.target.closest?.("#alerts [data-do]");
    if (!button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const { do: what, ...asked } = button.dataset;
    window.dash_clientside.set_props(STORES[what], { data: { ...asked, n: Date.now() } });
  }

  document.addEventListener("click", onClick);
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    alerts: { preview, ruleShown, keep, span },
  });
})();
