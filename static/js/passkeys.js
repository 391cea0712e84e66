// Passkeys: what the browser's own dialog says goes into a hidden input of the form. Without it, pages say what else to do.
(() => {
  "use strict";
  const page = document.currentScript.dataset;
  if (!window.PublicKeyCredential || page.origin !== location.origin) return;
  const FRESH_MS = 300_000; // half of what a challenge lives
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const SIGN_IN = "?sign-in";
  const PARTS = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];

  // What the server asks for, answered by a device; as JSON.
  async function answer(query = "", more = {}) {
    const reply = await fetch(page.options + query, { headers: { Accept: "application/json" } });
    const publicKey = await reply.json();
    publicKey.challenge = bytes(publicKey.challenge);
    for (const one of publicKey.allowCredentials ?? publicKey.excludeCredentials ?? []) one.id = bytes(one.id);
    if (publicKey.user) publicKey.user.id = bytes(publicKey.user.id);
    const made = await navigator.credentials[publicKey.user ? "create" : "get"]({ publicKey, ...more });
    const response = {};
    for (const part of PARTS) if (made.response[part]) response[part] = text(made.response[part]);
    response.transports = made.response.getTransports?.();
    return JSON.stringify({ id: made.id, rawId: text(made.rawId), type: made.type, response, clientExtensionResults: {} });
  }

  function fail(form) {
    form.querySelector("[data-passkey-failed]")?.remove();
    const box = document.createElement("div");
    box.className = "alert alert-danger";
    box.dataset.passkeyFailed = "";
    box.setAttribute("role", "alert");
    box.textContent = page.failed;
    form.querySelector(".form-actions").before(box);
  }

  // --- A passkey that is there: in place of a code, or of address and password.
  let waiting;
  function send(form, input, said) {
    input.value = said;
    form.requestSubmit();
  }
  for (const button of all("[data-show-passkey]")) {
    const { form } = button;
    const input = form.querySelector("input[name=passkey], input[name$='-passkey']");
    const code = button.parentElement.querySelector("[data-passkey]");
    button.hidden = false;
    button.addEventListener("click", async () => {
      waiting?.abort();
      button.disabled = true;
      try {
        const said = await answer(input.name === "passkey" ? SIGN_IN : "");
        if (!code || form.matches("[data-passkey-now]")) return send(form, input, said);
        input.value = said;
        code.disabled = true;
        button.textContent = button.dataset.shown;
      } catch {
        button.disabled = false;
        fail(form);
      }
    });
  }

  // --- Among the suggestions of the address field, where the browser does that.
  const now = document.querySelector("input[name=passkey]:not([data-passkey-new])");
  async function suggest() {
    waiting?.abort();
    waiting = new AbortController();
    const { signal } = waiting;
    try {
      send(now.form, now, await answer(SIGN_IN, { mediation: "conditional", signal }));
    } catch {
      // chosen none, or asked anew
    }
  }
  if (now && PublicKeyCredential.isConditionalMediationAvailable)
    PublicKeyCredential.isConditionalMediationAvailable().then((can) => {
      if (!can) return;
      suggest();
      setInterval(() => waiting.signal.aborted || suggest(), FRESH_MS);
    });

  // --- A new one: asked for once the form is filled in, and kept while a mistake in it is mended.
  for (const box of all("[data-no-passkeys]")) box.hidden = true;
  const add = document.querySelector("[data-passkey-add]");
  add?.addEventListener("submit", async (event) => {
    const input = add.querySelector("[data-passkey-new]");
    if (input.value || all("input:not([type=hidden]):enabled", add).some((field) => !field.value)) return;
    event.preventDefault();
    if (add.ariaBusy === "true") return;
    add.ariaBusy = "true";
    try {
      input.value = await answer(`?offer=${encodeURIComponent(add.elements.offer.value)}`);
      add.ariaBusy = "false";
      add.requestSubmit();
    } catch {
      add.ariaBusy = "false";
      fail(add);
    }
  });
})();
