/**
 * Logs a client in: finds the proof that the request carries, checks it, evaluates the client's policy (any of [all of …]), limits failures,
 * and claims the proof's nonce last. Every failure looks alike to the caller and takes the same work; the exact reason goes to the audit log.
 */
import { whenKnown } from '../../core/index.js';
import type { AnswerSigner } from '../../protocol/answer-signer.js';
import { claimNonce, type ReplayStore } from '../../protocol/replay-store.js';
import type { ClientCaller, Issuer, Origin } from '../domain/issuer.js';
import type { Known } from '../domain/ports.js';
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
  login(request: LoginRequest, origin: Origin): Known<LoginResult>;
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

/** One login, and where its failures count. */
interface Attempt {
  readonly parts: Parts;
  readonly request: LoginRequest;
  readonly origin: Origin;
  readonly place: string | undefined;
}

function login(parts: Parts, request: LoginRequest, origin: Origin): Known<LoginResult> {
  const attempt: Attempt = { parts, request, origin, place: request.address ?? request.peerAddress };
  const waitSeconds = parts.limiter.retryAfterSeconds(attempt.place);
  return waitSeconds > 0 ? refuseUnread(attempt, waitSeconds) : checkProofs(attempt);
}

function checkProofs(attempt: Attempt): Known<LoginResult> {
  const { parts, request } = attempt;
  const authenticator = proofInHeaders(parts, request);
  if (authenticator === 'several' || hasUnusedAuthorization(parts, request, authenticator)) return refuseUnread(attempt);
  return whenKnown(authenticator?.authenticate(request), (result) => {
    const header = authenticator === undefined || result === undefined ? undefined : { method: authenticator.method, result };
    return whenKnown(proofOfConnection(parts, request), (connection) => {
      if (header !== undefined) return decide(attempt, header, connection);
      return connection === undefined ? refuse(attempt, 'credentials_missing') : decide(attempt, connection, undefined);
    });
  });
}

/** What the proof `main`, and that of the connection beside it, are good for. */
function decide(attempt: Attempt, main: Checked, connection: Checked | undefined): Known<LoginResult> {
  const { parts, request, origin, place } = attempt;
  const { client, signAnswer } = main.result;
  const verdict = judge(parts.conditions, request, main, connection);
  // Asked again after the work: attempts in parallel must not pass a limit that they reach together.
  const waitSeconds = parts.limiter.retryAfterSeconds(place, client);
  if (waitSeconds > 0) return refuse(attempt, 'rate_limited', main.result, waitSeconds);
  if (!verdict.ok) {
    // At once, so that no other attempt asks in between.
    parts.limiter.countFailure(place, client);
    return refuseProof(attempt, main.result, verdict.reason);
  }
  return whenKnown(claimAll(parts.replayStore, verdict.proofs), (repetition) => {
    // Whoever repeats a valid proof has guessed nothing, so it does not count towards the limit.
    if (repetition !== undefined) return refuse(attempt, repetition, main.result);
    return { ok: true, caller: callerOf(verdict, origin), signAnswer };
  });
}

/** The refusal of a request whose proofs are not looked at: there are too many of them, or too many failed before, for `waitSeconds`. */
async function refuseUnread(attempt: Attempt, waitSeconds?: number): Promise<LoginResult> {
  const { parts, request } = attempt;
  await noteFailure(attempt, waitSeconds === undefined ? 'credentials_repeated' : 'rate_limited');
  const signAnswer = await refusalSigner(parts, request);
  if (waitSeconds === undefined) return { ok: false, code: 'invalid_request', signAnswer };
  return { ok: false, code: 'rate_limited', retryAfterSeconds: waitSeconds, signAnswer };
}

async function refuseProof(attempt: Attempt, result: AuthenticationResult, reason: FailureReason): Promise<LoginResult> {
  if (!result.ok && result.claim !== undefined) await claimNonce(attempt.parts.replayStore, result.claim);
  return await refuse(attempt, reason, result);
}

/** The refusal for `reason`, of what claims to be the client of `result`. */
async function refuse(
  attempt: Attempt,
  reason: FailureReason,
  { client, signAnswer }: Partial<Pick<AuthenticationResult, 'client' | 'signAnswer'>> = {},
  waitSeconds = 0,
): Promise<LoginResult> {
  await noteFailure(attempt, reason, client);
  if (waitSeconds > 0) return { ok: false, code: 'rate_limited', retryAfterSeconds: waitSeconds, signAnswer };
  return { ok: false, code: 'invalid_client', signAnswer };
}

function noteFailure({ parts, origin }: Attempt, reason: FailureReason, client?: string): Promise<void> {
  return parts.issuer.noteFailure({ ...origin, event: 'login.failed', client, reason });
}

/** The method of the one proof in the headers of `request`. */
function proofInHeaders({ headerProofs }: Parts, request: LoginRequest): ClientAuthenticator | undefined | 'several' {
  let found: ClientAuthenticator | undefined;
  for (let i = 0; i < headerProofs.length; i++) {
    const one = headerProofs[i];
    if (one?.recognises(request) !== true) continue;
    if (found !== undefined) return 'several';
    found = one;
  }
  return found;
}

/** Whether an `Authorization` header says something beside the proof that is looked at. One alone, of a scheme that nobody knows, proves nothing. */
function hasUnusedAuthorization(
  { connectionProofs }: Parts,
  request: LoginRequest,
  authenticator: ClientAuthenticator | undefined,
): boolean {
  const values = request.headers.get('authorization');
  if (values === undefined) return false;
  // Two may arrive joined by a comma, which no scheme of ours has.
  if (values.length > 1 || values[0]?.includes(',') === true) return true;
  if (authenticator !== undefined) return authenticator.method !== 'client_secret_basic';
  return connectionProofs.some((one) => one.recognises(request));
}

async function refusalSigner(parts: Parts, request: LoginRequest): Promise<AnswerSigner | undefined> {
  const authenticator = proofInHeaders(parts, request);
  return authenticator === 'several' ? undefined : await authenticator?.refusalSigner?.(request);
}

/** A proof and by which method it was checked. */
interface Checked<Result extends AuthenticationResult = AuthenticationResult> {
  readonly method: string;
  readonly result: Result;
}

/** What the connection proves: the first method by which it holds, or why the last one does not. */
function proofOfConnection({ connectionProofs }: Parts, request: LoginRequest): Known<Checked | undefined> {
  return connectionProofs.some((one) => one.recognises(request)) ? firstThatHolds(connectionProofs, request) : undefined;
}

async function firstThatHolds(
  authenticators: readonly ClientAuthenticator[],
  request: LoginRequest,
): Promise<Checked | undefined> {
  let checked: Checked | undefined;
  for (const authenticator of authenticators) {
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
  const holding = beside === undefined ? [main.method] : [main.method, beside.method];
  for (const condition of conditions) if (condition.holds(request, account)) holding.push(condition.method);
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
function firstClauseThatHolds(account: LoginAccount, method: string, holding: readonly string[]): readonly string[] | undefined {
  return account.authPolicy.find((clause) => clause.includes(method) && clause.every((one) => holding.includes(one)));
}

function whyNoClauseHolds(account: LoginAccount, method: string): FailureReason {
  const asksForAddress = account.authPolicy.some((clause) => clause.includes(method) && clause.includes('ip'));
  return asksForAddress ? 'address_denied' : 'auth_method_not_allowed';
}

function claimAll(store: ReplayStore, proofs: readonly Proof[]): Known<FailureReason | undefined> {
  return proofs.some(({ claim }) => claim !== undefined) ? claimInOrder(store, proofs) : undefined;
}

async function claimInOrder(store: ReplayStore, proofs: readonly Proof[]): Promise<FailureReason | undefined> {
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
