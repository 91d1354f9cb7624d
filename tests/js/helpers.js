// Runs an asset the way a page does, on stubs that the test can drive.
const fs = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");

const ROOT = path.join(__dirname, "..", "..");

/** Run a file of assets/; each key of `globals` is a global for it, among them `window`. */
function runAsset(name, globals) {
  const filename = path.join(ROOT, "assets", name);
  const names = Object.keys(globals);
  const run = vm.compileFunction(fs.readFileSync(filename, "utf8"), names, { filename });
  run(...Object.values(globals));
  return globals.window;
}

/** Time that moves only when told, with the timers that hang on it. */
function fakeTime(start = 0) {
  let now = start;
  let made = 0;
  const timers = new Map();
  const add = (run, delay, every) => {
    made += 1;
    timers.set(made, { run, at: now + delay, every });
    return made;
  };
  const remove = (id) => timers.delete(id);
  const next = () => [...timers].sort((a, b) => a[1].at - b[1].at || a[0] - b[0])[0];

  /** Let time pass and run what falls due on the way. */
  function advance(ms) {
    const end = now + ms;
    for (let due = next(); due && due[1].at <= end; due = next()) {
      const [id, timer] = due;
      now = Math.max(now, timer.at);
      if (timer.every) timer.at += timer.every;
      else remove(id);
      timer.run();
    }
    now = end;
  }

  return {
    now: () => now,
    waiting: () => timers.size,
    advance,
    globals: {
      Date: { now: () => now },
      performance: { now: () => now - start },
      setTimeout: (run, delay = 0) => add(run, delay, 0),
      setInterval: (run, every) => add(run, every, every),
      clearTimeout: remove,
      clearInterval: remove,
      requestAnimationFrame: (run) => add(run, 16, 0),
    },
  };
}

/** A document whose elements are made by id; it counts what is written to each. */
function fakeDocument(ids = []) {
  const target = new EventTarget();
  const elements = new Map(ids.map((id) => [id, fakeElement()]));
  return Object.assign(target, {
    hidden: false,
    elements,
    getElementById: (id) => elements.get(id) ?? null,
  });
}

function fakeElement(initial = {}) {
  const writes = {};
  const values = { textContent: "", hidden: false, ...initial };
  const element = { dataset: {}, writes };
  for (const key of Object.keys(values)) {
    Object.defineProperty(element, key, {
      get: () => values[key],
      set: (value) => {
        values[key] = value;
        writes[key] = (writes[key] ?? 0) + 1;
      },
    });
  }
  return element;
}

module.exports = { ROOT, runAsset, fakeTime, fakeDocument, fakeElement };
