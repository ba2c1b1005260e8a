"use strict";
// What test_origins.py calls: everything that a page can do to reach an endpoint of another site.
// Whatever comes, or comes to an end, is put down under the session's name.

const events = {};

function put(session, event) {
  (events[session] ||= []).push(String(event));
}

function add(parent, tag, attributes, session) {
  const element = Object.assign(document.createElement(tag), attributes);
  element.onload = () => put(session, "loaded");
  element.onerror = () => put(session, "failed");
  return parent.appendChild(element);
}

function webSocket(url, session) {
  const socket = new WebSocket(url.replace("http:", "ws:"));
  socket.onmessage = event => put(session, event.data);
  socket.onerror = () => put(session, "failed");
}

async function post(url, session, init) {
  try {
    const answer = await fetch(url, { method: "POST", credentials: "include", ...init });
    put(session, `${answer.status} ${await answer.text()}`);
  } catch (error) {
    put(session, "failed");
  }
}

// A stream: what is there of it is put down as it grows.
function request(method, url, session) {
  const sent = new XMLHttpRequest();
  sent.open(method, url);
  sent.withCredentials = true;
  sent.onprogress = () => put(session, sent.responseText);
  sent.onerror = () => put(session, "failed");
  sent.send();
}

function script(url, session, referrerPolicy) {
  const name = "callback" + Object.keys(events).length + Math.random().toString(36).slice(2);
  window[name] = frame => put(session, frame);
  add(document.body, "script", { referrerPolicy, src: `${url}?c=${name}` }, session);
}

function frame(src, session, more) {
  add(document.body, "iframe", { src, ...more }, session);
}

// Its origin is "null", and it says so to nobody but the server.
function fromSandbox(url, session) {
  window.addEventListener("message", event => put(session, event.data));
  const code = `<script>
    const socket = new WebSocket(${JSON.stringify(url.replace("http:", "ws:"))});
    socket.onmessage = event => parent.postMessage(event.data, "*");
    socket.onerror = () => parent.postMessage("failed", "*");
  <\/script>`;
  add(document.body, "iframe", { sandbox: "allow-scripts", srcdoc: code }, session);
}

function form(action, session, text) {
  const target = add(document.body, "iframe", { name: session }, session);
  const sent = document.createElement("form");
  Object.assign(sent, { action, method: "post", target: target.name });
  sent.append(Object.assign(document.createElement("input"), { name: "d", value: text }));
  document.body.append(sent);
  sent.submit();
}

// Each: what it is called, and what it does with an endpoint and a session. A poll is asked for twice, because the
// first only opens the session.
const attempts = {
  websocket: (url, session) => webSocket(`${url}/000/${session}/websocket`, session),
  raw_websocket: (url, session) => webSocket(`${url}/websocket?${session}`, session),
  sandboxed_websocket: (url, session) => fromSandbox(`${url}/000/${session}/websocket`, session),
  xhr: async (url, session) => {
    await post(`${url}/000/${session}/xhr`, session);
    await post(`${url}/000/${session}/xhr`, session);
  },
  blind_xhr: (url, session) => post(`${url}/000/${session}/xhr`, session, { mode: "no-cors" }),
  xhr_streaming: (url, session) => request("POST", `${url}/000/${session}/xhr_streaming`, session),
  eventsource: (url, session) => {
    const source = new EventSource(`${url}/000/${session}/eventsource`, { withCredentials: true });
    source.onmessage = event => put(session, event.data);
    source.onerror = () => { put(session, "failed"); source.close(); };
  },
  jsonp: (url, session) => {
    script(`${url}/000/${session}/jsonp`, session, "");
    setTimeout(() => script(`${url}/000/${session}/jsonp`, session, ""), 500);
  },
  silent_jsonp: (url, session) => script(`${url}/000/${session}/jsonp`, session, "no-referrer"),
  htmlfile: (url, session) => frame(`${url}/000/${session}/htmlfile?c=callback`, session),
  silent_htmlfile: (url, session) =>
    frame(`${url}/000/${session}/htmlfile?c=callback`, session, { referrerPolicy: "no-referrer" }),
  info: (url, session) => post(`${url}/info?${session}`, session, { method: "GET" }),
  xhr_send: (url, session) => post(`${url}/000/${session}/xhr_send`, session, { body: '["transfer"]' }),
  blind_xhr_send: (url, session) =>
    post(`${url}/000/${session}/xhr_send`, session, { body: '["transfer"]', mode: "no-cors" }),
  jsonp_send: (url, session) => form(`${url}/000/${session}/jsonp_send`, session, '["transfer"]'),
  iframe: (url, session) => frame(`${url}/iframe.html?${session}`, session),
};

// sockjs-client believes an /info that sends it elsewhere: ours does, so that it tries what it would not otherwise.
function lure(url, transport, session) {
  const sock = new SockJS(`/lure/${session}/${encodeURIComponent(url)}`, null, {
    transports: [transport], sessionId: () => session, timeout: 3000,
  });
  sock.onmessage = event => put(session, event.data);
  sock.onclose = event => put(session, `closed ${event.code}`);
}
