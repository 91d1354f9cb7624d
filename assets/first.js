// Takes away the plain HTML that came with the page (dashboard/first_view.py) when the page
// proper is painted below it. Until then that one is there and invisible.
(() => {
  const first = document.getElementById("first-view");
  if (!first) return;
  // the ids belong to the page proper
  for (const element of first.querySelectorAll("[id]")) element.removeAttribute("id");

  /** Is the page proper as far as this one? The grid comes after the numbers. */
  function isPainted() {
    const page = document.querySelector("#content .page");
    if (!page || page.classList.contains("loading")) return false;
    const grid = document.getElementById("active-runs");
    const empty = document.getElementById("active-empty");
    return !grid || !empty?.hidden || grid.querySelector(".ag-row") !== null;
  }

  const watch = new MutationObserver(() => {
    if (!isPainted()) return;
    watch.disconnect();
    first.remove();
  });
  watch.observe(document.body, { attributes: true, childList: true, subtree: true });
})();
