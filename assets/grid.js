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

  /** A cell: `show(data, value)` brings the element it has up to date. */
  class Cell {
    init({ data, value }) {
      this.gui = this.make();
      this.show(data, value);
    }

    getGui() {
      return this.gui;
    }

    refresh({ data, value }) {
      this.show(data, value);
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

  /** A name; what does not fit is left out of its middle. */
  class Name extends Cell {
    make() {
      return element("span", "cell-name");
    }

    show(_data, value) {
      window.jobManagerText.putName(this.gui, value ?? "");
    }
  }

  /** A name, and what a narrow screen has no column for below it. */
  class Pair extends Cell {
    make() {
      this.name = element("span", "cell-name");
      this.below = this.makeBelow();
      this.below.classList.add("cell-below");
      return element("div", "cell-pair", this.name, this.below);
    }

    makeBelow() {
      return element("span");
    }

    show(data, value) {
      window.jobManagerText.putName(this.name, value ?? "");
      this.showBelow(data);
    }
  }

  /** Is a run alive? That is what is decided by, on a phone too. */
  class JobAlive extends Pair {
    makeBelow() {
      this.alive = new Alive();
      this.alive.gui = this.alive.make();
      return element("span", "", this.alive.gui);
    }

    showBelow(data) {
      this.alive.show(data);
    }
  }

  /** A pair whose second line is another field of the row. */
  const above = (field) =>
    class extends Pair {
      showBelow(data) {
        put(this.below, data[field] ?? "");
      }
    };

  const cells = {
    ...{ StatusChip, ElapsedBar, Progress, Alive, Name, JobAlive },
    ...{ ActionActor: above("actor"), RunJob: above("job"), JobRun: above("id") },
  };

  /** For `cellRendererSelector`: Dash hands on only React components by name. */
  const cell = (name) => ({ component: cells[name] });

  // ---- the grid as a whole ----

  const NARROW = 640;
  const MEDIUM = 1000;
  const HEADER_HEIGHT = 36;
  const ROW_HEIGHT = 40;
  const TWO_LINES = 54;
  const isNarrow = (grid) => grid.classList.contains("is-narrow");
  const rowHeight = (grid) => (isNarrow(grid) ? TWO_LINES : ROW_HEIGHT);

  /** As high as its rows, up to `most`; empty, only the header is left. */
  function fit(grid, count, most) {
    grid.style.height = `${HEADER_HEIGHT + Math.min(count, most) * rowHeight(grid) + 2}px`;
  }

  const sizeOf = (width) => (width < NARROW ? "narrow" : width < MEDIUM ? "medium" : "wide");

  /**
   * Follow the width of a grid: where it is not wide, columns make room, and on a narrow
   * screen what they say stands in second lines. `hidden` and `widths` are columns and
   * their states by size; `changed` is called after.
   */
  function follow(api, grid, { hidden, widths, changed }) {
    let before = null;
    new ResizeObserver(([entry]) => {
      const size = sizeOf(entry.contentRect.width);
      if (size === before || api.isDestroyed()) return;
      before = size;
      grid.classList.toggle("is-narrow", size === "narrow");
      api.setColumnsVisible(Object.values(hidden).flat(), true);
      api.setColumnsVisible(hidden[size] ?? [], false);
      api.applyColumnState({ state: size === "narrow" ? widths.narrow : widths.wide });
      api.setGridOption("rowHeight", rowHeight(grid));
      api.resetRowHeights();
      changed();
    }).observe(grid);
  }

  window.jobManagerGrid = { fit, follow };
  window.dashAgGridFunctions = Object.assign(window.dashAgGridFunctions ?? {}, { cell });
})();
