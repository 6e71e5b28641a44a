// Virtual requests byte for byte, on a WebSocket by hand and by long-polling (CONTRACT section 3).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PollingSession, WebSocketSession } from '../socketio/engineio.mjs';
import { SDK_QUERY, SailsServer, numbers } from './support.mjs';

let server;
before(async () => { server = await SailsServer.start(); });
after(() => server.stop());

const QUERY = Object.entries(SDK_QUERY).map(([name, value]) => `&${name}=${value}`).join('');

/** A connected socket of `/`, its greetings read; `id` is the socket's. */
async function connected(kind, revision) {
  const session = await kind.open(server, { revision, query: QUERY });
  if (revision === 4) await session.send('40');
  const [connect, greeting] = await session.receive(2);
  assert.match(connect, /^40/);
  assert.match(greeting, /^42\["auth"/);
  session.id = revision === 4 ? JSON.parse(connect.slice(2)).sid : session.sid;
  return session;
}

/** Requests and what each is answered with. */
const EXCHANGES = [
  ['420["get",{"method":"get","headers":{},"data":{},"url":"/text"}]', '430[{"body":"just text","headers":{},"statusCode":200}]'],
  ['421["get",{"method":"get","headers":{"X-Echo":"Hi"},"data":{"b":2,"ü":[1,null,"\\\""]},"url":"/echo?a=1"}]',
    '431[{"body":{"method":"GET","path":"/echo","query":{"a":"1"},"body":{"b":2,"ü":[1,null,"\\\""]},"isSocket":true},"headers":{"x-echo":"Hi"},"statusCode":200}]'],
  ['4212345["post",{"url":"/echo"}]', '4312345[{"body":{"method":"POST","path":"/echo","query":{},"body":{},"isSocket":true},"headers":{},"statusCode":200}]'],
  ['422["put",{"url":"/echo","params":{"p":1}}]', '432[{"body":{"method":"PUT","path":"/echo","query":{},"body":{"p":1},"isSocket":true},"headers":{},"statusCode":200}]'],
  ['423["get",{"url":"/status/404"}]', '433[{"body":{"code":404},"headers":{},"statusCode":404}]'],
  ['424["get",{"url":"/status/204"}]', '434[{"body":{"code":204},"headers":{},"statusCode":204}]'],
  ['425["get",{"url":"/nope"}]', '435[{"body":"Not Found","headers":{},"statusCode":404}]'],
  ['426["put",{"url":"/rooms/sl%2Fash/members"}]', '436[{"body":{"ok":true},"headers":{},"statusCode":200}]'],
  ['427["get",{"url":"/rooms/sl%2Fash"}]', '437[{"body":{"room":"sl/ash","members":1},"headers":{},"statusCode":200}]'],
  ['428["delete",{"url":"/rooms/sl%2Fash/members"}]', '438[{"body":{"ok":true},"headers":{},"statusCode":200}]'],
];

for (const kind of [WebSocketSession, PollingSession]) {
  for (const revision of [4, 3]) {
    const label = `${kind === PollingSession ? 'polling' : 'websocket'} revision ${revision}`;

    test(`${label}: requests and answers`, async () => {
      const session = await connected(kind, revision);
      for (const [request, answer] of EXCHANGES) {
        await session.send(request);
        assert.deepEqual(await session.receive(1), [answer]);
      }
    });

    test(`${label}: without an ack id there is no answer, and nothing takes its place`, async () => {
      const session = await connected(kind, revision);
      await session.send('42["get",{"url":"/text"}]', '42["get",{"url":"/nope"}]', '42["get",{"url":"/boom"}]', '42["put",{"url":"/rooms/quiet/members"}]', '427["get",{"url":"/me"}]');
      assert.deepEqual(await session.receive(1), [`437[{"body":{"id":"${session.id}"},"headers":{},"statusCode":200}]`]);
      await session.send('428["get",{"url":"/rooms/quiet"}]');
      assert.deepEqual(await session.receive(1), ['438[{"body":{"room":"quiet","members":1},"headers":{},"statusCode":200}]']);
      await session.send('429["delete",{"url":"/rooms/quiet/members"}]');
      await session.receive(1);
    });

    test(`${label}: the answer to a broadcast and the broadcast itself`, async () => {
      const session = await connected(kind, revision);
      await session.send(`421["post",{"url":"/rooms/${session.id}/messages","data":{"event":"news","data":{"a":[1,"ü"]}}}]`);
      const frames = await session.receive(2);
      assert.deepEqual(frames.sort(), ['42["news",{"a":[1,"ü"]}]', '431[{"body":{"ok":true},"headers":{},"statusCode":200}]']);
      await session.send(`422["post",{"url":"/rooms/${session.id}/messages"}]`);
      assert.deepEqual((await session.receive(2)).sort(), ['42["message",null]', '432[{"body":{"ok":true},"headers":{},"statusCode":200}]']);
    });

    test(`${label}: many in one go are each answered under their id`, async () => {
      const session = await connected(kind, revision);
      const requests = numbers(300).map((number) => `42${number}["post",{"url":"/echo?n=${number}","data":{"n":${number}}}]`);
      await session.send(...requests);
      const answers = await session.receive(300);
      const wanted = numbers(300).map((n) => `43${n}[{"body":{"method":"POST","path":"/echo","query":{"n":"${n}"},"body":{"n":${n}},"isSocket":true},"headers":{},"statusCode":200}]`);
      assert.deepEqual(new Set(answers), new Set(wanted));
    });
  }
}

test('in another namespace a method is an event like others', async () => {
  const session = await connected(WebSocketSession, 4);
  session.send('40/custom,');
  await session.receive(2);
  session.send('42/custom,1["get",{"url":"/text"}]', '42/custom,["get",null]', '42/custom,2["message-with-ack","here"]');
  assert.deepEqual(await session.receive(1), ['43/custom,2["here"]']);
});
