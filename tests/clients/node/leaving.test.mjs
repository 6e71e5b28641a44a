// Disconnects of every kind leave all rooms, and the counters return to what they were.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import { Client, DEADLINE, Server, eventually, settle, within } from './support.mjs';

let server;
before(async () => { server = await Server.start(); });
after(() => server.stop());

/** How a client can go: each breaks its connection in another way. */
const WAYS = {
  'a close with a code': (client) => client.socket.close(1000, 'bye'),
  'a close without a code': (client) => client.socket.close(),
  'an application code': (client) => client.socket.close(4321, 'ünï'),
  'the TCP connection ended': (client) => client.tcp.end(),
  'the TCP connection destroyed': (client) => client.tcp.destroy(),
  'the TCP connection reset': (client) => client.tcp.resetAndDestroy(),
  'a half close in the middle of a frame': (client) => client.tcp.end(Buffer.from([0x81, 0xfe, 0x10, 0x00, 1, 2, 3, 4, 5])),
  'a reset in the middle of a frame': (client) => client.tcp.write(Buffer.from([0x81, 0xfe, 0x10]), () => client.tcp.resetAndDestroy()),
  'a reset with requests on the way': (client) => {
    for (let number = 0; number < 200; number += 1) client.socket.send(JSON.stringify({ op: 'join', room: `late ${number}` }));
    client.socket.send('{"op":"blast","event":"last words"}', () => client.tcp.resetAndDestroy());
  },
};

for (const [way, leave] of Object.entries(WAYS)) {
  test(`${way}: leaves all rooms, others stay`, async () => {
    const former = await server.restingStats();
    const [stays, ...leavers] = await server.connectAll(6);
    for (const client of [stays, ...leavers]) for (const room of ['common', 'second']) await client.ok('join', { room });
    assert.equal(await server.members('common'), 6);
    for (const client of leavers) leave(client);
    await Promise.all(leavers.map((client) => within(DEADLINE, client.closed, () => 'the end of a connection')));
    await server.membersBecome('common', 1);
    for (const client of leavers) await server.membersBecome(client.id, 0);
    await stays.ok('broadcast', { rooms: ['common', 'second'], data: 'who is left?', once: true });
    await settle(stays);
    assert.deepEqual(stays.heard().filter(([event]) => event === 'message'), [['message', 'who is left?']]);
    stays.socket.close();
    await server.statsBecome(former);
  });
}

test('a close frame is answered with its code and the server ends the connection', async () => {
  for (const code of [1000, 1001, 1008, 3000, 4999]) {
    const client = await server.connect();
    client.socket.close(...(code === 1001 || code === 1008 ? [code] : [code, 'reason']));
    assert.equal((await within(DEADLINE, client.closed, () => 'a close')).code, code);
  }
});

test('a killed client process leaves nothing behind', async () => {
  const former = await server.restingStats();
  const program = `
    import WebSocket from 'ws';
    for (let number = 0; number < 20; number += 1) {
      const socket = new WebSocket(process.argv[1]);
      socket.on('open', () => socket.send('{"op":"join","room":"doomed"}'));
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, server.url('/ws', 'ws')],
    { cwd: import.meta.dirname, stdio: ['ignore', 'ignore', 'inherit'] });
  try {
    await server.membersBecome('doomed', 20);
  } finally {
    child.kill('SIGKILL');
  }
  await server.membersBecome('doomed', 0);
  await server.statsBecome(former);
});

test('handshakes that are given up leave nothing behind', async () => {
  const former = await server.restingStats();
  for (let round = 0; round < 60; round += 1) {
    const client = new Client(server.url('/ws', 'ws'));
    client.socket.on('error', () => {}); // given up on purpose
    await new Promise((resolve) => { client.tcp.once('connect', resolve); });
    for (let turn = 0; turn < round % 3; turn += 1) await new Promise((resolve) => { setImmediate(resolve); });
    client.tcp.resetAndDestroy();
  }
  await server.statsBecome(former);
});

test('whoever leaves while a room is being written to costs the others no message', async () => {
  const former = await server.restingStats();
  const [sender, ...members] = await server.connectAll(12);
  for (const client of members) await client.ok('join', { room: 'busy' });
  const leavers = members.splice(0, 6);
  const ways = Object.values(WAYS);
  const count = 300;
  for (let number = 0; number < count; number += 1) {
    await sender.ok('broadcast', { rooms: ['busy'], data: number });
    if (number % 50 === 25) ways[(number / 50 | 0) % ways.length](leavers.pop());
  }
  await settle(members);
  for (const client of members) {
    const heard = client.heard().filter(([event]) => event === 'message').map(([, data]) => data);
    assert.deepEqual(heard, Array.from({ length: count }, (_, number) => number));
  }
  for (const client of [sender, ...members]) client.socket.close();
  await server.statsBecome(former);
});

test('ids are not given twice and a newcomer inherits nothing', async () => {
  const seen = new Set();
  for (let round = 0; round < 100; round += 1) {
    const client = await server.connect();
    assert.ok(!seen.has(client.id));
    seen.add(client.id);
    assert.deepEqual(await client.rooms(), []);
    await client.ok('join', { room: 'inherited?' });
    client.tcp.resetAndDestroy();
  }
  await server.membersBecome('inherited?', 0);
  await eventually(async () => assert.equal((await server.stats()).websockets, 0), 'websockets');
});
