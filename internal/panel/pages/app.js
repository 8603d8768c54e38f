// What the pages do by themselves where a browser lets them. Each works without.
"use strict";

// Older browsers do not know the attribute command: open and close dialogs.
if (!("command" in HTMLButtonElement.prototype)) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[commandfor]");
    const dialog = button && document.getElementById(button.getAttribute("commandfor"));
    if (!dialog) return;
    if (button.getAttribute("command") === "close") dialog.close();
    else dialog.showModal();
  });
}

// A button with data-copy takes the text of the element it names along, and
// says so in the element that data-said names. Where there is no clipboard (over
// plain HTTP), it selects the text.
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  document.getElementById(button.dataset.said).hidden = false;
  button.addEventListener("click", async () => {
    const from = document.getElementById(button.dataset.copy);
    const said = document.getElementById(button.dataset.said);
    try {
      await navigator.clipboard.writeText((button.dataset.before ?? "") + from.textContent.trim());
      document.body.dataset.copied = "yes";
      said.textContent = button.dataset.done;
    } catch {
      getSelection().selectAllChildren(from);
      document.body.dataset.copied = "yes";
      said.textContent = button.dataset.select;
    }
  });
}

// A form with data-passkey puts its question to the browser before it is sent,
// and takes the answer along. It is shown where the browser knows how.
const knowsPasskeys = window.PublicKeyCredential
  && PublicKeyCredential.parseCreationOptionsFromJSON && PublicKeyCredential.parseRequestOptionsFromJSON;
for (const form of knowsPasskeys ? document.querySelectorAll("form[data-passkey]") : []) {
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const asked = JSON.parse(form.dataset.options);
    try {
      const credential = form.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked) });
      form.elements.credential.value = JSON.stringify(credential);
      form.submit();
    } catch {
      // The person changed their mind, or the device has no such passkey: the page stands as it was.
    }
  });
}

// The sentence under the form of a token says what is chosen, while it is.
for (const form of document.querySelectorAll("form[data-sentence]")) {
  const say = () => {
    const said = [...form.querySelectorAll("input[data-say]:checked")].map((input) => input.dataset.say).filter(Boolean);
    const end = form.querySelector("input[name=expires]:checked");
    const until = end?.value === "date" ? form.elements.date.dataset.until.replace("{date}", form.elements.date.value) : end?.dataset.until;
    form.querySelector("output").textContent = form.dataset.sentence
      .replace("{name}", () => form.elements.name.value.trim() || form.dataset.unnamed)
      .replace("{what}", () => said.join(", ") || form.dataset.nothing)
      .replace("{until}", () => until ?? "");
  };
  form.addEventListener("input", (event) => {
    if (event.target.name === "date") form.querySelector("input[name=expires][value=date]").checked = true;
    say();
  });
}

// What is typed into a search and may be a secret does not leave the browser:
// its hash and last four characters do. Where nothing can hash (over plain
// HTTP), the server does.
for (const form of document.querySelectorAll("form[data-hash]")) {
  form.addEventListener("submit", async (event) => {
    const field = form.elements.q;
    const text = field.value.trim();
    const secret = /^(fch_|CFPAT-|eyJ)/.test(text) || (text.length >= 24 && !/[ @]/.test(text));
    if (!secret || !crypto.subtle) return;
    event.preventDefault();
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
    const add = (name, value) => {
      const input = document.createElement("input");
      input.type = "hidden";
      input.name = name;
      input.value = value;
      form.append(input);
    };
    form.elements.last_four?.remove();
    add("sha256", [...sum].map((byte) => byte.toString(16).padStart(2, "0")).join(""));
    add("last_four", text.slice(-4));
    field.value = "";
    form.submit();
  });
}

// A secret that was not copied asks before it is left, and none stays in a page
// that the browser keeps to go back to.
const secrets = document.querySelectorAll("code.secret");
if (secrets.length > 0) {
  addEventListener("copy", () => { document.body.dataset.copied = "yes"; });
  addEventListener("beforeunload", (event) => {
    if (!document.body.dataset.copied) event.preventDefault();
  });
  addEventListener("pagehide", () => {
    for (const secret of secrets) secret.textContent = "";
  });
}
