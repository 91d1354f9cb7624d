// Writes words to the page.
(() => {
  const TEXT_NODE = 3;

  /**
   * Make `text` the only content of an element, through the text node that is there: a
   * new node would have the browser look for every rule that counts children.
   */
  function put(element, text) {
    if (!element) return;
    const node = element.firstChild;
    if (node?.nodeType === TEXT_NODE && !node.nextSibling) {
      if (node.data !== text) node.data = text;
    } else if (element.textContent !== text) {
      element.textContent = text;
    }
  }

  window.jobManagerText = { put };
})();
