// Keeps ages, elapsed times and bars moving: one timer for the whole page.
//
// An element with data-since (epoch ms, the server's clock) and data-as is written to
// once a second; nothing else on the page has a timer of its own.
(() => {
  const EVERY_MS = 1000;
  // Clocks closer than this count as equal: a message may have waited on its way.
  const CLOCK_TOLERANCE_MS = 5000;
  let offset = 0;

  const now = () => Date.now() + offset;

  const writers = {
    ago: (element, since, at) => write(element, format().ago(at - since)),
    duration: (element, since, at) => write(element, format().duration(at - since)),
    due: (element, since, at) => write(element, due(since - at)),
    clock: (element, since) => write(element, format().clockTime(since)),
    bar: (element, since, at) => {
      const share = (at - since) / Number(element.dataset.limit);
      element.style.width = `${Math.min(100, Math.max(0, share * 100)).toFixed(1)}%`;
      element.parentElement.classList.toggle("late", share > 1);
    },
  };

  const format = () => window.jobManagerFormat;

  function due(ms) {
    return ms > 0 ? `in ${format().duration(ms)}` : "now";
  }

  function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  /** Write to every moving element, now. */
  function tick() {
    const at = now();
    for (const element of document.querySelectorAll("[data-since]")) {
      const since = Number(element.dataset.since);
      if (element.dataset.since !== "") writers[element.dataset.as]?.(element, since, at);
    }
  }

  /** The server said what time it is; a browser whose clock is off still shows true ages. */
  function serverTime(at) {
    const apart = at - Date.now();
    offset = Math.abs(apart) > CLOCK_TOLERANCE_MS ? apart : 0;
  }

  /** Nothing changed, but it was looked: the data on the page is as of then. */
  document.addEventListener("jobmanager:heartbeat", ({ detail }) => {
    const element = document.querySelector("#active-updated [data-since]");
    if (element && detail.read_at != null) element.dataset.since = detail.read_at;
  });

  setInterval(() => document.hidden || tick(), EVERY_MS);
  document.addEventListener("visibilitychange", () => document.hidden || tick());
  window.jobManagerTicker = { tick, now, serverTime, writers };
})();
