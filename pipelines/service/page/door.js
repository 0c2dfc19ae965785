// Requests to the service: with the key, and with refusals as errors in words.

import { byId } from "./dom.js";

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
    const form = byId("key");
    form.hidden = false;
    byId("key-text").value = "";
    byId("key-text").focus();
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      sessionStorage.setItem(KEY, byId("key-text").value.trim());
      form.hidden = true;
      asked = null;
      resolve();
    }, { once: true });
  });
  return asked;
}
