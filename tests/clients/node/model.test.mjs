// Random sequences of every operation against a naive model: what each reply, each client and each counter must say.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Server, settle } from './support.mjs';

const CLIENTS = 7;
const STEPS = 600;
const ROOMS = ['r0', 'r1', 'r2', 'r3', 'ü/%', '__proto__'];

let server;
before(async () => { server = await Server.start(); });
after(() => server.stop());

/** Rooms as a map of sets, and what every client must have heard. */
class Model {
  rooms = new Map(ROOMS.map((room) => [room, new Set()]));
  heard = new Map();

  /** The members of a room or, by its id, a socket. */
  members(room) {
    if (this.heard.has(room)) return [room];
    return [...this.rooms.get(room) ?? []];
  }

  enter(id) { this.heard.set(id, []); }

  exit(id) {
    this.heard.delete(id);
    this.leaveEverything(id);
  }

  leaveEverything(id) { for (const members of this.rooms.values()) members.delete(id); }

  change(verb, rooms, ids) {
    for (const room of rooms) for (const id of ids) if (this.heard.has(id)) this.rooms.get(room)?.[verb](id);
  }

  deliver(ids, event, data) { for (const id of ids) this.heard.get(id).push([event, data]); }

  broadcast({ rooms, event = 'message', data = null, once, omit }, sender) {
    const copies = rooms.flatMap((room) => this.members(room)).filter((id) => !(omit && id === sender));
    this.deliver(once ? new Set(copies) : copies, event, data);
  }

  roomsOf(id) { return ROOMS.filter((room) => this.rooms.get(room).has(id)).sort(); }
}

/** A generator of random choices that a seed repeats (mulberry32). */
function choices(seed) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const chance = (probability) => next() < probability;
  const pick = (list) => list[Math.floor(next() * list.length)];
  /** One or more of the list, each once. */
  const some = (list) => {
    const chosen = list.filter(() => chance(0.4));
    return chosen.length > 0 ? chosen : [pick(list)];
  };
  return { chance, pick, some };
}

/** One random operation, done by the server and by the model. */
async function step(number, { chance, pick, some }, clients, model) {
  const caller = pick(clients);
  const ids = clients.map(({ id }) => id);
  const room = pick(ROOMS);
  const source = chance(0.3) ? pick(ids) : room; // an id is a room of one
  const message = { ...(chance(0.5) && { event: `e${number}` }), ...(chance(0.9) && { data: { number } }), ...(chance(0.3) && { omit: true }) };
  const operations = {
    async join() {
      const others = chance(0.4) ? { ids: some([...ids, 'no such id']) } : {};
      await caller.ok('join', { room, ...others });
      model.change('add', [room], others.ids ?? [caller.id]);
    },
    async leave() {
      const others = chance(0.4) ? { ids: some([...ids, 'no such id']) } : {};
      await caller.ok('leave', { room, ...others });
      model.change('delete', [room], others.ids ?? [caller.id]);
    },
    async leaveAll() {
      await caller.ok('leaveAll', { room: source });
      for (const id of model.members(source)) model.leaveEverything(id);
    },
    async addRoomMembersToRooms() {
      const to = some(ROOMS);
      await caller.ok('addRoomMembersToRooms', { room: source, to });
      model.change('add', to, model.members(source));
    },
    async removeRoomMembersFromRooms() {
      const from = some([...ROOMS, ...ids]); // leaving an own-id room changes nothing
      await caller.ok('removeRoomMembersFromRooms', { room: source, from });
      model.change('delete', from, model.members(source));
    },
    async broadcast() {
      const args = { rooms: some([...ROOMS, ...ids, 'empty']), ...message, ...(chance(0.5) && { once: true }) };
      await caller.ok('broadcast', args);
      model.broadcast(args, caller.id);
    },
    async blast() {
      await caller.ok('blast', message);
      const { event = 'message', data = null, omit } = message;
      model.deliver(ids.filter((id) => !(omit && id === caller.id)), event, data);
    },
    async reconnect() {
      const at = clients.indexOf(caller);
      await check([caller], model);
      if (chance(0.5)) caller.socket.close();
      else caller.tcp.resetAndDestroy();
      await server.membersBecome(caller.id, 0);
      model.exit(caller.id);
      clients[at] = await server.connect();
      model.enter(clients[at].id);
    },
  };
  const weighted = ['join', 'join', 'join', 'broadcast', 'broadcast', 'broadcast', ...Object.keys(operations)];
  const name = pick(weighted);
  await operations[name]();
  return name;
}

/** The clients are where the model says and heard what it says, in its order. */
async function check(clients, model) {
  await settle(clients);
  for (const client of clients) {
    assert.deepEqual(client.heard(), model.heard.get(client.id).splice(0));
    assert.deepEqual(await client.rooms(), model.roomsOf(client.id));
  }
}

async function checkCounters(former, clients, model) {
  const sizes = [...model.rooms.values()].map((members) => members.size).filter((size) => size > 0);
  for (const room of ROOMS) assert.equal(await server.members(room), model.rooms.get(room).size);
  const { rooms, memberships, websockets } = await server.stats();
  assert.deepEqual({ rooms, memberships, websockets }, {
    rooms: former.rooms + clients.length + sizes.length,
    memberships: former.memberships + clients.length + sizes.reduce((sum, size) => sum + size, 0),
    websockets: former.websockets + clients.length,
  });
}

test('random operations do what a naive model does', async () => {
  const seed = Number(process.env.ROOMCAST_SEED ?? randomInt(2 ** 31));
  const random = choices(seed);
  const former = await server.restingStats();
  const model = new Model();
  const clients = await server.connectAll(CLIENTS);
  for (const { id } of clients) model.enter(id);
  const done = [];
  try {
    for (let number = 0; number < STEPS; number += 1) {
      done.push(await step(number, random, clients, model));
      if (number % 10 === 9) await check(clients, model);
      if (number % 50 === 49) await checkCounters(former, clients, model);
    }
  } catch (error) {
    throw new Error(`ROOMCAST_SEED=${seed} shows it again, after ${done.slice(-12).join(', ')}: ${error.message}`, { cause: error });
  }
  assert.equal(new Set(done).size, 8, 'every operation came up');
  for (const client of clients) client.socket.close();
  await server.statsBecome(former);
});
