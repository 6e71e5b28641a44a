// Socket.IO's packets byte for byte, on a WebSocket by hand (CONTRACT section 2).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PollingSession, WebSocketSession } from './engineio.mjs';
import { SocketIoServer } from './support.mjs';

let server;
before(async () => { server = await SocketIoServer.start(); });
after(() => server.stop());

const INVALID = '{"message":"Invalid namespace"}';
const PLACEHOLDER = '{"_placeholder":true,"num":0}';
const BYTES = Buffer.from([0, 1, 254, 255]);

/** A session of revision 4 in which these namespaces are connected; `sids` has their ids. */
async function connected(...namespaces) {
  const session = await WebSocketSession.open(server);
  session.sids = [];
  for (const nsp of namespaces) {
    const prefix = nsp === '/' ? '' : `${nsp},`;
    session.send(`40${prefix}`);
    session.sids.push(await isConnect(session, prefix));
    assert.equal(await session.next(), `42${prefix}["auth",{}]`);
  }
  return session;
}

/** The next frame is the answer to a CONNECT; resolves to the id. */
async function isConnect(session, prefix) {
  const frame = await session.next();
  const [, sid] = /"sid":"([\w-]{16,})"/.exec(frame) ?? assert.fail(frame);
  assert.equal(frame, `40${prefix}{"sid":"${sid}"}`);
  return sid;
}

/** What is sent is answered with exactly this, and nothing else before the next answer. */
async function exchange(session, frames, answers) {
  session.send(...[frames].flat());
  for (const answer of [answers].flat()) assert.deepEqual(await session.next(), answer);
  assert.deepEqual(session.frames, []);
}

test('revision 4: nothing is said before CONNECT, which has an answer and a greeting', async () => {
  const session = await WebSocketSession.open(server);
  session.send('40/custom,{"token":[1,{"a":"ü"}]}');
  const custom = await isConnect(session, '/custom,');
  assert.equal(await session.next(), '42/custom,["auth",{"token":[1,{"a":"ü"}]}]');
  session.send('40');
  const main = await isConnect(session, '');
  assert.equal(await session.next(), '42["auth",{}]');
  assert.equal(new Set([custom, main, session.sid]).size, 3, 'ids of their own');
  session.leave();
});

test('revision 4: forms of CONNECT', async () => {
  for (const [form, prefix] of [['40', ''], ['40{}', ''], ['40/,', ''], ['40/', ''], ['40/,{}', ''], ['40/custom,', '/custom,'], ['40/custom', '/custom,'], ['40/custom,{}', '/custom,']]) {
    const session = await WebSocketSession.open(server);
    session.send(form);
    await isConnect(session, prefix);
    session.leave();
  }
});

test('revision 4: an unknown namespace, with its query part of the name', async () => {
  const session = await connected();
  for (const nsp of ['/nope', '/custom/', '/custom?token=1', '/ünï', '/"', '/x'.repeat(100)]) await exchange(session, `40${nsp},`, `44${nsp},${INVALID}`);
  session.send('40');
  await isConnect(session, '');
  session.leave();
});

test('revision 4: events and acknowledgements', async () => {
  const session = await connected('/', '/custom');
  await exchange(session, '42["message"]', '42["message-back"]');
  await exchange(session, '42["message",1,"ü",null,{"a":[]}]', '42["message-back",1,"ü",null,{"a":[]}]');
  await exchange(session, '42/custom,["message","1,2"]', '42/custom,["message-back","1,2"]');
  for (const id of ['0', '1', '12', '4294967296', '9007199254740991']) {
    await exchange(session, `42${id}["message-with-ack",${id}]`, `43${id}[${id}]`);
    await exchange(session, `42/custom,${id}["message-with-ack"]`, `43/custom,${id}[]`);
  }
  session.leave();
});

for (const revision of [4, 3]) {
  test(`revision ${revision}: bytes follow their packet`, async () => {
    const session = revision === 4 ? await connected('/') : await greeted();
    const bytes = revision === 4 ? BYTES : Buffer.concat([Buffer.from([4]), BYTES]);
    await exchange(session, [`451-["message",${PLACEHOLDER}]`, bytes], [`451-["message-back",${PLACEHOLDER}]`, bytes]);
    await exchange(session, [`451-7["message-with-ack",[${PLACEHOLDER}]]`, bytes], [`461-7[[${PLACEHOLDER}]]`, bytes]);
    const two = `${PLACEHOLDER},{"_placeholder":true,"num":1}`;
    await exchange(session, [`452-["message",${two}]`, bytes, bytes], [`452-["message-back",${two}]`, bytes, bytes]);
    session.leave();
  });
}

test('revision 4: bytes in another namespace', async () => {
  const session = await connected('/', '/custom');
  await exchange(session, [`451-/custom,3["message-with-ack",${PLACEHOLDER}]`, BYTES], [`461-/custom,3[${PLACEHOLDER}]`, BYTES]);
  session.leave();
});

/** Sends `ask-me` and resolves to the id of the question. */
async function askedBack(session, prefix, args) {
  session.send(`42${prefix}["ask-me"${args}]`);
  const frame = await session.next();
  const id = frame.slice(2 + prefix.length, frame.indexOf('['));
  assert.match(id, /^\d+$/);
  assert.equal(frame, `42${prefix}${id}["question"${args}]`);
  return id;
}

test('revision 4: an acknowledgement counts once, and only in its namespace', async () => {
  const session = await connected('/', '/custom');
  const id = await askedBack(session, '', ',1,"ü"');
  session.send(`43/custom,${id}["elsewhere"]`, '4399999["unasked"]', '43["of nothing"]');
  await exchange(session, `43${id}["first"]`, '42["answer","first"]');
  session.send(`43${id}["second"]`);
  await exchange(session, '42["message"]', '42["message-back"]');
  const other = await askedBack(session, '/custom,', '');
  await exchange(session, `43/custom,${other}[]`, '42/custom,["answer"]');
  session.leave();
});

test('revision 4: an acknowledgement with bytes', async () => {
  const session = await connected('/');
  const id = await askedBack(session, '', '');
  await exchange(session, [`461-${id}[${PLACEHOLDER},2]`, BYTES], [`451-["answer",${PLACEHOLDER},2]`, BYTES]);
  session.leave();
});

test('revision 4: the server disconnects one namespace; it can be connected again', async () => {
  const session = await connected('/', '/custom');
  await exchange(session, '42/custom,["disconnect-me"]', '41/custom,');
  await exchange(session, '42["message"]', '42["message-back"]');
  session.send('40/custom,');
  assert.notEqual(await isConnect(session, '/custom,'), session.sids[1]);
  assert.equal(await session.next(), '42/custom,["auth",{}]');
  await exchange(session, '42["disconnect-me"]', '41');
  await exchange(session, '42/custom,["message"]', '42/custom,["message-back"]');
  session.leave();
});

test('revision 4: what was on its way to a socket that the server disconnects is dropped, the connection stays [ours]', async () => {
  const session = await connected('/', '/custom');
  await exchange(session, ['42["disconnect-me"]', '42["message"]', '421["message-with-ack"]', '42/custom,["message"]'], ['41', '42/custom,["message-back"]']);
  session.leave();
});

test('revision 4: the client leaves one namespace; it can be connected again', async () => {
  const session = await connected('/', '/custom');
  for (const [index, nsp, other] of [[0, '', '/custom,'], [1, '/custom,', '']]) {
    await exchange(session, [`41${nsp}`, `42${other}["message"]`], `42${other}["message-back"]`);
    session.send(`40${nsp}`);
    assert.notEqual(await isConnect(session, nsp), session.sids[index]);
    assert.equal(await session.next(), `42${nsp}["auth",{}]`);
  }
  session.leave();
});

/** A session of revision 3, with what it is told unasked. */
async function greeted() {
  const session = await WebSocketSession.open(server, { revision: 3 });
  assert.deepEqual(await session.receive(2), ['40', '42["auth",{}]']);
  return session;
}

test('revision 3: `/` is connected unasked', async () => {
  const session = await greeted();
  await exchange(session, '42["message",1]', '42["message-back",1]');
  await exchange(session, '421["message-with-ack"]', '431[]');
  session.leave();
  const polling = await PollingSession.open(server, { revision: 3 });
  assert.deepEqual(await polling.receive(2), ['40', '42["auth",{}]']);
});

test('revision 3: other namespaces, with a query or none', async () => {
  for (const form of ['40/custom', '40/custom,', '40/custom?token=1', '40/custom?token=1&x=/,']) {
    const session = await greeted();
    await exchange(session, form, ['40/custom,', '42/custom,["auth",{}]']);
    await exchange(session, '42/custom,1["message-with-ack",2]', '43/custom,1[2]');
    await exchange(session, '42/custom,["disconnect-me"]', '41/custom,');
    await exchange(session, '42["message"]', '42["message-back"]');
    session.leave();
  }
});

test('revision 3: an unknown namespace', async () => {
  const session = await greeted();
  await exchange(session, '40/nope', `44/nope,${INVALID}`);
  await exchange(session, '42["message"]', '42["message-back"]');
  session.leave();
});
