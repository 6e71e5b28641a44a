// The bundles of Socket.IO's own client that pages load: in a real browser, on a page of the server and on one from elsewhere.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { DEADLINE, Server, eventually, within } from '../node/support.mjs';
import { launchBrowser } from './support.mjs';

const PACKAGES = path.resolve(import.meta.dirname, '../node_modules');

/** By version: 4.8 speaks Engine.IO 4, 2.5 speaks Engine.IO 3 and has JSONP for pages that may not read answers from elsewhere. */
const BUNDLES = {
  4.8: `${PACKAGES}/socket.io-client/dist/socket.io.min.js`,
  2.5: `${PACKAGES}/socket.io-client-2.5/dist/socket.io.js`,
};

const TRANSPORTS = {
  websocket: { transports: ['websocket'] },
  polling: { transports: ['polling'] },
  upgrade: { transports: ['polling', 'websocket'] },
};

/** Every client over every transport, and JSONP where there is one: `{version, options, transport, label}`. */
const COMBINATIONS = Object.keys(BUNDLES).flatMap((version) => Object.entries(TRANSPORTS).map(([name, options]) => (
  { version, options, transport: options.transports.at(-1), label: `${version} ${name}` })));
COMBINATIONS.push({ version: '2.5', options: { transports: ['polling'], forceJSONP: true }, transport: 'polling', label: '2.5 JSONP' });

let elsewhere;
let server;
let strict;
let open;
let browser;
before(async () => {
  elsewhere = http.createServer((request, response) => response.setHeader('content-type', 'text/html').end('<!doctype html><title>elsewhere</title>'));
  await once(elsewhere.listen(0, '127.0.0.1'), 'listening');
  [server, strict, open] = await Promise.all([Server.start({ ORIGINS: origin() }), Server.start(), Server.start({ ORIGINS: '*' })]);
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await Promise.all([server?.stop(), strict?.stop(), open?.stop()]);
  elsewhere?.closeAllConnections();
  elsewhere?.close();
});

/** Where pages from elsewhere are from. */
const origin = () => `http://127.0.0.1:${elsewhere.address().port}`;

/** A page that has loaded a bundle and tries to connect; `use` drives it, then it says goodbye and must leave nothing behind. */
async function onPage({ at = origin(), to = server, version = '4.8', options = {}, namespace = '/' }, use) {
  const idle = await to.restingStats();
  const context = await browser.newContext();
  context.setDefaultTimeout(DEADLINE);
  const page = await context.newPage();
  await page.goto(at);
  await page.addScriptTag({ path: BUNDLES[version] });
  await page.evaluate(begin, { url: to.url(namespace), options: { forceNew: true, reconnectionDelay: 50, timeout: DEADLINE, ...options } });
  try {
    await use(page);
    if (!page.isClosed()) await page.evaluate(() => window.socket.io.reconnection(false) && window.socket.io.engine.close());
    await isIdle(to, idle);
  } finally {
    await context.close();
  }
}

/** The browser may keep a connection for its next page, but no socket. */
async function isIdle(of, idle) {
  await eventually(async () => assert.deepEqual({ ...await of.stats(), tcp: idle.tcp }, idle), 'counters after the page has left');
}

/** In the page: connects. What happens is kept in `heard`, with binary as `{bytes: [...]}` so that it can be carried out of the page. */
function begin({ url, options }) {
  window.bytesOf = async (value) => {
    if (value instanceof Blob) return window.bytesOf(await value.arrayBuffer());
    if (value instanceof ArrayBuffer) return { bytes: [...new Uint8Array(value)] };
    if (ArrayBuffer.isView(value)) return { bytes: [...new Uint8Array(value.buffer, value.byteOffset, value.byteLength)] };
    if (Array.isArray(value)) return Promise.all(value.map(window.bytesOf));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(await Promise.all(Object.entries(value).map(async ([key, each]) => [key, await window.bytesOf(each)])));
  };
  window.heard = [];
  window.keep = (socket) => {
    for (const event of ['auth', 'message-back', 'answer', 'said']) socket.on(event, (...args) => window.heard.push([event, ...args]));
    for (const event of ['connect', 'disconnect', 'connect_error', 'error']) {
      socket.on(event, (why) => window.heard.push(why === undefined ? [event] : [event, why.message ?? why]));
    }
    socket.on('question', (...args) => args.pop()(...args));
    return socket;
  };
  window.socket = window.keep(window.io(url, options));
}

/** What has happened once `count` things have. */
async function heard(page, count) {
  await page.waitForFunction((wanted) => window.heard.length >= wanted, count);
  return page.evaluate(() => window.bytesOf(window.heard.splice(0)));
}

/** The socket is connected and greeted, and its connection has the transport that it is to have in the end. */
async function isConnected(page, transport) {
  assert.deepEqual(await heard(page, 2), [['connect'], ['auth', {}]]);
  await page.waitForFunction((wanted) => window.socket.io.engine.transport.name === wanted, transport);
}

/** What a function in the page resolves to. */
function inPage(page, run, argument) {
  return within(DEADLINE, page.evaluate(run, argument), () => 'no answer in the page');
}

/** Events and acknowledgements both ways, with every kind of binary that a page has. */
async function talks(page) {
  await page.evaluate(() => {
    window.said = () => ['Grüße 🎲', { list: [1, null, '\u2028'] }, new Uint8Array([0, 255, 4]).buffer, new Blob(['blob']), { view: new Uint8Array([7, 8, 9]).subarray(1) }];
    window.socket.emit('message', ...window.said());
  });
  const back = ['Grüße 🎲', { list: [1, null, '\u2028'] }, { bytes: [0, 255, 4] }, { bytes: [98, 108, 111, 98] }, { view: { bytes: [8, 9] } }];
  assert.deepEqual(await heard(page, 1), [['message-back', ...back]]);
  const ask = () => new Promise((resolve) => window.socket.emit('message-with-ack', ...window.said(), (...args) => resolve(window.bytesOf(args))));
  assert.deepEqual(await inPage(page, ask), back);
  await page.evaluate(() => window.socket.emit('ask-me', ...window.said()));
  assert.deepEqual(await heard(page, 1), [['answer', ...back]]);
}

for (const { version, options, transport, label } of COMBINATIONS) {
  for (const where of ['the server', 'elsewhere']) {
    const at = () => (where === 'elsewhere' ? origin() : server.url('/healthz'));

    test(`${label}, on a page from ${where}: events, acks and binary both ways`, () => onPage({ at: at(), version, options }, async (page) => {
      await isConnected(page, transport);
      await talks(page);
    }));
  }

  test(`${label}: many messages at once keep their order`, () => onPage({ version, options }, async (page) => {
    await isConnected(page, transport);
    await page.evaluate(() => { for (let number = 0; number < 200; number += 1) window.socket.emit('message', number, new Uint8Array([number]).buffer); });
    const back = Array.from({ length: 200 }, (_, number) => ['message-back', number, { bytes: [number] }]);
    assert.deepEqual(await heard(page, 200), back);
  }));

  test(`${label}: a large message both ways`, () => onPage({ version, options }, async (page) => {
    // With JSONP the client turns bytes into base64 by a call with as many arguments, of which a browser takes some 100,000.
    const size = options.forceJSONP ? 60_000 : 600_000;
    await isConnected(page, transport);
    const [length, agree] = await inPage(page, (bytes) => new Promise((resolve) => {
      const large = new Uint8Array(bytes).map((_, at) => at % 251);
      window.socket.emit('message-with-ack', large.buffer, (back) => resolve([back.byteLength, new Uint8Array(back).every((byte, at) => byte === large[at])]));
    }), size);
    assert.deepEqual([length, agree], [size, true]);
  }));

  test(`${label}: after the server has closed the connection the client comes back`, () => onPage({ version, options }, async (page) => {
    await isConnected(page, transport);
    const former = await page.evaluate(() => window.socket.id);
    await page.evaluate(() => {
      window.socket.off('error'); // 2.5 has one if the answer to its POST is read before the one to its GET
      window.socket.io.engine.write('9 is no packet type');
    });
    const [[event], ...again] = await heard(page, 3);
    assert.equal(event, 'disconnect');
    assert.deepEqual(again, [['connect'], ['auth', {}]]);
    assert.notEqual(await page.evaluate(() => window.socket.id), former);
    await talks(page);
  }));

  test(`${label}: a namespace beside the first one, and none that is unknown`, () => onPage({ version, options }, async (page) => {
    await isConnected(page, transport);
    const connect = (name) => { window.other = window.keep(window.socket.io.socket(name)); };
    await page.evaluate(connect, '/custom');
    assert.deepEqual(await heard(page, 2), [['connect'], ['auth', {}]]);
    await page.evaluate(() => window.other.emit('message', 'custom'));
    assert.deepEqual(await heard(page, 1), [['message-back', 'custom']]);
    await page.evaluate(() => window.other.emit('disconnect-me'));
    assert.deepEqual(await heard(page, 1), [['disconnect', 'io server disconnect']]);
    await page.evaluate(connect, '/nope');
    assert.deepEqual(await heard(page, 1), [[version === '4.8' ? 'connect_error' : 'error', 'Invalid namespace']]);
    await talks(page);
  }));

  test(`${label}: a page from anywhere, where all may connect`, () => onPage({ to: open, version, options }, async (page) => {
    await isConnected(page, transport);
    await talks(page);
  }));

  test(`${label}: a page from elsewhere that ORIGINS does not name is refused`, () => onPage({ to: strict, version, options: { ...options, reconnection: false } }, async (page) => {
    assert.deepEqual((await heard(page, 1)).map(([event]) => event), ['connect_error']);
    assert.equal(await page.evaluate(() => window.socket.connected), false);
    assert.equal((await strict.stats()).engine, 0);
  }));
}

for (const [name, options] of Object.entries(TRANSPORTS)) {
  test(`4.8 ${name}: a page that is closed without a word is noticed`, async () => {
    const hasty = await Server.start({ PING_INTERVAL: '300', PING_TIMEOUT: '600', ORIGINS: origin() });
    const idle = await hasty.restingStats();
    await onPage({ to: hasty, options }, async (page) => {
      await isConnected(page, options.transports.at(-1));
      await page.close();
      await isIdle(hasty, idle);
    });
    await hasty.stop();
  });
}

test('what a raw WebSocket broadcasts to a room is heard in a page', () => onPage({ options: TRANSPORTS.upgrade }, async (page) => {
  await isConnected(page, 'websocket');
  const raw = await server.connect();
  await raw.ok('join', { room: 'shared', ids: [await page.evaluate(() => window.socket.id)] });
  await raw.ok('broadcast', { rooms: ['shared'], event: 'said', data: { text: 'Grüße 🎲' } });
  assert.deepEqual(await heard(page, 1), [['said', { text: 'Grüße 🎲' }]]);
  raw.socket.close();
}));

test('4.8: auth reaches the server', () => onPage({ options: { auth: { token: 'Grüße' } } }, async (page) => {
  assert.deepEqual(await heard(page, 2), [['connect'], ['auth', { token: 'Grüße' }]]);
}));

test('4.8 polling: a page from elsewhere may send cookies', () => onPage({ options: { ...TRANSPORTS.polling, withCredentials: true } }, async (page) => {
  await isConnected(page, 'polling');
  await talks(page);
}));

test('4.8 polling: a page from elsewhere may send headers of its own, after a preflight', () => onPage({ options: { ...TRANSPORTS.polling, extraHeaders: { 'X-Own': 'yes' } } }, async (page) => {
  await isConnected(page, 'polling');
  await talks(page);
}));
