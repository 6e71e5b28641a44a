// Acknowledgements both ways (CONTRACT section 2).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { COMBINATIONS, SocketIoServer, isCurrent, numbers } from './support.mjs';

let server;
before(async () => { server = await SocketIoServer.start(); });
after(() => server.stop());

/** Collects the questions of the server: `{args, answer}` each. */
function questions(peer) {
  const asked = [];
  peer.socket.on('question', (...args) => asked.push({ answer: args.pop(), args }));
  return asked;
}

for (const { client, transport, label } of COMBINATIONS) {
  for (const nsp of ['/', '/custom']) {
    test(`${label} ${nsp}: arguments come back in the acknowledgement`, async () => {
      const peer = await server.open({ client, transport, nsp });
      const bytes = Buffer.from(numbers(256));
      for (const args of [[], [1], [null], ['ü🎲', { a: [] }, [[]]], [bytes], [{ deep: [bytes, { bytes }] }, 'x', Buffer.alloc(0)], [[]]]) {
        assert.deepEqual(await peer.ask('message-with-ack', ...args), args);
      }
      assert.deepEqual(peer.heard(), [], 'nothing but the acknowledgements');
    });

    test(`${label} ${nsp}: the server asks, the client answers`, async () => {
      const peer = await server.open({ client, transport, nsp });
      const asked = questions(peer);
      const bytes = Buffer.from('bytes');
      for (const [args, answers] of [[[], []], [['ü', 1], ['yes', null, { a: 1 }]], [[bytes, { bytes }], [[bytes], bytes]], [[{}], [[]]]]) {
        peer.emit('ask-me', ...args);
        await peer.settle();
        const [question, ...more] = asked.splice(0);
        assert.deepEqual([question.args, more], [args, []]);
        question.answer(...answers);
        assert.deepEqual(await peer.hears(1), [['answer', ...answers]]);
      }
    });
  }

  test(`${label}: many questions of a client at once, each gets its own answer`, async () => {
    const peer = await server.open({ client, transport });
    const answers = await Promise.all(numbers(300).map((number) => peer.ask('message-with-ack', number)));
    assert.deepEqual(answers, numbers(300).map((number) => [number]));
  });

  test(`${label}: questions of the server are answered out of order, late or never`, async () => {
    const peer = await server.open({ client, transport });
    const asked = questions(peer);
    for (const number of numbers(20)) peer.emit('ask-me', number);
    await peer.settle();
    assert.deepEqual(asked.map(({ args }) => args), numbers(20).map((number) => [number]));
    for (const number of [19, 3, 0, 11, 4]) asked[number].answer(number);
    const answers = await peer.hears(5);
    assert.deepEqual(answers.sort(([, one], [, other]) => one - other), [0, 3, 4, 11, 19].map((number) => ['answer', number]));
    assert.deepEqual(await peer.echo('goes on'), ['goes on']);
  });

  test(`${label}: acknowledgements of a client are taken in their order`, async () => {
    const peer = await server.open({ client, transport });
    const asked = questions(peer);
    for (const number of numbers(50)) peer.emit('ask-me', number);
    await peer.settle();
    const order = asked.reverse().map(({ args: [number], answer }) => {
      answer(number);
      return number;
    });
    assert.equal((await peer.hears(50)).map(([, number]) => number).join(), order.join());
  });

  test(`${label}: acknowledgements and events keep their order`, async () => {
    const peer = await server.open({ client, transport });
    const order = [];
    peer.socket.on('message-back', (number) => order.push(number));
    for (const number of numbers(200)) {
      if (number % 2 === 0) peer.emit('message', number);
      else peer.socket.emit('message-with-ack', number, (back) => order.push(back));
    }
    await peer.settle();
    assert.deepEqual(order, numbers(200));
  });

  test(`${label}: an event that nobody listens to is not acknowledged`, async () => {
    const peer = await server.open({ client, transport });
    const wrong = [];
    peer.socket.emit('nobody listens', 1, () => wrong.push('acknowledged'));
    await peer.settle();
    assert.deepEqual(wrong, []);
  });
}

for (const { transport, label } of COMBINATIONS.filter(({ client }) => isCurrent(client))) {
  test(`${label}: the client's own timeout`, async () => {
    const peer = await server.open({ transport });
    await assert.rejects(peer.socket.timeout(50).emitWithAck('nobody listens'), /timed out/);
    assert.deepEqual(await peer.socket.timeout(20_000).emitWithAck('message-with-ack', 'in time'), 'in time');
  });
}
