// One centrifuge-js client, driven by the tests: a JSON object a line comes in, events go out the same way.
//
//   {"do": "open", "transport": "websocket", "base": "127.0.0.1:8000", "options": {…}, "tokens": ["…"]}
//   {"do": "subscribe", "channel": "news", "options": {…}, "tokens": ["…"]}
//   {"do": "call", "id": 1, "method": "publish", "arguments": […], "channel": "news"}   a method of client or subscription
//   {"do": "cut"}   lose the transport, as a bad network would
//
// "tokens" are what getToken gives, one after the other.
'use strict';

const readline = require('node:readline');
const { Centrifuge } = require('centrifuge');
const WebSocket = require('ws');
const SockJS = require('sockjs-client');
const EventSource = require('eventsource');

const say = (event, details) => process.stdout.write(JSON.stringify({ event, ...details }) + '\n');

const sockets = new Set();
class CuttableWebSocket extends WebSocket {
  constructor(...args) {
    super(...args);
    sockets.add(this);
    this.on('close', () => sockets.delete(this));
  }
}

const sessions = new Set();
function CuttableSockJS(url, ignored, options) {
  const session = new SockJS(url, ignored, options);
  sessions.add(session);
  return session;
}

const streams = new Set();
const cuttableFetch = (url, options) => {
  const controller = new AbortController();
  streams.add(() => controller.abort());
  const signals = options.signal ? [options.signal, controller.signal] : [controller.signal];
  return fetch(url, { ...options, signal: AbortSignal.any(signals) });
};
class CuttableEventSource extends EventSource {
  constructor(...args) {
    super(...args);
    streams.add(() => this.dispatchEvent(new Event('error')));
  }
}

const endpoints = (base) => ({
  websocket: `ws://${base}/connection/websocket`,
  sockjs: `http://${base}/connection/sockjs`,
  http_stream: `http://${base}/connection/http_stream`,
  sse: `http://${base}/connection/sse`,
});

const giver = (tokens, what) => async (ctx) => {
  say('token asked', { what, ...ctx });
  return tokens.length > 1 ? tokens.shift() : tokens[0];
};

let client;
const actions = {
  open({ transport, base, options, tokens, sockjs }) {
    client = new Centrifuge([{ transport, endpoint: endpoints(base)[transport] }], {
      websocket: CuttableWebSocket,
      sockjs: CuttableSockJS,
      sockjsOptions: sockjs ? { transports: [sockjs] } : {},
      fetch: cuttableFetch,
      readableStream: ReadableStream,
      eventsource: CuttableEventSource,
      emulationEndpoint: `http://${base}/emulation`,
      minReconnectDelay: 50,
      maxReconnectDelay: 200,
      ...(tokens ? { getToken: giver(tokens, 'connection') } : {}),
      ...options,
    });
    for (const name of ['connecting', 'connected', 'disconnected', 'error', 'message', 'publication', 'join', 'leave',
      'subscribed', 'subscribing', 'unsubscribed']) {
      client.on(name, (ctx) => say(name, { of: 'client', ...plain(ctx) }));
    }
    client.connect();
  },
  subscribe({ channel, options, tokens }) {
    const settings = { minResubscribeDelay: 50, maxResubscribeDelay: 200, ...options };
    if (tokens) settings.getToken = giver(tokens, 'subscription');
    const subscription = client.newSubscription(channel, settings);
    for (const name of ['subscribing', 'subscribed', 'unsubscribed', 'error', 'publication', 'join', 'leave']) {
      subscription.on(name, (ctx) => say(name, { of: 'subscription', ...plain(ctx) }));
    }
    subscription.subscribe();
  },
  async call({ id, method, arguments: args, channel }) {
    const target = channel === undefined ? client : client.getSubscription(channel);
    try {
      say('result', { id, result: plain(await target[method](...args)) });
    } catch (error) {
      say('result', { id, error: plain(error) });
    }
  },
  cut() {
    for (const socket of sockets) socket.terminate();
    for (const session of sessions) {
      // The transport's own end of the line: sockjs-client tells its user that it was interrupted.
      if (session._transport) session._transport.emit('close', 1006, 'cut');
    }
    for (const cut of [...streams]) cut();
    sessions.clear();
    streams.clear();
  },
};

const plain = (value) => (value instanceof Error ? { message: value.message } : value);

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const command = JSON.parse(line);
  actions[command.do](command);
}).on('close', () => process.exit(0));
