// A message is written once for each wire, however many members speak it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client, settle } from '../support.mjs';
import { SocketIoServer, eventually, numbers } from './support.mjs';

const EACH = 12;
const MESSAGES = 20;

let server;
before(async () => { server = await SocketIoServer.start({ LANES: '1' }); });
after(() => server.stop());

/** How often the lanes have encoded a message. */
async function encodes() {
  const answer = await fetch(`http://${server.host}:${server.port}/stats`);
  return (await answer.json()).encodes;
}

test('members of three wires in one room: three encodings a message', async () => {
  const raw = await Promise.all(numbers(EACH).map(async () => {
    const client = new Client(`ws://${server.host}:${server.port}/ws`);
    await client.greeted;
    return client;
  }));
  const heard = [];
  const peers = await Promise.all(numbers(2 * EACH).map(async (number) => {
    // Of Engine.IO 4 and of 3: two wires.
    const peer = await server.open({ client: number % 2 ? '2.5' : '4.8' });
    peer.socket.on('news', () => heard.push(number));
    return peer;
  }));
  const ids = [...raw.map((client) => client.id), ...peers.map((peer) => peer.socket.id)];
  await raw[0].ok('join', { room: 'mixed', ids });
  const before = await encodes();
  for (const number of numbers(MESSAGES)) await raw[0].ok('broadcast', { room: 'mixed', event: 'news', data: number });
  await settle(...raw);
  await eventually(() => heard.length === MESSAGES * peers.length, 'every peer has heard every message');
  assert.ok(raw.every((client) => client.heard().length === MESSAGES));
  assert.equal((await encodes()) - before, 3 * MESSAGES);
  for (const client of raw) client.socket.terminate();
  for (const peer of peers) peer.leave();
});
