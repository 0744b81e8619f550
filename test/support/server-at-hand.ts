/** The issuer's HTTP application with every auth method over a real store, and, where asked for, on a socket with TLS. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../src/core/index.js';
import { memoryReplayStore } from '../../src/protocol/memory-replay-store.js';
import type { ReplayStore } from '../../src/protocol/replay-store.js';
import { createAuthenticators } from '../../src/server/auth/authenticators.js';
import { makeChallenge } from '../../src/server/auth/challenges.js';
import { createEnrol } from '../../src/server/auth/enrolments.js';
import type { FailureLimits } from '../../src/server/auth/failure-limiter.js';
import { createClientLogin } from '../../src/server/auth/registry.js';
import { createLogger } from '../../src/server/http/access-log.js';
import { type App, createApp } from '../../src/server/http/app.js';
import { createHttpServer } from '../../src/server/http/http-server.js';
import { ensureIssuerKeys, publishedKeys } from '../../src/server/pki/issuer-keys.js';
import { ensureAuthority, ensureServerIdentity, type ServerIdentity } from '../../src/server/pki/server-identity.js';
import { askApp, bodyOf } from './ask-app.js';
import { type IssuerAtHand, issuerAtHand } from './issuer-at-hand.js';

export interface AppAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  readonly json: Record<string, unknown>;
}

export interface AppAtHand extends IssuerAtHand {
  readonly app: App;
  /** Lines of the log. */
  readonly lines: readonly string[];
  /** One request without a socket. */
  send(method: string, target: string, headers?: Readonly<Record<string, string>>, body?: Uint8Array): Promise<AppAnswer>;
}

export interface AppOptions {
  /** The issuer's; a new one when absent. */
  readonly issuer?: IssuerAtHand;
  /** The clock of the application; that of the issuer when absent. */
  readonly clock?: Clock;
  /** In memory when absent, and as if it had been there from the start. */
  readonly replayStore?: ReplayStore;
  readonly issuerUrl?: () => string;
  readonly failureLimits?: FailureLimits;
}

/** Made once, as an RSA key takes its time. */
let keys: ReturnType<typeof ensureIssuerKeys> | undefined;

export async function appAtHand(options: AppOptions = {}): Promise<AppAtHand> {
  const atHand = options.issuer ?? (await issuerAtHand());
  const { clock = atHand.deps.clock, issuerUrl = () => 'https://issuer.test', failureLimits } = options;
  keys ??= ensureIssuerKeys(atHand.store, clock);
  const made = await keys;
  const { issuer, store } = atHand;
  const tools = { issuer, clock, randomBytes, serverName: issuerUrl, challengeKey: store.deriveKey('challenge'), ...made };
  const replayStore = options.replayStore ?? knownFromTheStart(memoryReplayStore({ clock }));
  const clientLogin = createClientLogin({ issuer, authenticators: createAuthenticators(tools), replayStore, failureLimits });
  const lines: string[] = [];
  const app = createApp({
    issuer,
    clock,
    randomBytes,
    logger: createLogger('debug', { write: (line) => lines.push(line) }),
    issuerUrl,
    checkReady: async () => {},
    clientLogin,
    replayStore,
    enrol: createEnrol({ ...tools, limiter: clientLogin.limiter }),
    makeChallenge: (request) => makeChallenge(tools, request),
    jwks: publishedKeys(made),
  });
  return {
    ...atHand,
    app,
    lines,
    send: async (method, target, headers = {}, body = new Uint8Array()) => {
      const answer = await askApp(app, method, target, {
        headers: { ...headers, 'content-type': 'application/json' },
        body: body.length > 0 ? body : undefined,
      });
      const content = bodyOf(answer);
      const json = content.length === 0 ? {} : JSON.parse(Buffer.from(content).toString());
      return { status: answer.status, headers: Object.fromEntries(new Headers(answer.headers)), body: content, json };
    },
  };
}

/** `store` as that of a new installation, before which nothing can have been used. */
function knownFromTheStart(store: ReplayStore): ReplayStore {
  return {
    bornAtMs: 0,
    claim: (scope, nonce, expiresAtMs) => store.claim(scope, nonce, expiresAtMs),
    close: () => store.close(),
  };
}

export interface ServerAtHand extends AppAtHand {
  /** `https://localhost:…` */
  readonly url: string;
  /** File with the CA of its certificate. */
  readonly caFile: string;
  /** What it shows in TLS. */
  readonly identity: ServerIdentity;
}

/** The application on a free port, with TLS and real time. */
export async function serverAtHand(): Promise<ServerAtHand> {
  const issuer = await issuerAtHand();
  const clock = Date.now;
  issuer.time.nowMs = clock();
  let url = '';
  const atHand = await appAtHand({ issuer, clock, issuerUrl: () => url });
  const vault = { vault: issuer.store, clock, randomBytes };
  const { identity } = await ensureServerIdentity({ ...vault, names: ['localhost'] });
  const caFile = join(issuer.directory, 'ca.crt');
  writeFileSync(caFile, (await ensureAuthority(vault)).certificatePem);
  const logger = createLogger('silent');
  const http = createHttpServer({ app: atHand.app, clock, randomBytes, logger, tls: identity });
  const { port } = await http.listen({ host: '127.0.0.1', port: 0 });
  url = `https://localhost:${port}`;
  return {
    ...atHand,
    url,
    caFile,
    identity,
    close: async () => {
      http.server.closeAllConnections();
      await http.drain(100);
      await issuer.close();
    },
  };
}
