/** The application over the fake issuer, and a way to call it without a socket. */

import { randomBytes } from 'node:crypto';
import { memoryReplayStore } from '../../../../src/protocol/memory-replay-store.js';
import { createAuthenticators } from '../../../../src/server/auth/authenticators.js';
import { makeChallenge } from '../../../../src/server/auth/challenges.js';
import { createEnrol } from '../../../../src/server/auth/enrolments.js';
import type { FailureLimits } from '../../../../src/server/auth/failure-limiter.js';
import { createClientLogin } from '../../../../src/server/auth/registry.js';
import { createLogger } from '../../../../src/server/http/access-log.js';
import { type App, type AppOptions, createApp } from '../../../../src/server/http/app.js';
import { ensureIssuerKeys, publishedKeys } from '../../../../src/server/pki/issuer-keys.js';
import { askApp, bodyOf } from '../../../support/ask-app.js';
import { memoryVault } from '../pki/memory-vault.js';
import { createFakeIssuer, type FakeIssuer, nowMs } from './fake-issuer.js';

const issuerUrl = () => 'https://issuer.test';
/** Made once, as an RSA key takes its time. */
const keys = await ensureIssuerKeys(memoryVault(), () => nowMs);

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

export interface TestRequest {
  readonly authorization?: string | undefined;
  /** Text and bytes as they are, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Address of the peer. */
  readonly from?: string;
}

export interface TestApp {
  readonly app: App;
  readonly issuer: FakeIssuer;
  /** Lines of the log. */
  readonly lines: string[];
  call(method: string, path: string, request?: TestRequest): Promise<Answer>;
}

export interface TestAppOptions extends Partial<AppOptions> {
  readonly failureLimits?: FailureLimits;
}

export function createTestApp({ failureLimits, ...options }: TestAppOptions = {}): TestApp {
  const issuer = createFakeIssuer();
  const lines: string[] = [];
  const tools = {
    issuer,
    clock: () => nowMs,
    randomBytes: (length: number) => new Uint8Array(randomBytes(length)),
    serverName: issuerUrl,
    challengeKey: new Uint8Array(32).fill(5),
    ...keys,
  };
  const replayStore = memoryReplayStore({ clock: tools.clock });
  const clientLogin = createClientLogin({ issuer, authenticators: createAuthenticators(tools), replayStore, failureLimits });
  const app = createApp({
    ...tools,
    logger: createLogger('debug', { write: (line) => lines.push(line) }),
    issuerUrl,
    checkReady: async () => {},
    clientLogin,
    replayStore,
    enrol: createEnrol({ ...tools, limiter: clientLogin.limiter }),
    makeChallenge: (request) => makeChallenge(tools, request),
    jwks: publishedKeys(keys),
    ...options,
  });
  return { app, issuer, lines, call: (method, path, request) => call(app, method, path, request) };
}

async function call(app: App, method: string, path: string, request: TestRequest = {}): Promise<Answer> {
  const { authorization, body, headers: given = {}, from = '192.0.2.7' } = request;
  const headers: Record<string, string> = { ...given };
  if (authorization !== undefined) headers['authorization'] = authorization;
  const sent = body === undefined || typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
  if (sent !== undefined) headers['content-type'] ??= 'application/json';
  const answer = await askApp(app, method, path, { headers, body: sent, from });
  const text = method === 'HEAD' ? '' : new TextDecoder().decode(bodyOf(answer));
  const answered = new Headers(answer.headers);
  const isJson = text !== '' && answered.get('content-type')?.includes('json') === true;
  return { status: answer.status, headers: answered, text, json: isJson ? JSON.parse(text) : {} };
}
