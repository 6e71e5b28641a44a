// The application of the `sio-` workloads on socket.io: `join` rooms, `publish` to one. Both transports are on;
// which one is used is the client's choice.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, { serveClient: false, perMessageDeflate: false, allowEIO3: true });

io.on("connection", (socket) => {
  socket.on("join", (rooms, done) => {
    socket.join(rooms);
    done();
  });
  socket.on("publish", (room, data) => {
    io.to(room).emit("message", data);
  });
});

const { version } = JSON.parse(readFileSync(new URL("./node_modules/socket.io/package.json", import.meta.url)));
http.listen({ host: process.env.HOST ?? "127.0.0.1", port: Number(process.env.PORT ?? 3000), backlog: 4096 }, () => {
  const { address, port } = http.address();
  console.log(`socket.io ${version} (node ${process.version}) on http://${address}:${port}`);
});
