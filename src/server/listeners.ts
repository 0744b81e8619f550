/** The issuer's listeners: one for everybody, which asks for a client's certificate, and one, if wanted, that drops who has none. */
import type { Socket } from 'node:net';
import type { Clock, RandomBytes } from '../core/index.js';
import type { ConnectionGate } from './auth/connection-gate.js';
import type { Config } from './config.js';
import type { Logger } from './http/access-log.js';
import type { App } from './http/app.js';
import { createHttpServer, type HttpServer } from './http/http-server.js';
import { issuerUrl } from './maintenance.js';
import type { PeerCertificates } from './pki/peer-certificate.js';
import type { IssuerTls } from './tls-files.js';

export interface ListenerOptions {
  readonly config: Config;
  readonly app: App;
  readonly peers: PeerCertificates;
  readonly gate: ConnectionGate;
  readonly tls: IssuerTls;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly logger: Logger;
}

export interface Listeners {
  readonly url: string;
  /** Of the listener for clients with a certificate alone. */
  readonly mtlsUrl: string | undefined;
  /** Resolves when the listener for everybody has closed, for whatever reason. */
  readonly closed: Promise<void>;
  /** New connections get this certificate, and these CAs. */
  setTls(tls: IssuerTls): void;
  drain(deadlineMs: number): Promise<void>;
}

/** Opens them. Throws `ERR_CONFIG` for an address or a port that cannot be listened on; then none is open. */
export async function openListeners(options: ListenerOptions): Promise<Listeners> {
  const { config, peers, gate, tls } = options;
  const onTlsFailure = (socket: Socket, code: string): void =>
    void gate.noteTlsFailure({ address: socket.remoteAddress, certificate: peers.ofConnection(socket) }, code);
  const shared = { ...options, tls: httpTls(tls), onTlsFailure };
  const open = createHttpServer(shared);
  const { port } = await open.listen({ host: config.host, port: config.port });
  const closed = new Promise<void>((resolve) => open.server.once('close', () => resolve()));
  const strict = await openStrict(shared, options).catch(async (error: unknown) => {
    await open.drain(0);
    throw error;
  });
  const servers = strict === undefined ? [open] : [open, strict.http];
  return {
    url: issuerUrl(config, port),
    mtlsUrl: strict?.url,
    closed,
    setTls: (renewed) => {
      const context = httpTls(renewed);
      if (context !== undefined) for (const server of servers) server.setSecureContext(context);
    },
    drain: async (deadlineMs) => {
      await Promise.all(servers.map((server) => server.drain(deadlineMs)));
    },
  };
}

async function openStrict(
  shared: Parameters<typeof createHttpServer>[0],
  { config, peers, gate }: ListenerOptions,
): Promise<{ readonly http: HttpServer; readonly url: string } | undefined> {
  if (config.mtls_port === undefined) return undefined;
  let url = '';
  const http = createHttpServer({
    ...shared,
    origin: () => url,
    admits: (socket) => gate.admits({ address: socket.remoteAddress, certificate: peers.ofConnection(socket) }),
  });
  const { port } = await http.listen({ host: config.host, port: config.mtls_port });
  const origin = new URL(issuerUrl(config, port));
  origin.port = String(port);
  url = origin.origin;
  return { http, url };
}

function httpTls({ identity, clientAuthorities }: IssuerTls) {
  return identity === undefined ? undefined : { ...identity, clientAuthorities };
}
