/** Logging clients in without HTTP and without a store: the real auth methods over clients in memory, a clock that a test sets, and counts of the work. */
import { createHash, randomBytes as systemRandomBytes } from 'node:crypto';
import { encodeUtf8 } from '../../../../src/core/index.js';
import { headerFields } from '../../../../src/protocol/header-fields.js';
import { memoryReplayStore } from '../../../../src/protocol/memory-replay-store.js';
import type { ReplayStore } from '../../../../src/protocol/replay-store.js';
import type { AuthenticatorTools } from '../../../../src/server/auth/authenticator-tools.js';
import { createAuthenticators } from '../../../../src/server/auth/authenticators.js';
import type { ClientAuthenticator, LoginAccount } from '../../../../src/server/auth/client-authenticator.js';
import type { FailureLimits } from '../../../../src/server/auth/failure-limiter.js';
import { createClientLogin, type LoginRequest, type LoginResult } from '../../../../src/server/auth/registry.js';
import type { FailureNote } from '../../../../src/server/domain/issuer.js';
import type { AuthMethod, CredentialRecord } from '../../../../src/server/domain/records.js';
import { ensureIssuerKeys } from '../../../../src/server/pki/issuer-keys.js';
import { memoryVault } from '../pki/memory-vault.js';

export const issuerUrl = 'https://issuer.test';
export const startMs = 1_800_000_000_000;
const address = '192.0.2.1';
/** Made once, as an RSA key takes its time. */
export const issuerKeys = await ensureIssuerKeys(memoryVault(), () => startMs);
export const randomBytes = (length: number) => new Uint8Array(systemRandomBytes(length));

/** A credential, with the secret that the issuer reads back where it has one. */
export interface TestCredential extends Partial<CredentialRecord> {
  readonly id: string;
  readonly authMethod: AuthMethod;
  readonly secret?: string;
}

export interface TestClient extends Partial<Omit<LoginAccount, 'live'>> {
  readonly credentials?: readonly TestCredential[];
}

export interface TestRequest {
  readonly method?: string;
  readonly target?: string;
  /** Names in any case; a list is a field that comes several times. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
  /** `null`: it cannot be told. */
  readonly address?: string | null;
  readonly certificate?: LoginRequest['certificate'];
}

/** A request as HTTP hands it to a login; `POST /v1/tokens` unless told otherwise. */
export function requestOf(request: TestRequest = {}): LoginRequest {
  const { method = 'POST', target = '/v1/tokens', headers = {}, body = '', certificate } = request;
  const bytes = typeof body === 'string' ? encodeUtf8(body) : body;
  return {
    method,
    target,
    targetUri: `${issuerUrl}${target}`,
    headers: headerFields(pairsOf(headers)),
    address: request.address === null ? undefined : (request.address ?? address),
    certificate,
    body: async () => bytes,
  };
}

function* pairsOf(headers: Readonly<Record<string, string | readonly string[]>>): Iterable<readonly [string, string]> {
  for (const [name, values] of Object.entries(headers)) {
    for (const value of typeof values === 'string' ? [values] : values) yield [name, value];
  }
}

export interface BenchOptions {
  /** Whether accounts are at hand, as they are in a store that holds them, or have to be waited for. */
  readonly isAtHand?: boolean;
  readonly replayStore?: ReplayStore;
  readonly failureLimits?: FailureLimits;
  readonly authenticators?: (tools: AuthenticatorTools) => readonly ClientAuthenticator[];
}

export interface LoginBench {
  readonly time: { nowMs: number };
  readonly tools: AuthenticatorTools;
  /** What the audit log would hold. */
  readonly failures: FailureNote[];
  /** What the store was asked, in order. */
  readonly reads: string[];
  login(request: LoginRequest): Promise<LoginResult>;
  /** The same, without waiting where nothing has to be waited for. */
  loginNow(request: LoginRequest): LoginResult | Promise<LoginResult>;
  /** Logs in and gives the reason in the audit log, or `ok`. */
  outcome(request: LoginRequest): Promise<string>;
}

/** The login of `clients`. Times start at `startMs`; the nonces that were used are in memory. */
export function loginBench(clients: Readonly<Record<string, TestClient>>, options: BenchOptions = {}): LoginBench {
  const time = { nowMs: startMs };
  const clock = () => time.nowMs;
  const reads: string[] = [];
  const failures: FailureNote[] = [];
  const issuer = issuerOf(clients, reads, options.isAtHand === true);
  const serverName = () => issuerUrl;
  const tools = { issuer, clock, randomBytes, serverName, challengeKey: new Uint8Array(32).fill(5), ...issuerKeys };
  const { login } = createClientLogin({
    issuer: { noteFailure: async (note) => void failures.push(note) },
    authenticators: (options.authenticators ?? createAuthenticators)(tools),
    // Born early, so that nothing in these tests was sent before it.
    replayStore: options.replayStore ?? memoryReplayStore({ clock: delayed(clock) }),
    failureLimits: options.failureLimits,
  });
  const origin = { address, requestId: 'r' };
  return {
    time,
    tools,
    failures,
    reads,
    login: async (request) => login(request, origin),
    loginNow: (request) => login(request, origin),
    outcome: async (request) => {
      const result = await login(request, origin);
      return result.ok ? 'ok' : (failures.at(-1)?.reason ?? 'nothing');
    },
  };
}

/** `clock`, an hour ago when asked for the first time. */
function delayed(clock: () => number): () => number {
  let isFirst = true;
  return () => {
    const nowMs = clock() - (isFirst ? 3_600_000 : 0);
    isFirst = false;
    return nowMs;
  };
}

function issuerOf(
  clients: Readonly<Record<string, TestClient>>,
  reads: string[],
  isAtHand: boolean,
): AuthenticatorTools['issuer'] {
  const credentialsOf = (client: string) => (clients[client]?.credentials ?? []).map((one) => recordOf(client, one));
  const accountOf = (name: string): LoginAccount | undefined => {
    const client = clients[name];
    if (client === undefined) return undefined;
    const { state = 'active', authPolicy = [[client.credentials?.[0]?.authMethod ?? 'http_sig']], ips = [] } = client;
    return { state, authPolicy, ips, live: credentialsOf(name).filter(({ retiredAtMs }) => retiredAtMs === null) };
  };
  const all = () => Object.keys(clients).flatMap(credentialsOf);
  return {
    credentialsForLogin: (name) => {
      reads.push('client');
      const account = accountOf(name);
      return isAtHand ? account : Promise.resolve(account);
    },
    credential: async (id) => {
      reads.push('credential');
      return all().find((one) => one.id === id);
    },
    credentialByBinding: async (binding) => {
      reads.push('binding');
      return all().find((one) => one.binding === binding);
    },
    credentialSecret: async (id) => {
      reads.push('secret');
      const found = Object.values(clients).flatMap(({ credentials = [] }) => credentials.find((one) => one.id === id) ?? []);
      return found[0]?.secret === undefined ? undefined : encodeUtf8(found[0].secret);
    },
    certificate: async () => {
      reads.push('certificate');
      return undefined;
    },
  };
}

function recordOf(client: string, { secret, ...given }: TestCredential): CredentialRecord {
  const isCompared = given.authMethod === 'client_secret_basic' && secret !== undefined;
  const secretHash = isCompared ? createHash('sha256').update(secret).digest('base64url') : null;
  const none = { algorithm: null, publicKey: null, binding: null, ips: [], createdAtMs: 0, retiredAtMs: null };
  return { client, secretHash, ...none, ...given };
}

/** An `Authorization` header of the Basic scheme. */
export const basic = (client: string, secret: string): string => `Basic ${Buffer.from(`${client}:${secret}`).toString('base64')}`;
