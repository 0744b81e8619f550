/** Minting: the client, its credential, its grant and its revocation time are looked at inside the commit that records the token. */
import { formatRfc3339 } from '../../caveats/rfc3339.js';
import { standardRegistry } from '../../caveats/standard.js';
import {
  createUuidV7,
  decodeBase64url,
  encode,
  encodeIdentifier,
  encodeUtf8,
  formatUuid,
  isActionPattern,
  limits,
  type Macaroon,
  MacaroonError,
  mint,
  someCoverAction,
  whenKnown,
} from '../../core/index.js';
import type { MintRequest, MintResponse } from '../../protocol/wire.js';
import { audienceKeyOf } from './audience-keys.js';
import type { Actor } from './audit-trail.js';
import { type ClientCaller, issuerAudience } from './issuer.js';
import { IssuerError } from './issuer-error.js';
import { requireLiveCaller } from './live-caller.js';
import { mintDetailsText } from './mint-details.js';
import type { Known, MintBasis, StoreDependencies, StoreTransaction } from './ports.js';
import type { ClientRecord, GrantRecord, NewAuditEvent } from './records.js';
import { type BindingFacts, bindingConditions } from './token-bindings.js';

const defaultExpiresMs = 3_600_000;
/** How far past the clock an issue time may lie before minting is refused; verifiers allow as much. */
const maxIssueAheadMs = 60_000;
/** How far `lastIssuedAtMs` is moved at once: a write for each mint would cost as much as the rest of it. No further, or who is revoked up to it waits. */
export const issueStepMs: number = maxIssueAheadMs;

/** Characters of conditions that a text has room for at the most: base64url makes four of three bytes. */
const maxConditionsLength = (limits.maxTextLength / 4) * 3;

/** Mints for a client that proved itself. Throws `invalid_client`, `grant_exceeded`, `invalid_request`, `unavailable`. */
export function mintForClient(deps: StoreDependencies, caller: ClientCaller, request: MintRequest): Promise<MintResponse> {
  const { authMethods, credentialId } = caller;
  // An administrator must get a token also on a full disk: revoking begins with it.
  const purpose = request.audience === issuerAudience ? 'revoke' : 'grow';
  return deps.store.transaction(purpose, (tx) =>
    whenKnown(requireLiveCaller(tx, caller), (client) =>
      mintWithin(deps, tx, client, request, { actor: caller, authMethods, credentialId, proof: caller }),
    ),
  );
}

/** How the client of a new token was proved, and by whom the audit log says it was asked for. */
export interface MintOccasion {
  readonly actor: Actor;
  readonly authMethods: readonly string[];
  readonly credentialId: string | null;
  /** What the grant may bind the token to; absent for work on the issuer's own machine, whose tokens are bound to nothing. */
  readonly proof?: (BindingFacts & Pick<ClientCaller, 'secondCredentialId'>) | undefined;
}

/** Mints and records inside `tx`. Throws, or rejects with, `grant_exceeded`, `invalid_request`, `unavailable`. */
export function mintWithin(
  deps: StoreDependencies,
  tx: StoreTransaction,
  client: ClientRecord,
  request: MintRequest,
  occasion: MintOccasion,
): Known<MintResponse> {
  return whenKnown(tx.mintBasis(client.name, request.audience), (basis) => {
    const nowMs = deps.clock();
    const { actor } = occasion;
    const { response, issuedAtMs, details } = makeToken(deps, nowMs, client, basis, request, occasion);
    const entry: NewAuditEvent = {
      atMs: nowMs,
      event: 'token.minted',
      actor: actor.client,
      client: client.name,
      audience: response.audience,
      tokenId: response.token_id,
      address: actor.address,
      requestId: actor.requestId,
      details,
    };
    const isLater = issuedAtMs > client.lastIssuedAtMs;
    const noted = isLater ? tx.updateClient({ ...client, lastIssuedAtMs: issuedAtMs + issueStepMs }) : undefined;
    return whenKnown(noted, () => whenKnown(tx.appendAudit(entry), () => response));
  });
}

/** A token that is not recorded yet. */
interface MadeToken {
  readonly response: MintResponse;
  readonly issuedAtMs: number;
  /** All that is kept of it beside its id, client and audience. */
  readonly details: string;
}

function makeToken(
  deps: StoreDependencies,
  nowMs: number,
  client: ClientRecord,
  basis: MintBasis | undefined,
  request: MintRequest,
  { actor, authMethods, credentialId, proof }: MintOccasion,
): MadeToken {
  if (basis === undefined || basis.grant.removedAtMs !== null) {
    throw new IssuerError('grant_exceeded', 'the client has no grant for this audience', '/audience');
  }
  const { audience, grant, rootKey, secret } = basis;
  const actions = actionsWithin(grant, request.actions);
  const lifeMs = lifeWithin(grant, request.expires_in);
  const bindings = proof === undefined ? [] : bindingConditions(grant.bind, client, proof);
  const conditions = conditionsOf([...grant.requiredCaveats, ...bindings], request.caveats ?? []);
  if (rootKey === undefined) throw new MacaroonError('ERR_STORE_CORRUPT', 'a client has no active root key');
  if (secret === undefined) throw new MacaroonError('ERR_STORE_CORRUPT', 'the active root key of a client has no secret');

  const issuedAtMs = Math.max(nowMs, client.revokedUntilMs + 1);
  if (issuedAtMs - nowMs > maxIssueAheadMs) {
    throw new IssuerError('unavailable', "the issuer's clock is behind the time up to which the client's tokens are revoked");
  }
  const tokenIdBytes = createUuidV7(issuedAtMs, deps.randomBytes);
  const tokenId = formatUuid(tokenIdBytes);
  const expiresAtMs = issuedAtMs + lifeMs;
  const identifier = encodeIdentifier({
    rootKeyId: decodeBase64url(rootKey.id),
    generation: audience.generation,
    tokenId: tokenIdBytes,
    expiresAtMs,
    audience: audience.name,
    client: client.name,
    authMethods,
    actions,
  });
  const key = audienceKeyOf(secret, audience.name, audience.generation);
  // The location is a hint that nothing here reads; pymacaroons cannot attenuate a macaroon without one.
  const token = encodeWithin(mint(key, identifier, audience.name, conditions));
  const expiresAt = formatRfc3339(expiresAtMs);
  return {
    response: {
      token,
      token_id: tokenId,
      root_key_id: rootKey.id,
      client: client.name,
      audience: audience.name,
      actions,
      issued_at: formatRfc3339(issuedAtMs),
      expires_at: expiresAt,
      caveats: conditions,
    },
    issuedAtMs,
    details: mintDetailsText({
      actionsCount: actions.length,
      authMethods,
      bindings,
      byTokenId: actor.tokenId,
      caveatsCount: conditions.length,
      certificateThumbprint: proof?.certificateThumbprint,
      credentialId,
      expiresAt,
      generation: audience.generation,
      keyThumbprint: proof?.keyThumbprint,
      rootKeyId: rootKey.id,
      secondCredentialId: proof?.secondCredentialId,
    }),
  };
}

function actionsWithin(grant: GrantRecord, requested: readonly string[] | undefined): readonly string[] {
  if (requested === undefined) return grant.actions;
  if (requested.length === 0 || requested.length > limits.maxActions || distinct(requested).length !== requested.length) {
    throw new IssuerError('invalid_request', `actions must be 1 to ${limits.maxActions} different actions`, '/actions');
  }
  requested.forEach((action, i) => {
    if (!isActionPattern(action))
      throw new IssuerError('invalid_request', 'not an action such as invoices:read', `/actions/${i}`);
    if (!someCoverAction(grant.actions, action)) {
      throw new IssuerError('grant_exceeded', "the client's grant does not cover an action that was asked for", `/actions/${i}`);
    }
  });
  return requested;
}

function lifeWithin(grant: GrantRecord, expiresInSeconds: number | undefined): number {
  if (expiresInSeconds === undefined) return Math.min(defaultExpiresMs, grant.maxExpiresMs);
  if (!Number.isSafeInteger(expiresInSeconds) || expiresInSeconds < 1) {
    throw new IssuerError('invalid_request', 'expires_in must be a whole number of seconds, 1 or more', '/expires_in');
  }
  if (expiresInSeconds * 1000 > grant.maxExpiresMs) {
    throw new IssuerError('grant_exceeded', `the grant allows at most ${grant.maxExpiresMs / 1000} seconds`, '/expires_in');
  }
  return expiresInSeconds * 1000;
}

/** Each of `texts` once. For a few, as nearly always, a set would take longer than to compare them. */
function distinct(texts: readonly string[]): readonly string[] {
  if (texts.length > 8) return [...new Set(texts)];
  return texts.every((text, i) => texts.indexOf(text) === i) ? texts : texts.filter((text, i) => texts.indexOf(text) === i);
}

function conditionsOf(required: readonly string[], requested: readonly string[]): readonly string[] {
  const conditions = distinct([...required, ...requested]);
  let length = 0;
  for (const condition of conditions) length += condition.length;
  // Before they are read: what fits into no token would cost hundreds of times as much as a mint.
  if (length > maxConditionsLength) throw tooLong();
  requireConditions(requested, '/caveats');
  if (conditions.length > limits.maxCaveats) {
    throw new IssuerError('invalid_request', `a token holds at most ${limits.maxCaveats} caveats`, '/caveats');
  }
  return conditions;
}

/** Throws `invalid_request` for a condition that no verifier could read. A name that only a service knows is allowed. */
export function requireConditions(conditions: readonly string[], pointer: string): void {
  for (let i = 0; i < conditions.length; i++) {
    const wrong = whyUnreadable(conditions[i] as string);
    if (wrong !== undefined) throw new IssuerError('invalid_request', wrong, `${pointer}/${i}`);
  }
}

function whyUnreadable(condition: string): string | undefined {
  let bytes: Uint8Array;
  try {
    bytes = encodeUtf8(condition);
  } catch {
    return 'a condition holds no halves of characters';
  }
  if (bytes.length > limits.maxConditionBytes) return `a condition has at most ${limits.maxConditionBytes} bytes`;
  // As bytes, whose readings are kept: requests ask for the same again and again.
  const read = standardRegistry.parse(bytes);
  return read.ok || read.code === 'ERR_CAVEAT_UNKNOWN' ? undefined : read.message;
}

function encodeWithin(root: Macaroon): string {
  try {
    return encode({ root, discharges: [] });
  } catch (cause) {
    if (cause instanceof MacaroonError && cause.code === 'ERR_LIMIT_TEXT') throw tooLong();
    throw cause;
  }
}

function tooLong(): IssuerError {
  const detail = `the token would pass ${limits.maxTextLength} characters: ask for fewer caveats`;
  return new IssuerError('invalid_request', detail, '/caveats');
}
