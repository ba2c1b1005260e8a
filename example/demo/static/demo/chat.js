/* The chat: enters a room under a name, and shows what is said, what was said, and who is here. */

import { say } from "./link.js";
import { Outbox, newKey } from "./outbox.js";
import { Room } from "./room.js";
import { findBroker, post, stamp } from "./site.js";

const KEPT = 300; // lines
const NEAR = 40; // pixels from the end of the log within which it follows what is new

const find = id => document.getElementById(id);
const log = find("log"), lines = find("lines"), line = find("line"), nameField = find("name"), roomField = find("room");
const transport = find("transport"), away = find("away");
const sending = new Map(); // key → the line of what is on its way
let room = null, me = null, following = true;

const WORDS = { // what is said when a window comes back
  complete: "You are back. This is what you missed:",
  "nothing missed": "You are back, and missed nothing",
  "too much missed": "You are back, but more was said than the history keeps. Its end:",
  "begun anew": "The history began anew: what was said before is known to this window only",
};

const outbox = new Outbox(item => post(find("say").dataset.action, item), {
  waiting: ({ key }) => mark(key, "not sent yet"),
  published: ({ key }) => mark(key, "sent"),
  async refused({ key, text }, answer) {
    drop(key);
    if (answer.status === 400) {
      complain("say-error", line, await answer.text());
      line.value ||= text;
    } else {
      forget("Enter once more.");
    }
  },
});

// The log.

function add(kind) {
  following = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
  const item = document.createElement("li");
  item.className = kind;
  lines.append(item);
  if (lines.children.length > KEPT) lines.firstChild.remove();
  return item;
}

function follow() { if (following) log.scrollTop = log.scrollHeight; }

function notice(text) {
  add("notice").append(text);
  follow();
}

function write(kind, name, text, mark) {
  const item = add(kind), who = document.createElement("b"), words = document.createElement("p");
  who.append(name);
  words.append(text); // as text, whatever it looks like
  who.dir = words.dir = "auto";
  item.append(who, mark, words);
  follow();
  return item;
}

function said(data) { // anything may be published, by redis-cli too
  const { user, key } = Object(data), own = user === me.user;
  if (own) drop(key);
  const text = String(data?.text ?? JSON.stringify(data));
  const when = new Date(data?.at);
  write(own ? "line own" : "line", String(data?.name ?? "somebody"), text, stamp(isNaN(when) ? undefined : when));
  for (const item of sending.values()) lines.append(item); // stays below what has come
  follow();
}

function mark(key, text) {
  const item = sending.get(key);
  if (item) item.querySelector("small").textContent = text;
}

function drop(key) {
  sending.get(key)?.remove();
  sending.delete(key);
}

// The room.

function showPeople(people) {
  const all = [...people].sort(([, one], [, other]) => one.localeCompare(other));
  const count = name => all.filter(([, other]) => other === name).length;
  find("people").replaceChildren(...all.map(([user, name]) => {
    const item = document.createElement("li"), number = document.createElement("small");
    item.append(name);
    if (count(name) > 1) number.append(` ${user.slice(0, 4)}`); // two may have the same name
    item.append(number);
    item.dir = "auto";
    if (user === me.user) item.className = "own";
    return item;
  }));
  find("count").textContent = all.length;
}

const heard = {
  state(name, text) {
    say(name, text);
    away.textContent = room.away ? "Come back" : "Go away";
  },
  back(how) { if (WORDS[how]) notice(WORDS[how]); },
  read(known, how) {
    if (!known) notice("What was said before cannot be read just now");
    if (how === "first") notice("You came in");
    log.scrollTop = log.scrollHeight;
  },
  said,
  came: name => notice(`${name} came in`),
  left: name => notice(`${name} left`),
  people: showPeople,
  ended: reason => forget(`The daemon does not let you in: ${reason}.`),
};

async function getToken() {
  const answer = await post(transport.dataset.token, { pass: me.pass });
  if (answer?.status === 403) throw new Centrifuge.UnauthorizedError("the pass is too old");
  if (!answer?.ok) throw new Error("no token"); // centrifuge-js asks again
  return (await answer.json()).token;
}

function enter(name) {
  Object.assign(sessionStorage, { chatPass: JSON.stringify(me), chatRoom: name });
  history.replaceState(null, "", `#${name}`); // a link that leads others here
  find("room-heading").textContent = `# ${name}`;
  find("command").textContent = `sockjsd publish --config conf/site.ini \\\n  room:${name} '{"name": "cron", "text": "Hello"}'`;
  room = new Room(`room:${name}`, me, getToken, heard);
  room.open(transport.value);
  showPeople(new Map([[me.user, me.name]]));
  show(true);
}

function leave() {
  room?.close();
  room = null;
  outbox.clear();
  sending.clear();
  delete sessionStorage.chatRoom;
  history.replaceState(null, "", location.pathname);
  lines.replaceChildren();
  say("off", "Not in a room");
  show(false);
}

function forget(reason) { // the pass is good for nothing
  delete sessionStorage.chatPass;
  leave();
  me = null;
  complain("join-error", nameField, reason);
}

async function getPass(name) {
  if (me?.name === name) return true;
  const answer = await post(find("join").dataset.action, { name });
  if (answer?.ok) me = await answer.json();
  else complain("join-error", nameField, answer?.status === 400 ? await answer.text() : "The server cannot be reached.");
  return Boolean(answer?.ok);
}

// The forms.

function complain(id, field, text) {
  find(id).textContent = text;
  field.setAttribute("aria-invalid", text !== "");
  if (text) field.focus();
}

function show(inside) {
  find("inside").hidden = !inside;
  find("outside").hidden = inside;
  (inside ? line : nameField).focus();
}

function haveLibraries() {
  const here = Boolean(window.SockJS && window.Centrifuge);
  if (!here) say("off", "A library did not load: run make venv");
  return here;
}

find("join").addEventListener("submit", async event => {
  event.preventDefault();
  const name = nameField.value.trim().replace(/\s+/g, " "), place = roomField.value.trim().toLowerCase();
  complain("join-error", nameField, "");
  complain("join-error", roomField, "");
  if (!name) complain("join-error", nameField, "Write your name first.");
  else if (!/^[a-z0-9_-]+$/.test(place)) complain("join-error", roomField, "A room's name has only the letters a to z, digits, - and _.");
  else if (haveLibraries() && await getPass(name)) enter(place);
});

find("say").addEventListener("submit", event => {
  event.preventDefault();
  const text = line.value.trim();
  complain("say-error", line, "");
  line.focus();
  if (!text) return;
  const key = newKey(), state = document.createElement("small");
  state.append("sending…");
  following = true;
  sending.set(key, write("line own sending", me.name, text, state));
  outbox.add({ pass: me.pass, room: sessionStorage.chatRoom, text, key });
  line.value = "";
});

find("leave").addEventListener("click", leave);
away.addEventListener("click", () => { room.away = !room.away; });
transport.addEventListener("change", () => room.open(transport.value));
new ResizeObserver(follow).observe(log);

async function tellBroker() {
  const broker = await findBroker();
  if (!broker) return;
  find("broker").textContent = broker.name.startsWith("memory")
    ? "The history is in the daemon's memory: when that stops, rooms begin anew, and each window says so. SOCKJSD_BROKER_URL=redis://… make run keeps it in Redis, where it outlives every daemon."
    : "The history is in Redis: stop the daemon, send from another process, start it again, and nothing is missing.";
}

function readJson(text) {
  try { return JSON.parse(text); } catch { return null; }
}

me = readJson(sessionStorage.chatPass ?? "");
nameField.value = me?.name ?? "";
roomField.value = /^#[a-z0-9_-]+$/.test(location.hash) ? location.hash.slice(1) : sessionStorage.chatRoom || "lobby";
say("off", "Not in a room");
tellBroker();
if (me && sessionStorage.chatRoom === roomField.value && haveLibraries()) enter(roomField.value); // it was loaded again
