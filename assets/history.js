// Client side of dashboard/pages/history.py: fields into the URL, the bar of actions.
(() => {
  // The fields in their order, and what each says when it asks for nothing.
  const FIELDS = { status: "all", job: "", queue: "", range: "any", q: "" };
  const format = () => window.jobManagerFormat;

  const took = (ms) => (ms == null ? "—" : format().duration(ms));

  /** Keep the fields in the URL; the address of the same runs as CSV. */
  function keep(source, ...values) {
    const fields = {};
    Object.entries(FIELDS).forEach(([field, nothing], at) => {
      fields[field] = values[at] || nothing;
      window.jobManagerShell.keepInUrl(field, fields[field], nothing);
    });
    return exportUrl(source, fields);
  }

  const STATES = {
    all: ["SUCCEEDED", "FAILED", "CANCELLED"],
    open: ["SCHEDULED", "PENDING", "RUNNING", "OTHER"],
  };
  const HOURS = { "1h": 1, "24h": 24, "7d": 168, "30d": 720 };

  /** Where the runs of these fields are as CSV. */
  function exportUrl(source, { status, job, queue, range, q }) {
    const query = new URLSearchParams({ ...(source && { source }) });
    for (const state of STATES[status] ?? [status]) query.append("status", state);
    for (const [name, value] of Object.entries({ job, queue, q })) {
      if (value) query.set(name, value.trim());
    }
    const hours = HOURS[range];
    const between = /^(\d+)-(\d+)$/.exec(range ?? "");
    if (between) {
      query.set("since", between[1]);
      query.set("until", between[2]);
    }
    if (hours) query.set("since", window.jobManagerTicker.now() - hours * 3_600_000);
    return window.jobManagerShell.below(`api/runs.csv?${query}`);
  }

  /** How many rows are selected; without any there is nothing to act on. */
  function selected(rows) {
    const none = !rows?.length;
    return [none ? "None selected" : `${rows.length} selected`, none, none];
  }

  const close = (clicks) => (clicks ? false : window.dash_clientside.no_update);

  window.dashAgGridFunctions = Object.assign(window.dashAgGridFunctions ?? {}, {
    took,
  });
  window.jobManagerHistory = { exportUrl };
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    history: { keep, selected, close },
  });
})();
