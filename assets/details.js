// Client side of dashboard/panels/details.py: which run is open, and when to look again.
(() => {
  const ASKED = "details-asked";
  // Dialogs that give way to the run that a link in them opens.
  const OTHERS = ["run-modal", "bulk-modal", "cleanup-modal"];
  const LOOK_AGAIN_MS = 2000;
  let open = null;
  let lookedAt = 0;

  const ask = (data) => window.dash_clientside.set_props(ASKED, { data });

  /** Open the dialog with one run, and keep it in the URL; `job` where it is known. */
  function show(run, job) {
    window.jobManagerShell.keepInUrl("run", run);
    ask({ run, ...(job && { job }) });
  }

  /** The run that the URL names. */
  function fromUrl(search) {
    const run = new URLSearchParams(search ?? "").get("run");
    return run ? { run } : window.dash_clientside.no_update;
  }

  function toggled(isOpen) {
    const run = new URLSearchParams(location.search).get("run");
    open = isOpen ? run : null;
    if (!isOpen && run) window.jobManagerShell.keepInUrl("run", "");
    if (isOpen) filled();
  }

  /** The ages in what was put into the dialog, at once and not with the next tick. */
  function filled() {
    requestAnimationFrame(() => requestAnimationFrame(window.jobManagerTicker.tick));
  }

  /** What runs moves on: look again with the page's data, not more often than it changes. */
  function lookAgain() {
    const now = Date.now();
    if (!open || document.hidden || now - lookedAt < LOOK_AGAIN_MS) return;
    lookedAt = now;
    ask({ run: open, again: true, at: now });
  }

  /** The run, and its job, that a row tells of: a row of runs is called as its run. */
  function runOf(row) {
    const id = row.getAttribute("row-id");
    const grid = row.closest(".ag-theme-quartz, [class*=-grid][id]");
    const node = grid && id && window.dash_ag_grid.getApi(grid.id)?.getRowNode(id);
    return [node?.data.run_id ?? id, node?.data.job];
  }

  /** A click, or Enter, on a row of a grid of runs; not on what is in it to be clicked. */
  function onRow(event) {
    const row = event.target.closest?.(".ag-row");
    const isKey = event.type === "keydown";
    if (!row || (isKey && event.key !== "Enter") || event.target.closest("input, a")) return;
    if (!isKey && (getSelection().toString() || event.target.closest(".ag-selection-checkbox")))
      return;
    const [run, job] = runOf(row);
    if (run) show(run, job);
  }

  /** A link to a run opens it here; with a modifier, or the wheel, in another tab. */
  function onLink(event) {
    const link = event.target.closest?.("a[data-run]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    for (const id of OTHERS) {
      if (document.getElementById(id)?.contains(link))
        window.dash_clientside.set_props(id, { is_open: false });
    }
    show(link.dataset.run);
  }

  /** Copy a part of the page as it was written, folded or not. */
  async function onCopy(event) {
    const button = event.target.closest?.("button[data-copy]");
    if (!button) return;
    const words = button.textContent;
    try {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      button.textContent = "Copied";
    } catch {
      // no clipboard without TLS: what is selected can be copied by hand
      getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
      button.textContent = "Selected, copy it";
    }
    setTimeout(() => { button.textContent = words; }, 2000);
  }

  /** The editor opens below the fold: it comes into view, ready to be typed into. */
  function onEdit(event) {
    if (event.target.id !== "retry-edit" || !event.target.open) return;
    const field = document.getElementById("retry-params");
    field.focus({ preventScroll: true });
    field.scrollIntoView({ block: "center" });
  }

  /** Nothing is cancelled after all. */
  const keep = (clicks) => (clicks ? true : window.dash_clientside.no_update);

  document.addEventListener("toggle", onEdit, true); // it does not bubble
  document.addEventListener("click", onCopy);
  document.addEventListener("click", onLink);
  document.addEventListener("click", onRow);
  document.addEventListener("keydown", onRow);
  document.addEventListener("jobmanager:snapshot", lookAgain);
  window.jobManagerDetails = { open: show };
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    details: { fromUrl, toggled, filled, keep },
  });
})();
