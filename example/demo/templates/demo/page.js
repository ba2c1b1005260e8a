"use strict";
const news = document.getElementById("news"), state = document.getElementById("state");
const form = document.querySelector("form"), input = form.elements.title, error = document.getElementById("id_title_error");
const KEPT = 50, FIRST_WAIT = 500, LONGEST_WAIT = 30000; // headlines; milliseconds
let attempt = 0;

function say(name, text) { // only what is new: screen readers read it out
  state.dataset.state = name;
  if (state.textContent !== text) state.textContent = text;
}

function titleOf(text) { // anything may be published, by redis-cli too
  try { return String(JSON.parse(text).title ?? text); } catch { return text; }
}

function show(text) {
  const item = document.createElement("li"), time = document.createElement("time");
  item.append(titleOf(text), time);
  time.dateTime = new Date().toISOString();
  time.textContent = new Date().toLocaleTimeString();
  news.prepend(item);
  document.getElementById("empty").hidden = true;
  if (news.children.length > KEPT) news.lastChild.remove();
}

function connect() {
  if (attempt === 0) say("wait", "Connecting…");
  const sock = new SockJS("/events");
  sock.onopen = () => { attempt = 0; say("open", `Connected by ${sock.transport}`); };
  sock.onmessage = event => show(event.data);
  sock.onclose = () => {
    // Full jitter: a server that restarts must not get all its browsers back at the same moment.
    const wait = Math.random() * Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt++);
    say("wait", "No connection, trying again…");
    setTimeout(connect, wait);
  };
}

function complain(text) {
  error.textContent = text;
  input.setAttribute("aria-invalid", text !== "");
}

form.addEventListener("submit", async event => {
  event.preventDefault();
  const sent = input.value;
  if (!sent.trim()) { complain(form.dataset.required); input.focus(); return; }
  const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { Accept: "text/plain" } })
    .catch(() => null);
  if (answer && answer.ok && input.value === sent) input.value = "";
  if (!answer) complain("The server cannot be reached.");
  else complain(answer.ok ? "" : answer.status === 400 ? await answer.text() : "That did not work. Reload the page and try again.");
  input.focus();
});

async function tellBroker() { // the daemon itself says it, so it is true; where a proxy hides /ready, nothing is told
  const answer = await fetch("/ready").catch(() => null);
  if (!answer || !answer.ok) return;
  const { broker } = await answer.json();
  document.getElementById("broker").textContent = `Broker: ${broker.name}` + (broker.connected ? "" : ", not connected");
}

tellBroker();
if (window.SockJS) connect();
else say("off", "The SockJS library did not load: run make venv");
