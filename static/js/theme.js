// Loaded in <head>, before anything is drawn: light, dark, or as the system, the account's choice, or this browser's before
// signing in; and the columns of lists that this browser leaves out.
(() => {
  "use strict";
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const read = (name) => {
    try {
      return localStorage.getItem(name) || "";
    } catch {
      return ""; // storage is switched off
    }
  };
  const keep = (name, value) => {
    try {
      localStorage.setItem(name, value);
    } catch {
      // this page has it all the same
    }
  };
  let chosen = root.dataset.theme || read("theme") || "system";
  const apply = () => {
    root.dataset.bsTheme = chosen === "system" ? (dark.matches ? "dark" : "light") : chosen;
    keep("theme", chosen);
  };
  root.dataset.without = read("without");
  window.columns = {
    shows: (name) => !root.dataset.without.split(" ").includes(name),
    show(name, shown) {
      const others = root.dataset.without.split(" ").filter((one) => one && one !== name);
      root.dataset.without = (shown ? others : [...others, name]).join(" ");
      keep("without", root.dataset.without);
    },
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
