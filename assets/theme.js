// Before the first paint: the theme (?theme=, else the last choice, else the system's), and
// whether this page is a part of somebody else's (?embed=1, or a panel alone).
(() => {
  const KEY = "jobManagerTheme";
  const asked = new URLSearchParams(location.search).get("theme");
  let kept = null;
  try {
    kept = localStorage.getItem(KEY);
  } catch {
    // storage is blocked in some frames: the choice then lasts for this page only
  }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const known = [asked, kept].find((theme) => theme === "light" || theme === "dark");
  const root = document.documentElement;
  root.dataset.bsTheme = known ?? (dark ? "dark" : "light");
  const panel = /\/panel\/(\w+)$/.exec(location.pathname)?.[1];
  if (panel) root.dataset.panel = panel;
  if (panel || new URLSearchParams(location.search).get("embed") === "1") root.dataset.embed = "";
})();
