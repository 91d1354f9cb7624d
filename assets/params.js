// Client side of dashboard/components/editor.py: the first fault of a JSON text, at its line.
//
// JSON.parse tells where in some browsers and for some faults only, so this reads for itself.
// The server judges again (data/rules/params.py); tests/vectors/params.json holds both to
// the same lines.
(() => {
  const TOKEN =
    /([{}[\],:])|"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null|NaN|-?Infinity)\b/y;
  const SPACE = /[ \t\n\r]*/y;
  const MAX_DEPTH = 100;
  // What may come next, in words, by the state of the reader.
  const WANTED = {
    value: "a value is missing",
    firstValue: "a value or ] is missing",
    key: 'a name in double quotes is missing; there is no comma before }',
    firstKey: "a name in double quotes or } is missing",
    colon: "a colon is missing after the name",
    more: "a comma or the closing bracket is missing",
    end: "the object has ended, but more follows",
  };

  /** What follows a complete value. */
  const after = (stack) => (stack.length ? "more" : "end");

  /** The state after this token, null when it may not stand here. Changes the stack. */
  function next(state, token, stack) {
    const inObject = stack.at(-1) === "{";
    const wantsValue = state === "value" || state === "firstValue";
    if (wantsValue && (token === "{" || token === "[")) {
      stack.push(token);
      return token === "{" ? "firstKey" : "firstValue";
    }
    if (state === "firstKey" || state === "key") {
      if (token[0] === '"') return "colon";
      if (state === "key" || token !== "}") return null;
    }
    if (token === "}" || token === "]") {
      const closes = state === "more" || state === "firstKey" || state === "firstValue";
      if (!closes || inObject !== (token === "}")) return null;
      stack.pop();
      return after(stack);
    }
    if (state === "colon") return token === ":" ? "value" : null;
    if (state === "more") return token === "," ? (inObject ? "key" : "value") : null;
    return wantsValue && token !== "," && token !== ":" ? after(stack) : null;
  }

  /**
   * The first thing that is wrong with the text of a JSON object. Pure.
   * @returns {?{line: number, column: number, words: string}} null when it is right
   */
  function fault(text) {
    if (!text.trim()) return null;
    const stack = [];
    let state = "value";
    let at = 0;
    for (;;) {
      SPACE.lastIndex = at;
      SPACE.exec(text);
      at = SPACE.lastIndex;
      if (at === text.length) return state === "end" ? null : found(text, at, WANTED[state]);
      TOKEN.lastIndex = at;
      const [token] = TOKEN.exec(text) ?? [];
      const then = token && next(state, token, stack);
      if (!then) return found(text, at, wrong(text, at, state, token));
      if (state === "value" && !stack.length && token !== "{") return found(text, 0, NO_OBJECT);
      if (stack[0] === "[") return found(text, 0, NO_OBJECT);
      if (stack.length > MAX_DEPTH) return found(text, at, `more than ${MAX_DEPTH} levels deep`);
      state = then;
      at = TOKEN.lastIndex;
    }
  }

  const NO_OBJECT = 'the params must be an object, like {"customer": 7}';

  function wrong(text, at, state, token) {
    if (!token && text[at] === '"') return "a text has no end, or holds a line break or a wrong \\";
    if (!token && text[at] === "'") return "texts stand in double quotes";
    return WANTED[state];
  }

  function found(text, at, words) {
    const before = text.slice(0, at).split("\n");
    return { line: before.length, column: before.at(-1).length + 1, words };
  }

  /** The clientside callback of every editor: the numbers of its lines, and the fault. */
  function check(text) {
    const [{ prop_id: changed } = {}] = window.dash_clientside.callback_context.triggered;
    const ids = changed ? [changed.split(".")[0]] : ["run-params", "retry-params"];
    for (const id of ids) paint(document.getElementById(id), text ?? "");
  }

  function paint(field, text) {
    if (!field) return;
    const wrong = fault(text);
    const place = document.getElementById(`${field.id}-fault`);
    const words = wrong ? `Line ${wrong.line}, column ${wrong.column}: ${wrong.words}.` : "";
    window.jobManagerText.put(place, words);
    field.setAttribute("aria-invalid", String(wrong != null));
    field.setAttribute("aria-describedby", place.id);
    paintLines(field, text, wrong?.line);
  }

  function paintLines(field, text, bad) {
    const lines = document.getElementById(`${field.id}-lines`);
    const count = text.split("\n").length;
    lines.replaceChildren(
      ...Array.from({ length: count }, (_, at) => {
        const line = document.createElement("div");
        line.textContent = at + 1 === bad ? `✕ ${at + 1}` : `${at + 1}`;
        line.classList.toggle("bad", at + 1 === bad);
        return line;
      }),
    );
    lines.scrollTop = field.scrollTop;
  }

  /** Keep the params that an editor was filled with: left alone, they are not judged. */
  function given(id, text) {
    const field = document.getElementById(id);
    if (field) field.dataset.given = text ?? "";
  }

  /** Fields make every line break a line feed. */
  const isEdited = ({ dataset, value }) => value !== dataset.given?.replace(/\r\n?/g, "\n");

  /** Params with a fault are not sent: the cursor goes to the fault. */
  function keepBack(event) {
    const button = event.target.closest?.("button[data-params]");
    const field = button && document.getElementById(button.dataset.params);
    const wrong = field && isEdited(field) && fault(field.value);
    if (!wrong) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    field.closest("details")?.setAttribute("open", "");
    const start = field.value.split("\n").slice(0, wrong.line - 1).join("\n").length;
    const at = start + (wrong.line > 1 ? 1 : 0) + wrong.column - 1;
    field.focus();
    field.setSelectionRange(at, at);
  }

  function follow(event) {
    const lines = event.target.id && document.getElementById(`${event.target.id}-lines`);
    if (lines) lines.scrollTop = event.target.scrollTop;
  }

  document.addEventListener("click", keepBack, true);
  document.addEventListener("scroll", follow, true);
  window.jobManagerParams = { fault, isEdited };
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    params: { check, given: (opening) => given("retry-params", opening?.params) },
  });
})();
