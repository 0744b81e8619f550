/**
 * Policies of clients: any of these clauses, each of which asks for all of its auth methods. A request carries one proof in its headers
 * and one certificate at most, so a clause asks for no more; the address is a condition and proves nothing by itself.
 */
import type { WireAuthPolicy } from '../../protocol/wire.js';
import { IssuerError } from './issuer-error.js';
import type { AuthMethod, CredentialRecord } from './records.js';

const maxClauses = 8;
const addressCondition = 'ip';

const placeOf: Readonly<Record<AuthMethod, 'headers' | 'tls'>> = {
  client_secret_basic: 'headers',
  http_sig: 'headers',
  challenge_response: 'headers',
  encrypted_time: 'headers',
  shared_key_hmac: 'headers',
  tls_client_auth: 'tls',
  self_signed_tls_client_auth: 'tls',
};

/** The policy of a client for which none was asked: its secret, and its address where it has ranges. */
export function defaultPolicy(ips: readonly string[]): WireAuthPolicy {
  return [ips.length === 0 ? ['client_secret_basic'] : ['client_secret_basic', addressCondition]];
}

/**
 * `policy`, when it is one for a client with the ranges `ips`. An alternative with `ip` proves nobody until there are ranges.
 * Throws `invalid_request` with a pointer below `/auth`, or to `/ips`.
 */
export function checkedPolicy(policy: WireAuthPolicy, ips: readonly string[]): WireAuthPolicy {
  if (policy.length === 0 || policy.length > maxClauses) {
    throw refusal(`auth must be 1 to ${maxClauses} alternatives, each a list of auth methods`, '/auth');
  }
  policy.forEach((clause, i) => {
    checkClause(clause, `/auth/${i}`);
    if (policy.slice(0, i).some((before) => isSame(before, clause))) throw refusal('an alternative is repeated', `/auth/${i}`);
  });
  if (ips.length > 0 && !asksForAddress(policy)) {
    throw refusal('ips has no effect, as no alternative of auth asks for ip: add ip to those that are to be limited', '/ips');
  }
  return policy;
}

/** Whether an alternative of `policy` asks for an address. */
export function asksForAddress(policy: WireAuthPolicy): boolean {
  return policy.some((clause) => clause.includes(addressCondition));
}

function checkClause(clause: readonly string[], pointer: string): void {
  clause.forEach((method, i) => {
    if (method !== addressCondition && !isAuthMethod(method)) {
      const known = [...Object.keys(placeOf), addressCondition].join(', ');
      throw refusal(`not an auth method; they are ${known}`, `${pointer}/${i}`);
    }
    if (clause.indexOf(method) !== i) throw refusal('an auth method is repeated', `${pointer}/${i}`);
  });
  const proofs = proofsOf(clause);
  if (proofs.length === 0) {
    throw refusal('an alternative needs a method that proves the client: ip alone proves nothing', pointer);
  }
  for (const place of ['headers', 'tls'] as const) {
    if (proofs.filter((method) => placeOf[method] === place).length < 2) continue;
    const one = place === 'headers' ? 'one method that goes into headers' : 'one method of TLS';
    throw refusal(`an alternative has at most ${one}: give each an alternative of its own`, pointer);
  }
}

/** Every method of `policy` that needs a credential, once. */
export function proofsOfPolicy(policy: WireAuthPolicy): readonly AuthMethod[] {
  return [...new Set(policy.flatMap(proofsOf))];
}

/** Whether the credentials `live` and the ranges `ips` are enough for one clause of `policy`. */
export function isFulfilledBy(policy: WireAuthPolicy, live: readonly CredentialRecord[], ips: readonly string[]): boolean {
  const there = new Set<string>(live.map(({ authMethod }) => authMethod));
  if (ips.length > 0) there.add(addressCondition);
  return policy.some((clause) => clause.every((method) => there.has(method)));
}

function proofsOf(clause: readonly string[]): readonly AuthMethod[] {
  return clause.filter(isAuthMethod);
}

function isAuthMethod(method: string): method is AuthMethod {
  return Object.hasOwn(placeOf, method);
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((method) => other.includes(method));
}

function refusal(message: string, pointer: string): IssuerError {
  return new IssuerError('invalid_request', message, pointer);
}
