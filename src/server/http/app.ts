/**
 * The issuer's HTTP application: turns the route table into a router and runs every request through the same steps, in the same order:
 * who calls, what is asked, whether that caller may, the use case, the answer, one line in the log.
 */
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { Clock, RandomBytes } from '../../core/index.js';
import type { AnswerSigner } from '../../protocol/answer-signer.js';
import { joinedField } from '../../protocol/header-fields.js';
import type { ReplayStore } from '../../protocol/replay-store.js';
import { parseTrustedProxies } from '../../verifier/client-address.js';
import type { ClientLogin } from '../auth/registry.js';
import type { Issuer } from '../domain/issuer.js';
import { authenticate, authorizeVerifier, requireTrueProof } from './access.js';
import { createRequestLog, type Logger, type RequestLog } from './access-log.js';
import { bytesAnswer, emptyAnswer, jsonAnswer, problemAnswer, signedAnswer } from './answers.js';
import type { AppEnv } from './app-env.js';
import { createIssuerVerifiers } from './issuer-verifiers.js';
import { judgeError } from './judge-error.js';
import { describeRoute, describeSecurity, openApiDocument } from './openapi.js';
import { createRequestId, type FactSources, type RequestFacts, readRequestFacts } from './request-facts.js';
import { readInput } from './request-input.js';
import { type Caller, type OnSigner, type Route, rawAnswer } from './route.js';
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
  readonly clientLogin: ClientLogin;
  /** Nonces of sealed requests, to the issuer and to services that ask it. */
  readonly replayStore: ReplayStore;
  /** Public keys of the issuer, for discovery. */
  readonly jwks: Services['jwks'];
  readonly makeChallenge: Services['makeChallenge'];
  readonly enrol: Services['enrol'];
  readonly certificateOf?: FactSources['certificateOf'];
}

export type App = OpenAPIHono<AppEnv>;

/** What the log tells of a request beside its facts; also where it fails halfway. */
interface Progress {
  caller?: Caller;
  signAnswer?: AnswerSigner | undefined;
}

/** Answers that are made once, as bytes: however many clients wait for one, it is held once. */
type Constants = Map<Route, Uint8Array<ArrayBuffer>>;

type Step = (facts: RequestFacts, progress: Progress) => Promise<Response>;

/** The application. Throws `ERR_ARGUMENT` for trusted proxies that are no ranges. */
export function createApp(options: AppOptions): App {
  const { issuer, clock } = options;
  const app: App = new OpenAPIHono<AppEnv>();
  const constants: Constants = new Map();
  const services: Services = {
    issuer,
    clientLogin: options.clientLogin,
    jwks: options.jwks,
    makeChallenge: options.makeChallenge,
    enrol: options.enrol,
    verifiers: createIssuerVerifiers(issuer, clock, options.replayStore),
    issuerUrl: options.issuerUrl,
    mtlsUrl: options.mtlsUrl ?? (() => undefined),
    checkReady: options.checkReady,
    describeApi: () => openApiDocument(app, options.issuerUrl()),
  };
  const handle = createHandler(options);
  describeSecurity(app);
  for (const route of routes) {
    describeRoute(app, route);
    const routerPath = route.path.replaceAll(/\{([^}]+)\}/g, ':$1');
    app.on(route.method.toUpperCase(), routerPath, (c) => handle(c, route.path, runRoute(route, services, constants, c)));
  }
  app.notFound((c) => handle(c, '(none)', noRoute(services)));
  return app;
}

/** Runs one request: facts, the step, any error as a problem, the line in the log. */
function createHandler(options: AppOptions): (c: Context<AppEnv>, route: string, step: Step) => Promise<Response> {
  const { clock, randomBytes } = options;
  const log = createRequestLog(options.logger);
  const { issuerUrl, certificateOf } = options;
  const sources = { trustedProxies: parseTrustedProxies(options.trustedProxies ?? []), issuerUrl, certificateOf };
  return async (c, route, step) => {
    const startMs = performance.now();
    const facts = readRequestFacts(c, createRequestId(clock, randomBytes), sources);
    const progress: Progress = {};
    const made = await settle(facts, progress, step, log);
    const answer = await prove(made, facts, progress, log);
    const { requestId, clientRequestId, method, address } = facts;
    const ms = Math.round((performance.now() - startMs) * 10) / 10;
    const client = progress.caller?.client;
    log.request({ requestId, clientRequestId, method, route, status: answer.status, ms, client, address });
    return answer;
  };
}

async function settle(facts: RequestFacts, progress: Progress, step: Step, log: RequestLog): Promise<Response> {
  try {
    return await step(facts, progress);
  } catch (error) {
    const { code, details, isFault } = judgeError(error);
    if (isFault) log.fault(facts.requestId, error, progress.caller?.client);
    return problemAnswer(code, facts.requestId, details);
  }
}

/** `answer` with its proof, where the caller asked for one by how it proved itself. Without the proof it must not go out. */
async function prove(answer: Response, facts: RequestFacts, { signAnswer }: Progress, log: RequestLog): Promise<Response> {
  if (signAnswer === undefined) return answer;
  try {
    return await signedAnswer(answer, facts.method, signAnswer);
  } catch (error) {
    log.fault(facts.requestId, error);
    return problemAnswer('internal_error', facts.requestId);
  }
}

function runRoute(route: Route, services: Services, constants: Constants, c: Context<AppEnv>): Step {
  return async (facts, progress) => {
    const onSigner = signerOf(progress);
    const caller = await authenticate(route.access, services, facts, onSigner);
    progress.caller = caller;
    const input = await readInput(route, c, facts);
    await authorizeVerifier(route.access, services, caller, input);
    const { origin, peerAddress, headers } = facts;
    const accept = joinedField(headers, 'accept') ?? '';
    const made = constants.get(route);
    if (made !== undefined) return answerOf(route, made, facts.requestId);
    const { params, query, body: sent } = input;
    const body = await route.handle({ services, caller, origin, peerAddress, accept, onSigner, params, query, body: sent });
    if (route.mediaTypes !== undefined) return bytesAnswer(route.status, rawAnswer.parse(body), facts.requestId);
    const json = JSON.stringify(body);
    if (route.isConstant === true) constants.set(route, new TextEncoder().encode(json));
    return answerOf(route, json, facts.requestId);
  };
}

function signerOf(progress: Progress): OnSigner {
  return (sign) => {
    progress.signAnswer = sign;
  };
}

function answerOf(route: Route, json: string | Uint8Array<ArrayBuffer>, requestId: string): Response {
  if (route.status === 204) return emptyAnswer(requestId);
  const headers = route.cacheControl === undefined ? undefined : { 'Cache-Control': route.cacheControl };
  return jsonAnswer(route.status, json, requestId, headers);
}

function noRoute(services: Services): Step {
  return async (facts, progress) => {
    await requireTrueProof(services, facts, signerOf(progress));
    const methods = methodsOf(facts.path);
    if (methods.length === 0) return problemAnswer('not_found', facts.requestId, { detail: 'there is nothing at this path' });
    return problemAnswer('method_not_allowed', facts.requestId, { headers: { Allow: methods.join(', ') } });
  };
}
