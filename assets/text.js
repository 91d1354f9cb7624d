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

  // A shorter text fits; one whose letters join would fall apart where it is divided.
  const LEAST_DIVIDED = 24;
  const TAIL = 12;
  const DIVISIBLE = /^[ -\u024f\u3000-\u9fff]*$/;

  /**
   * The same for a name: where it does not fit, its middle is left out, for names of one
   * kind begin alike. The whole is there to be copied, and said while it is pointed at.
   */
  function putName(element, text) {
    if (!element) return;
    element.title = text;
    const head = element.querySelector?.(":scope > .name-head");
    const isDivided = text.length >= LEAST_DIVIDED && DIVISIBLE.test(text);
    if (!isDivided) put(element, text);
    else if (!head || element.textContent !== text) {
      const tail = part("bdi", "", text.slice(-TAIL));
      tail.dir = "ltr";
      element.replaceChildren(part("span", "name-head", text.slice(0, -TAIL)), part("span", "name-tail", tail));
    }
  }

  function part(type, className, content) {
    const made = document.createElement(type);
    made.className = className;
    made.append(content);
    return made;
  }

  window.jobManagerText = { put, putName };
})();
