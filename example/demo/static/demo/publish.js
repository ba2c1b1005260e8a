/* Sends headlines, and shows those of everybody. */

import { Link, haveLibrary } from "./link.js";

const news = document.getElementById("news"), empty = document.getElementById("empty");
const form = document.querySelector("form"), input = form.elements.title;
const error = document.getElementById("id_title_error");
const KEPT = 50; // headlines

function titleOf(text) { // anything may be published, by redis-cli too
  try { return String(JSON.parse(text).title ?? text); } catch { return text; }
}

function show(text) {
  const item = document.createElement("li"), time = document.createElement("time");
  item.append(titleOf(text), time);
  time.dateTime = new Date().toISOString();
  time.textContent = new Date().toLocaleTimeString();
  news.prepend(item);
  empty.hidden = true;
  if (news.children.length > KEPT) news.lastChild.remove();
}

function complain(text) {
  error.textContent = text;
  input.setAttribute("aria-invalid", text !== "");
}

function explain(answer) {
  if (!answer) return "The server cannot be reached.";
  if (answer.ok) return "";
  return answer.status === 400 ? answer.text() : "That did not work. Reload the page and try again.";
}

form.addEventListener("submit", async event => {
  event.preventDefault();
  const sent = input.value;
  if (!sent.trim()) { complain(form.dataset.required); input.focus(); return; }
  const request = { method: "POST", body: new FormData(form), headers: { Accept: "text/plain" } };
  const answer = await fetch(form.action, request).catch(() => null);
  if (answer?.ok && input.value === sent) input.value = "";
  complain(await explain(answer));
  input.focus();
});

async function tellBroker() { // the daemon itself says it, so it is true; where a proxy hides /ready, nothing is told
  const answer = await fetch("/ready").catch(() => null);
  if (!answer?.ok) return;
  const { broker } = await answer.json();
  document.getElementById("broker").textContent = `Broker: ${broker.name}` + (broker.connected ? "" : ", not connected");
}

tellBroker();
if (haveLibrary()) new Link(() => new SockJS("/events"), { message: show }).open();
