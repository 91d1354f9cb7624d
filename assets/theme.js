// Sets the theme before the first paint: ?theme=, else the last choice, else the system's.
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
  document.documentElement.dataset.bsTheme = known ?? (dark ? "dark" : "light");
})();
