/* Sends headlines, and shows those of everybody. */

import { Link, haveLibrary } from "./link.js";
import { explain, findBroker, post, titleOf } from "./site.js";

const news = document.getElementById("news"), empty = document.getElementById("empty");
const form = document.querySelector("form"), input = form.elements.title;
const error = document.getElementById("id_title_error");
const KEPT = 50; // headlines

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

form.addEventListener("submit", async event => {
  event.preventDefault();
  const title = input.value;
  if (!title.trim()) { complain(form.dataset.required); input.focus(); return; }
  const answer = await post(form.action, { title });
  if (answer?.ok && input.value === title) input.value = "";
  complain(answer?.ok ? "" : await explain(answer));
  input.focus();
});

async function tellBroker() {
  const broker = await findBroker();
  if (broker) document.getElementById("broker").textContent = `Broker: ${broker.name}` + (broker.connected ? "" : ", not connected");
}

tellBroker();
if (haveLibrary()) new Link(() => new SockJS("/news"), { message: show }).open();
