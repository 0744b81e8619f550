/**
 * The server under the application: TLS, limits on time and size, the guard, and a stop that breaks no request it has accepted.
 * Plain HTTP is served on loopback only.
 */
import { constants } from 'node:crypto';
import { createServer as createPlainServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContextOptions } from 'node:tls';
import { getRequestListener } from '@hono/node-server';
import { parseAddress, parseRange, rangeContains } from '../../caveats/ip-address.js';
import { type Clock, MacaroonError, type RandomBytes } from '../../core/index.js';
import { type ProblemCode, problems } from '../../protocol/problem.js';
import { createRequestLog, type Logger, type RequestLog } from './access-log.js';
import { type Admits, dropUnlessAdmitted, holdConnections } from './admission.js';
import { type Answer, problemAnswer } from './answers.js';
import type { App } from './app.js';
import { Connections } from './connections.js';
import { problemOfParserError, sendProblem, writeProblem } from './raw-problem.js';
import { createRequestId } from './request-facts.js';
import { type GuardRefusal, judgeRequest } from './request-guard.js';
import { sendAnswer } from './send-answer.js';
import { onceATurn } from './turns.js';

/** Certificate chain and private key, PEM. */
export interface ServerTls {
  readonly cert: string;
  readonly key: string;
  /** CAs, PEM, that certificates of clients may come from: every client is asked for one, and none must have one. Not asked for when absent. */
  readonly clientAuthorities?: readonly string[] | undefined;
}

export interface ServerLimits {
  /** From the first byte of a request to the end of its headers, milliseconds. */
  readonly headersTimeoutMs: number;
  /** From the first byte of a request to its last, milliseconds. */
  readonly requestTimeoutMs: number;
  /** How often those two are checked, milliseconds. */
  readonly checkIntervalMs: number;
  /** How long a connection may wait for its next request, milliseconds. */
  readonly keepAliveTimeoutMs: number;
  readonly maxHeaderBytes: number;
  readonly maxConnections: number;
  readonly maxRequestsPerConnection: number;
  /** Requests of one connection that may be without an answer; the next is refused. */
  readonly maxUnansweredRequests: number;
  /** How long a client may take nothing of an answer that waits for it, milliseconds. */
  readonly stalledWriteMs: number;
}

const defaultServerLimits: ServerLimits = Object.freeze({
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  checkIntervalMs: 1_000,
  keepAliveTimeoutMs: 15_000,
  maxHeaderBytes: 16 * 1024,
  maxConnections: 2_000,
  maxRequestsPerConnection: 10_000,
  maxUnansweredRequests: 8,
  stalledWriteMs: 10_000,
});

export interface HttpServerOptions {
  readonly app: App;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly logger: Logger;
  /** Plain HTTP, on loopback alone, when absent. */
  readonly tls?: ServerTls | undefined;
  readonly limits?: Partial<ServerLimits> | undefined;
  /** Origin that this listener is known by, where that is not the issuer URL's. */
  readonly origin?: (() => string) | undefined;
  /** Drops connections, at their start and at each request; all are served when absent. */
  readonly admits?: Admits | undefined;
  /** Told of connections that TLS itself broke off, with the code of OpenSSL's error. */
  readonly onTlsFailure?: ((socket: Socket, code: string) => void) | undefined;
}

export interface HttpServer {
  readonly server: Server;
  /** Starts to listen; port 0 takes any. Throws `ERR_CONFIG` for plain HTTP beyond loopback. */
  listen(address: { readonly host: string; readonly port: number }): Promise<AddressInfo>;
  /** New connections get this certificate. Throws `ERR_ARGUMENT` on a plain server. */
  setSecureContext(tls: ServerTls): void;
  /** Stops: see `drain`. Resolves within `deadlineMs` (10 s when absent) whatever the clients do. */
  drain(deadlineMs?: number): Promise<void>;
}

/** Only what TLS 1.3 and RFC 9325 recommend: authenticated encryption with fresh keys. */
const ciphers = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');
/**
 * No session is resumed, as a resumed one may come without the certificate that it began with, and none is renegotiated, as that could exchange
 * the certificate under an open connection.
 */
const secureOptions = constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION;
const loopbackRanges = [parseRange('127.0.0.0/8'), parseRange('::1')];
const defaultDrainMs = 10_000;
/** While it lasts, busy clients learn with their next answer that their connection ends, instead of finding it cut. */
const lingerMs = 200;
/** A connection that has not said anything for so long while we stop is no longer waited for. */
const silentMs = 1_000;
const sweepMs = 50;

/** The server, not yet listening. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const connections = new Connections();
  const limits = { ...defaultServerLimits, ...options.limits };
  const server = createBareServer(limits, options.tls);
  const state = { isDraining: false };
  const log = createRequestLog(options.logger);
  const refuse = createRefusal(options, connections, log);
  const { app, admits, origin } = options;
  const send = onceATurn(({ response, answer }: MadeAnswer) => sendOrCut(log, response, answer));
  const exchangeOf = (response: ServerResponse) => ({
    incoming: response.req,
    listenerOrigin: origin?.(),
    send: (answer: Answer) => send({ response, answer }),
  });
  const listener = getRequestListener(
    // No HTTP/2 is served.
    (request, { outgoing }) => app.fetch(request, exchangeOf(outgoing as ServerResponse)),
    // What is left of a body is dropped by who sends the answer.
    {
      autoCleanupIncoming: false,
      overrideGlobalObjects: false,
      errorHandler: (error) => answerAdapterError(options, log, error),
    },
  );
  const answer = onceATurn((response: ServerResponse) => {
    if (!app.serveExact(exchangeOf(response))) void listener(response.req, response);
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const unanswered = connections.begin(request.socket, response);
    if (unanswered === 0) return;
    const refusal = unanswered > limits.maxUnansweredRequests ? tooManyUnanswered : judgeRequest(request);
    if (refusal !== undefined) return refuse(request, response, refusal);
    // Of what came together with a request to go over to another protocol, Node throws away the rest, and reads on in the middle of what follows.
    if (request.headers.upgrade !== undefined) connections.endWith(request.socket, response);
    if (state.isDraining) response.setHeader('Connection', 'close');
    if (admits === undefined) answer(response);
    else void dropUnlessAdmitted(request.socket, admits).then((isAdmitted) => (isAdmitted ? answer(response) : undefined));
  });
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    if (connections.begin(request.socket, response) === 0) return;
    refuse(request, response, { code: 'invalid_request', detail: 'only 100-continue can be expected' });
  });
  trackConnections(server, connections, limits, options.tls === undefined);
  answerWithoutRequest(server, connections, options, log);
  if (admits !== undefined) holdConnections(server, admits);
  let drained: Promise<void> | undefined;
  return {
    server,
    listen: (address) => listen(server, address, options.tls === undefined),
    setSecureContext: (tls) => {
      if (server instanceof TlsServer) server.setSecureContext(contextOf(tls));
      else throw new MacaroonError('ERR_ARGUMENT', 'a plain HTTP server has no certificate', { argument: 'tls' });
    },
    drain: (deadlineMs = defaultDrainMs) => {
      state.isDraining = true;
      drained ??= drain(server, connections, deadlineMs);
      return drained;
    },
  };
}

function createBareServer(limits: ServerLimits, tls: ServerTls | undefined): Server {
  const http = {
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: limits.checkIntervalMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    maxHeaderSize: limits.maxHeaderBytes,
    // The guard answers for a missing Host, with a problem.
    requireHostHeader: false,
  };
  const server =
    tls === undefined
      ? createPlainServer(http)
      : createTlsServer({
          ...{ ...http, ...contextOf(tls), handshakeTimeout: limits.headersTimeoutMs, allowHalfOpen: true },
          // Whoever shows a certificate that proves nothing is answered as one who shows none.
          ...{ requestCert: tls.clientAuthorities !== undefined, rejectUnauthorized: false },
        });
  // 0: Node drops no header; the guard counts them. How many there can be at all is bounded by their size.
  server.maxHeadersCount = 0;
  server.maxConnections = limits.maxConnections;
  server.maxRequestsPerSocket = limits.maxRequestsPerConnection;
  // Who ends its side after its requests, as `nc -N` does, is answered all the same; Node would end ours with it, and answers are not made at once.
  return Object.assign(server, { httpAllowHalfOpen: true });
}

function contextOf({ cert, key, clientAuthorities }: ServerTls): SecureContextOptions {
  const ca = clientAuthorities === undefined ? {} : { ca: [...clientAuthorities] };
  return { cert, key, ...ca, minVersion: 'TLSv1.2', ciphers, secureOptions };
}

const tooManyUnanswered: GuardRefusal = {
  code: 'invalid_request',
  detail: 'too many requests were sent on this connection before their answers were taken',
};

type Refuse = (request: IncomingMessage, response: ServerResponse, refusal: GuardRefusal) => void;

function createRefusal({ clock, randomBytes }: HttpServerOptions, connections: Connections, log: RequestLog): Refuse {
  return (request, response, refusal) => {
    const requestId = createRequestId(clock, randomBytes);
    connections.end(request.socket);
    sendProblem(response, refusal, requestId);
    log.refused(requestId, problems[refusal.code].status, request.socket.remoteAddress, request.method);
  };
}

interface MadeAnswer {
  readonly response: ServerResponse;
  readonly answer: Answer;
}

/** The adapter refuses a request that Node let through, or something failed outside of every route. */
function answerAdapterError({ clock, randomBytes }: HttpServerOptions, log: RequestLog, error: unknown): Response {
  const requestId = createRequestId(clock, randomBytes);
  const isRequestError = error instanceof Error && error.name === 'RequestError';
  if (!isRequestError) log.fault(requestId, error);
  const { status, headers, body } = problemAnswer(isRequestError ? 'invalid_request' : 'internal_error', requestId);
  return new Response(typeof body === 'string' ? body : null, { status, headers });
}

/** Sends the answer, or ends the connection where it cannot be sent: nothing else must take its place. */
function sendOrCut(log: RequestLog, response: ServerResponse, answer: Answer): void {
  try {
    sendAnswer(response, answer);
  } catch (error) {
    log.fault(answer.headers['X-Request-Id'] ?? '', error);
    response.req.socket.destroy();
  }
}

function trackConnections(server: Server, connections: Connections, limits: ServerLimits, isPlain: boolean): void {
  server.on('connection', (socket: Socket) => {
    if (isPlain && !isLoopback(socket.localAddress)) {
      socket.destroy();
      return;
    }
    connections.addRaw(socket);
    if (isPlain) connections.add(socket);
  });
  server.on('secureConnection', (socket: Socket) => connections.add(socket));
  server.on('listening', () => {
    const sweep = setInterval(() => connections.destroyStalled(limits.stalledWriteMs), limits.checkIntervalMs);
    server.once('close', () => clearInterval(sweep));
  });
}

/** What Node hands over instead of a request: bytes that are none, and CONNECT. */
function answerWithoutRequest(
  server: Server,
  connections: Connections,
  { clock, randomBytes, onTlsFailure }: HttpServerOptions,
  log: RequestLog,
): void {
  const refuse = (socket: Socket, code: ProblemCode, method?: string): void => {
    const requestId = createRequestId(clock, randomBytes);
    const answered = connections.nextAnswer(socket);
    // A request whose body does not arrive has a line of its own.
    if (answered !== 'incoming') log.refused(requestId, problems[code].status, socket.remoteAddress, method);
    if (answered === 'earlier') connections.endAfterAnswers(socket);
    else {
      connections.end(socket);
      writeProblem(socket, code, requestId);
    }
  };
  const isTlsFailure = ({ code }: NodeJS.ErrnoException, socket: Socket): boolean => {
    if (code?.startsWith('ERR_SSL_') !== true) return false;
    onTlsFailure?.(socket, code);
    return true;
  };
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    // OpenSSL may report a bad signature on a certificate only after the handshake, and then as a fault of the connection.
    if (error.code === 'ECONNRESET' || isTlsFailure(error, socket)) socket.destroy();
    // What comes in while the last answer goes out is thrown away.
    else if (connections.isEnding(socket)) return;
    else if (!socket.writable) socket.destroy();
    else refuse(socket, problemOfParserError(error));
  });
  // Over plain HTTP it is a socket of `net`, over HTTPS one of `tls`, which is one too.
  server.on('connect', (_request: IncomingMessage, socket: Duplex) => refuse(socket as Socket, 'method_not_allowed', 'CONNECT'));
}

async function listen(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
  isPlain: boolean,
): Promise<AddressInfo> {
  if (isPlain && host !== 'localhost' && !isLoopback(host)) {
    throw new MacaroonError('ERR_CONFIG', 'plain HTTP is served on loopback only: give a certificate, or listen on 127.0.0.1', {
      argument: 'host',
    });
  }
  await new Promise<void>((resolve, reject) => {
    const refuse = (cause: NodeJS.ErrnoException): void => reject(listenError(cause, host, port));
    server.once('error', refuse);
    server.listen({ host, port }, () => {
      server.off('error', refuse);
      resolve();
    });
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new MacaroonError('ERR_CONFIG', 'the server has no address');
  return address;
}

function listenError(cause: NodeJS.ErrnoException, host: string, port: number): MacaroonError {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `another program listens on port ${port} of ${host}: stop it, or choose another port`,
    EADDRNOTAVAIL: `${host} is no address of this machine`,
    ENOTFOUND: `${host} is no name of this machine`,
    EACCES: `port ${port} may not be used by this user: choose one from 1024`,
  };
  const reason = reasons[cause.code ?? ''] ?? `the server cannot listen on ${host} port ${port}`;
  return new MacaroonError('ERR_CONFIG', reason, { argument: cause.code === 'EADDRINUSE' ? 'port' : 'host', cause });
}

function isLoopback(text: string | undefined): boolean {
  const address = parseAddress(text ?? '');
  return address !== undefined && loopbackRanges.some((range) => range !== undefined && rangeContains(range, address));
}

/**
 * Stops in order: every answer says `Connection: close`; after a moment no connection is accepted and idle ones are closed; requests
 * under way are waited for; at the deadline whatever is left is cut.
 */
async function drain(server: Server, connections: Connections, deadlineMs: number): Promise<void> {
  connections.announceClose();
  const cut = setTimeout(() => connections.destroyAll(), deadlineMs);
  await new Promise((resolve) => setTimeout(resolve, Math.min(lingerMs, deadlineMs / 2)));
  const sweep = setInterval(() => connections.destroyQuiet(lingerMs, silentMs), sweepMs);
  // The `close` of HTTP would cut idle connections by Node's idea of idle: see `Connections`.
  await new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
  clearInterval(sweep);
  clearTimeout(cut);
  server.close();
}
