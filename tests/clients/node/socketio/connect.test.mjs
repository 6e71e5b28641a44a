// Connecting: ids, namespaces, what is refused, and what the server says first (CONTRACT section 2).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { COMBINATIONS, SocketIoServer, isCurrent, numbers } from './support.mjs';

let server;
before(async () => { server = await SocketIoServer.start(); });
after(() => server.stop());

for (const { client, transport, label } of COMBINATIONS) {
  test(`${label}: the id and the greeting`, async () => {
    const peer = await server.open({ client, transport });
    await peer.settle();
    assert.deepEqual([peer.greetings, peer.heard()], [[{}], []]);
    assert.deepEqual([peer.ids.length, peer.reasons, peer.errors], [1, [], []]);
    // Protocol 5 keeps the id of the session secret, which lets one speak for the socket; before, they were the same.
    assert.equal(peer.socket.id === peer.socket.io.engine.id, !isCurrent(client));
    assert.match(peer.socket.id, /^[\w-]{16,}$/);
  });

  test(`${label}: another namespace`, async () => {
    const peer = await server.open({ client, transport, nsp: '/custom' });
    assert.deepEqual(peer.greetings, [{}]);
    assert.deepEqual(await peer.echo('in', ['custom']), ['in', ['custom']]);
  });

  test(`${label}: several namespaces on one connection keep apart`, async () => {
    const former = await server.restingStats();
    const peer = await server.open({ client, transport });
    const custom = await peer.also('/custom');
    assert.equal(peer.socket.io, custom.socket.io);
    assert.equal((await server.stats()).engine, former.engine + 1);
    assert.notEqual(peer.socket.id, custom.socket.id);
    await Promise.all([peer.settle(), custom.settle()]);
    assert.deepEqual([peer.greetings, custom.greetings], [[{}], [{}]]);
    peer.emit('message', 'for /');
    custom.emit('message', 'for /custom');
    await Promise.all([peer.settle(), custom.settle()]);
    assert.deepEqual([peer.heard(), custom.heard()], [[['message-back', 'for /']], [['message-back', 'for /custom']]]);
    peer.leave();
    await server.statsBecome(former);
  });

  test(`${label}: an unknown namespace is refused and the connection stays`, async () => {
    const peer = await server.open({ client, transport });
    for (const nsp of ['/nope', '/custom/', '/custom2', '/Custom', '/__proto__', ...(isCurrent(client) ? ['/ünï'] : [])]) {
      const refused = peer.begun(nsp);
      await refused.becomes(() => refused.errors.length > 0, 'refused');
      assert.deepEqual([refused.errors, refused.ids, refused.socket.connected], [['Invalid namespace'], [], false]);
    }
    assert.deepEqual(await peer.echo('still here'), ['still here']);
    assert.deepEqual(await (await peer.also('/custom')).echo('me too'), ['me too']);
    assert.deepEqual(peer.reasons, []);
  });

  test(`${label}: a query does not get in the way`, async () => {
    const peer = await server.open({ client, transport, query: { token: 'a b&c=ü', EIO: 'nope', empty: '' } });
    assert.deepEqual(await peer.echo('x'), ['x']);
  });

  test(`${label}: twenty at once are twenty sockets`, async () => {
    const peers = await Promise.all(numbers(20).map(() => server.open({ client, transport })));
    assert.equal(new Set(peers.map(({ socket }) => socket.id)).size, 20);
    const echoes = await Promise.all(peers.map((peer, number) => peer.echo(number)));
    assert.deepEqual(echoes, numbers(20).map((number) => [number]));
  });

  test(`${label}: what is emitted before it is connected arrives`, async () => {
    const peer = server.begin({ client, transport });
    for (const number of numbers(10)) peer.emit('message', number);
    assert.deepEqual(await peer.hears(10), numbers(10).map((number) => ['message-back', number]));
  });
}

for (const { transport, label } of COMBINATIONS.filter(({ client }) => isCurrent(client))) {
  test(`${label}: what a client shows to get in is told back, each namespace its own`, async () => {
    const auth = JSON.parse('{"token":"ünï 🎲","list":[1,null,{"deep":true}],"__proto__":{"own":1}}');
    const peer = await server.open({ transport, auth });
    const custom = await peer.also('/custom', { auth: (done) => done({ other: 1 }) });
    await Promise.all([peer.settle(), custom.settle()]);
    assert.deepEqual(peer.greetings.map((greeting) => JSON.stringify(greeting)), [JSON.stringify(auth)]);
    assert.deepEqual(custom.greetings, [{ other: 1 }]);
  });
}

for (const { client, transport, label } of COMBINATIONS.filter(({ client: version }) => !isCurrent(version))) {
  test(`${label}: a namespace may carry a query`, async () => {
    const peer = await server.open({ client, transport, nsp: '/custom?token=1&x=%20' });
    assert.deepEqual(peer.greetings, [{}]);
    assert.deepEqual(await peer.echo('x'), ['x']);
  });
}
