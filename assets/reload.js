// Asks to reload a page that was opened before the server got another version or settings.
//
// Messages say which build the server is of (dashboard/build.py). A page that gets none,
// because the server does not understand its questions any more, asks for that alone.
(() => {
  const AGAIN_MS = 15_000;
  const byId = (id) => document.getElementById(id);
  const own = document.querySelector('meta[name="job-manager-build"]')?.content;
  const plainFetch = window.fetch?.bind(window);
  let isPast = false;
  let isSilent = false;

  /** The server is of this build. */
  function compare(build) {
    if (!own || !build || build === own || isPast) return;
    isPast = true;
    show();
  }

  function show() {
    const notice = byId("reload-notice");
    if (notice) notice.hidden = false;
  }

  async function ask() {
    if (!isSilent || isPast || document.hidden) return;
    try {
      const answer = await plainFetch(window.jobManagerShell.below("api/build"), { cache: "no-store" });
      compare((await answer.json()).build);
    } catch {
      // nobody is there; asked again later
    }
  }

  document.addEventListener("jobmanager:snapshot", ({ detail }) => compare(detail.build));
  document.addEventListener("jobmanager:freshness", ({ detail }) => {
    isSilent = detail.kind === "silent";
    ask();
  });
  document.addEventListener("click", ({ target }) => {
    if (target.closest?.("#reload-page")) location.reload();
  });
  setInterval(ask, AGAIN_MS);
  window.jobManagerReload = { isPast: () => isPast };
})();
