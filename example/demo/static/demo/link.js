/* One connection that comes back by itself, and the header's word on how it is. */

const FIRST_WAIT = 500, LONGEST_WAIT = 30_000; // milliseconds
const state = document.getElementById("state");

export const NO_TRANSPORT = 2000; // sockjs-client's own code: none that was allowed works

export function say(name, text) { // only what is new: screen readers read it out
  state.dataset.state = name;
  if (state.textContent !== text) state.textContent = text;
}

/* How long to wait before another attempt.  Full jitter: a server that restarts must not get all its browsers back
   at the same moment. */
export function jitter(attempt) {
  return Math.random() * Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt);
}

/* `make` returns a new SockJS or WebSocket.  `hear` has what the page wants to know: `opened(socket)`, `message(text)`
   and `lost(event)`, which returns true where there shall be no other attempt, or a better word for the header. */
export class Link {
  #make; #hear; #socket = null; #timer = 0; #attempt = 0;

  constructor(make, hear) {
    this.#make = make;
    this.#hear = hear;
  }

  open() {
    if (this.#attempt === 0) say("wait", "Connecting…");
    const socket = this.#socket = this.#make();
    socket.onopen = () => {
      this.#attempt = 0;
      say("open", `Connected by ${socket.transport ?? "plain WebSocket"}`);
      this.#hear.opened?.(socket);
    };
    socket.onmessage = event => this.#hear.message(event.data);
    socket.onclose = event => this.#lost(event);
  }

  /* Returns whether the text is on its way; nothing waits for a connection. */
  send(text) {
    const open = this.#socket?.readyState === WebSocket.OPEN; // SockJS has the same number
    if (open) this.#socket.send(text);
    return open;
  }

  close() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #lost(event) {
    this.#socket = null;
    const answer = this.#hear.lost?.(event);
    if (answer === true) return;
    say("wait", answer || "No connection, trying again…");
    this.#timer = setTimeout(() => this.open(), jitter(this.#attempt++));
  }
}

/* Returns whether the library is there; says so where it is not. */
export function haveLibrary() {
  if (!window.SockJS) say("off", "The SockJS library did not load: run make venv");
  return Boolean(window.SockJS);
}
