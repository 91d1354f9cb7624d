// Keeps what is typed in order.
//
// dcc.Input with a pause (debounce) puts the caret, a moment after each key, back to where
// it was then. On a busy page the next key has come meanwhile, and the one after it would
// land before it. While a field has the focus, no script has to move its caret.
(() => {
  const isTyped = (element) => element.matches?.("input.dash-input-element");

  document.addEventListener("focusin", ({ target }) => {
    if (isTyped(target)) target.setSelectionRange = () => {};
  });
  document.addEventListener("focusout", ({ target }) => {
    if (isTyped(target)) delete target.setSelectionRange;
  });
})();
