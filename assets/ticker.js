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

  const format = () => window.jobManagerFormat;

  // What an element with data-as says of its instant.
  const words = {
    ago: (since) => format().ago(now() - since),
    duration: (since) => format().duration(now() - since),
    due: (at) => (at > now() ? `in ${format().duration(at - now())}` : "now"),
    clock,
  };

  /** The time of day, and the day when it is another one. */
  function clock(at) {
    const moment = format().moment(at, undefined, now());
    return moment.includes(" ") ? moment : format().clockTime(at);
  }

  /** Set the instant that an element tells of, "" for none, and show what it comes to now. */
  function mark(element, since) {
    element.dataset.since = since;
    show(element);
  }

  /** An element that is kept up to date. */
  function timed(since, as) {
    const element = document.createElement("span");
    element.dataset.as = as;
    mark(element, since);
    return element;
  }

  // The years 1 to 9999, as the server has them: what is beyond is shown as it is.
  const FIRST_MS = -62_135_510_400_000;
  const LAST_MS = 253_402_214_400_000;

  function show(element) {
    const { since, as } = element.dataset;
    const at = Number(since);
    if (since === "") return;
    if (at >= FIRST_MS && at <= LAST_MS) (as === "bar" ? stretch : write)(element, at);
    else if (as !== "bar") window.jobManagerText.put(element, since);
  }

  function write(element, since) {
    window.jobManagerText.put(element, words[element.dataset.as]?.(since) ?? "");
  }

  function stretch(element, since) {
    const share = (now() - since) / Number(element.dataset.limit);
    element.style.width = `${Math.min(100, Math.max(0, share * 100)).toFixed(1)}%`;
    element.parentElement.classList.toggle("late", share > 1);
  }

  /** Write to every moving element, now. */
  function tick() {
    document.querySelectorAll("[data-since]").forEach(show);
  }

  /** The server said what time it is; a browser whose clock is off still shows true ages. */
  function serverTime(at) {
    const apart = at - Date.now();
    offset = Math.abs(apart) > CLOCK_TOLERANCE_MS ? apart : 0;
  }

  /** Nothing changed, but it was looked: the data on the page is as of then. */
  document.addEventListener("jobmanager:heartbeat", ({ detail }) => {
    const element = document.querySelector("#active-updated [data-since]");
    if (element && detail.read_at != null) mark(element, detail.read_at);
  });

  setInterval(() => document.hidden || tick(), EVERY_MS);
  document.addEventListener("visibilitychange", () => document.hidden || tick());
  window.jobManagerTicker = { tick, now, serverTime, mark, timed };
})();
