// A CSV with progress that can be stopped; a file is saved when it is whole, never a part.
//
// With a modifier, or without this script, the link is a plain download.
(() => {
  const NEW_LINE = 10;
  const SHOWN_EVERY_MS = 200;
  const put = (element, text) => window.jobManagerText.put(element, text);
  const count = (number) => window.jobManagerFormat.count(number);

  /** New lines in a part of the file. A cell may hold some: "about" is said beside it. */
  function newLines(bytes) {
    let found = 0;
    for (let at = bytes.indexOf(NEW_LINE); at >= 0; at = bytes.indexOf(NEW_LINE, at + 1)) found += 1;
    return found;
  }

  /** Read an answer to its end; `told` is called with the rows so far. */
  async function read(answer, told) {
    const parts = [];
    const reader = answer.body.getReader();
    let rows = -1; // the head is no row
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { parts, rows: Math.max(rows, 0) };
      parts.push(value);
      rows += newLines(value);
      told(Math.max(rows, 0));
    }
  }

  function save(parts, file) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(parts, { type: "text/csv" }));
    link.download = file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  async function fetched(url, signal) {
    const answer = await fetch(url, { signal });
    if (answer.ok) return answer;
    const { error } = await answer.json();
    throw new Error(error.message);
  }

  async function run(link) {
    const state = document.getElementById(`${link.id}-state`);
    const stop = document.getElementById(`${link.id}-stop`);
    const stopped = new AbortController();
    let shownAt = 0;
    stop.hidden = false;
    stop.onclick = () => stopped.abort();
    link.setAttribute("aria-disabled", "true");
    put(state, "Asking…");
    try {
      const answer = await fetched(link.href, stopped.signal);
      const { parts, rows } = await read(answer, (soFar) => {
        if (Date.now() - shownAt < SHOWN_EVERY_MS) return;
        shownAt = Date.now();
        put(state, `About ${count(soFar)} rows…`);
      });
      save(parts, link.dataset.export);
      put(state, `About ${count(rows)} rows saved.`);
    } catch (error) {
      put(state, stopped.signal.aborted ? "Stopped, nothing was saved." : failure(error));
    }
    stop.hidden = true;
    link.removeAttribute("aria-disabled");
  }

  /** Network errors are TypeErrors with words for developers. */
  function failure(error) {
    const words = error instanceof TypeError ? "It broke off." : error.message;
    return `${words} Nothing was saved.`;
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-export]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (!link.hasAttribute("aria-disabled")) run(link);
  });
  window.jobManagerExport = { newLines, read };
})();
