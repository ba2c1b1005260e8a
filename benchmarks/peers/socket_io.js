// socket.io through its WebSocket: each "message" goes back, everybody gets what is published in Redis on sockjsd.news,
// and who names rooms in the URL what is published on those.
// usage: node socket_io.js PORT REDIS_PORT
const http = require("http"), { Server } = require("socket.io"), { createClient } = require("redis");

const server = http.createServer();
const io = new Server(server, { transports: ["websocket"], serveClient: false });

io.on("connection", socket => {
  const { rooms } = socket.handshake.query;
  if (rooms) socket.join(rooms.split(","));
  socket.on("message", text => socket.emit("message", text));
});

(async () => {
  const redis = createClient({ url: `redis://127.0.0.1:${process.argv[3]}` });
  await redis.connect();
  await redis.subscribe("sockjsd.news", message => io.emit("news", message));
  await redis.pSubscribe("sockjsd.c*", (message, channel) => io.to(channel.slice("sockjsd.".length)).emit("news", message));
  server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
})();
