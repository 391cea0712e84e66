// What forms gain with JavaScript: one click is one POST, and neither a lost line nor the end of a session loses what was typed.
(() => {
  "use strict";
  const words = document.currentScript.dataset;
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const SAVING_MS = 300;
  const STILL_MS = 8_000;
  const FLOATS_MS = 8_000;
  const FREE_MS = 30_000; // somebody pressed "Stop"; the server does nothing twice
  const WARN_SECONDS = 300;
  const DRAFT_MS = 3_600_000;

  function say(text, kind, before) {
    const box = document.createElement("div");
    box.className = `alert alert-${kind}`;
    box.setAttribute("role", "alert");
    box.textContent = text;
    before.before(box);
    box.scrollIntoView({ block: "nearest" });
    return box;
  }

  // --- Messages are heard if they come after the page: the same words, once more. Elements stay: one may be being pressed.
  function sayAgain(region) {
    const walker = document.createTreeWalker(region, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) found.push(walker.currentNode);
    for (const text of found) if (text.data.trim()) text.replaceWith(text.cloneNode());
  }
  addEventListener("load", () => setTimeout(() => all(".messages, .saved").forEach(sayAgain), 200));

  // --- A message floats above the page for a while, with a link or a button as long as the page stands. Then it lies still at the
  // top: nobody who reads slowly loses it.
  function float(region) {
    region.classList.remove("read");
    clearTimeout(region.dataset.timer);
    if (region.querySelector("a, button")) return;
    region.dataset.timer = setTimeout(() => region.classList.add("read"), FLOATS_MS);
  }
  all(".messages").forEach(float);
  document.addEventListener("htmx:oobAfterSwap", ({ detail: { target } }) => target.matches?.(".messages") && float(target));

  // --- A form that is on its way.
  const buttons = (form) => all("[type=submit], button:not([type])", form);
  const timers = new WeakMap();
  function free(form) {
    (timers.get(form) ?? []).forEach(clearTimeout);
    form.removeAttribute("aria-busy");
    for (const button of buttons(form)) {
      if (button.dataset.words) button.textContent = button.dataset.words;
      if (button.dataset.locked) button.disabled = false;
      delete button.dataset.words;
      delete button.dataset.locked;
    }
  }
  function lock(form, pressed) {
    form.setAttribute("aria-busy", "true");
    const tell = (text) => {
      const status = form.querySelector(".form-status");
      if (status) status.textContent = text;
      if (!pressed?.matches(".btn")) return;
      pressed.dataset.words ||= pressed.textContent;
      pressed.textContent = text;
    };
    timers.set(form, [
      // After this event, or what the button itself says would not be sent.
      setTimeout(() => {
        for (const button of buttons(form)) {
          if (!button.disabled) button.dataset.locked = "1";
          button.disabled = true;
        }
      }),
      setTimeout(() => tell(words.saving), SAVING_MS),
      setTimeout(() => tell(words.still), STILL_MS),
      setTimeout(() => free(form), FREE_MS),
    ]);
  }
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented || event.submitter?.matches("[data-download]")) return;
    all(".alert.offline").forEach((box) => box.remove());
    if (form.ariaBusy === "true") event.preventDefault();
    else if (!navigator.onLine) {
      event.preventDefault();
      say(words.offline, "danger", form.querySelector(".form-actions") ?? form).classList.add("offline");
    } else {
      keep(form);
      if (event.submitter?.name === "language") keep(typedIn ?? document.querySelector("[data-keep]:has(.is-invalid)"), { unanswered: true });
      lock(form, event.submitter);
    }
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) all("form[aria-busy]").forEach(free);
  });

  // --- One more address to forward to.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[name=another]");
    if (!button) return;
    event.preventDefault();
    const last = all("input[type=email]", button.parentElement).at(-1);
    const next = last.cloneNode();
    const number = all("input[type=email]", button.parentElement).length;
    next.value = "";
    next.id = `id_targets_${number}`;
    next.ariaLabel = last.ariaLabel.replace(String(number), String(number + 1));
    next.removeAttribute("autofocus");
    last.after(next);
    next.focus();
  });

  // --- A field that is changed where it stands: parts/places.html and parts/inline_form.html.
  let reopened; // what was typed in the one that the end of the session closed
  const isPlace = (element) => "place" in (element.dataset ?? {});
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const { target, xhr } = detail;
    if (!isPlace(target)) return;
    if (xhr.status === 422) {
      detail.shouldSwap = true;
      detail.isError = false;
    } else if (!xhr.responseText.includes(`id="${target.id}"`)) {
      detail.shouldSwap = false; // signed out meanwhile, gone, or an error: a whole page
      if (target.matches("form")) keep(target, { opened: target.id });
      location.reload();
    }
  });
  document.addEventListener("htmx:sendError", ({ detail: { target } }) => {
    if (isPlace(target)) say(words.offline, "danger", target).classList.add("offline");
  });
  document.addEventListener("htmx:afterSettle", ({ target }) => {
    if (!isPlace(target)) return;
    all(".alert.offline").forEach((box) => box.remove());
    if (target.matches("form")) target.querySelector("input:not([type=hidden])")?.select();
    if (!target.matches("form")) target.querySelector(".pencil")?.focus();
    else if (reopened?.opened === target.id) {
      putBack(target, reopened);
      reopened = null;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") event.target.closest?.(".inline")?.querySelector("[data-cancel]").click();
  });

  // --- What was typed, until the form is answered: never a password.
  const DRAFT = "draft";
  const place = () => location.pathname + location.search;
  const isKept = (field) => field.name && field.name !== "csrfmiddlewaretoken" && !field.closest("[data-password]");
  function stored(draft) {
    try {
      if (draft) sessionStorage.setItem(DRAFT, JSON.stringify(draft));
      else if (draft === null) sessionStorage.removeItem(DRAFT);
      else return JSON.parse(sessionStorage.getItem(DRAFT));
    } catch {
      return null; // storage is switched off or full
    }
  }
  let typedIn;
  document.addEventListener("input", ({ target }) => (typedIn = target.form?.matches("[data-keep]") ? target.form : typedIn));
  function fieldsOf(form) {
    const names = new Set([...form.elements].filter(isKept).map((field) => field.name));
    return [...new FormData(form)].filter(([name]) => names.has(name));
  }
  function keep(form, more) {
    if (!("keep" in (form?.dataset ?? {}))) return;
    const fields = fieldsOf(form);
    stored({ place: place(), account: form.dataset.keep, at: Date.now(), fields, ...more });
  }
  function putBack(form, draft) {
    const of = (named) => draft.fields.filter(([name]) => name === named).map(([, value]) => value);
    const another = form.querySelector("[name=another]");
    if (another) for (let n = form.querySelectorAll("[name=targets]").length; n < of("targets").length; n++) another.click();
    const seen = {};
    for (const field of [...form.elements].filter(isKept)) {
      const found = of(field.name);
      const place = (seen[field.name] = (seen[field.name] ?? -1) + 1); // among those of the same name
      if (["checkbox", "radio"].includes(field.type)) field.checked = found.includes(field.value);
      else if (place < found.length) field.value = found[place];
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
    typedIn = form;
    if (form.matches("details form")) form.closest("details").open = true;
    say(form.dataset.kept, "info", form);
  }
  function pickUp() {
    const draft = stored();
    if (!draft) return;
    const note = document.querySelector("[data-draft-kept]");
    if (note) {
      note.hidden = false;
      stored({ ...draft, unanswered: true });
      return;
    }
    // The answer to the form itself comes with its address as referrer: it was received.
    const came = document.referrer && new URL(document.referrer);
    const answered = came && came.pathname + came.search === draft.place && !draft.unanswered;
    const again = performance.getEntriesByType("navigation")[0]?.type !== "navigate";
    const old = Date.now() - draft.at > DRAFT_MS;
    const over = draft.left ? !again && place() === draft.place : answered && !again;
    if (over || old || place() === draft.place) stored(null);
    if (over || old || place() !== draft.place) return;
    if (draft.opened) {
      reopened = draft;
      addEventListener("load", () => document.querySelector(`#${draft.opened} .pencil`)?.click()); // htmx is ready
      return;
    }
    const form = all("form[data-keep]").find((one) => draft.fields.every(([name]) => one.elements[name]));
    if (form?.dataset.keep === draft.account && !form.querySelector(".is-invalid")) putBack(form, draft);
  }

  // --- A form with something typed into it is not left without a question; Back shows it as it was.
  const asOpened = new Map();
  const isChanged = (form) => JSON.stringify(fieldsOf(form)) !== asOpened.get(form);
  let goesAway = false; // it is sent, or somebody wants to be rid of it
  document.addEventListener("submit", (event) => (goesAway ||= !event.defaultPrevented));
  document.addEventListener("click", ({ target }) => (goesAway ||= Boolean(target.closest?.(".segments a, .form-actions a"))));
  addEventListener("beforeunload", (event) => {
    if (!goesAway && [...asOpened.keys()].some(isChanged)) event.preventDefault();
    setTimeout(() => (goesAway = false), FREE_MS); // still here: nothing came
  });
  addEventListener("pagehide", () => {
    const sent = document.querySelector("form[aria-busy]");
    const left = [...asOpened.keys()].find(isChanged);
    if (left && !sent) keep(left, { left: true });
  });

  // --- The end of the session, said five minutes before.
  const ENDS = "session-ends";
  const read = () => {
    try {
      return Number(localStorage.getItem(ENDS));
    } catch {
      return 0;
    }
  };
  let ends = 0;
  function goesOn(seconds) {
    ends = Date.now() + seconds * 1000;
    try {
      localStorage.setItem(ENDS, ends); // other windows go on too
    } catch {
      // storage is switched off
    }
  }
  async function stay() {
    try {
      const left = Number(await (await fetch(words.session)).text());
      if (left) goesOn(left);
    } catch {
      return; // the warning stays
    }
    watch();
  }
  function watch() {
    const left = (Math.max(ends, read()) - Date.now()) / 1000;
    const shown = document.querySelector(".session-end");
    if (left > WARN_SECONDS) shown?.remove();
    else if (!shown) {
      document.body.append(document.querySelector("[data-session-end]").content.cloneNode(true));
      document.querySelector("[data-stay]").addEventListener("click", stay);
    }
  }
  const limited = Number(document.querySelector("[data-session-left]")?.dataset.sessionLeft);
  if (limited) {
    goesOn(limited);
    setInterval(watch, 10_000);
    watch();
  }

  // --- The card with a new password: copied, printed, and gone with the page.
  document.addEventListener("click", async (event) => {
    if (event.target.closest("[data-print]")) print();
    const button = event.target.closest("[data-copy-rows]");
    if (!button) return;
    const rows = all(`${button.dataset.copyRows} > div`).map((row) => [...row.children].map((part) => part.textContent.trim()).join(": "));
    try {
      await navigator.clipboard.writeText(rows.join("\n"));
    } catch {
      getSelection().selectAllChildren(document.querySelector(button.dataset.copyRows));
      return;
    }
    const label = button.textContent;
    button.textContent = button.dataset.copied;
    setTimeout(() => (button.textContent = label), 3000);
  });
  addEventListener("pagehide", () => all("[data-forget]").forEach((secret) => secret.remove()));

  for (const element of all("[data-copy-rows], [data-print]")) element.hidden = false;
  for (const form of all("form[data-keep]")) asOpened.set(form, JSON.stringify(fieldsOf(form)));
  pickUp();
})();
