// Inside a portal's frame: tells the portal what it wants to know, and opens links outside.
//
// Messages go to the origins in JOBS_FRAME_ANCESTORS and to nobody else.
(() => {
  const SOURCE = "job-manager";
  const NAME = "job-manager-ancestors";
  let said = {};
  let height = 0;

  /** The origins that are told, out of those that may frame us. Pure.
   * @param {string[]} allowed origins, or 'self'
   * @param {string} own our own origin
   * @param {string} parent the frame's origin, "" when the browser does not tell
   * @returns {string[]}
   */
  function targets(allowed, own, parent) {
    const origins = allowed.map((one) => (one === "'self'" ? own : one));
    if (!parent) return [...new Set(origins)];
    return origins.includes(parent) ? [parent] : [];
  }

  function parentOrigin() {
    const nearest = location.ancestorOrigins?.[0];
    if (nearest) return nearest;
    try {
      return new URL(document.referrer).origin;
    } catch {
      return "";
    }
  }

  const isFramed = () => window.parent !== window;

  /** Tell the portal, once for each value. */
  function tell(type, values) {
    const text = JSON.stringify(values);
    if (!isFramed() || said[type] === text) return;
    said[type] = text;
    const allowed = document.querySelector(`meta[name=${NAME}]`)?.content.split(" ") ?? [];
    for (const origin of targets(allowed, location.origin, parentOrigin())) {
      window.parent.postMessage({ source: SOURCE, type, ...values }, origin);
    }
  }

  function tellStalled({ detail: { source, view } }) {
    tell("stalled", { jobs: source, count: view.banner.count, title: view.banner.title });
  }

  /** A link can be live over data that nobody could read anew. */
  const tellData = ({ detail: { stale } }) => tell("data", { old: stale });

  function tellHeight() {
    const parts = ["content", "first-view"].map((id) => document.getElementById(id));
    const top = document.querySelector("#react-entry-point .navbar-top");
    const heights = [...parts, top].map((part) => part?.offsetHeight ?? 0);
    const next = Math.max(heights[0] + heights[2], heights[1]);
    if (next && next !== height) tell("height", { height: (height = next) });
  }

  /** Where a link leads out of the frame's own page, it opens outside the frame. */
  function outside(event) {
    const link = event.target.closest?.("a[href]");
    if (!isFramed() || !link || link.dataset.run || link.hasAttribute("download")) return;
    const to = new URL(link.href, location.href);
    const source = new URLSearchParams(location.search).get("source");
    if (source && link.closest(".embed-foot")) link.search = new URLSearchParams({ source });
    if (to.origin === location.origin && to.pathname === location.pathname) return;
    link.target = "_blank";
    link.rel = "noopener";
  }

  if (isFramed()) {
    document.addEventListener("jobmanager:snapshot", tellStalled);
    document.addEventListener("jobmanager:connection", ({ detail }) =>
      tell("live", { connected: detail.connected }),
    );
    document.addEventListener("jobmanager:freshness", tellData);
    document.addEventListener("click", outside, true);
    document.addEventListener("DOMContentLoaded", () => {
      new ResizeObserver(tellHeight).observe(document.body);
      new MutationObserver(tellHeight).observe(document.body, { childList: true, subtree: true });
    });
  }

  window.jobManagerEmbed = { targets };
})();
