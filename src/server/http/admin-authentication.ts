/**
 * Authority over the issuer itself: a macaroon for its own audience, verified over its own store with the route's action and what is
 * known of the request. A token for any other audience authorizes nothing here.
 */

import { readAuthorization } from '../../verifier/authorization.js';
import { type RefusalCause, refusalResponse } from '../../verifier/denial-response.js';
import type { SentRequest } from '../../verifier/sent-request.js';
import type { AdminCaller } from '../domain/issuer.js';
import { issuerAudience } from '../domain/issuer.js';
import { ProblemError } from './problem-error.js';
import type { RequestFacts } from './request-facts.js';
import type { OnSigner } from './route.js';
import type { Services } from './services.js';

/** Whether `authorization` is of a scheme that carries a macaroon. */
export function isTokenScheme(authorization: string): boolean {
  return /^(?:macaroon|bearer)(?: |$)/i.test(authorization);
}

/**
 * The administrator whose token covers `action`. Throws `invalid_token`, `invalid_request`, `insufficient_scope`, `caveat_denied`, `request_stale`,
 * `request_repeated`; the exact reason goes to the audit log. `onSigner` is told how the answer to a sealed request is signed.
 */
export async function authenticateAdmin(
  services: Services,
  facts: RequestFacts,
  action: string,
  onSigner: OnSigner,
): Promise<AdminCaller> {
  const { authorization, address, method, path, origin } = facts;
  const read = readAuthorization(authorization === undefined ? [] : [authorization]);
  if (!read.ok) {
    await noteDenial(services, facts, `authorization-${read.fault}`);
    throw refusal({ kind: 'request', fault: read.fault });
  }
  const request = sentRequest(facts, onSigner);
  const result = await services.verifiers.own.verify(read.text, { action, method, path, ip: address, request });
  if (result.ok) {
    const isConfined = result.caveats.some((condition) => !condition.startsWith('action '));
    return { ...origin, kind: 'admin', client: result.client, tokenId: result.tokenId, actions: result.actions, isConfined };
  }
  await noteDenial(services, facts, result.code);
  throw refusal({ kind: 'denial', denial: result });
}

/** The origin is that of the listener: the issuer's URL, or that of the listener for client certificates. */
function sentRequest({ target, targetUri, headers, body, certificate }: RequestFacts, onSigner: OnSigner): SentRequest {
  const origin = targetUri.slice(0, targetUri.length - target.length);
  return { target, headers, body, origins: [origin], onSigner, certificate: () => certificate?.der };
}

async function noteDenial(services: Services, facts: RequestFacts, reason: string): Promise<void> {
  await services.issuer.noteFailure({ ...facts.origin, event: 'token.denied', reason });
}

function refusal(cause: RefusalCause): ProblemError {
  const { problem, headers } = refusalResponse(cause, issuerAudience);
  const { type: _type, title: _title, status: _status, code, detail, ...members } = problem;
  const challenge = headers['www-authenticate'];
  return new ProblemError(code, {
    detail,
    members,
    headers: challenge === undefined ? {} : { 'WWW-Authenticate': challenge },
  });
}
