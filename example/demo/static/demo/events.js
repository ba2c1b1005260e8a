/* Listens to /events with what every browser has, and shows what comes: events, their ids, and what was missed. */

import { jitter, say } from "./link.js";
import { explain, post, stamp, titleOf } from "./site.js";

const KEPT = 100; // events
const NEAR = 40; // pixels from the end of the log within which it follows what is new

const find = id => document.getElementById(id);
const log = find("log"), lines = find("lines"), form = find("publish"), input = find("title"), error = find("title-error");
const boxes = [...document.querySelectorAll("#channels input")];
let source = null, lastId = "", attempt = 0, timer = 0;

const chosen = () => boxes.filter(box => box.checked).map(box => box.value);

function address() {
  return "/events?" + new URLSearchParams([...chosen().map(name => ["channel", name]),
    ...(lastId ? [["last_event_id", lastId]] : [])]);
}

function add(kind, ...content) {
  const follows = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
  const item = document.createElement("li");
  item.className = kind;
  item.append(...content);
  lines.append(item);
  find("empty").hidden = true;
  if (lines.children.length > KEPT) lines.firstChild.remove();
  if (follows) log.scrollTop = log.scrollHeight;
}

function remember(event) { // what the browser itself sends as Last-Event-ID when it comes back
  lastId = event.lastEventId || lastId;
  find("last-id").textContent = lastId || "none yet";
}

function heard(event) {
  remember(event);
  const channel = document.createElement("span"), words = document.createElement("p");
  channel.className = `tag ${event.type}`;
  channel.append(event.type);
  words.append(titleOf(event.data)); // as text, whatever it looks like
  words.dir = "auto";
  add("event", channel, words, stamp());
}

function reset(event) {
  remember(event);
  add("notice", `reset: something on ${JSON.parse(event.data).channel} was missed, and is in no history any more`);
}

function lost() {
  if (source.readyState === EventSource.CONNECTING) { say("wait", "No connection, the browser tries again…"); return; }
  close(); // it got another answer than a stream, and tries no more by itself
  say("wait", "No stream, trying again…");
  timer = setTimeout(open, jitter(attempt++));
}

function open() {
  close();
  if (!chosen().length) { say("off", "No channel chosen"); return; }
  find("address").textContent = `new EventSource("/events?${chosen().map(name => `channel=${name}`).join("&")}")`;
  say("wait", "Connecting…");
  source = new EventSource(address());
  source.onopen = () => { attempt = 0; say("open", "Connected by EventSource"); };
  source.onerror = lost;
  for (const name of chosen()) source.addEventListener(name, heard);
  source.addEventListener("reset", reset);
  show();
}

function close() {
  clearTimeout(timer);
  source?.close();
  source = null;
  show();
}

function show() { find("away").textContent = source ? "Go away" : "Come back"; }

find("away").addEventListener("click", () => {
  if (!source) { open(); return; }
  close();
  say("off", "Away");
  add("notice", lastId ? "Away: publish something, then come back" // a script sees ids only with events
    : "Away before the first event: this page does not know where it stood, and will not see what it misses");
});
boxes.forEach(box => box.addEventListener("change", open));

form.addEventListener("submit", async event => {
  event.preventDefault();
  const title = input.value.trim(), channel = find("channel").value;
  const answer = title ? await post(form.action, { title, channel }) : null;
  if (answer?.ok && input.value.trim() === title) input.value = "";
  const problem = title ? (answer?.ok ? "" : await explain(answer)) : "Write a headline first.";
  error.textContent = problem;
  input.setAttribute("aria-invalid", problem !== "");
  input.focus();
});

open();
