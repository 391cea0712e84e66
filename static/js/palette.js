// The search above every page: "/" or Ctrl K opens it, arrows and Enter go on, Escape closes it. Without this
// script the field in the top bar leads to /search/. And what a search says while it waits for an answer.
(() => {
  "use strict";
  const palette = document.getElementById("palette");
  const on = (type, act) => document.addEventListener(type, act);

  // --- Waiting and failing, in each search.
  const failed = ({ detail: { elt } }) => {
    const words = document.getElementById("no-connection");
    const place = elt.closest("form") ?? document.getElementById("list");
    if (!words || !place || elt.closest("#task") || place.parentElement.querySelector("[data-no-connection]")) return;
    const note = words.content.cloneNode(true).firstElementChild;
    place.after(note);
    note.querySelector("[data-again]").addEventListener("click", () => {
      if (elt.matches("form")) htmx.trigger(elt, elt.matches("[hx-trigger*='again']") ? "again" : "submit");
      else elt.click();
    });
  };
  on("htmx:sendError", failed);
  on("htmx:timeout", failed);
  on("htmx:afterOnLoad", () => {
    for (const note of document.querySelectorAll("[data-no-connection]")) note.remove();
  });
  on("htmx:afterSwap", ({ detail: { target } }) => {
    const said = target.querySelector?.("[data-announce]");
    const status = said && target.parentElement.querySelector("[data-announced]");
    if (status) status.textContent = said.textContent;
    // What Enter opens as long as the field has the focus.
    if (target.id === "palette-found") target.querySelector("a[href]")?.toggleAttribute("data-first", true);
  });
  on("htmx:beforeSwap", ({ detail }) => {
    if (!detail.target.matches?.(".found")) return;
    // Signed out meanwhile, or an error: a whole page.
    const asked = detail.requestConfig.elt;
    const landed = new URL(detail.xhr.responseURL || location, location).pathname;
    if (landed !== new URL(asked.action).pathname || detail.xhr.status >= 400) {
      detail.shouldSwap = false;
      location.assign(`${asked.action}?${new URLSearchParams(new FormData(asked))}`);
    }
  });
  if (!palette) return;

  const form = palette.querySelector("form");
  const field = form.elements.q;
  const found = palette.querySelector(".found");
  const links = () => [...found.querySelectorAll("a[href]")];
  const open = (text) => {
    if (palette.open || document.querySelector("dialog[open]")) return;
    if (text !== undefined) field.value = text;
    palette.showModal();
    field.select();
    htmx.trigger(form, "again");
  };

  // Before app.js, which would go to the field of the list.
  document.addEventListener(
    "keydown",
    (event) => {
      const typing = event.target.matches?.("input, textarea, select, [contenteditable]");
      const slash = event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey;
      const letter = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
      if (!slash && !letter) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      open();
    },
    true,
  );
  for (const box of document.querySelectorAll("[data-global-search]")) {
    const taken = () => {
      open(box.value);
      box.value = "";
    };
    box.addEventListener("click", taken);
    box.addEventListener("input", () => {
      taken();
      field.setSelectionRange(field.value.length, field.value.length);
    });
  }
  on("click", (event) => {
    if (event.target === palette || event.target.closest("[data-palette-close]")) palette.close();
    if (event.target.closest("[data-palette-link]")) {
      event.preventDefault();
      open();
    }
  });

  palette.addEventListener("keydown", (event) => {
    const all = links();
    const at = all.indexOf(document.activeElement);
    if (event.key === "ArrowDown") (all[at + 1] ?? all[0])?.focus();
    else if (event.key === "ArrowUp") (at > 0 ? all[at - 1] : at === 0 ? field : all.at(-1))?.focus();
    else if (event.key === "Enter" && event.target === field) {
      const current = found.querySelector("[data-q]")?.dataset.q === field.value.trim();
      if (!current || !field.value.trim() || !all.length) return; // the form leads to /search/
      all[0].click();
    } else {
      // Who goes on typing, types into the field.
      if (at >= 0 && event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) field.focus();
      return;
    }
    event.preventDefault();
  });
})();
