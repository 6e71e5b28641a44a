// A room server on Node `ws`: rooms are sets. Each message is framed once and the frame shared by all
// members, as socket.io-adapter does it; a plain `socket.send` would frame it again for each.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Sender, WebSocket, WebSocketServer } from "ws";
import { BACKLOG_MAX, handle, hello, newId } from "./protocol.js";

const members = new Map();

const rooms = {
  join(socket, room) {
    let set = members.get(room);
    if (set === undefined) members.set(room, (set = new Set()));
    set.add(socket);
    socket.data.rooms.add(room);
  },
  leave(socket, room) {
    const set = members.get(room);
    if (set === undefined) return;
    set.delete(socket);
    if (set.size === 0) members.delete(room);
    socket.data.rooms.delete(room);
  },
  publish(room, text) {
    const set = members.get(room);
    if (set === undefined) return;
    const frame = prepare(text);
    for (const socket of set) deliver(socket, frame);
  },
};

function prepare(text) {
  const parts = Sender.frame(Buffer.from(text), {
    fin: true, opcode: 1, mask: false, readOnly: false, rsv1: false,
  });
  return [Buffer.concat(parts)];
}

function deliver(socket, frame) {
  if (socket.readyState !== WebSocket.OPEN) return;
  if (socket._socket.writableLength > BACKLOG_MAX) socket.terminate();
  else socket._sender.sendFrame(frame);
}

const http = createServer((request, response) => response.writeHead(404).end("Not Found"));
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });

http.on("upgrade", (request, stream, head) => {
  const echo = request.url === "/ws/echo";
  if (!echo && request.url !== "/ws") return stream.end("HTTP/1.1 404 Not Found\r\n\r\n");
  sockets.handleUpgrade(request, stream, head, (socket) => (echo ? openEcho(socket) : openRooms(socket)));
});

function openEcho(socket) {
  socket.on("error", () => {});
  socket.on("message", (data, binary) => socket.send(data, { binary }));
}

function openRooms(socket) {
  socket.data = { id: newId(), rooms: new Set() };
  socket.on("error", () => {});
  socket.on("message", (data) => socket.send(handle(data.toString(), socket, rooms)));
  socket.on("close", () => {
    for (const room of socket.data.rooms) rooms.leave(socket, room);
  });
  socket.send(hello(socket.data.id));
}

const { version } = JSON.parse(readFileSync(new URL("./node_modules/ws/package.json", import.meta.url)));
http.listen({ host: process.env.HOST ?? "127.0.0.1", port: Number(process.env.PORT ?? 3000), backlog: 4096 }, () => {
  const { address, port } = http.address();
  console.log(`ws ${version} (node ${process.version}) on http://${address}:${port}`);
});
