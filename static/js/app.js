// What pages gain with JavaScript; each of them works without it.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const on = (type, selector, act) =>
    document.addEventListener(type, (event) => {
      const found = event.target.closest?.(selector);
      if (found) act(found, event);
    });

  // --- Light, dark, or as the system: at once, and then for the account.
  function showTheme() {
    const choice = window.theme.chosen();
    for (const button of all("[data-theme-switch] button")) button.ariaPressed = String(button.value === choice);
  }
  on("click", "[data-theme-switch] button", (button, event) => {
    window.theme.choose(button.value);
    showTheme();
    if (!button.form) return; // nobody is signed in
    event.preventDefault();
    const body = new FormData(button.form, button);
    fetch(button.form.action, { method: "POST", body, keepalive: true, headers: { Accept: "application/json" } }).catch(() => button.form.requestSubmit(button));
  });

  // --- "/" goes to the search field; Escape and a click elsewhere close menus.
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches?.("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const field = all("[data-global-search], #q").find((one) => one.offsetParent);
      if (field) event.preventDefault();
      field?.focus();
    } else if (event.key === "Escape") {
      const menu = all("details.menu[open]").at(-1);
      menu?.querySelector("summary").focus();
      menu?.removeAttribute("open");
    }
  });
  document.addEventListener("click", (event) => {
    for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });

  // Arrows go through a menu, and open it.
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("details.menu");
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!menu || !step || event.target.matches("select") || !(menu.open || event.target.matches("summary"))) return;
    event.preventDefault();
    menu.open = true;
    const offers = all("a, button, input, select", menu.lastElementChild).filter((one) => one.offsetParent);
    const at = offers.indexOf(event.target);
    offers.at(at < 0 ? Math.min(step, 0) : (at + step) % offers.length)?.focus();
  });

  // --- Passwords: show, generate, copy.
  // Groups of four that can be read out, each of 12 or 13 bits; the letters and digits that look alike are left out.
  const CONSONANTS = "bcdfghjkmnprstvwxz";
  const VOWELS = "aeiou";
  const DIGITS = "23456789";
  const below = (limit) => crypto.getRandomValues(new Uint32Array(1))[0] % limit; // uneven by 1 in 10 million
  const draw = (...kinds) => kinds.map((kind) => kind[below(kind.length)]).join("");
  function generate(length, digits, letters) {
    const words = Math.max(4, Math.ceil(letters / 4), Math.ceil((length + 1) / 5) - Math.ceil(digits / 4));
    const groups = Array.from({ length: words }, () => draw(CONSONANTS, VOWELS, CONSONANTS, VOWELS));
    for (let left = digits; left > 0; left -= 4) groups.push(draw(DIGITS, DIGITS, DIGITS, DIGITS));
    return groups.join("-");
  }
  function reveal(group, shown) {
    group.querySelector("input").type = shown ? "text" : "password";
    group.querySelector("[data-show]").ariaPressed = String(shown);
  }
  on("click", "[data-show]", (button) => reveal(button.closest("[data-password]"), button.ariaPressed !== "true"));
  on("click", "[data-generate]", (button) => {
    const input = button.closest("[data-password]").querySelector("input");
    const { digits, letters } = input.dataset; // what the strength rules ask for
    input.value = generate(input.minLength, digits, letters);
    input.parentElement.querySelector("[data-generated]").value = "1";
    reveal(input.parentElement, true);
    input.focus();
  });
  on("input", "[data-password] input", (input) => {
    const generated = input.parentElement.querySelector("[data-generated]");
    if (generated?.value) reveal(input.parentElement, false); // typed over
    if (generated) generated.value = "";
  });
  on("click", "[data-copy]", async (button) => {
    const source = document.querySelector(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent.trim());
    } catch {
      getSelection().selectAllChildren(source); // plain http: the person copies what is marked
      source.select?.();
      return;
    }
    const label = button.textContent;
    button.textContent = button.dataset.copied;
    setTimeout(() => (button.textContent = label), 3000);
  });

  // --- Lists and forms: ticked rows, page size, limits, a typed name.
  // What is ticked stays so while the list pages and searches: by the URL that the form sends it to.
  const ticked = {};
  const tickedOf = (form) => (ticked[form.getAttribute("action")] ??= new Map()); // {key: name}
  const nameOf = (box) => box.closest("tr").querySelector("th a").textContent;
  function listTicked(form) {
    const list = form.querySelector(".ticked");
    if (!list || list.hidden) return;
    list.replaceChildren(
      ...[...tickedOf(form)].map(([key, name]) => {
        const box = Object.assign(document.createElement("input"), { type: "checkbox", className: "form-check-input", checked: true, value: key });
        const item = document.createElement("li");
        item.append(document.createElement("label"));
        item.firstChild.append(box, name);
        return item;
      }),
    );
  }
  // The end of a session takes none away: after the sign-in page they are there again, for the same person.
  function keepTicks(form) {
    const kept = { account: form.dataset.ticks, url: form.getAttribute("action"), rows: [...tickedOf(form)] };
    try {
      sessionStorage.setItem("ticks", JSON.stringify(kept));
    } catch {
      // storage is switched off or full
    }
  }
  function bringTicksBack() {
    try {
      const kept = JSON.parse(sessionStorage.getItem("ticks"));
      if (!kept) return;
      const form = document.querySelector("[data-ticks]");
      if (document.querySelector(".sign-in")) sessionStorage.setItem("ticks", JSON.stringify({ ...kept, ended: true }));
      else sessionStorage.removeItem("ticks");
      if (kept.ended && form?.dataset.ticks === kept.account) ticked[kept.url] = new Map(kept.rows);
    } catch {
      // storage is switched off
    }
  }
  function countTicked(form) {
    const boxes = all("[name=selected]:enabled", form);
    const keys = tickedOf(form);
    const here = boxes.filter((box) => box.checked).length;
    const bar = form.querySelector(".bulk-bar");
    const everything = form.querySelector("[data-all-rows]")?.checked ?? false;
    bar?.toggleAttribute("data-ticked", keys.size > 0 || everything);
    for (const label of all("[data-bulk-count]", form)) {
      label.textContent = everything ? label.dataset.all : label.dataset.bulkCount.replace("{n}", keys.size);
    }
    for (const head of all("[data-select-all]", form)) {
      head.checked = here > 0 && here === boxes.length;
      head.indeterminate = here > 0 && !head.checked;
    }
    listTicked(form);
    keepTicks(form);
  }
  function tick(box, checked) {
    box.checked = checked;
    if (checked) tickedOf(box.form).set(box.value, nameOf(box));
    else tickedOf(box.form).delete(box.value);
  }
  function restoreTicks(form) {
    const keys = tickedOf(form);
    for (const box of all("[name=selected]:enabled", form)) {
      if (box.checked) keys.set(box.value, nameOf(box));
      box.checked = keys.has(box.value);
    }
    countTicked(form);
  }
  function showLimit(group) {
    const limited = group.querySelector("select").value === "limited";
    for (const part of all("input, .input-group-text", group)) part.hidden = !limited;
  }
  function compareName(input) {
    const same = input.value.trim().toLowerCase() === input.dataset.confirm.toLowerCase();
    input.form.querySelector("[type=submit]").disabled = !same;
  }
  let lastTicked;
  // From a tick box to what can be done with it, past all other rows, and back. Enter alone would press the first button.
  on("keydown", "[name=selected]", (box, event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    lastTicked = box;
    box.form.querySelector(".bulk-bar[data-ticked] button")?.focus();
  });
  on("keydown", ".bulk-bar", (_bar, event) => {
    if (event.key === "Escape" && lastTicked?.isConnected) lastTicked.focus();
  });
  on("click", "[name=selected]", (box, event) => {
    const boxes = all("[name=selected]:enabled", box.form);
    const [from, to] = [boxes.indexOf(lastTicked), boxes.indexOf(box)].sort((one, other) => one - other);
    const range = event.shiftKey && from >= 0 ? boxes.slice(from, to + 1) : [box];
    for (const one of range) tick(one, box.checked);
    lastTicked = box;
    countTicked(box.form);
  });
  on("change", "[data-select-all]", (head) => {
    for (const box of all("[name=selected]:enabled", head.form)) tick(box, head.checked);
    countTicked(head.form);
  });
  on("click", "[data-select-none]", ({ form }) => {
    tickedOf(form).clear();
    for (const box of all("[name=selected], [data-all-rows]", form)) box.checked = false;
    countTicked(form);
  });
  on("click", "[data-show-ticked]", (button) => {
    const list = button.form.querySelector(".ticked");
    list.hidden = !list.hidden;
    button.ariaExpanded = String(!list.hidden);
    listTicked(button.form);
  });
  on("change", ".ticked input", ({ form, value }) => {
    const keys = tickedOf(form);
    keys.delete(value);
    for (const box of all("[name=selected]", form)) box.checked = keys.has(box.value);
    countTicked(form);
    form.querySelector("[data-show-ticked]").focus();
  });
  on("change", "[data-all-rows]", ({ form }) => countTicked(form));
  // On a phone fields to filter by are behind a button, which says how many are in use.
  function countFilters(button) {
    const used = all(":scope > .form-select, :scope > .form-control, .dated > .form-control", button.form).filter((field) => field.value).length;
    button.textContent = used ? button.dataset.some.replace("{n}", used) : button.dataset.filters;
  }
  on("click", "[data-filters]", (button) => {
    button.ariaExpanded = String(button.ariaExpanded !== "true");
  });
  on("change", ".toolbar", (form) => all("[data-filters]", form).forEach(countFilters));
  on("click", "[data-select]", (button) => {
    const list = document.querySelector("#list .list");
    button.ariaPressed = String(list.classList.toggle("selecting"));
  });
  on("submit", "form:has(.bulk-bar)", (form) => {
    // In one field: a form has a limited number of them.
    const shown = new Set(all("[name=selected]", form).map((box) => box.value));
    const others = [...tickedOf(form).keys()].filter((value) => !shown.has(value));
    form.querySelector("[name=also]")?.remove();
    const also = Object.assign(document.createElement("textarea"), { name: "also", hidden: true, value: others.join("\n") });
    if (others.length) form.append(also);
  });
  on("click", "[data-print]", () => print());
  on("change", "[data-columns] input", ({ value, checked }) => window.columns.show(value, checked));
  on("change", "select[data-submit]", (select) => select.form.requestSubmit());
  on("change", "[data-limit] select", (select) => showLimit(select.parentElement));
  on("input", "[data-confirm]", compareName);
  on("input", "[data-chooses]", ({ form, dataset }) => (form.querySelector(`[type=radio][value=${dataset.chooses}]`).checked = true));

  // --- htmx: short addresses; a whole page when something else than the list came back.
  document.addEventListener("htmx:configRequest", ({ detail: { verb, parameters } }) => {
    if (verb === "get") for (const name of Object.keys(parameters)) if (!parameters[name]) delete parameters[name];
  });
  document.addEventListener("htmx:beforeSwap", ({ detail: { xhr, target } }) => {
    const landed = new URL(xhr.responseURL || location).pathname;
    if (target.id === "task" && landed !== location.pathname) location.reload();
    if (target.id === "list" && (landed !== location.pathname || xhr.status >= 400)) location.reload();
  });

  // --- An act on many rows asks for its next step again when the line or the database was lost.
  const AGAIN_MS = 5_000;
  document.addEventListener("htmx:afterRequest", ({ detail: { successful, elt } }) => {
    const task = elt.closest?.("#task");
    if (successful || !task) return;
    task.querySelector("p").textContent = task.dataset.again;
    setTimeout(() => htmx.trigger(elt, "again"), AGAIN_MS);
  });

  function prepare(root) {
    const hidden = "[data-theme-switch], [data-show], [data-generate], [data-copy], [data-select-all], [data-select-none], [data-select], [data-filters], [data-show-ticked], [data-print], [data-columns]";
    for (const element of all(hidden, root)) element.hidden = false;
    for (const box of all("[data-columns] input", root)) box.checked = window.columns.shows(box.value);
    for (const kept of all("[data-generated][value='1']", root)) reveal(kept.parentElement, true);
    all("[data-limit]", root).forEach(showLimit);
    all("[data-filters]", root).forEach(countFilters);
    all("[data-confirm]", root).forEach(compareName);
    all("form:has(.bulk-bar)", root).forEach(restoreTicks);
  }
  // The link that was followed is not on every page of a list.
  document.addEventListener("htmx:afterSettle", ({ target }) => {
    if (target.id === "list" && document.activeElement === document.body) target.querySelector("#previous, #next")?.focus({ preventScroll: true });
  });
  for (const type of ["htmx:afterSettle", "asked"]) document.addEventListener(type, (event) => prepare(event.target));
  bringTicksBack();
  prepare(document);
  showTheme();
  document.querySelector("[data-error-summary]")?.focus();
})();
