// Client side of dashboard/pages/audit.py: fields into the URL, the same rows as CSV.
(() => {
  // The fields in their order, and what each says when it asks for nothing.
  const FIELDS = { action: "all", actor: "", q: "" };

  function keep(source, ...values) {
    const query = new URLSearchParams({ ...(source && { source }) });
    Object.entries(FIELDS).forEach(([field, nothing], at) => {
      const value = values[at] || nothing;
      window.jobManagerShell.keepInUrl(field, value, nothing);
      if (value !== nothing) query.set(field, value.trim());
    });
    return window.jobManagerShell.below(`api/audit.csv?${query}`);
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, { audit: { keep } });
})();
