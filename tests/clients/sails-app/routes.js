// The routes of CONTRACT section 3 as a Sails application writes them. What a verb does is `sails.sockets`' own business;
// only what the contract adds to it (`once`, what is refused) is written here.

'use strict';

const sails = require('sails');

/** Event names that only a server may send (CONTRACT section 2). */
const RESERVED = ['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'];

module.exports = {
  'GET /echo': echo,
  'POST /echo': echo,
  'PUT /echo': echo,
  'PATCH /echo': echo,
  'DELETE /echo': echo,
  'GET /text': (req, res) => res.send('just text'),
  'GET /status/:code': (req, res) => res.status(Number(req.params.code)).json({ code: Number(req.params.code) }),
  'GET /boom': () => { throw new Error('boom'); },
  'GET /rooms/:room': (req, res) => res.json({ room: req.params.room, members: members(req.params.room).length }),
  'GET /me': ofSocket((req) => ({ id: sails.sockets.getId(req) })),
  'GET /me/rooms': ofSocket((req) => ({ rooms: [...req.socket.rooms] })),
  'PUT /rooms/:room/members': ofSocket(join),
  'DELETE /rooms/:room/members': ofSocket(leave),
  'POST /rooms/:room/messages': ofSocket((req) => broadcast(req, [req.params.room])),
  'POST /messages': ofSocket((req) => broadcast(req, names(req.body.rooms))),
  'POST /blast': ofSocket(blast),
  'POST /rooms/:room/copy': ofSocket((req) => verb('addRoomMembersToRooms', req.params.room, names(req.body.to))),
  'POST /rooms/:room/remove': ofSocket((req) => verb('removeRoomMembersFromRooms', req.params.room, names(req.body.from))),
  'POST /rooms/:room/clear': ofSocket((req) => verb('leaveAll', req.params.room)),
};

/** Why a request is refused. */
class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** An action that only a socket may ask for: what `action` returns is the answer. */
function ofSocket(action) {
  return async (req, res) => {
    try {
      if (!req.isSocket) throw new Refusal(400, 'this needs a socket');
      return res.json(await action(req) ?? { ok: true });
    } catch (error) {
      return res.status(error.status ?? 500).json({ error: error.message });
    }
  };
}

function echo(req, res) {
  const header = req.get('x-echo');
  if (header !== undefined) res.set('x-echo', header);
  return res.json({ method: req.method, path: req.path, query: req.query, body: req.body, isSocket: req.isSocket === true });
}

async function join(req) {
  const { room } = req.params;
  const ids = req.body.ids === undefined ? [req.socket.id] : names(req.body.ids);
  if (sails.io.of('/').sockets.has(room) && ids.some((id) => id !== room)) throw new Refusal(403, 'the room of another socket');
  await verb('join', req.body.ids === undefined ? req : ids, room);
}

async function leave(req) {
  const { room } = req.params;
  const ids = req.body.ids === undefined ? [req.socket.id] : names(req.body.ids);
  if (ids.includes(room)) return; // Socket.IO would let a socket leave its own room; the contract does not
  await verb('leave', req.body.ids === undefined ? req : ids, room);
}

function broadcast(req, rooms) {
  const { event, data, omit } = message(req.body);
  if (req.body.once) {
    (omit ? req.socket.broadcast : sails.io).to(rooms).emit(event, data);
  } else {
    sails.sockets.broadcast(rooms, event, data, omit ? req : undefined);
  }
}

function blast(req) {
  const { event, data, omit } = message(req.body);
  sails.sockets.blast(event, data, omit ? req : undefined);
}

/** What a body says of a message. */
function message({ event = sails.sockets.DEFAULT_EVENT_NAME, data = null, omit = false }) {
  if (typeof event !== 'string' || event === '' || RESERVED.includes(event)) throw new Refusal(400, 'event: no name');
  return { event, data, omit };
}

/** A list of rooms or ids. */
function names(list) {
  if (!Array.isArray(list) || list.length === 0 || list.some((name) => typeof name !== 'string' || name === '')) {
    throw new Refusal(400, 'a list of names is missing');
  }
  return list;
}

/** Calls `sails.sockets[name]`; resolves when it says that it is done. */
function verb(name, ...args) {
  return new Promise((resolve, reject) => {
    sails.sockets[name](...args, (error) => (error ? reject(error) : resolve()));
  });
}

const members = (room) => [...sails.io.of('/').adapter.rooms.get(room) ?? []];
