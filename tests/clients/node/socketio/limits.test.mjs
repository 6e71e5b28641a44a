// What is too large costs the connection that sent it, and nothing else (CONTRACT section 1).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { COMBINATIONS, SocketIoServer, isCurrent } from './support.mjs';

const MAX = 50_000;

let server;
let bystander;
before(async () => {
  server = await SocketIoServer.start({ MAX_PAYLOAD: String(MAX) });
  bystander = await server.open();
});
after(() => server.stop());

for (const { client, transport, label } of COMBINATIONS) {
  test(`${label}: an event of maxPayload bytes is taken, a larger one ends the connection`, async () => {
    const former = await server.restingStats();
    const peer = await server.open({ client, transport });
    const length = '42["message",""]'.length;
    // Polling in revision 3 writes a length before it.
    const text = 'x'.repeat(MAX - length - (!isCurrent(client) && transport === 'polling' ? '49994:'.length : 0));
    const [back] = await peer.echo(text); // the answer is larger still
    assert.ok(back === text);
    peer.emit('message', `${text}xxxxx`);
    assert.match(await peer.disconnected(), /^transport (close|error)$/);
    assert.deepEqual(await bystander.echo('still here'), ['still here']);
    peer.leave();
    await server.statsBecome(former);
  });

  test(`${label}: bytes of more than maxPayload end the connection`, async () => {
    const former = await server.restingStats();
    const peer = await server.open({ client, transport });
    peer.emit('message', Buffer.alloc(MAX + 1));
    assert.match(await peer.disconnected(), /^transport (close|error)$/);
    assert.deepEqual(await bystander.echo('still here'), ['still here']);
    peer.leave();
    await server.statsBecome(former);
  });
}
