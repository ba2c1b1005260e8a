/* What pages ask the site and the daemon. */

const PATIENCE = 10_000; // milliseconds for an answer

/* Sends `fields` like a form, with the token of the page's own; returns the answer, or null where there is none. */
export function post(path, fields) {
  const body = new FormData();
  body.set("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]").value);
  for (const [name, value] of Object.entries(fields)) body.set(name, value);
  const request = { method: "POST", body, headers: { Accept: "text/plain" }, signal: AbortSignal.timeout(PATIENCE) };
  return fetch(path, request).catch(() => null);
}

/* Why a form was not taken, for the visitor. */
export function explain(answer) {
  if (!answer) return "The server cannot be reached.";
  return answer.status === 400 ? answer.text() : "That did not work. Reload the page and try again.";
}

/* The daemon itself says it, so it is true; null where a proxy hides /ready. */
export async function findBroker() {
  const answer = await fetch("/ready").catch(() => null);
  return answer?.ok ? (await answer.json()).broker : null;
}

/* What was published, as a headline: anything may be, by redis-cli too. */
export function titleOf(text) {
  try { return String(JSON.parse(text).title ?? text); } catch { return text; }
}

export function stamp(when = new Date()) {
  const time = document.createElement("time");
  time.dateTime = when.toISOString();
  time.textContent = when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return time;
}
