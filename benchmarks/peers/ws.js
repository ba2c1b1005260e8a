// ws as its README has it: on /echo each message goes back, on /events everybody gets what is published in Redis.
// usage: node ws.js PORT REDIS_PORT
const { WebSocketServer, WebSocket } = require("ws"), { createClient } = require("redis");

const events = new Set();

(async () => {
  const redis = createClient({ url: `redis://127.0.0.1:${process.argv[3]}` });
  await redis.connect();
  await redis.subscribe("sockjsd.news", message => {
    for (const client of events) if (client.readyState === WebSocket.OPEN) client.send(message);
  });
  const wss = new WebSocketServer({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
  wss.on("connection", (client, request) => {
    client.on("error", () => {});
    if (request.url === "/echo") {
      client.on("message", (data, isBinary) => client.send(data, { binary: isBinary }));
    } else {
      events.add(client);
      client.on("close", () => events.delete(client));
    }
  });
})();
