// How the live page looks: on a phone, dark and light, by keyboard.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Server, eventually } from '../node/support.mjs';
import { LivePage, launchBrowser } from './support.mjs';

const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 3, isMobile: true, hasTouch: true };

let server;
let browser;
before(async () => {
  server = await Server.start();
  browser = await launchBrowser();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** The page with both panes in use: a long name and a long word in the log and the result. */
async function inUse(options) {
  const live = await LivePage.open(browser, server, options);
  const long = 'unbreakable'.repeat(30);
  for (const pane of [live.a, live.b]) await pane.does('join', { room: long });
  await live.a.does('broadcast', { rooms: long, text: long });
  await live.a.does('broadcast', { rooms: long, text: 'a short one' });
  await live.a.press('leaveAll', { room: await live.b.id() });
  await eventually(async () => assert.ok((await live.b.log()).at(-1)?.includes('a short one')), 'the last message');
  return live;
}

/** In the page: every visible text's contrast with what lies behind it, and the luminance of the page's background. */
function measure() {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 1;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  // The colours of computed styles come in many notations; a painted pixel has one.
  const paint = (colours) => {
    context.clearRect(0, 0, 1, 1);
    for (const colour of colours) {
      context.fillStyle = colour;
      context.fillRect(0, 0, 1, 1);
    }
    return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.unshift(getComputedStyle(at).backgroundColor);
    return ['Canvas', ...layers];
  };
  const texts = [];
  for (const element of document.body.querySelectorAll('*')) {
    const own = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
    const typed = element.matches('input, textarea, select') && element.type !== 'checkbox';
    if (!(own || typed) || element.disabled || element.closest('script, style, option, template') || !element.checkVisibility?.({ visibilityProperty: true, opacityProperty: true })) continue;
    const layers = behind(element);
    const [text, ground] = [luminance(paint([...layers, getComputedStyle(element).color])), luminance(paint(layers))];
    const contrast = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
    texts.push({ contrast, what: `${element.localName} "${(element.innerText || element.value || '').trim().slice(0, 40)}"` });
  }
  return { texts, ground: luminance(paint(behind(document.body))) };
}

for (const colorScheme of ['light', 'dark']) {
  for (const [device, options] of [['a desktop', {}], ['a phone', PHONE]]) {
    test(`${colorScheme} on ${device}: every text has a contrast of 4.5 or more`, async () => {
      const live = await inUse({ ...options, colorScheme });
      const { texts, ground } = await live.page.evaluate(measure);
      assert.ok(texts.length >= 20, `only ${texts.length} texts were found`);
      const weak = texts.filter(({ contrast }) => contrast < 4.5).map(({ contrast, what }) => `${contrast.toFixed(2)}: ${what}`);
      assert.deepEqual(weak, []);
      assert.ok(colorScheme === 'dark' ? ground < 0.2 : ground > 0.6, `the background has a luminance of ${ground.toFixed(2)}`);
      await live.close();
    });
  }
}

for (const [width, height] of [[390, 844], [844, 390], [320, 640], [1280, 800]]) {
  test(`${width} x ${height}: nothing sticks out sideways`, async () => {
    const live = await inUse({ ...(width < 1000 ? PHONE : {}), viewport: { width, height } });
    const out = await live.page.evaluate(() => {
      const wide = [...document.body.querySelectorAll('*')].filter((element) => {
        const { left, right, width: size } = element.getBoundingClientRect();
        const clipped = element.parentElement.closest('[data-out]') && getComputedStyle(element.closest('[data-out]')).overflowX !== 'visible';
        return size > 0 && !clipped && (right > innerWidth + 1 || left < -1) && element.checkVisibility();
      });
      return { scroll: document.documentElement.scrollWidth, inner: innerWidth, wide: wide.map((element) => element.outerHTML.slice(0, 100)) };
    });
    assert.deepEqual(out, { scroll: width, inner: width, wide: [] });
    await live.close();
  });
}

test('a phone: text and buttons are large enough', async () => {
  const live = await inUse(PHONE);
  const small = await live.page.evaluate(() => [
    ...[...document.querySelectorAll('[data-verb]')].filter((element) => element.getBoundingClientRect().height < 24),
    ...[...document.querySelectorAll('[data-verb], [data-field], [data-out]')].filter((element) => parseFloat(getComputedStyle(element).fontSize) < 12),
  ].map((element) => element.outerHTML.slice(0, 100)));
  assert.deepEqual(small, []);
  assert.ok(await live.page.locator('meta[name=viewport]').count(), 'a viewport for phones');
  await live.close();
});

test('fields and buttons have names, the page a title and a language', async () => {
  const live = await LivePage.open(browser, server);
  assert.match(await live.page.title(), /roomcast/i);
  assert.match(await live.page.locator('html').getAttribute('lang'), /^[a-z]{2}/);
  for (const pane of [live.a, live.b]) {
    const nameless = await pane.root.locator('[data-field], [data-verb]').evaluateAll((elements) => elements
      .filter((element) => !(element.getAttribute('aria-label') || element.labels?.[0]?.innerText.trim() || element.innerText.trim()))
      .map((element) => element.outerHTML));
    assert.deepEqual(nameless, []);
    assert.equal(await pane.root.locator('[data-verb]').count(), 8);
  }
  await live.close();
});

test('the keyboard alone joins a room', async () => {
  const live = await LivePage.open(browser, server);
  await live.a.field('room').focus();
  await live.page.keyboard.press('Control+A');
  await live.page.keyboard.type('by keyboard');
  const focused = () => live.page.evaluate(() => document.activeElement.closest('[data-pane]')?.dataset.pane + document.activeElement.dataset.verb);
  for (let steps = 0; await focused() !== 'ajoin'; steps += 1) {
    assert.ok(steps < 30, 'the join button is not reached');
    await live.page.keyboard.press('Tab');
  }
  await live.page.keyboard.press('Enter');
  await server.membersBecome('by keyboard', 1);
  await live.close();
});
