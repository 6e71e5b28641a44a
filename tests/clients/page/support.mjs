// The live page in a headless browser: opening it, its panes, and what must never happen in any test.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import { DEADLINE, eventually } from '../node/support.mjs';

/** Where Debian and others put the browser; CHROMIUM names another one. */
const PLACES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The browser talks to the server under test and to nobody else. */
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--no-first-run', '--disable-quic', '--disable-dev-shm-usage'];

/** A headless browser. */
export function launchBrowser() {
  const executablePath = PLACES.find((place) => place && existsSync(place));
  assert.ok(executablePath, 'no Chromium: apt-get install chromium');
  return chromium.launch({ executablePath, args: FLAGS, timeout: 3 * DEADLINE });
}

/** The page at `/`, open, with all panes connected. */
export class LivePage {
  /** Errors of the console, uncaught exceptions, failed and foreign requests. */
  faults = [];

  static async open(browser, server, options = {}) {
    const live = new LivePage();
    live.context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    live.context.setDefaultTimeout(DEADLINE);
    live.page = await live.context.newPage();
    live.page.on('console', (message) => { if (message.type() === 'error') live.faults.push(`console: ${message.text()}`); });
    live.page.on('pageerror', (error) => live.faults.push(`exception: ${error.message}`));
    live.page.on('requestfailed', (request) => live.faults.push(`failed: ${request.url()}`));
    live.page.on('request', (request) => {
      const { protocol, host } = new URL(request.url());
      if (!['data:', 'blob:'].includes(protocol) && host !== `${server.host}:${server.port}`) live.faults.push(`foreign: ${request.url()}`);
    });
    const response = await live.page.goto(server.url('/'));
    assert.deepEqual([response.status(), live.page.url()], [200, server.url('/')], 'no redirect');
    for (const name of ['a', 'b', 'c']) {
      live[name] = live.pane(name);
      await live[name].becomes('status', 'connected');
    }
    return live;
  }

  pane(name) { return new Pane(this.page, name); }

  /** Closes it; nothing may have gone wrong behind the scenes. */
  async close() {
    const faults = [...this.faults]; // closing ends requests that are under way, and that is no fault
    await this.context.close();
    assert.deepEqual(faults, []);
  }
}

/** One of the panes, by the hooks in its markup: a and b are raw WebSockets, c speaks Socket.IO, `requests` asks over c. */
class Pane {
  constructor(page, name) {
    this.root = page.locator(`[data-pane="${name}"]`);
  }

  field(name) { return this.root.locator(`[data-field="${name}"]`); }
  verb(name) { return this.root.locator(`[data-verb="${name}"]`); }
  out(name) { return this.root.locator(`[data-out="${name}"]`); }

  text(name) { return this.out(name).innerText(); }

  /** The texts of the messages so far. */
  log() { return this.out('log').locator('> *').allInnerTexts(); }

  /** Waits until an output shows this text and no other. */
  async becomes(name, text) {
    await eventually(async () => assert.equal((await this.text(name)).trim(), text), `[data-out=${name}]`);
  }

  /** The last line of the log shows this text. */
  async hears(text) {
    await eventually(async () => assert.ok((await this.log()).at(-1)?.includes(text)), `a log line with ${text}`);
  }

  /** Fills the fields, presses a verb's button and returns the result that appears. */
  async press(verb, fields = {}) {
    for (const [name, value] of Object.entries(fields)) await this.field(name).fill(value);
    await this.out('result').evaluate((element) => { element.textContent = ''; });
    await this.verb(verb).click();
    let result = '';
    await eventually(async () => {
      result = (await this.text('result')).trim();
      return result !== '';
    }, `no result of ${verb}`);
    return result;
  }

  /** A verb that has to succeed; returns the result. */
  async does(verb, fields) {
    const result = await this.press(verb, fields);
    assert.match(result, /"?ok"?\s*:\s*true/, `${verb}: ${result}`);
    return result;
  }

  /** The pane's socket id, as its own button tells it. */
  async id() {
    const result = await this.does('getId');
    return (/[A-Za-z0-9_-]{20}/.exec(result) ?? assert.fail(`no id in ${result}`))[0];
  }
}
