// Loaded in <head>, before anything is drawn: light, dark, or as the system. The account's choice, or this browser's before signing in.
(() => {
  "use strict";
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const read = () => {
    try {
      return localStorage.getItem("theme") || "system";
    } catch {
      return "system"; // storage is switched off
    }
  };
  let chosen = root.dataset.theme || read();
  const apply = () => {
    root.dataset.bsTheme = chosen === "system" ? (dark.matches ? "dark" : "light") : chosen;
    try {
      localStorage.setItem("theme", chosen);
    } catch {
      // this page has it all the same
    }
  };
  window.theme = {
    chosen: () => chosen,
    choose(choice) {
      chosen = choice;
      apply();
    },
  };
  root.dataset.script = ""; // what is for pages without one goes
  dark.addEventListener("change", apply);
  apply();
})();
