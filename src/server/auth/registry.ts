/**
 * Logs a client in: finds the proof that the request carries, checks it, evaluates the client's policy (any of [all of …]), limits failures,
 * and claims the proof's nonce last. Every failure looks alike to the caller and takes the same work; the exact reason goes to the audit log.
 */
import type { AnswerSigner } from '../../protocol/answer-signer.js';
import { claimNonce, type ReplayStore } from '../../protocol/replay-store.js';
import type { ClientCaller, Issuer, Origin } from '../domain/issuer.js';
import type {
  AuthenticationRequest,
  AuthenticationResult,
  ClientAuthenticator,
  ClientCondition,
  FailureReason,
  LoginAccount,
  Proof,
} from './client-authenticator.js';
import { createFailureLimiter, type FailureLimiter, type FailureLimits } from './failure-limiter.js';
import { ipCondition, isWithin } from './ip.js';

export type LoginResult = { readonly signAnswer?: AnswerSigner | undefined } & (
  | { readonly ok: true; readonly caller: ClientCaller }
  | { readonly ok: false; readonly code: 'invalid_client' | 'invalid_request' }
  | { readonly ok: false; readonly code: 'rate_limited'; readonly retryAfterSeconds: number }
);

/** What a login looks at. */
export interface LoginRequest extends AuthenticationRequest {
  /** Where the connection itself comes from, perhaps a proxy: counts failures of those whose own address cannot be told. */
  readonly peerAddress?: string | undefined;
}

/** What logs clients in. */
export interface ClientLogin {
  /** Every auth method that a policy may name. */
  readonly methods: readonly string[];
  /** Counts what failed; shared by every other way to prove something, so that none is a way around its limits. */
  readonly limiter: FailureLimiter;
  /** Whether `request` carries a proof, valid or not, of a method whose every answer is signed. */
  asksForSignedAnswer(request: LoginRequest): boolean;
  /** Whether `request` carries a proof in its headers, valid or not. */
  carriesProof(request: LoginRequest): boolean;
  /** Signs a refusal for which the proof of `request` was not looked at. */
  refusalSigner(request: LoginRequest): Promise<AnswerSigner | undefined>;
  /** Throws only for broken machinery and a body that cannot be read. */
  login(request: LoginRequest, origin: Origin): Promise<LoginResult>;
}

export interface ClientLoginOptions {
  readonly issuer: Pick<Issuer, 'noteFailure'>;
  readonly authenticators: readonly ClientAuthenticator[];
  readonly replayStore: ReplayStore;
  readonly failureLimits?: FailureLimits | undefined;
}

interface Parts {
  readonly issuer: ClientLoginOptions['issuer'];
  readonly limiter: FailureLimiter;
  readonly headerProofs: readonly ClientAuthenticator[];
  readonly connectionProofs: readonly ClientAuthenticator[];
  readonly conditions: readonly ClientCondition[];
  readonly replayStore: ReplayStore;
}

/** The registry of auth methods, ready to log clients in. */
export function createClientLogin(options: ClientLoginOptions): ClientLogin {
  const { issuer, authenticators, replayStore } = options;
  const parts: Parts = {
    issuer,
    limiter: createFailureLimiter(options.failureLimits),
    headerProofs: authenticators.filter(({ kind }) => kind === 'header'),
    connectionProofs: authenticators.filter(({ kind }) => kind === 'connection'),
    conditions: [ipCondition],
    replayStore,
  };
  return {
    methods: [...authenticators, ...parts.conditions].map((one) => one.method),
    limiter: parts.limiter,
    asksForSignedAnswer: (request) =>
      parts.headerProofs.some((one) => one.refusalSigner !== undefined && one.recognises(request)),
    carriesProof: (request) => parts.headerProofs.some((one) => one.recognises(request)),
    refusalSigner: (request) => refusalSigner(parts, request),
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
    return { ok: false, code: 'rate_limited', retryAfterSeconds: waitSeconds, signAnswer: await refusalSigner(parts, request) };
  }
  const [authenticator, ...others] = parts.headerProofs.filter((one) => one.recognises(request));
  if (others.length > 0 || hasUnusedAuthorization(parts, request, authenticator)) {
    await fail('credentials_repeated');
    return { ok: false, code: 'invalid_request', signAnswer: await refusalSigner(parts, request) };
  }
  const header =
    authenticator === undefined ? undefined : { method: authenticator.method, result: await authenticator.authenticate(request) };
  const connection = await proofOfConnection(parts, request);
  const main = header ?? connection;
  if (main === undefined) {
    await fail('credentials_missing');
    return { ok: false, code: 'invalid_client' };
  }
  const { client, signAnswer } = { client: main.result.client, signAnswer: main.result.signAnswer };
  const verdict = judge(parts.conditions, request, main, main === connection ? undefined : connection);
  // Asked again after the work: attempts in parallel must not pass a limit that they reach together.
  const blockedSeconds = await parts.limiter.retryAfterSeconds(place, client);
  if (blockedSeconds > 0) {
    await fail('rate_limited', client);
    return { ok: false, code: 'rate_limited', retryAfterSeconds: blockedSeconds, signAnswer };
  }
  if (!verdict.ok) {
    await parts.limiter.countFailure(place, client);
    if (!main.result.ok && main.result.claim !== undefined) await claimNonce(parts.replayStore, main.result.claim);
    await fail(verdict.reason, client);
    return { ok: false, code: 'invalid_client', signAnswer };
  }
  const repetition = await claimAll(parts.replayStore, verdict.proofs);
  if (repetition !== undefined) {
    // Whoever repeats a valid proof has guessed nothing, so it does not count towards the limit.
    await fail(repetition, client);
    return { ok: false, code: 'invalid_client', signAnswer };
  }
  return { ok: true, caller: callerOf(verdict, origin), signAnswer };
}

/** Whether an `Authorization` header says something beside the proof that is looked at. One alone, of a scheme that nobody knows, proves nothing. */
function hasUnusedAuthorization(
  { connectionProofs }: Parts,
  request: LoginRequest,
  authenticator: ClientAuthenticator | undefined,
): boolean {
  const [authorization, ...more] = request.headers.get('authorization') ?? [];
  if (authorization === undefined) return false;
  // Two may arrive joined by a comma, which no scheme of ours has.
  if (more.length > 0 || authorization.includes(',')) return true;
  if (authenticator !== undefined) return authenticator.method !== 'client_secret_basic';
  return connectionProofs.some((one) => one.recognises(request));
}

async function refusalSigner({ headerProofs }: Parts, request: LoginRequest): Promise<AnswerSigner | undefined> {
  const [authenticator, ...others] = headerProofs.filter((one) => one.recognises(request));
  return others.length > 0 ? undefined : await authenticator?.refusalSigner?.(request);
}

/** A proof and by which method it was checked. */
interface Checked<Result extends AuthenticationResult = AuthenticationResult> {
  readonly method: string;
  readonly result: Result;
}

/** What the connection proves: the first method by which it holds, or why the last one does not. */
async function proofOfConnection(parts: Parts, request: LoginRequest): Promise<Checked | undefined> {
  let checked: Checked | undefined;
  for (const authenticator of parts.connectionProofs) {
    if (!authenticator.recognises(request)) continue;
    checked = { method: authenticator.method, result: await authenticator.authenticate(request) };
    if (checked.result.ok) break;
  }
  return checked;
}

type Verdict =
  | { readonly ok: true; readonly proofs: readonly Proof[]; readonly authMethods: readonly string[] }
  | { readonly ok: false; readonly reason: FailureReason };

/** The policy is evaluated also where the proof failed, so that both take the same work. */
function judge(
  conditions: readonly ClientCondition[],
  request: AuthenticationRequest,
  main: Checked,
  connection: Checked | undefined,
): Verdict {
  const { account } = main.result;
  const beside = connection?.result.ok === true ? { method: connection.method, result: connection.result } : undefined;
  const holding = new Set([main.method, ...(beside === undefined ? [] : [beside.method])]);
  for (const condition of conditions) if (condition.holds(request, account)) holding.add(condition.method);
  const authMethods = firstClauseThatHolds(account, main.method, holding);
  if (!main.result.ok) return { ok: false, reason: main.result.reason };
  if (beside !== undefined && beside.result.client !== main.result.client) return { ok: false, reason: 'credentials_conflict' };
  if (account.state !== 'active') return { ok: false, reason: 'client_disabled' };
  if (authMethods === undefined) return { ok: false, reason: whyNoClauseHolds(account, main.method) };
  const counts = beside !== undefined && authMethods.includes(beside.method);
  const proofs = counts ? [main.result, beside.result] : [main.result];
  const isFromElsewhere = proofs.some(({ credential: { ips } }) => ips.length > 0 && !isWithin(request.address, ips));
  return isFromElsewhere ? { ok: false, reason: 'address_denied' } : { ok: true, proofs, authMethods };
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

async function claimAll(store: ReplayStore, proofs: readonly Proof[]): Promise<FailureReason | undefined> {
  for (const { claim } of proofs) {
    const outcome = claim === undefined ? 'new' : await claimNonce(store, claim);
    if (outcome !== 'new') return outcome === 'repeated' ? 'replayed' : 'sent_before_start';
  }
  return undefined;
}

function callerOf({ proofs, authMethods }: Extract<Verdict, { ok: true }>, origin: Origin): ClientCaller {
  const [main, beside] = proofs;
  if (main === undefined) throw new Error('a verdict without a proof');
  return {
    // Not spread: V8 takes a hundred times as long to add members after a spread.
    address: origin.address,
    requestId: origin.requestId,
    kind: 'client',
    client: main.client,
    credentialId: main.credential.id,
    secondCredentialId: beside?.credential.id,
    authMethods,
    certificateThumbprint: main.certificateThumbprint ?? beside?.certificateThumbprint,
    keyThumbprint: main.keyThumbprint,
  };
}
