/**
 * The issuer's HTTP application: serves the routes of the table and runs every request through the same steps, in the same order:
 * who calls, what is asked, whether that caller may, the use case, the answer, one line in the log. A path that stands in the table word for word is found
 * there, any other by Hono; what a request holds is read from Node's own, and its answer is plain data, as to make a `Request` and a `Response` of them costs
 * as much as all these steps together.
 */
import type { IncomingMessage } from 'node:http';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { type Context, Hono } from 'hono';
import { type Clock, type RandomBytes, whenKnown } from '../../core/index.js';
import type { AnswerSigner } from '../../protocol/answer-signer.js';
import { joinedField } from '../../protocol/header-fields.js';
import type { ReplayStore } from '../../protocol/replay-store.js';
import { parseTrustedProxies } from '../../verifier/client-address.js';
import type { ClientLogin } from '../auth/registry.js';
import type { Issuer } from '../domain/issuer.js';
import type { Known } from '../domain/ports.js';
import { authenticate, authorizeVerifier, requireTrueProof } from './access.js';
import { createRequestLog, type Logger, type RequestLog } from './access-log.js';
import { type Answer, bytesAnswer, emptyAnswer, jsonAnswer, problemAnswer, signedAnswer } from './answers.js';
import { createIssuerVerifiers } from './issuer-verifiers.js';
import { judgeError } from './judge-error.js';
import { openApiDocument } from './openapi.js';
import { createRequestId, type FactSources, type RequestFacts, readRequestFacts } from './request-facts.js';
import { type RequestInput, readInput } from './request-input.js';
import { type Caller, type FoundRoute, type OnSigner, type Route, rawAnswer } from './route.js';
import { methodsOf, routes } from './route-table.js';
import type { Services } from './services.js';

export interface AppOptions {
  readonly issuer: Issuer;
  readonly clock: Clock;
  readonly randomBytes: RandomBytes;
  readonly logger: Logger;
  /** Base URL that clients reach the issuer by, without a slash at its end. */
  readonly issuerUrl: () => string;
  /** URL of the listener for clients with a certificate alone, once there is one; none when absent. */
  readonly mtlsUrl?: (() => string | undefined) | undefined;
  /** Throws when the issuer cannot work now: the store is gone, or it is stopping. */
  readonly checkReady: () => Promise<void>;
  /** Ranges of proxies whose `X-Forwarded-For` counts; none when absent. */
  readonly trustedProxies?: readonly string[] | undefined;
  /** Tokens that the verifier of each audience remembers at most; its own default when absent. */
  readonly rememberedTokens?: number | undefined;
  readonly clientLogin: ClientLogin;
  /** Nonces of sealed requests, to the issuer and to services that ask it. */
  readonly replayStore: ReplayStore;
  /** Public keys of the issuer, for discovery. */
  readonly jwks: Services['jwks'];
  readonly makeChallenge: Services['makeChallenge'];
  readonly enrol: Services['enrol'];
  readonly certificateOf?: FactSources['certificateOf'];
}

/** What comes with a request, and where its answer goes. */
interface Exchange {
  readonly incoming: IncomingMessage;
  /** Origin that the listener of the connection is known by, where that is not the issuer URL's. */
  readonly listenerOrigin?: string | undefined;
  /** Takes the answer. Called once a request. */
  readonly send: (answer: Answer) => void;
}

interface AppEnv {
  Bindings: Exchange;
}

export interface App {
  /** Serves any request: Hono finds its route. */
  readonly fetch: Hono<AppEnv>['fetch'];
  /**
   * Serves a request whose target is the path of a route as it stands; tells whether it is one. Such a one needs neither a router nor a `Request`, which are
   * a twentieth of a mint.
   */
  readonly serveExact: (exchange: Exchange) => boolean;
}

/** What the log tells of a request beside its facts; also where it fails halfway. */
interface Progress {
  caller?: Caller;
  signAnswer?: AnswerSigner | undefined;
}

/** What the routes stand on: answers that are constant are made once, as bytes: however many clients wait for one, it is held once. */
interface Ground {
  readonly services: Services;
  readonly constants: Map<Route, Uint8Array>;
}

/** The application. Throws `ERR_ARGUMENT` for trusted proxies that are no ranges. */
export function createApp(options: AppOptions): App {
  const { issuer, clock, randomBytes, issuerUrl, certificateOf } = options;
  const services: Services = {
    issuer,
    clientLogin: options.clientLogin,
    jwks: options.jwks,
    makeChallenge: options.makeChallenge,
    enrol: options.enrol,
    verifiers: createIssuerVerifiers(issuer, clock, options.replayStore, options.rememberedTokens),
    issuerUrl,
    mtlsUrl: options.mtlsUrl ?? (() => undefined),
    checkReady: options.checkReady,
    describeApi: () => openApiDocument(routes, issuerUrl()),
  };
  const ground: Ground = { services, constants: new Map() };
  const log = createRequestLog(options.logger);
  const sources = { trustedProxies: parseTrustedProxies(options.trustedProxies ?? []), issuerUrl, certificateOf };
  const serve: Serve = async (exchange, found) => {
    const startMs = performance.now();
    // At an `await`, all that arrived in the same turn of the event loop take one step before any of them takes the next, so that each step finds its
    // code in the processor's caches: without this one and those of `runRoute`, a verification takes a tenth longer.
    await undefined;
    const facts = readRequestFacts(exchange.incoming, createRequestId(clock, randomBytes), sources, exchange.listenerOrigin);
    const progress: Progress = {};
    let answer: Answer;
    try {
      answer = await (found === undefined ? noRoute(ground, facts, progress) : runRoute(ground, found, facts, progress));
    } catch (error) {
      const { code, details, isFault } = judgeError(error);
      if (isFault) log.fault(facts.requestId, error, progress.caller?.client);
      answer = problemAnswer(code, facts.requestId, details);
    }
    if (progress.signAnswer !== undefined) answer = await prove(answer, facts, progress.signAnswer, log);
    const { requestId, clientRequestId, method, address } = facts;
    const ms = Math.round((performance.now() - startMs) * 10) / 10;
    const route = found?.route.path ?? '(none)';
    const client = progress.caller?.client;
    log.request({ requestId, clientRequestId, method, route, status: answer.status, ms, client, address });
    exchange.send(answer);
  };
  return routed(serve, (error, exchange) => {
    const requestId = createRequestId(clock, randomBytes);
    log.fault(requestId, error);
    exchange.send(problemAnswer('internal_error', requestId));
  });
}

type Serve = (exchange: Exchange, found?: FoundRoute) => Promise<void>;

const noParams: FoundRoute['params'] = Object.freeze({});

/** `serve` behind the routes of the table, and for what none of them is for. What fails outside of every route is a fault that is answered too. */
function routed(serve: Serve, onFault: (error: unknown, exchange: Exchange) => void): App {
  const hono = new Hono<AppEnv>();
  const exact = new Map<string, FoundRoute>();
  const sent = async ({ env }: Context<AppEnv>, found?: FoundRoute): Promise<Response> => {
    await serve(env, found);
    return RESPONSE_ALREADY_SENT;
  };
  for (const route of routes) {
    const method = route.method.toUpperCase();
    const hasParams = route.path.includes('{');
    const path = route.path.replaceAll(/\{([^}]+)\}/g, ':$1');
    hono.on(method, path, (c) => sent(c, { route, params: hasParams ? c.req.param() : noParams }));
    if (!hasParams) exact.set(`${method} ${path}`, { route, params: noParams });
  }
  hono.notFound((c) => sent(c));
  hono.onError((error, { env }) => {
    onFault(error, env);
    return RESPONSE_ALREADY_SENT;
  });
  const serveExact = (exchange: Exchange): boolean => {
    const { method, url } = exchange.incoming;
    const found = exact.get(`${method} ${url}`);
    if (found === undefined) return false;
    serve(exchange, found).catch((error: unknown) => onFault(error, exchange));
    return true;
  };
  return { fetch: hono.fetch, serveExact };
}

/** `answer` with its proof, where the caller asked for one by how it proved itself. Without the proof it must not go out. */
async function prove(answer: Answer, facts: RequestFacts, sign: AnswerSigner, log: RequestLog): Promise<Answer> {
  try {
    return await signedAnswer(answer, facts.method, sign);
  } catch (error) {
    log.fault(facts.requestId, error);
    return problemAnswer('internal_error', facts.requestId);
  }
}

/** What a route does; between its steps it waits, within them for nothing that is at hand: see `serve`. */
async function runRoute(ground: Ground, found: FoundRoute, facts: RequestFacts, progress: Progress): Promise<Answer> {
  const { access } = found.route;
  const { services } = ground;
  const caller = await authenticate(access, services, facts, signerOf(progress));
  progress.caller = caller;
  const input = await readInput(found, facts);
  return whenKnown(authorizeVerifier(access, services, caller, input), () => handle(ground, found.route, facts, progress, input));
}

function handle(
  { services, constants }: Ground,
  route: Route,
  { requestId, origin, peerAddress, headers }: RequestFacts,
  progress: Progress,
  { params, query, body: sent }: RequestInput,
): Known<Answer> {
  const made = constants.get(route);
  if (made !== undefined) return answerOf(route, made, requestId);
  const { caller } = progress;
  const onSigner = signerOf(progress);
  const accept = joinedField(headers, 'accept') ?? '';
  const call = { services, caller, origin, peerAddress, accept, onSigner, params, query, body: sent };
  return whenKnown(route.handle(call), (body) => {
    if (route.mediaTypes !== undefined) return bytesAnswer(route.status, rawAnswer.parse(body), requestId);
    const json = route.toText === undefined ? JSON.stringify(body) : route.toText(body);
    if (route.isConstant === true) constants.set(route, new TextEncoder().encode(json));
    return answerOf(route, json, requestId);
  });
}

function signerOf(progress: Progress): OnSigner {
  return (sign) => {
    progress.signAnswer = sign;
  };
}

function answerOf(route: Route, json: string | Uint8Array, requestId: string): Answer {
  if (route.status === 204) return emptyAnswer(requestId);
  const headers = route.cacheControl === undefined ? undefined : { 'Cache-Control': route.cacheControl };
  return jsonAnswer(route.status, json, requestId, headers);
}

function noRoute({ services }: Ground, facts: RequestFacts, progress: Progress): Known<Answer> {
  return whenKnown(requireTrueProof(services, facts, signerOf(progress)), () => {
    const methods = methodsOf(facts.path);
    if (methods.length === 0) return problemAnswer('not_found', facts.requestId, { detail: 'there is nothing at this path' });
    return problemAnswer('method_not_allowed', facts.requestId, { headers: { Allow: methods.join(', ') } });
  });
}
