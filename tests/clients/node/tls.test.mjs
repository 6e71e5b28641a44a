// TLS through OpenSSL, as Node has it: wss with `ws`, https, and what OpenSSL can do that rustls' own client cannot.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { DEADLINE, Server, settle, within } from './support.mjs';

const VERSIONS = ['TLSv1.2', 'TLSv1.3'];

let folder;
let ca;
let server;

class TlsServer extends Server {
  http = { request: (options, answer) => https.request({ ...options, ca }, answer) };

  url(path, scheme) {
    return super.url(path, `${scheme}s`);
  }
}

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'roomcast-tls-'));
  const [key, certificate] = ['key.pem', 'cert.pem'].map((name) => path.join(folder, name));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', certificate], { stdio: 'pipe' });
  ca = readFileSync(certificate);
  server = await TlsServer.start({ TLS_CERT: certificate, TLS_KEY: key });
});

after(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true });
});

/** Options of a client that speaks this version. */
function speaking(version) {
  return {
    createConnection: ({ host, port }) => tls.connect({ host, port, ca, minVersion: version, maxVersion: version }),
  };
}

/** The socket under a client's WebSocket. */
const socketOf = (client) => client.socket._socket;

test('https and the numbers', async () => {
  assert.match(server.process.stdout, / on https:\/\/127\.0\.0\.1:\d+, /);
  assert.deepEqual((await server.request('/healthz')).body, 'ok\n');
  assert.equal((await server.stats()).tcp, 1);
});

for (const version of VERSIONS) {
  test(`rooms in ${version}, small and large`, async () => {
    const former = await server.restingStats();
    const [ann, ben] = [await server.connect(speaking(version)), await server.connect(speaking(version))];
    assert.deepEqual([socketOf(ann).getProtocol(), socketOf(ann).authorized], [version, true]);
    for (const client of [ann, ben]) await client.ok('join', { room: 'tls' });
    const sent = [];
    for (const size of [0, 1, 1000, 16_300, 16_400, 100_000, 900_000]) {
      sent.push(['large', 'x'.repeat(size)]);
      await ann.ok('broadcast', { room: 'tls', event: 'large', data: 'x'.repeat(size), omit: true });
    }
    await settle(ben);
    assert.deepEqual(ben.heard(), sent);
    const echo = await server.connectEcho(speaking(version));
    const text = 'é'.repeat(2_500_000);
    assert.equal(await echo.exchange(text), text);
    for (const client of [ann, ben, echo]) client.socket.close(1000);
    await server.statsBecome(former);
  });
}

test('a connection that is cut without close_notify is forgotten', async () => {
  const former = await server.restingStats();
  for (const version of VERSIONS) {
    const client = await server.connect(speaking(version));
    await client.ok('join', { room: 'cut' });
    socketOf(client).destroy();
  }
  await server.statsBecome(former);
});

test('renegotiation is refused, and costs only its connection', async () => {
  const former = await server.restingStats();
  const [good, bad] = [await server.connect(speaking('TLSv1.2')), await server.connect(speaking('TLSv1.2'))];
  const failed = once(socketOf(bad), 'error');
  socketOf(bad).renegotiate({ rejectUnauthorized: true }, () => {});
  const [error] = await within(DEADLINE, failed, () => 'no answer to the renegotiation');
  assert.match(error.message, /no renegotiation/i);
  await server.statsBecome({ ...former, tcp: former.tcp + 1, websockets: former.websockets + 1, rooms: former.rooms + 1, memberships: former.memberships + 1 });
  assert.deepEqual(await good.rooms(), []);
  good.socket.terminate();
  await server.statsBecome(former);
});

test('a client that wants nothing but HTTP/2 is refused by an alert', async () => {
  const socket = tls.connect({ host: server.host, port: server.port, ca, ALPNProtocols: ['h2'] });
  const [error] = await within(DEADLINE, once(socket, 'error'), () => 'no refusal');
  assert.match(error.message, /alert no application protocol/);
});
