// Numbers, instants and durations as words: the twin of dashboard/format.py.
//
// tests/vectors/format.json holds both to the same words. Instants are epoch
// milliseconds, durations milliseconds.
(() => {
  const SECOND = 1000;
  const MINUTE = 60 * SECOND;
  const HOUR = 60 * MINUTE;
  const DAY = 24 * HOUR;
  const CLOCK_TOLERANCE = 5 * SECOND;
  const EXACT = 10 * SECOND;
  const SMALL = 0.1;
  const ALMOST_ALL = 0.9995;
  const UNKNOWN = "—";
  const UNITS = [
    { letter: "d", word: "day", ms: DAY },
    { letter: "h", word: "hour", ms: HOUR },
    { letter: "m", word: "minute", ms: MINUTE },
    { letter: "s", word: "second", ms: SECOND },
    { letter: "ms", word: "millisecond", ms: 1 },
  ];
  const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  const BREAKS = /[\t-\r\x85\u2028\u2029]/g;
  // The joiners U+200C and U+200D stay: Persian words and emoji of several people need them.
  const UNSEEN =
    /[\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb]/gu;

  const whole = (span, ms) => Math.floor(span / ms);
  const two = (number) => String(number).padStart(2, "0");

  /** "48s", "3m 02s", "2h 05m", rounded to the smaller unit; null is "—". */
  function duration(span) {
    if (span == null) return UNKNOWN;
    const seconds = Math.max(0, Math.floor(span / SECOND + 0.5));
    if (seconds < 60) return `${seconds}s`;
    const pairs = [2, 1, 0].map((i) => {
      const [big, small] = [UNITS[i], UNITS[i + 1]];
      return { big, small, rounded: Math.floor(span / small.ms + 0.5) * small.ms };
    });
    const fits = ({ big, rounded }) => rounded < (big.ms === MINUTE ? HOUR : DAY);
    const { big, small, rounded } = pairs.find(fits) ?? pairs[2];
    const rest = whole(rounded % big.ms, small.ms);
    return `${whole(rounded, big.ms)}${big.letter} ${two(rest)}${small.letter}`;
  }

  /** The same with more digits below ten seconds: "640 ms", "2.4s". */
  function took(span) {
    if (span == null || span <= 0 || span >= EXACT) return duration(span);
    if (Math.floor(span + 0.5) < SECOND) return `${Math.floor(span + 0.5)} ms`;
    const tenths = Math.floor(span / 100 + 0.5);
    return tenths < EXACT / 100 ? `${(tenths / 10).toFixed(1)}s` : duration(span);
  }

  /** The units that a span is made of, largest first; [] for 0. */
  function parts(span) {
    const found = [];
    let rest = span;
    for (const unit of UNITS) {
      const many = whole(rest, unit.ms);
      if (many) found.push({ many, unit });
      rest -= many * unit.ms;
    }
    return found;
  }

  /** Exact and short: "30m", "1h 30m", "2h". */
  function limit(span) {
    return parts(span).map(({ many, unit }) => `${many}${unit.letter}`).join(" ") || "0s";
  }

  /** For a sentence, exact: "30 minutes", "90 seconds", "1 hour 30 minutes". */
  function inWords(span) {
    if (span > MINUTE && span < 2 * MINUTE && span % SECOND === 0) {
      return `${span / SECOND} seconds`;
    }
    const said = ({ many, unit }) => `${many} ${unit.word}${many === 1 ? "" : "s"}`;
    return parts(span).map(said).join(" ") || "0 seconds";
  }

  /** "just now", "2 s ago", "41m ago". */
  function ago(age) {
    if (age < SECOND) return age >= -CLOCK_TOLERANCE ? "just now" : "in the future";
    const unit = UNITS.slice(0, 3).find(({ ms }) => age >= ms);
    return unit ? `${whole(age, unit.ms)}${unit.letter} ago` : `${whole(age, SECOND)} s ago`;
  }

  /** "18,204". */
  function count(number) {
    return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
  }

  /** "1.15%", "25%"; only nothing is "0%", only all is "100%"; null is "—". */
  function percent(fraction) {
    if (fraction == null) return UNKNOWN;
    if (fraction < SMALL) {
      const hundredths = Math.floor(fraction * 10_000 + 0.5);
      return fraction > 0 && hundredths === 0 ? "<0.01%" : `${hundredths / 100}%`;
    }
    if (fraction >= ALMOST_ALL && fraction < 1) return ">99.9%";
    return `${Math.floor(fraction * 1000 + 0.5) / 10}%`;
  }

  /** A change of a share in percentage points: "+0.12 pp"; "" when one is not known. */
  function points(now, before) {
    if (now == null || before == null) return "";
    const hundredths = Math.floor(Math.abs(now - before) * 10_000 + 0.5);
    if (hundredths === 0) return "no change";
    return `${now > before ? "+" : "−"}${(hundredths / 100).toFixed(2)} pp`;
  }

  /** A change in percent of what was: "+4%"; "" when one is not known. */
  function growth(now, before) {
    if (now == null || before == null) return "";
    if (!before) return now ? "none before" : "no change";
    const change = Math.floor((Math.abs(now - before) / before) * 100 + 0.5);
    return change ? `${now > before ? "+" : "−"}${count(change)}%` : "no change";
  }

  // Making an Intl format takes longer than using it a hundred times.
  const formats = new Map();

  function formatOf(timeZone) {
    if (!formats.has(timeZone)) {
      const numeric = ["year", "month", "day", "hour", "minute", "second"];
      const options = Object.fromEntries(numeric.map((part) => [part, "numeric"]));
      formats.set(
        timeZone,
        new Intl.DateTimeFormat("en-GB", { ...options, hourCycle: "h23", timeZone }),
      );
    }
    return formats.get(timeZone);
  }

  /** Year, month, day, hour, minute, second in a zone; undefined is the viewer's. */
  function calendar(instant, timeZone) {
    const found = formatOf(timeZone).formatToParts(instant);
    return Object.fromEntries(found.map(({ type, value }) => [type, Number(value)]));
  }

  /** "14:01:58" in a zone; undefined is the viewer's. */
  function clockTime(instant, timeZone) {
    const { hour, minute, second } = calendar(instant, timeZone);
    return [hour, minute, second].map(two).join(":");
  }

  /** "14:02" today, "12 Nov 14:02" this year, else "12 Nov 2025 14:02". */
  function moment(instant, timeZone, now) {
    const then = calendar(instant, timeZone);
    const today = calendar(now, timeZone);
    const time = `${two(then.hour)}:${two(then.minute)}`;
    if (["year", "month", "day"].every((part) => then[part] === today[part])) return time;
    const year = then.year === today.year ? "" : ` ${then.year}`;
    return `${then.day} ${MONTHS[then.month - 1]}${year} ${time}`;
  }

  /** On one line, at most `length` characters (code points), without unseen ones. */
  function shorten(text, length) {
    // No character takes more than two units, so what lies behind need not be looked at.
    const characters = [...text.slice(0, 2 * (length + 1))];
    const cut = () => `${characters.slice(0, length - 1).join("").replace(/ +$/, "")}…`;
    const kept = characters.length <= length ? text : cut();
    return kept.replace(BREAKS, " ").replace(UNSEEN, "\ufffd");
  }

  window.jobManagerFormat = {
    duration, limit, inWords, ago, took, count, percent, points, growth, clockTime, moment, shorten,
  };
})();
