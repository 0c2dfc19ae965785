// News of the service: server-sent events, read with fetch since an EventSource cannot send a key.

import { ask } from "./api.js";

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const POLL = 5000, LEAST = 1000;

/** Call `onChange` at once, and again when something has changed; without events, every few seconds. */
export async function follow(onChange) {
  for (;;) {
    try {
      const answer = await ask("v1/events");
      if (!answer.ok) throw new Error(`the service answered ${answer.status}`);
      await read(answer.body.getReader(), onChange);
    } catch {
      await onChange();
      await pause(POLL);
    }
  }
}

async function read(reader, onChange) {
  for (;;) {
    const { done } = await reader.read();
    if (done) return;
    await onChange();
    await pause(LEAST);
  }
}
