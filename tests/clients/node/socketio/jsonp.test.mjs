// JSONP, the long-polling of old browsers: answers are scripts, bodies are forms.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import vm from 'node:vm';
import { ask, packetsOf, payload } from './engineio.mjs';
import { SocketIoServer } from './support.mjs';

let server;
before(async () => { server = await SocketIoServer.start(); });
after(() => server.stop());

/** What a page hears: the script has to be one call of a callback with a string, in old JavaScript too. */
function run({ status, body }) {
  assert.equal(status, 200, body);
  assert.match(body, /^___eio\[7\]\(".*"\);$/, 'one line with the number of the callback');
  assert.doesNotMatch(body, /[\u2028\u2029]/, 'these end a line in old JavaScript');
  const heard = [];
  vm.runInNewContext(body, { ___eio: { 7: (text) => heard.push(text) } });
  assert.equal(heard.length, 1);
  return heard[0];
}

async function open(path = '/engine.io/') {
  const target = `${path}?EIO=3&transport=polling&b64=1&j=7`;
  const [packet, ...more] = packetsOf(3, run(await ask(server, target)));
  return { target: `${target}&sid=${JSON.parse(packet.slice(1)).sid}`, more };
}

/** A form as the client writes it: a newline in the text is `\n`, a backslash before an n is doubled. */
const form = (text) => `d=${encodeURIComponent(text.replace(/\\n/g, '\\\\n').replace(/\n/g, '\\n'))}`;

const post = ({ target }, text) => ask(server, target, {
  method: 'POST', body: form(text), headers: { 'content-type': 'application/x-www-form-urlencoded' } });

const poll = async ({ target }) => packetsOf(3, run(await ask(server, target)));

test('texts go both ways, those too that would break a script or a form', async () => {
  const session = await open();
  const texts = ['4hello', '4"quoted\\"', '4a\u2028b\u2029c', '4</script><!--', '4a+b&d=c%20', '4ü🎲', '4line\nbreak', '4back\\nslash', '4\\', '4\\\\n'];
  for (const text of texts) {
    const { status, body } = await post(session, payload(3, [text]));
    assert.deepEqual([status, body], [200, 'ok']);
    assert.deepEqual(await poll(session), [text]);
  }
});

test('bytes are base64', async () => {
  const session = await open();
  await post(session, payload(3, ['b4AQID']));
  assert.deepEqual(await poll(session), ['b4AQID']);
});

test('the number of the callback cannot carry a script', async () => {
  const { status, body } = await ask(server, `/engine.io/?EIO=3&transport=polling&j=${encodeURIComponent('1](alert(2))//')}`);
  assert.ok(status === 400 || /^___eio\[12\]\("/.test(body), `${status} ${body}`);
});

test('a page from elsewhere, or one that hides where it is from, is refused [ours]', async () => {
  const { target } = await open();
  for (const headers of [{ cookie: 'a=1' }, { referer: 'http://foreign.example/' }, { referer: `http://foreign.example/${server.host}:${server.port}/` }]) {
    for (const path of ['/engine.io/?EIO=3&transport=polling&j=7', target]) assert.equal((await ask(server, path, { headers })).status, 403);
  }
});

test('Socket.IO over it', async () => {
  const session = await open('/socket.io/');
  const packets = session.more;
  await post(session, payload(3, ['42["message","\\n\u2028"]']));
  while (packets.length < 3) packets.push(...await poll(session));
  assert.deepEqual(packets.map((packet) => packet.replace('\\u2028', '\u2028')), ['40', '42["auth",{}]', '42["message-back","\\n\u2028"]']);
});

test('a form without its field, or that is none, costs at most its session', async () => {
  for (const body of ['', 'x=1', 'd', 'd=', 'd=abc', '4hello', 'd=1:6&d=1:6', 'd=%', 'd=%ff%fe', '&'.repeat(100_000)]) {
    const session = await open();
    const { status } = await ask(server, session.target, { method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded' } });
    assert.ok([200, 400].includes(status), `${status} to ${body}`);
  }
  await open();
});
