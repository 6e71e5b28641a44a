// The same verbs for members of every kind: raw WebSockets, Socket.IO's clients of three versions and several transports, sails.io.js.

import parser from 'socket.io-msgpack-parser';
import { SDK_QUERY, roomPath } from './support.mjs';

/** By name: how a member of this kind is made. */
export const KINDS = {
  'raw WebSocket': async (server) => new Raw(await server.connect()),
  'socket.io-client 4.8 websocket': (server) => virtual(server, { client: '4.8', transport: 'websocket' }),
  'socket.io-client 4.8 polling': (server) => virtual(server, { client: '4.8', transport: 'polling' }),
  'socket.io-client 4.8 msgpack': (server) => virtual(server, { client: '4.8', transport: 'upgrade', parser, query: { ...SDK_QUERY, parser: 'msgpack' } }),
  'socket.io-client 2.5 polling': (server) => virtual(server, { client: '2.5', transport: 'polling' }),
  'sails.io.js on 2.0 websocket': (server) => virtual(server, { sdk: true, client: '2.0', transport: 'websocket' }),
  'sails.io.js on 2.5 upgrade': (server) => virtual(server, { sdk: true, client: '2.5', transport: 'upgrade' }),
};

const virtual = async (server, options) => new Virtual(await server.call(options));

/** The argument `ids`, if there is one: not every parser leaves out what is undefined. */
const named = (ids) => (ids === undefined ? {} : { ids });

/** A member that asks by the operations of `/ws`. */
class Raw {
  constructor(client) {
    this.client = client;
    this.id = client.id;
  }

  join(room, ids) { return this.client.ok('join', { room, ...named(ids) }); }
  leave(room, ids) { return this.client.ok('leave', { room, ...named(ids) }); }
  broadcast(rooms, message) { return this.client.ok('broadcast', { rooms, ...message }); }
  blast(message) { return this.client.ok('blast', message); }
  copy(room, to) { return this.client.ok('addRoomMembersToRooms', { room, to }); }
  remove(room, from) { return this.client.ok('removeRoomMembersFromRooms', { room, from }); }
  clear(room) { return this.client.ok('leaveAll', { room }); }

  rooms() { return this.client.rooms(); }
  settle() { return this.client.ok('getId'); }
  heard() { return this.client.heard(); }
  go() { this.client.socket.close(); }
  break() { this.client.tcp.resetAndDestroy(); }
}

/** A member that asks by virtual requests. */
class Virtual {
  constructor(caller) {
    this.caller = caller;
    this.id = caller.id;
  }

  join(room, ids) { return this.caller.ok('put', roomPath(room, '/members'), named(ids)); }
  leave(room, ids) { return this.caller.ok('delete', roomPath(room, '/members'), named(ids)); }
  blast(message) { return this.caller.ok('post', '/blast', message); }
  copy(room, to) { return this.caller.ok('post', roomPath(room, '/copy'), { to }); }
  remove(room, from) { return this.caller.ok('post', roomPath(room, '/remove'), { from }); }
  clear(room) { return this.caller.ok('post', roomPath(room, '/clear')); }

  /** One room has a route of its own, but not for `once`, which only several have. */
  broadcast(rooms, message) {
    if (rooms.length > 1 || message.once !== undefined) return this.caller.ok('post', '/messages', { rooms, ...message });
    return this.caller.ok('post', roomPath(rooms[0], '/messages'), message);
  }

  rooms() { return this.caller.rooms(); }
  settle() { return this.caller.settle(); }
  heard() { return this.caller.heard(); }
  go() { this.caller.leave(); }
  break() { this.caller.socket.io.engine.close(); }
}
