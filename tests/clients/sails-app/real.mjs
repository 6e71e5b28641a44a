// The real Sails as a process, with the same clients as the server that is compared with it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { SailsServer, eventually } from '../node/sails/support.mjs';

const BANNER = /^sails (\S+) on http:\/\/(\S+):(\d+)$/m;

export class RealSails extends SailsServer {
  /** Starts it on a free port, and waits until it has lifted. */
  static async start() {
    const server = new this();
    server.process = launch();
    await eventually(() => {
      assert.equal(server.process.ended, undefined, `Sails ended: ${server.process.stderr}`);
      assert.match(server.process.stdout, BANNER);
    }, 'Sails does not lift', 60_000);
    [, server.version, server.host, server.port] = BANNER.exec(server.process.stdout);
    server.port = Number(server.port);
    return server;
  }

  /** It greets nobody. */
  async open(options) {
    const peer = this.begin(options);
    await peer.becomes(() => peer.ids.length > 0, 'connected');
    return peer;
  }
}

function launch() {
  const child = spawn(process.execPath, ['app.js'], { cwd: import.meta.dirname, env: { ...process.env, PORT: '0' }, stdio: ['ignore', 'pipe', 'pipe'] });
  const launched = { stdout: '', stderr: '', ended: undefined, kill: (signal) => child.kill(signal) };
  for (const stream of ['stdout', 'stderr']) child[stream].setEncoding('utf8').on('data', (part) => { launched[stream] += part; });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  launched.exited = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      process.removeListener('exit', kill);
      launched.ended = { code, signal };
      resolve(launched.ended);
    });
  });
  return launched;
}
