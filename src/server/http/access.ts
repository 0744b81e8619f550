/** Enforces the access rule of a route: first who calls, before anything else is read; then, for verifiers, for which audience. */
import { whenFailed, whenKnown } from '../../core/index.js';
import type { LoginResult } from '../auth/registry.js';
import { type AdminCaller, type ClientCaller, issuerAudience } from '../domain/issuer.js';
import type { Known } from '../domain/ports.js';
import { authenticateAdmin, isTokenScheme } from './admin-authentication.js';
import { ProblemError } from './problem-error.js';
import type { RequestFacts } from './request-facts.js';
import type { RequestInput } from './request-input.js';
import type { Access, Caller, OnSigner } from './route.js';
import type { Services } from './services.js';

const basicChallenge = `Basic realm="${issuerAudience}", charset="UTF-8"`;
const tokenChallenge = `Macaroon realm="${issuerAudience}"`;

/** Who calls, proved as `access` asks. Throws `ProblemError` otherwise. `onSigner` is told before that, where answers prove themselves. */
export function authenticate(access: Access, services: Services, facts: RequestFacts, onSigner: OnSigner): Known<Caller> {
  switch (access.by) {
    case 'anyone':
      return requireTrueProof(services, facts, onSigner);
    case 'client':
    case 'verifier':
    case 'verifier-any':
      return authenticateClient(services, facts, basicChallenge, onSigner);
    case 'admin':
      return authenticateHolder(access.action, services, facts, onSigner);
    case 'admin-or-client':
      if (isTokenScheme(facts.authorization ?? '')) return authenticateHolder(access.action, services, facts, onSigner);
      return authenticateClient(services, facts, `${basicChallenge}, ${tokenChallenge}`, onSigner);
  }
}

async function authenticateHolder(
  action: string,
  services: Services,
  facts: RequestFacts,
  onSigner: OnSigner,
): Promise<AdminCaller> {
  if (isTokenScheme(facts.authorization ?? '')) await requireNoProof(services, facts, onSigner);
  else await requireTrueProof(services, facts, onSigner);
  return await authenticateAdmin(services, facts, action, onSigner);
}

/**
 * Checks a proof that asks for a signed answer where no client has to prove itself, at an unknown path too: without its signature the client could
 * not tell the answer from one that somebody put in its place. Throws `ProblemError` for a proof that does not hold; without one nothing is asked.
 */
export function requireTrueProof(services: Services, facts: RequestFacts, onSigner: OnSigner): Known<undefined> {
  if (!services.clientLogin.asksForSignedAnswer(facts)) return undefined;
  return whenKnown(authenticateClient(services, facts, basicChallenge, onSigner), () => undefined);
}

/** Throws `ProblemError` for a proof of a client beside a token: whose request it is must not hang on which of them a route looks at. */
async function requireNoProof(services: Services, facts: RequestFacts, onSigner: OnSigner): Promise<void> {
  if (services.clientLogin.carriesProof(facts)) await authenticateClient(services, facts, basicChallenge, onSigner);
}

function authenticateClient(services: Services, facts: RequestFacts, challenge: string, onSigner: OnSigner): Known<ClientCaller> {
  const { clientLogin } = services;
  const signRefusal = async (error: unknown): Promise<never> => {
    onSigner(await clientLogin.refusalSigner(facts));
    throw error;
  };
  const attempt = whenFailed(() => clientLogin.login(facts, facts.origin), signRefusal);
  return whenKnown(attempt, (result) => {
    onSigner(result.signAnswer);
    if (result.ok) return result.caller;
    throw refusal(result, challenge);
  });
}

function refusal(result: Extract<LoginResult, { readonly ok: false }>, challenge: string): ProblemError {
  switch (result.code) {
    case 'invalid_client':
      return new ProblemError('invalid_client', { headers: { 'WWW-Authenticate': challenge } });
    case 'invalid_request':
      return new ProblemError('invalid_request', { detail: 'the request must prove the client in one way, once' });
    case 'rate_limited':
      return new ProblemError('rate_limited', { headers: { 'Retry-After': String(result.retryAfterSeconds) } });
  }
}

/** Throws `forbidden` unless the caller is a verifier as `access` asks. The issuer's own audience has none. */
export function authorizeVerifier(access: Access, { issuer }: Services, caller: Caller, input: RequestInput): Known<void> {
  if (access.by === 'verifier') {
    const audience = audienceIn(access.audience === 'path' ? input.params : input.body);
    const isAsked = caller !== undefined && audience !== issuerAudience;
    return whenKnown(isAsked && issuer.isVerifierOf(caller.client, audience), (isVerifier) => {
      if (!isVerifier) throw new ProblemError('forbidden', { detail: 'the client is not a verifier of the audience' });
    });
  }
  if (access.by === 'verifier-any') {
    return whenKnown(caller === undefined ? [] : issuer.verifierAudiences(caller.client), (audiences) => {
      if (audiences.length === 0) throw new ProblemError('forbidden', { detail: 'the client is not a verifier of any audience' });
    });
  }
}

function audienceIn(part: unknown): string {
  const audience = typeof part === 'object' && part !== null && 'audience' in part ? part.audience : undefined;
  if (typeof audience === 'string') return audience;
  throw new Error('a route for verifiers must name its audience');
}
