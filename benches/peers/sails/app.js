// The application of the `sails-` workloads on Sails, in production, with what they need and no more.
"use strict";

process.env.NODE_ENV = "production";
const sails = require("sails");
const { version } = require("sails-hook-sockets/package.json");

/** Hooks that no route here has a use for. */
const UNUSED = ["blueprints", "grunt", "i18n", "orm", "pubsub", "session", "views"];

/** Answers when the verb of `sails.sockets` says that it is done. */
const when = (verb) => (req, res) => verb(req, (error) => (error ? res.serverError(error) : res.json({ ok: true })));

const room = (req) => req.params.room;

const routes = {
  "GET /me": (req, res) => res.json({ id: sails.sockets.getId(req) }),
  "GET /rooms/:room": (req, res) => {
    const members = sails.io.of("/").adapter.rooms.get(room(req))?.size ?? 0;
    res.json({ room: room(req), members });
  },
  "PUT /rooms/:room/members": when((req, done) => sails.sockets.join(req.body.ids ?? req, room(req), done)),
  "POST /rooms/:room/messages": (req, res) => {
    sails.sockets.broadcast(room(req), "message", req.body.data);
    res.json({ ok: true });
  },
  "POST /rooms/:room/copy": when((req, done) => sails.sockets.addRoomMembersToRooms(room(req), req.body.to, done)),
  "POST /rooms/:room/remove": when((req, done) =>
    sails.sockets.removeRoomMembersFromRooms(room(req), req.body.from, done)),
  "POST /rooms/:room/clear": when((req, done) => sails.sockets.leaveAll(room(req), done)),
};

const settings = {
  appPath: __dirname,
  environment: "production",
  explicitHost: process.env.HOST ?? "127.0.0.1",
  port: Number(process.env.PORT ?? 3000),
  hooks: Object.fromEntries(UNUSED.map((hook) => [hook, false])),
  log: { level: "error" },
  // In production Sails wants to be told who may connect: everybody.
  sockets: { beforeConnect: (handshake, proceed) => proceed(undefined, true) },
  routes,
};

sails.lift(settings, (error) => {
  if (error) {
    console.error(error);
    process.exit(1);
  }
  const { address, port } = sails.hooks.http.server.address();
  console.log(`sails ${sails.version} with sails-hook-sockets ${version} (node ${process.version}) on http://${address}:${port}`);
});
