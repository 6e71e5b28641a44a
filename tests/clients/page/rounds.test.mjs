// How the live page keeps itself up to date, without a browser.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

const source = await readFile(new URL('../../../server/src/page/rounds.js', import.meta.url), 'utf8');
const { inRounds } = await import(`data:text/javascript,${encodeURIComponent(source)}`);

/** Work whose rounds end when they are told to. */
function work() {
  const begun = [];
  return { begun, refresh: inRounds(() => new Promise((resolve, reject) => { begun.push({ resolve, reject }); })) };
}

/** Lets everything happen that waits for nothing else. */
const settled = () => new Promise((resolve) => { setImmediate(resolve); });

test('calls that come meanwhile are one more round together', async () => {
  const { begun, refresh } = work();
  const asked = [refresh(), refresh(), refresh()];
  begun[0].resolve();
  await settled();
  assert.equal(begun.length, 2);
  begun[1].resolve();
  await Promise.all(asked);
  assert.equal(begun.length, 2);
  refresh();
  assert.equal(begun.length, 3);
});

test('a call just behind the last round begins another one', async () => {
  for (let microtasks = 0; microtasks < 9; microtasks += 1) {
    const { begun, refresh } = work();
    refresh();
    begun[0].resolve();
    for (let waited = 0; waited < microtasks; waited += 1) {
      await undefined;
    }
    refresh();
    await settled();
    assert.equal(begun.length, 2, `${microtasks} microtasks behind`);
  }
});

test('a round that fails does not end the others', async (t) => {
  const said = t.mock.method(console, 'error', () => {});
  const { begun, refresh } = work();
  const first = refresh();
  const error = new Error('as asked');
  begun[0].reject(error);
  await first;
  assert.deepEqual(said.mock.calls.map((call) => call.arguments), [[error]]);
  const [second] = [refresh(), refresh()];
  begun[1].reject(error);
  await settled();
  assert.equal(begun.length, 3, 'what was asked for meanwhile');
  begun[2].resolve();
  await second;
});

test('nor does work that fails before it has begun', async (t) => {
  t.mock.method(console, 'error', () => {});
  let rounds = 0;
  const refresh = inRounds(() => {
    rounds += 1;
    throw new Error('as asked');
  });
  await refresh();
  await refresh();
  assert.equal(rounds, 2);
});
