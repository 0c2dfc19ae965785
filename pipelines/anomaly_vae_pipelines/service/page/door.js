// Requests to the service: with the key, and with refusals as errors in words.

import { make } from "./dom.js";

const KEY = "anomaly-vae-key";

export class Refusal extends Error {
  constructor(status, content) {
    super(content.error ?? `the service answered ${status}`);
    this.status = status;
    this.content = content;
  }
}

/** One request; a key is asked for as often as the service wants another. */
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

/** One request, and what it is answered with; raises a Refusal. */
export async function askJson(path, options) {
  const answer = await ask(path, options);
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const refusal = new Refusal(answer.status, content);
    refusal.seconds = Number(answer.headers.get("retry-after")) || 0;
    throw refusal;
  }
  return content;
}

let asked = null;

function newKey() {
  asked ??= new Promise((resolve) => {
    const input = make("input", { id: "key-text", type: "password", autocomplete: "off", spellcheck: "false", required: true });
    const use = (event) => {
      event.preventDefault();
      sessionStorage.setItem(KEY, input.value.trim());
      form.remove();
      asked = null;
      resolve();
    };
    const form = make("form", { id: "key", class: "card", onsubmit: use },
      make("label", { for: input.id }, "This service asks for a key"),
      make("div", { class: "line" }, input, make("button", { class: "main" }, "Use it")),
      make("p", { class: "hint" }, "It is kept until this tab is closed, and goes nowhere but to this service."));
    document.querySelector("main").prepend(form);
    input.focus();
  });
  return asked;
}
