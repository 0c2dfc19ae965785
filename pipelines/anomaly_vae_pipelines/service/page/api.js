// Requests to the service, with the API key. Error responses become exceptions.

import { make } from "./dom.js";

const KEY = "anomaly-vae-key";

export class ServiceError extends Error {
  constructor(status, content) {
    super(content.error ?? `the service answered ${status}`);
    this.status = status;
    this.content = content;
  }
}

/** Send a request. Ask for a key, and try again, as long as the service answers 401. */
export async function ask(path, options = {}) {
  for (;;) {
    const key = sessionStorage.getItem(KEY);
    const headers = { ...options.headers, ...(key && { "X-API-Key": key }) };
    let answer;
    try {
      answer = await fetch(path, { ...options, headers });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Error("The service cannot be reached. Is it running?");
    }
    if (answer.status !== 401) return answer;
    await newKey();
  }
}

/** Send a request and return the JSON of the response; throws a ServiceError. */
export async function askJson(path, options) {
  const answer = await ask(path, options);
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const error = new ServiceError(answer.status, content);
    error.seconds = Number(answer.headers.get("retry-after")) || 0;
    throw error;
  }
  return content;
}

let pending = null;

function newKey() {
  pending ??= new Promise((resolve) => {
    const input = make("input", { id: "key-text", type: "password", autocomplete: "off", spellcheck: "false", required: true });
    const use = (event) => {
      event.preventDefault();
      sessionStorage.setItem(KEY, input.value.trim());
      form.remove();
      pending = null;
      resolve();
    };
    const form = make("form", { id: "key", class: "card", onsubmit: use },
      make("label", { for: input.id }, "This service needs an API key"),
      make("div", { class: "line" }, input, make("button", { class: "main" }, "Use it")),
      make("p", { class: "hint" }, "It is stored until this tab is closed, and sent only to this service."));
    document.querySelector("main").prepend(form);
    input.focus();
  });
  return pending;
}
