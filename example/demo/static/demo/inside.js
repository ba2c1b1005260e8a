/* Asks the daemon for its /status once a second, less often while there is no answer, and draws what it says. */

import { jitter, say } from "./link.js";
import { Plot, write } from "./plot.js";

const INTERVAL = 1000, PATIENCE = 5000; // milliseconds between two questions, and for one answer
const KEPT = 120; // seconds in the plots

const find = id => document.getElementById(id);
const counts = new Intl.NumberFormat("en");
const sum = (endpoints, name) => endpoints.reduce((total, endpoint) => total + endpoint[name], 0);
const shape = lines => ({ size: KEPT, floor: 4, lines, oldest: "2 min ago" });
const plots = {
  connections: new Plot(find("connections-plot"), shape(["first", "second"])),
  messages: new Plot(find("messages-plot"), shape(["first", "second"])),
  publications: new Plot(find("publications-plot"), shape(["third"])),
};
const history = []; // one entry for each second; null where there was no answer
let attempt = 0, shown = null;

class Off extends Error {} // the daemon is there, and does not tell

async function ask() {
  const answer = await fetch("/status", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  if (answer.status === 404 || answer.status === 403) throw new Off();
  if (!answer.ok) throw new Error(answer.status);
  return answer.json();
}

async function poll() {
  try {
    take(await ask());
    attempt = 0;
    setTimeout(poll, INTERVAL);
  } catch (error) {
    explain(error instanceof Off);
    setTimeout(poll, INTERVAL + jitter(attempt++));
  }
}

/* Returns publications per second since the last answer; 0 where there is nothing to compare with. */
function rate(status) {
  const before = shown?.status, seconds = before ? status.uptime - before.uptime : 0; // negative after a restart
  return seconds > 0 ? Math.max(0, status.hub.publications - before.hub.publications) / seconds : 0;
}

function take(status) {
  const endpoints = Object.values(status.endpoints), now = performance.now();
  shown = {
    at: now,
    status,
    connections: sum(endpoints, "connections_active"),
    sessions: sum(endpoints, "sessions_active"),
    out: sum(endpoints, "packets_sent_ps"),
    in: sum(endpoints, "packets_recv_ps"),
    publications: rate(status),
  };
  const before = history.at(-1);
  const missed = before ? Math.min(KEPT, Math.round((now - before.at) / INTERVAL) - 1) : 0;
  for (let second = 0; second < missed; second++) history.push(null);
  history.push(shown);
  history.splice(0, history.length - KEPT);
  say("open", "Live, once a second");
  find("problem").hidden = true;
  find("numbers").hidden = false;
  for (const part of [paintNumbers, paintPlots, paintTransports, paintEndpoints]) part(shown);
}

function explain(off) {
  say(off ? "off" : "wait", off ? "Switched off" : "No answer, trying again…");
  find("problem").hidden = false;
  find("numbers").hidden = true;
  find("problem-cure").hidden = !off;
  tell("problem-heading", off ? "The daemon keeps this to itself" : "The daemon does not answer");
  tell("problem-text", off ? "Its configuration switches this page on, and a restart makes it so:"
    : "This page asks again by itself, and goes on when there is an answer.");
}

function tell(id, text) { // only what is new
  if (find(id).textContent !== text) find(id).textContent = text;
}

function number(count, one, many) { return `${counts.format(count)} ${count === 1 ? one : many}`; }

function duration(seconds) {
  const [days, hours, minutes] = [seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60].map(Math.floor);
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${Math.floor(seconds % 60)} s` : `${Math.floor(seconds)} s`;
}

function paintNumbers({ status, connections, sessions }) {
  const { hub, broker, uptime } = status;
  const lost = Object.values(status.endpoints).reduce((total, endpoint) => total + endpoint.losses.messages, 0);
  const totals = { connections, sessions, publications: hub.publications, deliveries: hub.deliveries, lost };
  for (const [id, value] of Object.entries(totals)) tell(id, counts.format(value));
  tell("uptime", duration(uptime));
  tell("broker", broker.connected ? broker.name : `${broker.name}, not connected`);
  tell("channels", number(hub.channels, "channel", "channels"));
  tell("subscriptions", number(hub.subscriptions, "subscription", "subscriptions"));
}

function paintPlots({ connections, sessions, out, in: incoming, publications }) {
  tell("connections-now", counts.format(connections));
  tell("sessions-now", counts.format(sessions));
  tell("out", write(out));
  tell("in", write(incoming));
  tell("publications-now", write(publications));
  const line = name => history.map(entry => entry && entry[name]);
  plots.connections.draw([line("connections"), line("sessions")]);
  plots.messages.draw([line("out"), line("in")]);
  plots.publications.draw([line("publications")]);
}

/* Makes `list` have one row for each name: those that stay are the same elements, so nothing that is read jumps. */
function rows(list, names, make) {
  const old = new Map([...list.children].map(row => [row.dataset.name, row]));
  const wanted = names.map(name => old.get(name) ?? make());
  wanted.forEach((row, at) => { row.dataset.name = names[at]; });
  const same = wanted.length === list.children.length && wanted.every((row, at) => row === list.children[at]);
  if (!same) list.replaceChildren(...wanted);
  return wanted;
}

function paintTransports({ status, connections }) {
  const found = new Map();
  for (const endpoint of Object.values(status.endpoints)) {
    for (const [key, count] of Object.entries(endpoint)) {
      const name = key.startsWith("transp_") && count ? key.slice("transp_".length) : "";
      if (name) found.set(name, (found.get(name) ?? 0) + count);
    }
  }
  const names = [...found.keys()].sort((one, other) => found.get(other) - found.get(one) || one.localeCompare(other));
  find("nobody").hidden = names.length > 0;
  rows(find("transports"), names, makeBar).forEach((row, at) => {
    const count = found.get(names[at]);
    row.firstChild.textContent = names[at];
    row.children[1].textContent = counts.format(count);
    row.lastChild.firstChild.style.width = `${100 * count / connections}%`;
  });
}

function makeBar() {
  const row = document.createElement("li"), bar = document.createElement("div");
  bar.append(document.createElement("div"));
  row.append(document.createElement("span"), document.createElement("strong"), bar);
  return row;
}

function paintEndpoints({ status }) {
  const names = Object.keys(status.endpoints);
  rows(find("endpoints"), names, makeRow).forEach((row, at) => {
    const endpoint = status.endpoints[names[at]];
    const cells = [counts.format(endpoint.sessions_active), counts.format(endpoint.connections_active),
      write(endpoint.packets_recv_ps), write(endpoint.packets_sent_ps), counts.format(endpoint.losses.messages)];
    cells.forEach((text, column) => { row.cells[column + 1].textContent = text; });
    if (row.cells[0].textContent !== names[at]) row.cells[0].replaceChildren(...breakable(names[at]));
  });
}

/* Returns a path as nodes: where there is no space, it goes on in a new line after a slash. */
function breakable(path) {
  return path.split(/(?<=.\/)/).flatMap((part, at) => (at ? [document.createElement("wbr"), part] : [part]));
}

function makeRow() {
  const row = document.createElement("tr"), name = document.createElement("th");
  name.scope = "row";
  row.append(name);
  for (let column = 0; column < 5; column++) row.insertCell();
  return row;
}

say("wait", "Asking…");
poll();
