/**
 * Logs a client in: finds the one mechanism that the request uses, checks its proof, evaluates the client's policy (any of [all of …]),
 * and limits failures. Every failure looks alike to the caller and takes the same work; the exact reason goes to the audit log.
 */
import type { ClientCaller, Issuer, Origin } from '../domain/issuer.js';
import type {
  AuthenticationRequest,
  AuthenticationResult,
  ClientAuthenticator,
  ClientCondition,
  FailureReason,
  LoginAccount,
} from './client-authenticator.js';
import { createClientSecretBasic } from './client-secret-basic.js';
import { createFailureLimiter, type FailureLimiter, type FailureLimits } from './failure-limiter.js';
import { ipCondition } from './ip.js';

export type LoginResult =
  | { readonly ok: true; readonly caller: ClientCaller }
  | { readonly ok: false; readonly code: 'invalid_client' | 'invalid_request' }
  | { readonly ok: false; readonly code: 'rate_limited'; readonly retryAfterSeconds: number };

/** What a login looks at. */
export interface LoginRequest extends AuthenticationRequest {
  /** Where the connection itself comes from, perhaps a proxy: counts failures of those whose own address cannot be told. */
  readonly peerAddress?: string | undefined;
}

/** What logs clients in. */
export interface ClientLogin {
  /** Every auth method that a policy may name. */
  readonly methods: readonly string[];
  /** Throws only for broken machinery. */
  login(request: LoginRequest, origin: Origin): Promise<LoginResult>;
}

export interface ClientLoginOptions {
  readonly issuer: Pick<Issuer, 'credentialsForLogin' | 'noteFailure'>;
  readonly failureLimits?: FailureLimits | undefined;
  /** Default: `client_secret_basic`. */
  readonly authenticators?: readonly ClientAuthenticator[] | undefined;
}

interface Parts {
  readonly issuer: ClientLoginOptions['issuer'];
  readonly limiter: FailureLimiter;
  readonly authenticators: readonly ClientAuthenticator[];
  readonly conditions: readonly ClientCondition[];
}

/** The registry of auth methods, ready to log clients in. */
export function createClientLogin(options: ClientLoginOptions): ClientLogin {
  const parts: Parts = {
    issuer: options.issuer,
    limiter: createFailureLimiter(options.failureLimits),
    authenticators: options.authenticators ?? [createClientSecretBasic(options.issuer)],
    conditions: [ipCondition],
  };
  return {
    methods: [...parts.authenticators, ...parts.conditions].map((one) => one.method),
    login: (request, origin) => login(parts, request, origin),
  };
}

async function login(parts: Parts, request: LoginRequest, origin: Origin): Promise<LoginResult> {
  const fail = (reason: FailureReason, client?: string) =>
    parts.issuer.noteFailure({ ...origin, event: 'login.failed', client, reason });
  const place = request.address ?? request.peerAddress;
  const waitSeconds = await parts.limiter.retryAfterSeconds(place);
  if (waitSeconds > 0) {
    await fail('rate_limited');
    return { ok: false, code: 'rate_limited', retryAfterSeconds: waitSeconds };
  }
  const [authenticator, ...others] = parts.authenticators.filter((one) => one.recognises(request));
  // Two `Authorization` headers arrive joined by a comma, which no scheme of ours has.
  if (others.length > 0 || request.authorization?.includes(',') === true) {
    await fail('credentials_repeated');
    return { ok: false, code: 'invalid_request' };
  }
  if (authenticator === undefined) {
    await fail('credentials_missing');
    return { ok: false, code: 'invalid_client' };
  }
  const result = await authenticator.authenticate(request);
  const verdict = judge(parts.conditions, authenticator.method, request, result);
  // Asked again after the work: attempts in parallel must not pass a limit that they reach together.
  const blockedSeconds = await parts.limiter.retryAfterSeconds(place, result.client);
  if (blockedSeconds > 0) {
    await fail('rate_limited', result.client);
    return { ok: false, code: 'rate_limited', retryAfterSeconds: blockedSeconds };
  }
  if (!verdict.ok) {
    await parts.limiter.countFailure(place, result.client);
    await fail(verdict.reason, result.client);
    return { ok: false, code: 'invalid_client' };
  }
  const { client, credentialId, authMethods } = verdict;
  return { ok: true, caller: { ...origin, kind: 'client', client, credentialId, authMethods } };
}

type Verdict =
  | { readonly ok: true; readonly client: string; readonly credentialId: string; readonly authMethods: readonly string[] }
  | { readonly ok: false; readonly reason: FailureReason };

/** The policy is evaluated also where the proof failed, so that both take the same work. */
function judge(
  conditions: readonly ClientCondition[],
  method: string,
  request: AuthenticationRequest,
  result: AuthenticationResult,
): Verdict {
  const holding = new Set([method]);
  for (const condition of conditions) if (condition.holds(request, result.account)) holding.add(condition.method);
  const authMethods = firstClauseThatHolds(result.account, method, holding);
  if (!result.ok) return { ok: false, reason: result.reason };
  if (result.account.state !== 'active') return { ok: false, reason: 'client_disabled' };
  if (authMethods === undefined) return { ok: false, reason: whyNoClauseHolds(result.account, method) };
  return { ok: true, client: result.client, credentialId: result.credentialId, authMethods };
}

/** A clause counts only when it names the proof: conditions alone prove nothing. */
function firstClauseThatHolds(
  account: LoginAccount,
  method: string,
  holding: ReadonlySet<string>,
): readonly string[] | undefined {
  return account.authPolicy.find((clause) => clause.includes(method) && clause.every((one) => holding.has(one)));
}

function whyNoClauseHolds(account: LoginAccount, method: string): FailureReason {
  const asksForAddress = account.authPolicy.some((clause) => clause.includes(method) && clause.includes('ip'));
  return asksForAddress ? 'address_denied' : 'auth_method_not_allowed';
}
