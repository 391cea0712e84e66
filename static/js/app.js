// What pages gain with JavaScript; each of them works without it.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const on = (type, selector, act) =>
    document.addEventListener(type, (event) => {
      const found = event.target.closest?.(selector);
      if (found) act(found, event);
    });

  // --- Light, dark, or as the system; on a phone the one visible button goes round.
  function showTheme() {
    const choice = window.theme.stored();
    for (const button of all("[data-theme-switch] button")) button.ariaPressed = String(button.value === choice);
  }
  on("click", "[data-theme-switch] button", (button) => {
    const buttons = all("button", button.parentElement);
    const alone = buttons.filter((other) => other.offsetParent).length === 1;
    const next = alone ? buttons[(buttons.indexOf(button) + 1) % buttons.length] : button;
    window.theme.choose(next.value);
    showTheme();
    next.focus();
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
    setTimeout(() => (button.textContent = label), 1500);
  });

  // --- Lists and forms: ticked rows, page size, limits, a typed name.
  function countTicked(form) {
    const boxes = all("[name=selected]", form);
    const ticked = boxes.filter((box) => box.checked).length;
    for (const label of all("[data-bulk-count]", form)) label.textContent = label.dataset.bulkCount.replace("{n}", ticked);
    for (const head of all("[data-select-all]", form)) {
      head.checked = ticked === boxes.length;
      head.indeterminate = ticked > 0 && !head.checked;
    }
  }
  function showLimit(group) {
    const limited = group.querySelector("select").value === "limited";
    for (const part of all("input, .input-group-text", group)) part.hidden = !limited;
  }
  function compareName(input) {
    const same = input.value.trim().toLowerCase() === input.dataset.confirm.toLowerCase();
    input.form.querySelector("[type=submit]").disabled = !same;
  }
  on("change", "[name=selected]", (box) => countTicked(box.form));
  on("change", "[data-select-all]", (head) => {
    for (const box of all("[name=selected]", head.form)) box.checked = head.checked;
    countTicked(head.form);
  });
  on("change", "select[data-submit]", (select) => select.form.requestSubmit());
  on("change", "[data-limit] select", (select) => showLimit(select.parentElement));
  on("input", "[data-confirm]", compareName);

  // --- htmx: short addresses; a whole page when something else than the list came back.
  document.addEventListener("htmx:configRequest", ({ detail: { verb, parameters } }) => {
    if (verb === "get") for (const name of Object.keys(parameters)) if (!parameters[name]) delete parameters[name];
  });
  document.addEventListener("htmx:beforeSwap", ({ detail: { xhr, target } }) => {
    const landed = new URL(xhr.responseURL || location).pathname;
    if (target.id === "list" && (landed !== location.pathname || xhr.status >= 400)) location.reload();
  });

  function prepare(root) {
    const hidden = "[data-theme-switch], [data-show], [data-generate], [data-copy], [data-select-all]";
    for (const element of all(hidden, root)) element.hidden = false;
    for (const kept of all("[data-generated][value='1']", root)) reveal(kept.parentElement, true);
    all("[data-limit]", root).forEach(showLimit);
    all("[data-confirm]", root).forEach(compareName);
    all("form:has([name=selected])", root).forEach(countTicked);
  }
  document.addEventListener("htmx:afterSettle", (event) => prepare(event.target));
  prepare(document);
  showTheme();
  document.querySelector("[data-error-summary]")?.focus();
})();
