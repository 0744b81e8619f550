/** Enforces the access rule of a route: first who calls, before anything else is read; then, for verifiers, for which audience. */
import type { ClientCaller } from '../domain/issuer.js';
import { issuerAudience } from '../domain/issuer.js';
import { authenticateAdmin, isTokenScheme } from './admin-authentication.js';
import { ProblemError } from './problem-error.js';
import type { RequestFacts } from './request-facts.js';
import type { RequestInput } from './request-input.js';
import type { Access, Caller, OnSigner } from './route.js';
import type { Services } from './services.js';

const basicChallenge = `Basic realm="${issuerAudience}", charset="UTF-8"`;
const tokenChallenge = `Macaroon realm="${issuerAudience}"`;

/** Who calls, proved as `access` asks. Throws `ProblemError` otherwise. `onSigner` is told before that, where answers prove themselves. */
export async function authenticate(access: Access, services: Services, facts: RequestFacts, onSigner: OnSigner): Promise<Caller> {
  const isToken = isTokenScheme(facts.authorization ?? '');
  switch (access.by) {
    case 'anyone':
      await requireTrueProof(services, facts, onSigner);
      return undefined;
    case 'client':
    case 'verifier':
    case 'verifier-any':
      return await authenticateClient(services, facts, basicChallenge, onSigner);
    case 'admin':
      if (isToken) await requireNoProof(services, facts, onSigner);
      else await requireTrueProof(services, facts, onSigner);
      return await authenticateAdmin(services, facts, access.action, onSigner);
    case 'admin-or-client':
      if (!isToken) return await authenticateClient(services, facts, `${basicChallenge}, ${tokenChallenge}`, onSigner);
      await requireNoProof(services, facts, onSigner);
      return await authenticateAdmin(services, facts, access.action, onSigner);
  }
}

/**
 * Checks a proof that asks for a signed answer where no client has to prove itself, at an unknown path too: without its signature the client could
 * not tell the answer from one that somebody put in its place. Throws `ProblemError` for a proof that does not hold; without one nothing is asked.
 */
export async function requireTrueProof(services: Services, facts: RequestFacts, onSigner: OnSigner): Promise<void> {
  if (!services.clientLogin.asksForSignedAnswer(facts)) return;
  await authenticateClient(services, facts, basicChallenge, onSigner);
}

/** Throws `ProblemError` for a proof of a client beside a token: whose request it is must not hang on which of them a route looks at. */
async function requireNoProof(services: Services, facts: RequestFacts, onSigner: OnSigner): Promise<void> {
  if (services.clientLogin.carriesProof(facts)) await authenticateClient(services, facts, basicChallenge, onSigner);
}

async function authenticateClient(
  services: Services,
  facts: RequestFacts,
  challenge: string,
  onSigner: OnSigner,
): Promise<ClientCaller> {
  const { clientLogin } = services;
  const result = await clientLogin.login(facts, facts.origin).catch(async (error: unknown) => {
    onSigner(await clientLogin.refusalSigner(facts));
    throw error;
  });
  onSigner(result.signAnswer);
  if (result.ok) return result.caller;
  switch (result.code) {
    case 'invalid_client':
      throw new ProblemError('invalid_client', { headers: { 'WWW-Authenticate': challenge } });
    case 'invalid_request':
      throw new ProblemError('invalid_request', { detail: 'the request must prove the client in one way, once' });
    case 'rate_limited':
      throw new ProblemError('rate_limited', { headers: { 'Retry-After': String(result.retryAfterSeconds) } });
  }
}

/** Throws `forbidden` unless the caller is a verifier as `access` asks. The issuer's own audience has none. */
export async function authorizeVerifier(access: Access, services: Services, caller: Caller, input: RequestInput): Promise<void> {
  if (access.by === 'verifier') {
    const audience = audienceIn(access.audience === 'path' ? input.params : input.body);
    const isOwn = audience === issuerAudience;
    if (caller !== undefined && !isOwn && (await services.issuer.isVerifierOf(caller.client, audience))) return;
    throw new ProblemError('forbidden', { detail: 'the client is not a verifier of the audience' });
  }
  if (access.by === 'verifier-any') {
    if (caller !== undefined && (await services.issuer.verifierAudiences(caller.client)).length > 0) return;
    throw new ProblemError('forbidden', { detail: 'the client is not a verifier of any audience' });
  }
}

function audienceIn(part: unknown): string {
  const audience = typeof part === 'object' && part !== null && 'audience' in part ? part.audience : undefined;
  if (typeof audience === 'string') return audience;
  throw new Error('a route for verifiers must name its audience');
}
