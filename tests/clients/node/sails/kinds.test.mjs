// Members of every kind in the same rooms: each verb, from each kind, acts on all of them alike, and every copy is counted.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { KINDS } from './kinds.mjs';
import { SailsServer, numbers } from './support.mjs';

let server;
/** Two sockets of each kind, which every test uses again. */
let members;
let outsiders;
/** A socket of another namespace, which none of this concerns. */
let foreigner;
before(async () => {
  server = await SailsServer.start();
  [members, outsiders] = await Promise.all([everyKind(), everyKind()]);
  foreigner = await server.open({ nsp: '/custom' });
  foreigner.heard = [];
  for (const event of ['message', 'news']) foreigner.socket.on(event, (...args) => foreigner.heard.push(args));
});
after(() => server.stop());

const everyKind = () => Promise.all(Object.values(KINDS).map((make) => make(server)));

let count = 0;
/** A room name of its own for each test. */
const room = (label) => `${label} ${++count} ü/🎲`;

/** All members are in this room. */
async function gathered(label) {
  const name = room(label);
  await Promise.all(members.map((member) => member.join(name)));
  assert.equal(await server.members(name), members.length);
  return name;
}

/** Each has heard exactly this, and is asked first, so that nothing is on its way: `wanted` says what for each of all sockets. */
async function hear(wanted) {
  const all = [...members, ...outsiders];
  await Promise.all(all.map((each) => each.settle()));
  assert.deepEqual(all.map((each) => each.heard()), all.map(wanted));
  await foreigner.settle();
  assert.deepEqual(foreigner.heard, []);
}

/** Each is in exactly these rooms of its own accord. */
async function areIn(wanted) {
  const all = [...members, ...outsiders];
  assert.deepEqual(await Promise.all(all.map((each) => each.rooms())), all.map((each) => wanted(each).sort()));
}

/** What members, and only they, hear. */
const ofMembers = (...messages) => (each) => (members.includes(each) ? messages : []);

const idsOf = (list) => list.map(({ id }) => id);

for (const [index, kind] of Object.keys(KINDS).entries()) {
  const data = { from: kind, deep: [1, null, { ü: '🎲' }] };
  const insider = () => members[index];
  const outsider = () => outsiders[index];

  test(`${kind} broadcasts to a room: every member hears it once, the sender too`, async () => {
    const here = await gathered('broadcast');
    await insider().broadcast([here], { event: 'news', data });
    await hear(ofMembers(['news', data]));
    await outsider().broadcast([here], { data });
    await hear(ofMembers(['message', data]));
    await insider().clear(here);
  });

  test(`${kind} omits itself and nobody else`, async () => {
    const [here, there] = [await gathered('omit'), await gathered('omit')];
    await insider().broadcast([here], { data, omit: true });
    await insider().broadcast([here, there], { data: 1, omit: true });
    await insider().broadcast([here, there], { data: 2, omit: true, once: true });
    await insider().broadcast([here, insider().id], { data: 3, omit: true });
    await insider().blast({ data: 4, omit: true });
    await hear((each) => {
      if (each === insider()) return [];
      return members.includes(each) ? [data, 1, 1, 2, 3, 4].map((value) => ['message', value]) : [['message', 4]];
    });
    await outsider().clear(here);
  });

  test(`${kind} broadcasts to several rooms: one copy a room, or one a socket`, async () => {
    const [here, there, empty] = [await gathered('several'), room('half'), room('empty')];
    const half = members.filter((member, at) => at % 2 === 0);
    await outsider().join(there, idsOf(half));
    await insider().broadcast([here, there, empty], { data: 'per room' });
    await insider().broadcast([here, there, empty], { data: 'once', once: true });
    await insider().broadcast([there], { data: 'half', once: true });
    await insider().broadcast([here, half[0].id], { data: 'room and id', once: true });
    const both = ['per room', 'per room', 'once', 'half', 'room and id'];
    const one = ['per room', 'once', 'room and id'];
    await hear((each) => (half.includes(each) ? both : one).filter(() => members.includes(each)).map((value) => ['message', value]));
    await insider().clear(here);
  });

  test(`${kind} blasts: everybody hears it once, whatever their rooms`, async () => {
    const [here, there] = [await gathered('blast'), await gathered('blast')];
    await outsider().blast({ event: 'news', data });
    await hear(() => [['news', data]]);
    await insider().clear(here);
    await insider().remove(here, [there]);
  });

  test(`${kind} sends to a single socket of each kind by its id`, async () => {
    for (const each of [...members, ...outsiders]) await insider().broadcast([each.id], { data: each.id });
    await hear((each) => [['message', each.id]]);
    await insider().broadcast(idsOf(members), { data, once: true });
    await hear(ofMembers(['message', data]));
  });

  test(`${kind} lets others join and leave by their ids`, async () => {
    const here = room('ids');
    await outsider().join(here, [...idsOf(members), ...idsOf(members), 'nobody']);
    await areIn((each) => (members.includes(each) ? [here] : []));
    assert.equal(await server.members(here), members.length);
    const [first, ...rest] = members;
    await outsider().leave(here, [...idsOf(rest), 'nobody', outsider().id]);
    await areIn((each) => (each === first ? [here] : []));
    await outsider().broadcast([here], { data });
    await hear((each) => (each === first ? [['message', data]] : []));
    await outsider().leave(here, [first.id]);
    assert.equal(await server.members(here), 0);
  });

  test(`${kind} adds members to rooms: a copy, and of this moment`, async () => {
    const [from, to, other] = [await gathered('copy'), room('to'), room('other')];
    await outsider().join(other);
    await outsider().copy(from, [to, other, to]);
    await areIn((each) => (members.includes(each) ? [from, to, other] : each === outsider() ? [other] : []));
    await outsider().join(from);
    assert.equal(await server.members(to), members.length);
    await insider().copy(insider().id, [from]);
    await insider().copy('nobody is here', [to]);
    assert.deepEqual([await server.members(from), await server.members(to)], [members.length + 1, members.length]);
    await insider().clear(from);
    await areIn(() => []);
  });

  test(`${kind} removes members from rooms: others stay`, async () => {
    const [from, here, there] = [await gathered('remove'), await gathered('here'), await gathered('there')];
    for (const name of [here, there]) await outsider().join(name);
    await outsider().remove(from, [here, 'nobody is here', there]);
    await areIn((each) => (members.includes(each) ? [from] : each === outsider() ? [here, there] : []));
    await outsider().remove(from, [from]);
    assert.equal(await server.members(from), 0);
    await outsider().remove(outsider().id, [here]);
    await areIn((each) => (each === outsider() ? [there] : []));
    await outsider().leave(there);
    await areIn(() => []);
  });

  test(`${kind} clears a room: its members leave all rooms but their own, others none`, async () => {
    const [here, there, elsewhere] = [await gathered('clear'), await gathered('there'), room('elsewhere')];
    for (const name of [there, elsewhere]) await outsider().join(name);
    await outsider().clear(here);
    await areIn((each) => (each === outsider() ? [there, elsewhere] : []));
    await insider().broadcast([here, there, insider().id], { data });
    await hear((each) => ([insider(), outsider()].includes(each) ? [['message', data]] : []));
    await outsider().clear(outsider().id);
    await areIn(() => []);
    for (const each of members) assert.equal(await server.members(each.id), 1);
  });

  test(`${kind}: a call is in force before its answer`, async () => {
    const here = room('at once');
    for (const number of numbers(20)) {
      await outsider().join(here, idsOf(members));
      await insider().broadcast([here], { data: number });
      await outsider().remove(here, [here]);
      await insider().broadcast([here], { data: 'too late' });
    }
    await hear(ofMembers(...numbers(20).map((number) => ['message', number])));
  });

  test(`${kind}: what is asked without waiting takes effect in that order`, async () => {
    const [here, there] = [room('pipeline'), room('pipeline')];
    await Promise.all(numbers(30).flatMap((number) => [
      outsider().join(here),
      outsider().broadcast([here], { data: number }),
      outsider().copy(here, [there]),
      outsider().leave(here),
      outsider().broadcast([here], { data: 'too late' }),
      outsider().broadcast([there], { data: `${number} too` }),
      outsider().clear(there),
    ]));
    await hear((each) => (each === outsider() ? numbers(30).flatMap((number) => [number, `${number} too`]).map((value) => ['message', value]) : []));
    await areIn(() => []);
  });

  test(`${kind} goes, and is in no room any more`, async () => {
    const leaver = await Object.values(KINDS)[index](server);
    const breaker = await Object.values(KINDS)[index](server);
    const here = await gathered('going');
    for (const each of [leaver, breaker]) await each.join(here);
    leaver.go();
    breaker.break();
    await server.membersBecome(here, members.length);
    for (const { id } of [leaver, breaker]) await server.membersBecome(id, 0);
    await insider().broadcast([here], { data });
    await hear(ofMembers(['message', data]));
    await insider().clear(here);
  });
}

test('a crowd of all kinds comes and goes, and the counters are what they were [ours]', async () => {
  const former = await server.restingStats();
  const crowd = (await Promise.all(numbers(5).map(everyKind))).flat();
  const here = room('crowd');
  await crowd[0].join(here, idsOf(crowd));
  await crowd[1].copy(here, [room('crowd'), room('crowd')]);
  const { sockets, websockets, rooms, memberships } = await server.stats();
  assert.deepEqual({ sockets, websockets, rooms, memberships }, { sockets: former.sockets + crowd.length - 5, websockets: former.websockets + 5,
    rooms: former.rooms + crowd.length + 3, memberships: former.memberships + 4 * crowd.length });
  for (const [index, each] of crowd.entries()) {
    if (index % 2 === 0) each.go();
    else each.break();
  }
  await server.statsBecome(former);
});

test('all kinds talk at once: each member hears each sender completely and in order', async () => {
  const here = await gathered('order');
  const perSender = 100;
  await Promise.all([...members, ...outsiders].flatMap((sender, from) => numbers(perSender).map((number) => {
    if (number % 10 === 9) return sender.blast({ event: 'news', data: [from, number] });
    return sender.broadcast([here], { event: 'news', data: [from, number], ...(number % 2 === 0 ? { once: true } : {}) });
  })));
  const all = [...members, ...outsiders];
  await Promise.all(all.map((each) => each.settle()));
  for (const each of all) {
    const heard = each.heard().map(([, data]) => data);
    for (const from of all.keys()) {
      const wanted = numbers(perSender).filter((number) => members.includes(each) || number % 10 === 9);
      assert.deepEqual(heard.filter(([sender]) => sender === from).map(([, number]) => number), wanted);
    }
    assert.equal(heard.length, all.length * (members.includes(each) ? perSender : perSender / 10));
  }
  await members[0].clear(here);
});
