// A field for several addresses becomes chips with suggestions. The textarea stays what is sent, and is all there is
// without this script. The field in the list of chips is a combobox: arrows choose, Enter or a comma adds, Backspace takes
// the last one out, the left arrow goes to the chips.
(() => {
  "use strict";
  const words = document.currentScript.dataset;
  const WAIT_MS = 150;
  const CLICK_MS = 300;
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  // Pieces between commas, semicolons and line ends; of each the addresses in brackets, or its words.
  function pieces(text) {
    const found = [];
    for (const part of text.match(/("[^"\n]*"|[^,;\n"]|"(?![^"\n]*"))+/g) ?? []) {
      const inBrackets = [...part.matchAll(/<([^<>]+)>/g)].map((match) => match[1]);
      const bare = part.trim();
      if (inBrackets.length) found.push(...inBrackets);
      else if (bare) found.push(...bare.split(/\s+/));
    }
    return found.map((one) => one.trim()).filter(Boolean);
  }

  // --- Suggestions under an input: calls take(address) for the one that is chosen.
  let lists = 0;
  function suggest(input, url, take) {
    const list = make("ul", { class: "suggestions", role: "listbox", id: `suggestions-${++lists}`, "aria-label": words.suggestions, hidden: "" });
    let timer, asked;
    const options = () => [...list.children];
    const chosen = () => list.querySelector("[aria-selected=true]");
    const close = () => {
      clearTimeout(timer);
      asked = null;
      list.hidden = true;
      list.replaceChildren();
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    };
    const choose = (option) => {
      for (const one of options()) one.setAttribute("aria-selected", String(one === option));
      if (option) input.setAttribute("aria-activedescendant", option.id);
      else input.removeAttribute("aria-activedescendant");
      option?.scrollIntoView({ block: "nearest" });
    };
    async function ask() {
      const q = input.value.trim();
      if (!q) return close();
      const mine = (asked = Symbol(q));
      const domain = input.form.elements.domain?.value ?? "";
      try {
        const answer = await fetch(`${url}?${new URLSearchParams({ q, domain })}`, { headers: { "HX-Request": "true" } });
        if (!answer.ok || answer.redirected || asked !== mine) return;
        list.innerHTML = await answer.text();
      } catch {
        return; // no line: one types the address oneself
      }
      if (asked !== mine) return;
      list.dataset.q = q;
      options().forEach((option, place) => (option.id = `${list.id}-${place}`));
      list.hidden = !list.children.length;
      input.setAttribute("aria-expanded", String(!list.hidden));
      input.removeAttribute("aria-activedescendant");
    }
    for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id, autocomplete: "off" }))
      input.setAttribute(name, value);
    input.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(ask, WAIT_MS);
    });
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
      if (list.hidden || !["ArrowDown", "ArrowUp", "Enter", "Tab", "Escape"].includes(event.key)) return;
      const all = options();
      const at = all.indexOf(chosen());
      if (event.key === "ArrowDown") choose(all[at + 1] ?? all[0]);
      else if (event.key === "ArrowUp") choose(at > 0 ? all[at - 1] : all.at(-1));
      else if (event.key === "Escape") close();
      else if (at >= 0) {
        const { address } = all[at].dataset;
        close();
        take(address);
      } else return;
      if (event.key === "Tab") return;
      event.preventDefault();
      event.stopImmediatePropagation();
    });
    list.addEventListener("mousedown", (event) => {
      event.preventDefault(); // the input keeps the focus
      const option = event.target.closest("[role=option]");
      if (!option) return;
      close();
      take(option.dataset.address);
    });
    return { list, close };
  }

  // --- Chips
  function chips(area) {
    const box = make("div", { class: "recipients form-control" });
    const shown = make("ul", { "aria-label": words.chosen });
    const input = make("input", { type: "text", autocapitalize: "none", spellcheck: "false", enterkeyhint: "done" });
    const status = make("span", { class: "visually-hidden", role: "status" });
    const keys = make("span", { class: "visually-hidden", id: `${area.id}_keys` }, words.keys);
    const kinds = new Map(); // what was typed → [kind, its word, what is wrong]
    let addresses = pieces(area.value);

    // Label, help and errors speak of the input; the textarea keeps the name.
    input.id = area.id;
    area.id += "_all";
    input.setAttribute("aria-describedby", [area.getAttribute("aria-describedby"), keys.id].filter(Boolean).join(" "));
    if (area.getAttribute("aria-invalid")) input.setAttribute("aria-invalid", "true");
    if (area.required) input.setAttribute("aria-required", "true");
    box.classList.toggle("is-invalid", area.classList.contains("is-invalid"));
    const hadFocus = area.autofocus;
    area.removeAttribute("autofocus");
    area.required = false;
    area.hidden = true;

    const { list, close } = suggest(input, area.dataset.recipients, (address) => {
      input.value = "";
      add([address]);
    });
    box.append(shown, input, list);
    area.after(box, status, keys);

    function chip(address) {
      const [kind, word, wrong] = kinds.get(address) ?? ["", "", ""];
      const button = make("button", { type: "button", tabindex: "-1", "aria-label": words.remove.replace("{address}", address) }, "×");
      const said = make("span", { class: "chip-kind" }, word);
      const name = make("span", {}, address.replace(/@.*/, "@"), make("wbr"), address.replace(/^[^@]*@?/, ""));
      const item = make("li", { "data-kind": kind }, name, said, button);
      if (wrong) item.title = wrong;
      button.addEventListener("click", () => {
        remove(address);
        input.focus();
      });
      button.addEventListener("keydown", (event) => {
        const all = buttons();
        const at = all.indexOf(button);
        if (event.key === "ArrowLeft") all[Math.max(0, at - 1)].focus();
        else if (event.key === "ArrowRight") (all[at + 1] ?? input).focus();
        else if (["Backspace", "Delete"].includes(event.key)) {
          remove(address);
          (buttons()[Math.min(at, buttons().length - 1)] ?? input).focus();
        } else return;
        event.preventDefault();
      });
      return item;
    }
    const buttons = () => [...shown.querySelectorAll("button")];
    function draw() {
      shown.replaceChildren(...addresses.map(chip));
      shown.hidden = !addresses.length;
    }
    function store() {
      area.value = addresses.join("\n");
      draw();
      area.dispatchEvent(new Event("input", { bubbles: true }));
    }
    function add(more) {
      const added = more.filter((one) => !addresses.includes(one));
      addresses = [...new Set([...addresses, ...added])];
      status.textContent = added.length ? words.added.replace("{address}", added.join(", ")) : "";
      store();
    }
    function remove(address) {
      addresses = addresses.filter((one) => one !== address);
      status.textContent = words.removed.replace("{address}", address);
      store();
    }
    function take() {
      const typed = pieces(input.value);
      input.value = "";
      close();
      const domain = area.form.elements.domain?.value;
      // A name alone is one in the form's domain.
      if (typed.length === 1 && domain && !typed[0].includes("@")) typed[0] += `@${domain}`;
      if (typed.length) add(typed);
    }

    input.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (["Enter", ",", ";"].includes(event.key) && input.value.trim()) {
        event.preventDefault();
        take();
      } else if (event.key === "Backspace" && !input.value && addresses.length) {
        event.preventDefault();
        remove(addresses.at(-1));
      } else if (event.key === "ArrowLeft" && !input.selectionStart && !input.selectionEnd) buttons().at(-1)?.focus();
    });
    input.addEventListener("input", () => {
      if (/[,;]/.test(input.value)) take(); // a phone's keyboard tells no key
    });
    input.addEventListener("paste", (event) => {
      const text = event.clipboardData.getData("text");
      if (!/[\n,;<]/.test(text)) return;
      event.preventDefault();
      const [from, to] = [input.selectionStart, input.selectionEnd];
      const typed = input.value.slice(0, from) + text + input.value.slice(to);
      input.value = "";
      add(pieces(typed));
    });
    // Later: a chip more would move what somebody is about to click.
    input.addEventListener("blur", () => setTimeout(() => document.activeElement === input || take(), CLICK_MS));
    box.addEventListener("mousedown", (event) => {
      if (event.target !== box && event.target !== shown) return;
      event.preventDefault();
      input.focus();
    });
    // Before forms.js keeps and locks the form.
    document.addEventListener("submit", (event) => event.target === area.form && take(), true);
    area.addEventListener("change", () => {
      addresses = pieces(area.value); // put back as it was typed
      draw();
    });
    document.addEventListener("htmx:afterSwap", () => {
      const told = area.form.querySelectorAll("[data-kinds] > [data-typed]");
      if (!told.length) return;
      for (const { dataset, textContent, title } of told) kinds.set(dataset.typed, [dataset.kind, textContent, title]);
      const focused = buttons().indexOf(document.activeElement);
      draw();
      buttons()[focused]?.focus();
    });
    draw();
    if (hadFocus) input.focus();
  }

  for (const area of document.querySelectorAll("textarea[data-recipients]")) chips(area);
  for (const details of document.querySelectorAll("details.in-place"))
    details.addEventListener("toggle", () => details.open && details.querySelector(".recipients input")?.focus());
  const suggestIn = (root) => {
    for (const input of root.querySelectorAll("input[data-suggest]")) suggestTo(input);
  };
  function suggestTo(input) {
    const { list } = suggest(input, input.dataset.suggest, (address) => {
      input.value = address;
      input.dispatchEvent(new Event("input", { bubbles: true }));
    });
    const around = make("div", { class: "suggesting" });
    input.before(around);
    around.append(input, list);
  }
  suggestIn(document);
  document.addEventListener("asked", ({ target }) => suggestIn(target)); // dialog.js
})();
