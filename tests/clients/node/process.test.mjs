// The server as a process: banner, settings, refusals to start, signals (CONTRACT section 0, API sections 6 and 7).

import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import WebSocket from 'ws';
import { DEADLINE, Server, eventually, launch, within } from './support.mjs';

/** Runs the server until it ends by itself: `{code, stdout, stderr}`. */
async function run(settings, args) {
  const launched = launch(settings, args);
  try {
    const { code } = await within(DEADLINE, launched.exited, () => `no end of ${JSON.stringify(settings)} ${args ?? ''}: ${launched.stdout}`);
    return { code, stdout: launched.stdout, stderr: launched.stderr };
  } finally {
    launched.kill('SIGKILL');
  }
}

async function withServer(settings, args, use) {
  const server = await Server.start(settings, args);
  try {
    return await use(server);
  } finally {
    await server.stop();
  }
}

test('the banner tells version, address and lanes; logs go to stderr', async () => {
  await withServer({ LANES: '2' }, [], async (server) => {
    assert.match(server.process.stdout, /^roomcast \d+\.\d+\.\d+ on http:\/\/127\.0\.0\.1:\d+, 2 lanes\n/);
    assert.match(server.process.stdout, /\/ws\b/, 'it says what to open');
    assert.notEqual(server.port, 3000);
    assert.equal((await server.request('/healthz')).status, 200);
  });
});

test('a flag wins over the environment, the environment over the default', async () => {
  const frame = `{"op":"rooms","pad":"${'x'.repeat(1000)}"}`;
  await withServer({ MAX_PAYLOAD: '500' }, [], async (server) => {
    const client = await server.connect();
    client.socket.send(frame);
    assert.equal((await within(DEADLINE, client.closed, () => 'no close')).code, 1009);
  });
  await withServer({ MAX_PAYLOAD: '500', PORT: '1', HOST: '127.0.0.9' }, ['--max-payload', '2000', '--port=0', '--host', '127.0.0.1'], async (server) => {
    const client = await server.connect();
    assert.match(await client.exchange(frame), /"ok":true/);
  });
});

test('HOST says where it listens', async () => {
  await withServer({ HOST: '127.0.0.2' }, [], async (server) => {
    assert.equal(server.host, '127.0.0.2');
    assert.equal((await server.request('/healthz')).status, 200);
    await assert.rejects(new Promise((resolve, reject) => {
      net.connect(server.port, '127.0.0.1').on('connect', resolve).on('error', reject);
    }), { code: 'ECONNREFUSED' });
  });
});

test('times and sizes may have units', async () => {
  await withServer({ PING_INTERVAL: '25s', HEAD_TIMEOUT: '500ms', MAX_PAYLOAD: '1MB' }, ['--ping-timeout', '2s'], async (server) => {
    const client = await server.connect();
    await client.ok('join', { room: 'x'.repeat(300) });
  });
});

test('a port that is taken: what happened, where, and what to do', async () => {
  await withServer({}, [], async (server) => {
    const { code, stderr, stdout } = await run({ PORT: String(server.port) });
    assert.notEqual(code, 0);
    assert.match(stderr, new RegExp(`cannot listen on 127\\.0\\.0\\.1:${server.port}: address in use; set --port or PORT`));
    assert.doesNotMatch(stdout, /^roomcast .* on http/m, 'no banner of a server that does not listen');
    assert.doesNotMatch(stderr, /panicked|RUST_BACKTRACE/);
  });
});

/** `[variable, value]`: neither starts a server. */
const BAD_SETTINGS = [
  ['PORT', 'http'], ['PORT', '-1'], ['PORT', '70000'], ['HOST', 'no such host'],
  ['PING_INTERVAL', 'often'], ['PING_INTERVAL', '-1'], ['PING_TIMEOUT', '1.2.3'], ['CONNECT_TIMEOUT', 'never'],
  ['MAX_PAYLOAD', 'lots'], ['MAX_PAYLOAD', '-5'], ['MAX_PAYLOAD', '99999999999999999999999'],
  ['HEAD_TIMEOUT', 'soon'], ['HEAD_TIMEOUT', '60000'], ['LANES', 'two'], ['DRAIN', 'slowly'],
];

for (const [name, value] of BAD_SETTINGS) {
  for (const [kind, settings, args] of [
    ['variable', { PORT: '0', [name]: value }, []],
    ['flag', { PORT: '0' }, [`--${name.toLowerCase().replace('_', '-')}=${value}`]],
  ]) {
    test(`${name}=${value} by ${kind} is refused with the setting, the value and no panic`, async () => {
      const { code, stdout, stderr } = await run(settings, args);
      assert.notEqual(code, 0);
      assert.equal(stdout, '');
      assert.ok(stderr.includes(value), stderr);
      assert.match(stderr, new RegExp(`${name}|--${name.toLowerCase().replace('_', '-')}`));
      assert.doesNotMatch(stderr, /panicked|RUST_BACKTRACE/);
      assert.ok(stderr.split('\n').length < 20, 'short enough to be read');
    });
  }
}

test('an unknown flag is refused and help is offered', async () => {
  const { code, stderr } = await run({ PORT: '0' }, ['--no-such-flag']);
  assert.notEqual(code, 0);
  assert.match(stderr, /--no-such-flag/);
  assert.match(stderr, /--help/);
});

test('--help groups the settings and shows unit, variable and default of each', async () => {
  const { code, stdout } = await run({}, ['--help']);
  assert.equal(code, 0);
  for (const group of ['Network', 'Limits', 'Logs']) assert.match(stdout, new RegExp(`^${group}`, 'm'));
  const settings = [['port', '3000'], ['host', '127.0.0.1'], ['ping-interval', '25000'], ['ping-timeout', '20000'], ['connect-timeout', '45000'],
    ['max-payload', '1000000'], ['head-timeout', '0'], ['lanes', ''], ['origins', ''], ['log', ''], ['drain', '3']];
  for (const [flag, standard] of settings) {
    const line = stdout.split('\n').find((text) => text.includes(`--${flag} `)) ?? assert.fail(`no --${flag}`);
    assert.ok(line.includes(flag.toUpperCase().replace('-', '_')), `no variable in: ${line}`);
    assert.ok(line.includes(standard), `no default in: ${line}`);
  }
  for (const line of stdout.split('\n')) assert.ok(line.length <= 120, `too wide: ${line}`);
});

test('--version names the program and its version', async () => {
  const { code, stdout } = await run({}, ['--version']);
  assert.equal(code, 0);
  assert.match(stdout, /^roomcast\S* \d+\.\d+\.\d+\n$/);
});

for (const signal of ['SIGTERM', 'SIGINT']) {
  test(`${signal}: clients are told 1001 and it ends in peace within 5 s`, async () => {
    const server = await Server.start();
    const clients = await server.connectAll(20);
    for (const client of clients) await client.ok('join', { room: 'last' });
    const started = process.hrtime.bigint();
    server.process.kill(signal);
    const codes = await Promise.all(clients.map((client) => within(DEADLINE, client.closed, () => 'a close')));
    assert.deepEqual([...new Set(codes.map(({ code }) => code))], [1001]);
    assert.deepEqual(await within(DEADLINE, server.process.exited, () => 'no end'), { code: 0, signal: null });
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    assert.ok(seconds < 5, `${seconds} s`);
    await server.stop();
  });
}

test('SIGTERM ends it within 5 s whatever its clients do', async () => {
  const server = await Server.start();
  const [stuck, sender] = await server.connectAll(2);
  await stuck.ok('join', { room: 'stuck' });
  stuck.tcp.pause();
  for (let number = 0; number < 8; number += 1) await sender.ok('broadcast', { rooms: ['stuck'], data: 'x'.repeat(100_000) });
  const silent = net.connect(server.port, server.host);
  const half = net.connect(server.port, server.host, () => half.write('GET /stats HTTP/1.1\r\nHost: x\r\n'));
  for (const socket of [silent, half]) socket.on('error', () => {});
  const echo = await server.connectEcho();
  echo.socket.send('x'.repeat(100_000), { fin: false });
  const started = process.hrtime.bigint();
  server.process.kill('SIGTERM');
  assert.deepEqual(await within(DEADLINE, server.process.exited, () => 'no end'), { code: 0, signal: null });
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  assert.ok(seconds < 5, `${seconds} s`);
  for (const socket of [silent, half]) socket.destroy();
  await server.stop();
});

test('while it drains it takes no new connections', async () => {
  const server = await Server.start();
  const [client] = await server.connectAll(30);
  server.process.kill('SIGTERM');
  await Promise.race([client.closed, server.process.exited]);
  await assert.rejects(server.request('/healthz'), { code: /ECONNREFUSED|ECONNRESET/ });
  await server.stop();
});

/** The status of a handshake from a page of this origin: 101, or what it was refused with. */
function handshake(server, origin) {
  return within(DEADLINE, new Promise((resolve, reject) => {
    const socket = new WebSocket(server.url('/ws', 'ws'), { headers: origin === undefined ? {} : { origin } });
    socket.on('open', () => { socket.terminate(); resolve(101); });
    socket.on('unexpected-response', (request, response) => { request.destroy(); resolve(response.statusCode); });
    socket.on('error', reject);
  }), () => 'no answer to a handshake');
}

test('a foreign Origin is refused with 403 and the log names it and the setting', async () => {
  await withServer({}, [], async (server) => {
    assert.equal(await handshake(server, undefined), 101);
    assert.equal(await handshake(server, `http://${server.host}:${server.port}`), 101);
    assert.equal(await handshake(server, 'http://foreign.example'), 403);
    await eventually(() => assert.match(server.process.stderr, /foreign\.example.*ORIGINS|ORIGINS.*foreign\.example/s), 'a line in the log');
  });
  await withServer({ ORIGINS: 'https://one.example,http://foreign.example' }, [], async (server) => {
    assert.equal(await handshake(server, 'http://foreign.example'), 101);
    assert.equal(await handshake(server, 'https://one.example'), 101);
    assert.equal(await handshake(server, 'https://foreign.example'), 403);
    assert.equal(await handshake(server, 'http://one.example.foreign.example'), 403);
    assert.equal(await handshake(server, undefined), 101);
  });
});
