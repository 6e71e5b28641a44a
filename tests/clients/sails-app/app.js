// A real Sails on a free port, which says where it listens. It ends with SIGTERM.

'use strict';

const sails = require('sails');
const routes = require('./routes');

const unused = ['blueprints', 'grunt', 'i18n', 'orm', 'pubsub', 'views'];

sails.lift({
  appPath: __dirname,
  environment: 'development', // in production Sails wants a list of origins, and refuses clients that have none
  explicitHost: '127.0.0.1',
  port: Number(process.env.PORT ?? 0),
  hooks: Object.fromEntries(unused.map((hook) => [hook, false])),
  log: { level: 'silent' },
  session: { secret: 'none' },
  sockets: { transports: ['polling', 'websocket'] },
  routes,
}, (error) => {
  if (error) {
    console.error(error);
    process.exit(1);
  }
  const { address, port } = sails.hooks.http.server.address();
  console.log(`sails ${sails.version} on http://${address}:${port}`);
});
