// Loaded in <head>, before anything is drawn: the stored choice of light or dark, or the system's.
(() => {
  "use strict";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const stored = () => {
    try {
      return localStorage.getItem("theme") || "system";
    } catch {
      return "system"; // storage is switched off
    }
  };
  const apply = () => {
    const choice = stored();
    const theme = choice === "system" ? (dark.matches ? "dark" : "light") : choice;
    document.documentElement.dataset.bsTheme = theme;
  };
  window.theme = {
    stored,
    choose(choice) {
      try {
        localStorage.setItem("theme", choice);
      } catch {
        document.documentElement.dataset.bsTheme = choice;
        return;
      }
      apply();
    },
  };
  dark.addEventListener("change", apply);
  apply();
})();
