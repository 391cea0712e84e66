// What a form for an address gains: it says at once what will happen, a pasted address finds its domain, sizes are a
// click, and another kind of address keeps what was typed.
(() => {
  "use strict";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const ASKED = ["local_part", "domain", "targets", "keep_copy"];

  // --- What will happen
  for (const aside of all("[data-preview]")) {
    const form = aside.closest("form");
    const typed = () => ASKED.some((name) => form.elements[name]?.value && form.elements[name].type !== "hidden");
    const ask = () => htmx.trigger(aside, "again");
    aside.hidden = false;
    for (const type of ["input", "change"]) form.addEventListener(type, ({ target }) => ASKED.includes(target.name) && ask());
    aside.addEventListener("htmx:beforeSwap", ({ detail }) => {
      const landed = new URL(detail.xhr.responseURL || location, location).pathname;
      // Signed out meanwhile, or an error: sending the form says it.
      if (detail.xhr.status >= 400 || landed !== new URL(aside.getAttribute("hx-post"), location).pathname) detail.shouldSwap = false;
    });
    if (typed()) addEventListener("load", ask);
  }

  // --- A whole address in the field of its first half
  for (const name of all(".address-group [name=local_part]")) {
    const split = () => {
      const [local, host, ...more] = name.value.trim().toLowerCase().split("@");
      const { domain } = name.form.elements;
      const isSelect = domain.tagName === "SELECT";
      const fits = isSelect ? [...domain.options].some(({ value }) => value === host) : domain.type !== "hidden" || domain.value === host;
      if (!host?.includes(".") || more.length || !fits) return; // the server says why not
      name.value = local;
      domain.value = host;
      domain.dispatchEvent(new Event("change", { bubbles: true }));
    };
    name.addEventListener("change", split);
    name.addEventListener("paste", () => setTimeout(split));
  }

  // --- Another kind of address
  for (const link of all(".segments a")) {
    link.addEventListener("click", () => {
      const form = document.querySelector("main form.form");
      const address = new URL(link.href);
      for (const [field, parameter] of [["local_part", "local_part"], ["targets", "target"], ["domain", "domain"]]) {
        const value = form?.elements[field]?.value;
        if (value && value.length < 1000 && value !== "*") address.searchParams.set(parameter, value);
      }
      link.href = address;
    });
  }

  // --- Sizes
  for (const group of all("[data-sizes]")) {
    const limit = group.previousElementSibling?.matches(".limit") ? group.previousElementSibling : null;
    const input = limit ? limit.querySelector("input") : group.parentElement.querySelector("[data-size]");
    // Of a mailbox, only sizes that its domain allows; the domain may be chosen later.
    const offer = () => {
      const { most } = (document.getElementById("quota-left") ?? input).dataset;
      for (const button of group.children) {
        button.hidden = Boolean(most) && ("noLimit" in button.dataset ? most > 0 : parseInt(button.value, 10) * 1024 > most);
      }
      group.hidden = false;
    };
    offer();
    document.addEventListener("htmx:oobAfterSwap", offer);
    group.addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (!button) return;
      const none = "noLimit" in button.dataset;
      if (limit) {
        const kind = limit.querySelector("select");
        kind.value = none ? "unlimited" : "limited";
        kind.dispatchEvent(new Event("change", { bubbles: true }));
      }
      if (!limit || !none) input.value = button.value;
      input.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }
})();
