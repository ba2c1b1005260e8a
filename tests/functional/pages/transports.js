"use strict";
// What test_browser.py calls: exchange() with one transport of sockjs-client, against an echo.

const COUNT = 1000; // messages
const BATCH = 100; // messages that are on their way at the same time: few round trips, no send beyond the limits
const SILENCE = 20000; // milliseconds without a message after which an exchange has failed
const UNITS = 67; // UTF-16 code units in a message: 980 messages hold all 65,536 of them, lone surrogates too

const AWKWARD = [
  "", " ", "\"", "\\", "\\u0041", "'", "</script>", "<script>", "<!--", "-->", "]]>", "&lt;", "100%", "%41%25%2F",
  "a+b=c&d=e", "\r\n\r\ndata: x", "\0", "\u2028\u2029", "\u{10000}\u{1F600}\u{10FFFF}", "\uDC00\uD800",
];

function messages() {
  const all = [...AWKWARD];
  for (let start = 0; all.length < COUNT; start += UNITS) {
    const units = Array.from({ length: UNITS }, (_, index) => (start + index) & 0xFFFF);
    all.push(String.fromCharCode(...units));
  }
  return all;
}

function connect(url, transport, session) {
  return new SockJS(url, null, { transports: [transport], sessionId: () => session, timeout: 30000 });
}

// Resolves with the name of the transport when it is open; who wants to hear more stays.
function join(url, transport, session) {
  const sock = connect(url, transport, session);
  return new Promise((resolve, reject) => {
    sock.onopen = () => resolve(sock.transport);
    sock.onclose = event => reject(new Error(event.reason));
  });
}

// Resolves with what happened, whatever happened.
function exchange(url, transport, session, farewell) {
  const sent = messages(), outcome = { transport: null, received: 0, wrong: null, opened: 0 };
  const sock = connect(url, transport, session);
  const sendBatch = () => sent.slice(outcome.received, outcome.received + BATCH).forEach(text => sock.send(text));
  return new Promise(resolve => {
    const stalled = () => resolve({ ...outcome, code: 0, reason: "nothing came for long", clean: false });
    let timer = setTimeout(stalled, SILENCE);
    sock.onopen = () => { outcome.opened++; outcome.transport = sock.transport; sendBatch(); };
    sock.onmessage = event => {
      clearTimeout(timer);
      timer = setTimeout(stalled, SILENCE);
      const expected = sent[outcome.received++];
      if (event.data !== expected && outcome.wrong === null)
        outcome.wrong = [outcome.received - 1, JSON.stringify(expected), JSON.stringify(event.data)];
      if (outcome.received === COUNT) sock.send(farewell);
      else if (outcome.received % BATCH === 0) sendBatch();
    };
    sock.onclose = event => resolve({ ...outcome, code: event.code, reason: event.reason, clean: event.wasClean });
  });
}
