/* Words that are sent one after the other, each again and again until somebody says that it is published.

Whoever sends cannot know whether an answer that did not come means that nothing was published.  So each has a key of its
own, and the site publishes a key once. */

import { jitter } from "./link.js";

export class Outbox {
  #send; #hear; #waiting = []; #busy = false;

  /* `send(item)` returns the promise of an answer, or of null.  `hear` has `waiting(item)`, `published(item)` and
     `refused(item, answer)`. */
  constructor(send, hear) {
    this.#send = send;
    this.#hear = hear;
  }

  add(item) {
    this.#waiting.push(item);
    if (!this.#busy) this.#work();
  }

  clear() { this.#waiting = []; }

  async #work() {
    this.#busy = true;
    for (let attempt = 0; this.#waiting.length;) {
      const [item] = this.#waiting, answer = await this.#send(item);
      if (item !== this.#waiting[0]) continue; // cleared meanwhile
      if (!answer || answer.status >= 500) {
        this.#hear.waiting(item);
        await new Promise(done => setTimeout(done, jitter(attempt++)));
        continue;
      }
      attempt = 0;
      this.#waiting.shift();
      if (answer.ok) this.#hear.published(item);
      else await this.#hear.refused(item, answer);
    }
    this.#busy = false;
  }
}

/* 128 random bits. */
export function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, "0")).join("");
}
