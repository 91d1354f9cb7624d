// Cells of the grid of active runs, as AG Grid's own kind of component.
//
// They change their element in place: React would make each anew, at ten times the cost.
// Everything a job can name is assigned as text, never as markup.
(() => {
  const put = (element, text) => window.jobManagerText.put(element, text);
  const ticker = () => window.jobManagerTicker;
  const format = () => window.jobManagerFormat;

  function element(name, className = "", ...children) {
    const made = document.createElement(name);
    made.className = className;
    made.append(...children);
    return made;
  }

  /** An age that the ticker keeps moving. */
  function moving(as) {
    const made = element("span");
    made.dataset.as = as;
    return made;
  }

  /** A cell: `show(data)` brings the element it has up to date. */
  class Cell {
    init({ data }) {
      this.gui = this.make();
      this.show(data);
    }

    getGui() {
      return this.gui;
    }

    refresh({ data }) {
      this.show(data);
      return true;
    }
  }

  class StatusChip extends Cell {
    make() {
      return element("span");
    }

    show({ tone, status }) {
      this.gui.className = `chip tone-${tone}`;
      put(this.gui, tone === "warn" ? `⚠ ${status}` : status);
    }
  }

  /** A bar and words beside it. */
  class Bar extends Cell {
    make() {
      this.filled = element("i");
      this.words = element("span", "elapsed-words");
      return element("div", "elapsed", element("span", "bar", this.filled), this.words);
    }
  }

  class ElapsedBar extends Bar {
    make() {
      const made = super.make();
      this.filled.dataset.as = "bar";
      this.age = moving("duration");
      this.limit = element("small");
      this.words.append(this.age, this.limit);
      return made;
    }

    show({ started, limit }) {
      put(this.limit, ` / ${format().limit(limit)}`);
      this.filled.dataset.limit = limit;
      for (const part of [this.filled, this.age]) ticker().mark(part, started ?? "");
      this.filled.hidden = started == null;
      if (started == null) put(this.age, "—");
    }
  }

  class Progress extends Bar {
    show({ progress }) {
      this.gui.hidden = progress == null;
      const percent = `${Math.round((progress ?? 0) * 100)}%`;
      this.gui.title = percent;
      this.filled.style.width = percent;
      put(this.words, percent);
    }
  }

  // What dashboard/views/signs.py says of a run that was silent, and how its age is told.
  const WARNINGS = ["heartbeat lost", "no step finished for"];
  const AGES = { due: "due", "no step finished for": "duration" };

  class Alive extends Cell {
    make() {
      this.words = element("span");
      this.age = moving("ago");
      return element("span", "", this.words, " ", this.age);
    }

    show({ alive, beat }) {
      this.gui.className = WARNINGS.includes(alive) ? "tone-warn" : "";
      put(this.words, alive ?? "");
      this.age.dataset.as = AGES[alive] ?? "ago";
      this.age.hidden = beat == null;
      ticker().mark(this.age, beat ?? "");
    }
  }

  const cells = { StatusChip, ElapsedBar, Progress, Alive };

  /** For `cellRendererSelector`: Dash hands on only React components by name. */
  const cell = (name) => ({ component: cells[name] });

  window.dashAgGridFunctions = Object.assign(window.dashAgGridFunctions ?? {}, { cell });
})();
