/* Talks to /chat: enters a room under a name, and comes back to it after every loss of the connection. */

import { Link, haveLibrary, say } from "./link.js";

const KEPT = 200; // lines
const REPLACED = 3001; // the daemon's close code: another connection has this window's name and key
const NEAR = 40; // pixels from the end of the log within which it follows what is new

const find = id => document.getElementById(id);
const log = find("log"), lines = find("lines"), line = find("line"), nameField = find("name"), roomField = find("room");
const people = new Set();
let link = null, me = null, entered = false, unheard = [], following = true;

/* Proves to the daemon that a window which comes back is the one that was there; a reload keeps it, another tab has
   its own. */
function key() {
  if (!sessionStorage.chatKey) {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    sessionStorage.chatKey = [...bytes].map(byte => byte.toString(16).padStart(2, "0")).join("");
  }
  return sessionStorage.chatKey;
}

/* What the daemon tells, by type. */
const told = {
  joined({ room, name, people: names }) {
    me = { room, name };
    Object.assign(sessionStorage, { chatName: name, chatRoom: room });
    history.replaceState(null, "", `#${encodeURIComponent(room)}`); // a link that leads others here
    people.clear();
    names.forEach(each => people.add(each));
    showPeople();
    find("room-heading").textContent = `# ${room}`;
    notice(entered ? "You are back" : "You came in");
    if (!entered) show(true);
    entered = true;
  },
  came({ name }) { people.add(name); showPeople(); notice(`${name} came in`); },
  left({ name }) { people.delete(name); showPeople(); notice(`${name} left`); },
  said({ name, text }) {
    if (name === me.name) unheard.shift();
    const item = add("line");
    if (name === me.name) item.classList.add("own");
    const who = document.createElement("b"), words = document.createElement("p");
    who.append(name);
    words.append(text); // as text, whatever it looks like
    who.dir = words.dir = "auto";
    item.append(who, stamp(), words);
    follow();
  },
  refused({ to, reason }) {
    if (to === "say") { unheard.shift(); complain("say-error", line, reason); return; }
    leave();
    complain("join-error", nameField, reason);
  },
};

function add(kind) {
  following = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
  const item = document.createElement("li");
  item.className = kind;
  lines.append(item);
  if (lines.children.length > KEPT) lines.firstChild.remove();
  return item;
}

function follow() { if (following) log.scrollTop = log.scrollHeight; }

function stamp() {
  const time = document.createElement("time"), now = new Date();
  time.dateTime = now.toISOString();
  time.textContent = now.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  return time;
}

function notice(text) {
  add("notice").append(text);
  follow();
}

function showPeople() {
  const names = [...people].sort((one, other) => one.localeCompare(other));
  find("people").replaceChildren(...names.map(name => {
    const item = document.createElement("li");
    item.append(name);
    item.dir = "auto";
    if (name === me.name) item.className = "own";
    return item;
  }));
  find("count").textContent = names.length;
}

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

function lost(event) {
  if (unheard.length && !line.value) line.value = unheard.join(" "); // nobody can say whether it arrived
  unheard = [];
  if (event.code !== REPLACED) return "";
  leave();
  complain("join-error", nameField, "This window's connection went to another one.");
  return true;
}

function enter(room, name) {
  link?.close();
  link = new Link(() => new SockJS("/chat"), {
    opened: () => link.send(JSON.stringify({ type: "join", ...(me ?? { room, name }), key: key() })),
    message: text => { const event = JSON.parse(text); told[event.type]?.(event); },
    lost,
  });
  link.open();
}

function leave() {
  link?.close();
  [link, me, entered, unheard] = [null, null, false, []];
  delete sessionStorage.chatRoom;
  history.replaceState(null, "", location.pathname);
  lines.replaceChildren();
  say("off", "Not in a room");
  show(false);
}

find("join").addEventListener("submit", event => {
  event.preventDefault();
  complain("join-error", nameField, "");
  complain("join-error", roomField, "");
  const name = nameField.value.trim(), room = roomField.value.trim();
  if (!name) complain("join-error", nameField, "Write your name first.");
  else if (!room) complain("join-error", roomField, "Name a room.");
  else if (haveLibrary()) enter(room, name);
});

find("say").addEventListener("submit", event => {
  event.preventDefault();
  const text = line.value.trim();
  complain("say-error", line, "");
  line.focus();
  if (!text) return;
  if (!entered || !link.send(JSON.stringify({ type: "say", text }))) {
    complain("say-error", line, "There is no connection just now; your words stay here.");
    return;
  }
  unheard.push(text);
  line.value = "";
});

find("leave").addEventListener("click", leave);
new ResizeObserver(follow).observe(log);

function linkedRoom() {
  try { return decodeURIComponent(location.hash.slice(1)); } catch { return ""; }
}

nameField.value = sessionStorage.chatName ?? "";
roomField.value = linkedRoom() || sessionStorage.chatRoom || "lobby";
say("off", "Not in a room");
const reloaded = sessionStorage.chatRoom === roomField.value && nameField.value !== "";
if (reloaded && haveLibrary()) enter(roomField.value, nameField.value);
