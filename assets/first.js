// Takes away the plain HTML that came with the page (dashboard/first_view.py) when the page
// proper is painted below it. Until then that one is there and invisible.
//
// Where the page proper cannot come, because the frame's sandbox keeps scripts from asking
// the server, or does not come for long, the plain HTML says that it is frozen.
(() => {
  const LONG_MS = 15_000;
  const NEEDED = "allow-scripts allow-same-origin";
  const SANDBOXED =
    "Frozen: the sandbox of this frame lets the page ask the server for nothing. " +
    `The portal has to add allow-same-origin (sandbox="${NEEDED}").`;
  const SLOW = "This page has not finished loading. Reload it if it stays that way.";
  const first = document.getElementById("first-view");
  if (!first) return;

  /** Without an origin of its own a page has no storage, no socket and no callbacks. */
  const isSandboxed = window.origin === "null";

  function say(words) {
    const notice = document.getElementById("frozen-notice");
    document.getElementById("frozen-notice-words").textContent = words;
    notice.hidden = false;
    window.jobManagerTicker?.tick();
  }

  /** The badge would say that it connects, for ever. */
  function freeze() {
    const badge = document.getElementById("live-badge");
    if (badge) {
      badge.dataset.state = "stopped";
      document.getElementById("live-state").textContent = "Frozen";
    }
    say(SANDBOXED);
    document.getElementById("frozen-notice").append(wayOut());
  }

  /** The same page outside of the frame; opens where the sandbox allows popups. */
  function wayOut() {
    const link = document.createElement("a");
    const address = new URL(location.href);
    address.searchParams.delete("embed");
    Object.assign(link, { href: address, target: "_blank", rel: "noopener" });
    link.textContent = "Open it in a tab of its own";
    return link;
  }

  /** Is the page proper as far as this one? The grid comes after the numbers. */
  function isPainted() {
    const page = document.querySelector("#content .page");
    if (!page || page.classList.contains("loading")) return false;
    const grid = document.getElementById("active-runs");
    const empty = document.getElementById("active-empty");
    return !grid || !empty?.hidden || grid.querySelector(".ag-row") !== null;
  }

  function takeAway() {
    // the ids belong to the page proper
    const notice = first.querySelector("#frozen-notice");
    for (const element of first.querySelectorAll("[id]")) {
      if (!notice?.contains(element)) element.removeAttribute("id");
    }
    const timer = setTimeout(() => say(SLOW), LONG_MS);
    const watch = new MutationObserver(() => {
      if (!isPainted()) return;
      watch.disconnect();
      clearTimeout(timer);
      first.remove();
    });
    watch.observe(document.body, { attributes: true, childList: true, subtree: true });
  }

  if (isSandboxed) freeze();
  else takeAway();
})();
