// Cells of the grid of active runs. Plain React elements: text stays text.
(() => {
  const element = (...args) => window.React.createElement(...args);
  const format = () => window.jobManagerFormat;
  const age = (since) => window.jobManagerTicker.now() - since;

  function StatusChip({ data }) {
    const icon = data.tone === "warn" ? "⚠ " : "";
    return element("span", { className: `chip tone-${data.tone}` }, icon + data.status);
  }

  function ElapsedBar({ data }) {
    const limit = element("small", null, ` / ${format().limit(data.limit)}`);
    if (data.started == null) {
      return element(
        "div",
        { className: "elapsed" },
        element("span", { className: "bar" }),
        element("span", { className: "elapsed-words" }, "—", limit),
      );
    }
    const late = age(data.started) > data.limit;
    const share = Math.min(100, Math.max(0, (age(data.started) / data.limit) * 100));
    return element(
      "div",
      { className: "elapsed" },
      element(
        "span",
        { className: late ? "bar late" : "bar" },
        element("i", {
          "data-since": data.started,
          "data-as": "bar",
          "data-limit": data.limit,
          style: { width: `${share}%` },
        }),
      ),
      element("span", { className: "elapsed-words" }, moving(data.started, "duration"), limit),
    );
  }

  function Alive({ data }) {
    if (data.beat == null) return data.alive ?? "";
    const as = data.alive === "due" ? "due" : "ago";
    const tone = data.alive === "heartbeat lost" ? "tone-warn" : "";
    return element("span", { className: tone }, `${data.alive} `, moving(data.beat, as));
  }

  function Progress({ data }) {
    if (data.progress == null) return "";
    const percent = Math.round(data.progress * 100);
    return element(
      "div",
      { className: "elapsed", title: `${percent}%` },
      element(
        "span",
        { className: "bar" },
        element("i", { style: { width: `${percent}%` } }),
      ),
      element("span", { className: "elapsed-words" }, `${percent}%`),
    );
  }

  /** An age that the ticker keeps moving. */
  function moving(since, as) {
    const text = window.jobManagerTicker.words[as](since);
    return element("span", { "data-since": since, "data-as": as }, text);
  }

  window.dashAgGridComponentFunctions = Object.assign(
    window.dashAgGridComponentFunctions ?? {},
    { StatusChip, ElapsedBar, Alive, Progress },
  );
})();
