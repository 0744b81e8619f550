/** `macaroond serve`: run the issuer until a signal ends it. */
import type { Command } from 'commander';
import { type JsonOption, readInteger, withJson } from '../options.js';
import type { ServeFlags } from '../server-side.js';
import { type Session, usageError } from '../session.js';

interface ServeOptions extends ServeFlags, JsonOption {}

export function register(program: Command, session: Session): void {
  withJson(program.command('serve'))
    .description('run the issuer; makes the data directory on first use')
    .option('--data <dir>', 'data directory; MACAROOND_DATA, then ./data when absent')
    .option('--host <address>', 'address to listen on; 127.0.0.1 when absent')
    .option('--port <number>', 'port to listen on; 8443 when absent, 0 for a free one', readInteger(65_535))
    .option('--config <file>', 'configuration file')
    .option('--url <url>', 'what clients call the issuer, when that differs from host and port')
    .option('--tls-cert <file>', 'certificate of your own, PEM, with its chain')
    .option('--tls-key <file>', 'its private key, PEM')
    .option('--client-ca <file>', 'PEM file of further CAs that client certificates may come from')
    .option('--mtls-port <number>', 'port of a second listener, for clients with a certificate alone', readInteger(65_535))
    .option('--plain-http', 'HTTP without TLS, on loopback only')
    .action((options: ServeOptions) => serve(session, options));
}

async function serve(session: Session, options: ServeOptions): Promise<void> {
  const { json, ...flags } = options;
  checkPorts(flags);
  const { ownDataDirectory, pathOf, readEndpoint, variable } = await import('../environment.js');
  const { checkDataPlace } = await import('../folders.js');
  const path = (file: string | undefined) => (file === undefined ? undefined : pathOf(session.io, file));
  const { data, config, tlsCert, tlsKey, clientCa } = flags;
  const files = { tlsCert: path(tlsCert), tlsKey: path(tlsKey), clientCa: path(clientCa) };
  const paths = { data: path(data), config: path(config), ...files };
  // A configuration file may name another one than ./data.
  if ((data ?? variable(session.io, 'MACAROOND_DATA')) !== undefined) await checkDataPlace(ownDataDirectory(session.io, data));
  const server = await (await session.io.loadServerSide()).serve({ ...flags, ...paths }, session.io.env);
  const { url, mtlsUrl, dataDirectory, isNew } = server;
  session.note(`macaroond: listening on ${url}, data in ${dataDirectory}`);
  if (mtlsUrl !== undefined) session.note(`macaroond: for clients with a certificate alone: ${mtlsUrl}`);
  if (json) session.printJson({ url, mtls_url: mtlsUrl, data: dataDirectory });
  if (isNew || session.io.stderr.isTTY === true) {
    const { nextCommands } = await import('../next-commands.js');
    const tlsCert = (await readEndpoint(dataDirectory))?.tlsCert;
    for (const line of nextCommands(session.io, { url, data: dataDirectory, tlsCert })) session.note(line);
  }
  await new Promise<void>((resolve, reject) => {
    server.closed.then(resolve, reject);
    session.io.onStopSignal(() => void server.stop().catch(reject));
  });
  session.note('macaroond: stopped');
}

/** Two listeners on one port would be told as another program that is in the way. */
function checkPorts({ port, mtlsPort }: ServeFlags): void {
  if (port === undefined || port === 0 || port !== mtlsPort) return;
  throw usageError(`--port and --mtls-port are both ${port}`, 'they are two listeners: give each a port of its own');
}
