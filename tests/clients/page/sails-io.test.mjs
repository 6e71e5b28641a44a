// sails.io.js as pages load it: the build that has Socket.IO's client in it, on a page of the server and on one from elsewhere.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { DEADLINE, Server, eventually } from '../node/support.mjs';
import { launchBrowser } from './support.mjs';

const BUILD = readFileSync(path.resolve(import.meta.dirname, '../node_modules/sails.io.js/dist/sails.io.js'));

const TRANSPORTS = { websocket: ['websocket'], polling: ['polling'], upgrade: ['polling', 'websocket'] };

let elsewhere;
let server;
let strict;
let browser;
before(async () => {
  elsewhere = http.createServer((request, response) => {
    const type = request.url === '/sails.io.js' ? 'text/javascript' : 'text/html';
    response.setHeader('content-type', type).end(type === 'text/html' ? '<!doctype html><title>elsewhere</title>' : BUILD);
  });
  await once(elsewhere.listen(0, '127.0.0.1'), 'listening');
  [server, strict] = await Promise.all([Server.start({ ORIGINS: origin() }), Server.start()]);
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await Promise.all([server?.stop(), strict?.stop()]);
  elsewhere?.closeAllConnections();
  elsewhere?.close();
});

/** Where pages from elsewhere are from. */
const origin = () => `http://127.0.0.1:${elsewhere.address().port}`;

/** The two places that pages are from. A page of the server itself need not say where the server is. */
const PLACES = {
  'a page of the server': { at: () => server.url('/healthz'), url: () => undefined },
  'a page from elsewhere': { at: origin, url: () => server.url('') },
};

/** A page that has loaded the SDK, with these attributes in its tag; `use` drives it, then it says goodbye and must leave nothing behind. */
async function onPage({ at, to = server, attributes = {} }, use) {
  const idle = await to.restingStats();
  const context = await browser.newContext();
  context.setDefaultTimeout(DEADLINE);
  const page = await context.newPage();
  const cookies = [];
  page.on('request', (request) => { if (request.url().endsWith('/__getcookie')) cookies.push(request); });
  await page.goto(at);
  await page.evaluate(load, { source: `${origin()}/sails.io.js`, attributes });
  try {
    await use(page, cookies);
    await page.evaluate(() => window.io.socket?.isConnected() && window.io.socket.disconnect());
    // The browser may keep a connection for its next page, but no socket.
    await eventually(async () => assert.deepEqual({ ...await to.stats(), tcp: idle.tcp }, idle), 'counters after the page has left');
  } finally {
    await context.close();
  }
}

/** In the page: the tag as a user writes it. The SDK connects by itself as soon as it is there. */
function load({ source, attributes }) {
  const tag = document.createElement('script');
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) tag.setAttribute(name, value);
  tag.src = source;
  window.heard = [];
  return new Promise((resolve, reject) => {
    tag.onload = () => {
      for (const event of ['connect', 'disconnect', 'message', 'news']) window.io.socket.on(event, (...args) => window.heard.push([event, ...args]));
      resolve();
    };
    tag.onerror = reject;
    document.head.append(tag);
  });
}

const isConnected = (page) => page.waitForFunction(() => window.io.socket.isConnected());

/** In the page: asks, and resolves to what the callback is given. */
const ask = (page, request) => page.evaluate((options) => new Promise((resolve) => {
  window.io.socket.request(options, (body, jwr) => resolve({ body, headers: jwr.headers, statusCode: jwr.statusCode, error: jwr.error?.message }));
}), request);

/** Asks what has to succeed; resolves to the body. */
async function ok(page, method, url, data) {
  const { body, statusCode } = await ask(page, { method, url, data });
  assert.equal(statusCode, 200, `${method} ${url}: ${JSON.stringify(body)}`);
  return body;
}

const heard = (page) => page.evaluate(() => window.heard.splice(0));

for (const [place, { at, url }] of Object.entries(PLACES)) {
  for (const [transport, list] of Object.entries(TRANSPORTS)) {
    const options = () => ({ at: at(), attributes: { url: url(), transports: JSON.stringify(list) } });
    const label = `${transport}, on ${place}`;

    test(`${label}: requests and answers, the first of them before it is connected`, () => onPage(options(), async (page) => {
      const bodies = await page.evaluate(() => Promise.all(Array.from({ length: 200 }, (_, number) => new Promise((resolve) => {
        window.io.socket.post('/echo', { number }, (body) => resolve(body.body.number));
      }))));
      assert.deepEqual(bodies, Array.from({ length: 200 }, (_, number) => number));
      for (const method of ['get', 'post', 'put', 'patch', 'delete']) {
        const answer = await ask(page, { method, url: '/echo?a=1', data: { text: 'Grüße 🎲' }, headers: { 'X-Echo': 'hi' } });
        const body = { method: method.toUpperCase(), path: '/echo', query: { a: '1' }, body: { text: 'Grüße 🎲' }, isSocket: true };
        assert.deepEqual(answer, { body, headers: { 'x-echo': 'hi' }, statusCode: 200, error: undefined });
      }
      const { body, statusCode, error } = await ask(page, { url: '/nope' });
      assert.deepEqual([body, statusCode], ['Not Found', 404]);
      assert.match(error, /404/);
    }));

    test(`${label}: a room shared with a raw WebSocket; it leaves, and connects again when it is told to`, () => onPage(options(), async (page) => {
      await isConnected(page);
      const raw = await server.connect();
      await ok(page, 'put', '/rooms/shared%20%C3%BC/members');
      await raw.ok('join', { room: 'shared ü' });
      await heard(page);
      await ok(page, 'post', '/rooms/shared%20%C3%BC/messages', { event: 'news', data: { from: 'the page' } });
      await raw.ok('broadcast', { rooms: ['shared ü'], data: ['from', 'a WebSocket'] });
      const { id } = await ok(page, 'get', '/me');
      const wanted = [['news', { from: 'the page' }], ['message', ['from', 'a WebSocket']]];
      assert.deepEqual(await heard(page), wanted);
      await raw.ok('getId');
      assert.deepEqual(raw.heard(), wanted);

      await page.evaluate(() => window.io.socket.disconnect());
      await server.membersBecome('shared ü', 1);
      await page.evaluate(() => window.io.socket.reconnect());
      await isConnected(page);
      const again = await page.evaluate(() => window.io.socket._raw.id);
      assert.notEqual(again, id);
      assert.deepEqual([await ok(page, 'get', '/me'), await ok(page, 'get', '/me/rooms')], [{ id: again }, { rooms: [again] }]);
      raw.socket.close();
    }));
  }
}

test('a page from elsewhere loads /__getcookie before it connects, a page of the server does not', async () => {
  for (const [place, { at, url }] of Object.entries(PLACES)) {
    await onPage({ at: at(), attributes: { url: url() } }, async (page, cookies) => {
      await isConnected(page);
      assert.equal(cookies.length, place === 'a page from elsewhere' ? 1 : 0, place);
      for (const request of cookies) assert.equal((await request.response()).status(), 200);
    });
  }
});

test('a page from elsewhere that does without /__getcookie, and sends a header of its own when it connects', () => onPage({ at: origin(), attributes: { url: server.url(''), autoConnect: 'false' } }, async (page, cookies) => {
  const text = await page.evaluate((url) => new Promise((resolve, reject) => {
    window.io.sails.useCORSRouteToGetCookie = false;
    window.io.socket = window.io.sails.connect(url, { transports: ['polling'], initialConnectionHeaders: { 'x-own': 'yes' } });
    window.io.socket.on('connect_error', () => reject(new Error('not connected')));
    window.io.socket.get('/text', resolve);
  }), server.url(''));
  assert.deepEqual([text, cookies], ['just text', []]);
}));

test('a page from elsewhere that ORIGINS does not name is refused', async () => {
  for (const list of Object.values(TRANSPORTS)) {
    await onPage({ at: origin(), to: strict, attributes: { url: strict.url(''), transports: JSON.stringify(list) } }, async (page) => {
      await page.waitForFunction(() => window.io.socket.connectionErrorTimestamp !== undefined);
      assert.equal(await page.evaluate(() => window.io.socket.isConnected()), false);
      assert.equal((await strict.stats()).engine, 0);
    });
  }
});
