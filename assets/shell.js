// Client side of dashboard/shell.py: theme, source in the URL, focus in dialogs.
(() => {
  const THEME_KEY = "jobManagerTheme";

  function toggleTheme(clicks) {
    const root = document.documentElement;
    if (!clicks) return;
    const theme = root.dataset.bsTheme === "dark" ? "light" : "dark";
    root.dataset.bsTheme = theme;
    try {
      localStorage.setItem(THEME_KEY, theme);
    } catch {
      // storage is blocked in some frames: the choice then lasts for this page only
    }
  }

  /** Mark the link of the page that is open. */
  function markPage(pathname) {
    for (const link of document.querySelectorAll(".nav-item")) {
      const isOpen = new URL(link.href).pathname === pathname;
      link.classList.toggle("active", isOpen);
      if (isOpen) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  /** The source that the URL names, when there is one of that name. */
  function sourceFromUrl(search, options) {
    const { no_update } = window.dash_clientside;
    const asked = new URLSearchParams(search ?? "").get("source");
    return (options ?? []).some((option) => option.value === asked) ? asked : no_update;
  }

  /** Keep one value in the query string, so that the page can be linked and reloaded. */
  function keepInUrl(key, value, otherwise = "") {
    const url = new URL(location.href);
    if (value === otherwise || value == null) url.searchParams.delete(key);
    else url.searchParams.set(key, value);
    history.replaceState(history.state, "", url);
  }

  /** The address of a path below the prefix, like "api/runs.csv". */
  function below(path) {
    const config = document.getElementById("_dash-config");
    const prefix = (config && JSON.parse(config.textContent).requests_pathname_prefix) || "/";
    return prefix + path;
  }

  /** A source was chosen, or a page opened: the URL and the links to other pages keep it. */
  function sourceChosen(value, _pathname, options) {
    const usual = options?.[0]?.value;
    keepInUrl("source", value, usual);
    for (const link of document.querySelectorAll(".nav-item")) {
      const url = new URL(link.href);
      if (!value || value === usual) url.searchParams.delete("source");
      else url.searchParams.set("source", value);
      link.href = url;
    }
  }

  /** Tab stays in an open dialog: past its end Bootstrap lets the page behind have it. */
  function keepInDialog(event) {
    const dialog = document.querySelector(".modal.show");
    if (event.key !== "Tab" || !dialog) return;
    const stops = [...dialog.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")].filter(
      (element) => !element.disabled && element.checkVisibility(),
    );
    const [first, last] = [stops[0], stops.at(-1)];
    const ends = event.shiftKey ? [first, dialog] : [last];
    if (!ends.includes(document.activeElement)) return;
    event.preventDefault();
    (event.shiftKey ? last : first).focus();
  }

  document.addEventListener("keydown", keepInDialog);
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    shell: { toggleTheme, markPage, sourceFromUrl, sourceChosen },
  });
  window.jobManagerShell = { keepInUrl, below };
})();
