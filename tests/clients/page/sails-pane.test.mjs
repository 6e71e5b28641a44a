// What the live page's pane of requests does: those of sails.io.js over the third pane's socket, and the same by plain HTTP.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { DEADLINE, Server, eventually } from '../node/support.mjs';
import { LivePage, launchBrowser } from './support.mjs';

const SDK = path.resolve(import.meta.dirname, '../node_modules/sails.io.js/dist/sails.io.js');

/** The verbs of the buttons, and where the answers appear. */
const PLACES = { request: 'socket', fetch: 'http' };

let server;
let browser;
let idle;
let live;
let pane;
before(async () => {
  server = await Server.start();
  idle = await server.restingStats();
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await server?.statsBecome(idle);
  await server?.stop();
});
beforeEach(async () => {
  live = await LivePage.open(browser, server);
  pane = live.pane('requests');
});
afterEach(async () => {
  await live.close();
  // The browser may keep a connection for its next page, but no socket.
  await eventually(async () => assert.deepEqual({ ...await server.stats(), tcp: idle.tcp }, idle), 'counters after the page was closed');
});

async function fill({ method = 'GET', url, headers = '', data = '' }) {
  await pane.field('method').selectOption(method);
  for (const [name, text] of Object.entries({ url, headers, data })) await pane.field(name).fill(text);
}

/** Sends it with one of the buttons; what is shown of the answer. */
async function send(verb, request) {
  if (request) await fill(request);
  const out = pane.out(PLACES[verb]);
  await out.evaluate((element) => element.replaceChildren());
  await pane.verb(verb).click();
  await out.locator('dl').waitFor();
  const [asked, took] = await out.locator('.asked > *').allInnerTexts();
  assert.match(took, /^\d+\.\d ms$/);
  assert.deepEqual(await out.locator('dt').allInnerTexts(), ['statusCode', 'headers', 'body']);
  const [statusCode, headers, body] = (await out.locator('dd').allInnerTexts()).map((text) => JSON.parse(text));
  return { asked, statusCode, headers, body };
}

/** What the socket answers with 200. */
async function ok(request) {
  const { statusCode, body } = await send('request', request);
  assert.equal(statusCode, 200, JSON.stringify(body));
  return body;
}

/** Chromium writes every answer of 400 and more to the console; here they are wanted. */
function forgive(...codes) {
  assert.deepEqual(live.faults.map((fault) => /status of (\d+)/.exec(fault)?.[1] ?? fault), codes.map(String));
  live.faults.length = 0;
}

const line = () => pane.text('line');

/** What is said about a field, once it is said. */
async function blamed(name) {
  await eventually(async () => assert.equal(await pane.field(name).getAttribute('aria-invalid'), 'true'), `${name} is to blame`);
  return pane.text('advice');
}

test('a request goes over the socket of the third pane', async () => {
  const id = (await live.c.text('id')).trim();
  assert.deepEqual(await send('request', { url: '/me' }), { asked: 'GET /me', statusCode: 200, headers: {}, body: { id } });
  assert.deepEqual(await ok({ url: '/me/rooms' }), { rooms: [id] });
  await live.c.root.locator('details').evaluate((details) => { details.open = true; });
  const packets = await live.c.out('frames').locator('li').allInnerTexts();
  const sent = packets.map((packet) => /^42\d+(.*)/.exec(packet)?.[1]).filter(Boolean).map((json) => JSON.parse(json));
  assert.deepEqual(sent, ['/me', '/me/rooms'].map((url) => ['get', { method: 'get', headers: {}, data: {}, url }]));
});

test('it joins, talks and leaves, and the other panes see it', async () => {
  await live.a.does('join', { room: 'lobby' });
  assert.deepEqual(await ok({ method: 'PUT', url: '/rooms/lobby/members' }), { ok: true });
  assert.equal(await server.members('lobby'), 2);
  await eventually(async () => assert.match((await live.c.text('members')).replace(/\s+/g, ' '), /lobby 2 members/), 'its room in the third pane');
  await ok({ method: 'POST', url: '/rooms/lobby/messages', data: '{"event": "said", "data": "Grüße 🎲"}' });
  for (const other of [live.a, live.c]) {
    await other.hears('Grüße 🎲');
    assert.match((await other.log()).at(-1), /said/);
  }
  await ok({ method: 'DELETE', url: '/rooms/lobby/members' });
  assert.equal(await server.members('lobby'), 1);
});

for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
  test(`${method}: the same route answers over the socket and by plain HTTP`, async () => {
    const data = method === 'GET' ? '' : '{"text": "Grüße", "list": [1, null]}';
    const wanted = { method, path: '/echo', query: { a: '1' }, body: JSON.parse(data || '{}') };
    const request = { method, url: '/echo?a=1', headers: '{"X-Echo": "hi"}', data };
    for (const [verb, isSocket] of [['request', true], ['fetch', false]]) {
      const { asked, statusCode, headers, body } = await send(verb, request);
      assert.deepEqual([asked, statusCode, headers['x-echo'], body], [`${method} /echo?a=1`, 200, 'hi', { ...wanted, isSocket }]);
    }
  });
}

test('what needs a socket gets 400 by plain HTTP', async () => {
  const request = { method: 'PUT', url: '/rooms/lobby/members' };
  const { statusCode, body } = await send('fetch', request);
  assert.equal(statusCode, 400);
  assert.match(body, /socket/);
  assert.equal(await server.members('lobby'), 0);
  assert.deepEqual(await ok(request), { ok: true });
  assert.equal(await pane.out('http').locator('.asked b').innerText(), 'PUT /rooms/lobby/members', 'the other answer stays');
  forgive(400);
});

test('a refusal is an answer like any other', async () => {
  for (const verb of ['request', 'fetch']) {
    const { statusCode, body } = await send(verb, { url: '/status/403' });
    assert.deepEqual([statusCode, body], [403, { code: 403 }]);
    const { statusCode: unknown, body: why } = await send(verb, { url: '/nope' });
    assert.deepEqual([unknown, why], [404, 'Not Found']);
  }
  forgive(403, 404);
});

test('the examples fill the fields, and all of them are answered', async () => {
  const examples = pane.out('examples').getByRole('button');
  const names = await examples.allInnerTexts();
  for (const wanted of ['GET /me', 'GET /me/rooms', 'PUT /rooms/lobby/members', 'POST /rooms/lobby/messages', 'GET /status/403']) assert.ok(names.includes(wanted), wanted);
  for (const [at, name] of names.entries()) {
    await examples.nth(at).click();
    const { asked, statusCode } = await send('request');
    assert.deepEqual([asked, statusCode], [name, name.endsWith('403') ? 403 : 200]);
  }
});

test('the line of sails.io.js keeps in step with the fields', async () => {
  const callback = '(body, jwr) => console.log(jwr.statusCode, body)';
  assert.equal(await line(), `io.socket.get('/me', ${callback})`);
  await fill({ method: 'PUT', url: '/rooms/lobby/members', data: '{"ids": ["x"]}' });
  assert.equal(await line(), `io.socket.put('/rooms/lobby/members', {"ids": ["x"]}, ${callback})`);
  await pane.field('data').fill('{"ids": [');
  assert.equal(await line(), `io.socket.put('/rooms/lobby/members', …, ${callback})`);
  await fill({ method: 'DELETE', url: "/rooms/it's", headers: '{"x-a": "b"}' });
  assert.equal(await line(), `io.socket.request({ method: 'delete', url: "/rooms/it's", headers: {"x-a": "b"} }, ${callback})`);
});

test('sails.io.js itself takes that line, and gets the same answer', async () => {
  const page = await live.context.newPage();
  page.on('pageerror', (error) => live.faults.push(`exception: ${error.message}`));
  await page.goto(server.url('/healthz'));
  await page.addScriptTag({ content: readFileSync(SDK, 'utf8') });
  for (const request of [
    { method: 'PATCH', url: "/echo?it's=1", data: '{"text": "Grüße"}' },
    { method: 'DELETE', url: '/echo', headers: '{"x-echo": "hi"}', data: '[1, {"a": null}]' },
    { method: 'GET', url: '/status/404' },
  ]) {
    const { statusCode, body } = await send('request', request);
    const logged = page.waitForEvent('console', { timeout: DEADLINE, predicate: (message) => message.type() === 'log' && message.args().length === 2 });
    await page.evaluate(await line());
    assert.deepEqual(await Promise.all((await logged).args().map((value) => value.jsonValue())), [statusCode, body]);
  }
  await page.close();
});

test('what cannot be sent is explained, until it is mended', async () => {
  const good = { method: 'POST', url: '/echo', headers: '{"x-echo": "hi"}', data: '{"a": 1}' };
  const bad = {
    url: ['', 'me', '//elsewhere.example/me', 'http://elsewhere.example/me'],
    headers: ['no JSON', '[]', 'null', '{"x-echo": 1}', '{"no name": "x"}'],
    data: ['{oops', '{"a": 1', '"text"', '42', 'null'],
  };
  for (const verb of ['request', 'fetch']) {
    for (const [field, texts] of Object.entries(bad)) {
      for (const text of texts) {
        await fill({ ...good, [field]: text });
        await pane.verb(verb).click();
        assert.match(await blamed(field), new RegExp(`“${field}” takes`, 'i'), text);
      }
      await pane.field(field).fill(good[field]);
      assert.equal(await pane.out('advice').isVisible(), false);
      assert.equal(await pane.field(field).getAttribute('aria-invalid'), 'false');
    }
    assert.equal((await send(verb, good)).statusCode, 200);
  }
});

test('plain HTTP has no GET with data, a socket has', async () => {
  const request = { url: '/echo', data: '{"a": 1}' };
  assert.deepEqual((await ok(request)).body, { a: 1 });
  await pane.verb('fetch').click();
  assert.match(await blamed('data'), /GET/);
  assert.equal(await pane.text('http'), '');
});

test('without the socket only plain HTTP is left, until it is back', async () => {
  await live.c.verb('connection').click();
  await live.c.becomes('status', 'disconnected');
  await pane.becomes('status', 'Socket C is not connected');
  assert.deepEqual([await pane.verb('request').isEnabled(), await pane.verb('fetch').isEnabled()], [false, true]);
  assert.equal((await send('fetch', { url: '/text' })).body, 'just text');
  await pane.field('url').press('Enter');
  assert.equal(await pane.text('socket'), '', 'Enter sends nothing either');
  await live.c.verb('connection').click();
  await pane.becomes('status', 'over Socket C');
  await pane.field('url').press('Enter');
  await eventually(async () => assert.match(await pane.text('socket'), /just text/), 'the answer');
});

test('a request whose answer never comes is given up', async () => {
  const page = await live.context.newPage();
  await page.routeWebSocket('**/socket.io/**', (socket) => {
    socket.send('0{"sid":"x","upgrades":[],"pingInterval":60000,"pingTimeout":60000,"maxPayload":1000}');
    socket.onMessage((packet) => {
      if (packet.startsWith('40')) socket.send('40{"sid":"mute"}');
      if (packet.includes('/bye')) socket.close();
    });
  });
  await page.goto(server.url('/'));
  const requests = page.locator('[data-pane="requests"]');
  const answer = requests.locator('[data-out="socket"]');
  const becomes = (text) => eventually(async () => assert.match(await answer.innerText(), text), String(text));
  await requests.locator('[data-verb="request"]').click();
  await becomes(/waiting/);
  await becomes(/no answer within 5 s/);
  await requests.locator('[data-field="url"]').fill('/bye');
  await requests.locator('[data-verb="request"]').click();
  await becomes(/connection was lost/);
  await page.close();
});

test('fields, buttons and answers have names', async () => {
  const fields = { Method: 'combobox', URL: 'textbox', Headers: 'textbox', Data: 'textbox' };
  for (const [name, role] of Object.entries(fields)) assert.equal(await pane.root.getByRole(role, { name, exact: true }).count(), 1, name);
  for (const name of ['request over Socket.IO', 'fetch by plain HTTP']) assert.equal(await pane.root.getByRole('button', { name }).count(), 1, name);
  for (const name of ['The answer over Socket.IO', 'The answer by plain HTTP']) {
    await send(name.endsWith('HTTP') ? 'fetch' : 'request', { url: '/text' });
    assert.equal(await pane.root.getByRole('group', { name }).count(), 1, name);
  }
  assert.equal(await pane.root.getByRole('list', { name: 'Examples' }).count(), 1);
});

for (const colorScheme of ['light', 'dark']) {
  for (const width of [320, 1280, 1760]) {
    test(`${colorScheme}, ${width} wide: long words stay inside`, async () => {
      await live.close();
      live = await LivePage.open(browser, server, { colorScheme, viewport: { width, height: 800 } });
      pane = live.pane('requests');
      const word = 'unbreakable'.repeat(30);
      for (const verb of ['request', 'fetch']) await send(verb, { method: 'PUT', url: `/echo?${word}=1`, headers: `{"x-echo": "${word}"}`, data: `{"text": "${word}"}` });
      await fill({ url: 'no path', data: word });
      await pane.verb('request').click();
      await blamed('url');
      const outside = await pane.root.evaluate((root) => {
        const { left, right } = root.getBoundingClientRect();
        const boxes = [...root.querySelectorAll('*')].map((element) => ({ element, box: element.getBoundingClientRect() }));
        return boxes.filter(({ box }) => box.width > 0 && (box.left < left || box.right > right)).map(({ element }) => element.outerHTML.slice(0, 80));
      });
      assert.deepEqual(outside, []);
      assert.equal(await live.page.evaluate(() => document.documentElement.scrollWidth), width);
    });
  }
}
