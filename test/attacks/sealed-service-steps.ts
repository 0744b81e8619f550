/**
 * A service behind `requireMacaroon` as a process of its own, for the clients of `origin`, whose requests may be a minute old. It keeps used nonces in
 * the file that it is told. Prints its port; ends when its standard input does.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createVerifier, staticKeys } from '../../src/verifier/index.js';
import { requireMacaroon } from '../../src/verifier/node.js';
import { sqliteReplayStore } from '../../src/verifier/sqlite.js';
import { audience, staticKey } from '../unit/verifier/samples.js';

const [path = '', origin = ''] = process.argv.slice(2);
const replayStore = sqliteReplayStore(path);
const keys = staticKeys([staticKey]);
const verifier = createVerifier({ audience, keys, origins: [origin], replayStore, requestWindowMs: 60_000 });
const guard = requireMacaroon(verifier, { action: 'invoices:read' });
const server = createServer(async (request, response) => {
  if ((await guard(request, response)) !== undefined) response.writeHead(201).end();
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));

process.stdin.resume();
process.stdin.on('end', async () => {
  server.closeAllConnections();
  server.close();
  await verifier.close();
  await replayStore.close();
});
