// A room server on Bun: rooms are topics, which Bun keeps in uWebSockets' TopicTree.
import { BACKLOG_MAX, handle, hello, newId } from "./protocol.js";

const rooms = {
  join: (socket, room) => socket.subscribe(room),
  leave: (socket, room) => socket.unsubscribe(room),
  // Through the server, not the socket: as the contract has it, a publisher gets its own messages too.
  publish: (room, text) => server.publish(room, text),
};

const server = Bun.serve({
  hostname: process.env.HOST ?? "127.0.0.1",
  port: Number(process.env.PORT ?? 3000),
  fetch(request, server) {
    const { pathname } = new URL(request.url);
    const echo = pathname === "/ws/echo";
    if (echo || pathname === "/ws") {
      if (server.upgrade(request, { data: { echo, id: echo ? "" : newId() } })) return undefined;
    }
    return new Response("Not Found", { status: 404 });
  },
  websocket: {
    perMessageDeflate: false,
    idleTimeout: 0, // the load generator's members say nothing: no heartbeat, in Bun's favour
    backpressureLimit: BACKLOG_MAX,
    closeOnBackpressureLimit: true,
    open(socket) {
      if (!socket.data.echo) socket.send(hello(socket.data.id));
    },
    message(socket, message) {
      socket.send(socket.data.echo ? message : handle(message, socket, rooms));
    },
  },
});

console.log(`bun ${Bun.version} on http://${server.hostname}:${server.port}`);
