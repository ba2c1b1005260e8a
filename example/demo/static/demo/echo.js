/* Sends numbers to /echo, over a transport that the visitor chooses, and times their way there and back. */

import { Link, NO_TRANSPORT, haveLibrary } from "./link.js";
import { Plot, painter, percentile, write } from "./plot.js";

const KEPT = 200; // samples of each transport
const MOST_WAITING = 1000; // messages: a daemon that does not answer gets no more
const PATIENCE = 15_000; // milliseconds for a transport to connect, which is much for one in an iframe

const find = id => document.getElementById(id);
const transport = find("transport"), rate = find("rate"), pause = find("pause");
const plot = new Plot(find("plot"), { size: KEPT, floor: 1, lines: ["first"], oldest: `${KEPT} ago` });
const tallies = new Map(); // by the transport's name
const waiting = new Map(); // when each number left
let link = null, tally = null, timer = 0, next = 0;

const nameOf = value => (value === "raw" ? "plain WebSocket" : value);
const when = tally => [percentile(tally.samples, 0.5), percentile(tally.samples, 0.99)];

function connection() {
  if (transport.value !== "raw") return new SockJS("/echo", null, { transports: [transport.value], timeout: PATIENCE });
  return new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/echo/websocket`);
}

function heard(text) {
  const left = waiting.get(text);
  if (left === undefined) return; // an answer to a message that was given up
  waiting.delete(text);
  tally.received++;
  tally.samples.push(performance.now() - left);
  if (tally.samples.length > KEPT) tally.samples.shift();
  paint();
}

function lost(event) {
  waiting.clear();
  paint();
  return event.code === NO_TRANSPORT ? `${tally.name} does not connect here` : "";
}

function tick() {
  const text = String(next);
  if (waiting.size >= MOST_WAITING || !link.send(text)) return;
  next++;
  tally.sent++;
  waiting.set(text, performance.now());
  paint();
}

/* A JSONP request cannot be called back, and sockjs-client forgets what its answer will call: here it calls nothing. */
function end() {
  const callbacks = Object.keys(window._jp ?? {});
  link?.close();
  for (const name of callbacks) window._jp[name] ??= () => {};
}

function begin() { // with the transport that is chosen now
  end();
  waiting.clear();
  const name = nameOf(transport.value);
  if (!tallies.has(name)) tallies.set(name, { name, sent: 0, received: 0, samples: [], row: addRow(name) });
  tally = tallies.get(name);
  link = new Link(connection, { message: heard, lost });
  link.open();
  paint();
}

function pace() { // at the rate that is chosen now, unless paused
  clearInterval(timer);
  if (pause.dataset.paused === undefined) timer = setInterval(tick, 1000 / rate.value);
}

function addRow(text) {
  const row = find("compared").insertRow();
  const name = document.createElement("th");
  name.scope = "row";
  name.textContent = text;
  row.append(name);
  for (let count = 0; count < 4; count++) row.insertCell();
  return row;
}

function tell() { // for those who do not see the plot, whenever there is a result
  const [half, most] = when(tally), { name, received, sent } = tally;
  find("said").textContent = received ? `${name}: ${received} of ${sent} messages came back, `
    + `half of them within ${write(half)} ms, 99 % within ${write(most)} ms.` : "";
}

const paint = painter(() => {
  const { sent, received, samples, row } = tally, [half, most] = when(tally);
  const times = { last: write(samples.at(-1)), p50: write(half), p99: write(most) };
  const shown = { ...times, sent, received, waiting: waiting.size };
  for (const [id, value] of Object.entries(shown)) find(id).textContent = value;
  [...row.cells].slice(1).forEach((cell, at) => { cell.textContent = [sent, received, write(half), write(most)][at]; });
  for (const other of tallies.values()) other.row.classList.toggle("chosen", other === tally);
  plot.draw([samples], [["second", half], ["third", most]]);
});

transport.addEventListener("change", () => { tell(); begin(); });
rate.addEventListener("change", pace);
pause.addEventListener("click", () => {
  const paused = pause.toggleAttribute("data-paused");
  pause.textContent = paused ? "Go on" : "Pause";
  if (paused) tell();
  pace();
});
find("reset").addEventListener("click", () => {
  tallies.clear();
  find("compared").replaceChildren();
  begin();
});

find("kept").textContent = KEPT;
if (haveLibrary()) { begin(); pace(); }
