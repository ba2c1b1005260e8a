// sockjs-node as its README has it: /echo, /sink which answers nothing, and /events to which everything published
// in Redis is written.
// usage: node sockjs_node.js PORT REDIS_PORT
const http = require("http"), sockjs = require("sockjs"), { createClient } = require("redis");

const quiet = { log: () => {} };
const server = http.createServer();

const echo = sockjs.createServer(quiet);
echo.on("connection", connection => connection.on("data", message => connection.write(message)));
echo.installHandlers(server, { prefix: "/echo" });

const sink = sockjs.createServer(quiet);
sink.on("connection", connection => connection.on("data", () => {}));
sink.installHandlers(server, { prefix: "/sink" });

const listeners = new Set();
const events = sockjs.createServer(quiet);
events.on("connection", connection => {
  listeners.add(connection);
  connection.on("close", () => listeners.delete(connection));
});
events.installHandlers(server, { prefix: "/events" });

(async () => {
  const redis = createClient({ url: `redis://127.0.0.1:${process.argv[3]}` });
  await redis.connect();
  await redis.subscribe("sockjsd.news", message => {
    for (const connection of listeners) connection.write(message);
  });
  server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
})();
