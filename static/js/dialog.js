// A question asked above the page one is on: the form of the page that asks, in a <dialog>. Without this script, and
// wherever anything else than such a form comes back, the link or the button leads to that page itself.
(() => {
  "use strict";
  const make = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  function show(form, heading, opener) {
    const menu = opener.closest("details.menu");
    menu?.removeAttribute("open");
    const title = make("h2", { id: "ask-title" }, ...heading.childNodes);
    const dialog = make("dialog", { class: "ask", "aria-labelledby": title.id }, make("div", {}, title, form));
    const back = menu?.querySelector("summary") ?? opener;
    dialog.addEventListener("close", () => {
      dialog.remove();
      back.focus();
    });
    dialog.addEventListener("click", (event) => {
      const cancels = event.target.closest(".form-actions a");
      if (cancels) event.preventDefault();
      if (cancels || event.target === dialog) dialog.close();
    });
    document.body.append(dialog);
    dialog.showModal();
    dialog.dispatchEvent(new CustomEvent("asked", { bubbles: true })); // other scripts prepare its fields
    const first = form.querySelector("[data-confirm], .choice input, .field input") ?? form.querySelector(".form-actions a");
    first.focus({ preventScroll: true });
  }

  async function ask(opener, url, options, otherwise) {
    if (opener.ariaBusy === "true") return; // a second click
    opener.ariaBusy = "true";
    let form, page;
    try {
      const answer = await fetch(url, options);
      page = answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html");
      form = page && page.querySelector("main form.confirm");
      form?.setAttribute("action", answer.url); // .action may be a button of this name
    } catch {
      form = null; // no line: the browser says it
    }
    opener.ariaBusy = null;
    if (form) show(form, page.querySelector("main h1 > span"), opener);
    else otherwise();
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-ask]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    ask(link, link.href, {}, () => location.assign(link.href));
  });
  // Before forms.js, which would lock the form.
  let goes;
  document.addEventListener("submit", (event) => {
    const { target: form, submitter: button } = event;
    if (!button?.matches("[data-ask]") || button === goes) return;
    event.preventDefault();
    const body = new URLSearchParams(new FormData(form, button));
    ask(button, form.getAttribute("action"), { method: "POST", body }, () => {
      goes = button;
      form.requestSubmit(button);
      goes = null;
    });
  });
})();
