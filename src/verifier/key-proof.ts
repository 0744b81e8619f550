/**
 * Whether a key signed the request (RFC 9421), for `cnf jkt`: with its public half beside it in `Signature-Key`, and the token under the signature, so
 * that the proof serves this token and this request alone. Which key it must be, the caveat says.
 */

import { MacaroonError } from '../core/index.js';
import { type HeaderFields, singleField } from '../protocol/header-fields.js';
import {
  algorithmsOf,
  importVerifyingKey,
  jwkThumbprint,
  type ParsedSignature,
  type PublicJwk,
  parseSignatureKey,
  parseSignatures,
  type SignedRequest,
  verifyContentDigest,
  verifyMessage,
} from '../protocol/http-signature/index.js';
import { keyComponents, keyTag, maxKeyProofSeconds } from '../protocol/key-signature.js';

/** How far `created` may be ahead of our clock. */
const maxAheadMs = 5_000;

/** The signature of a key that held. Its nonce is still to be claimed. */
export interface KeyProof {
  /** RFC 7638, base64url. */
  readonly thumbprint: string;
  readonly nonce: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
}

/** The request that the key must have signed. */
export interface KeySignedRequest {
  readonly method: string;
  /** Absolute URIs that it may have been sent to. */
  readonly targetUris: readonly string[];
  readonly headers: HeaderFields;
  readonly body: Uint8Array;
  /** RFC 7638 thumbprints that the key must have, all of them. */
  readonly thumbprints: readonly string[];
}

/** The one proof of a key in `request`; `undefined` when there is none that holds at `nowMs`. Throws nothing for any request. */
export async function readKeyProof(request: KeySignedRequest, nowMs: number): Promise<KeyProof | undefined> {
  try {
    return await keyProofOf(request, nowMs);
  } catch (error) {
    if (error instanceof MacaroonError && (error.code === 'ERR_MESSAGE_SIGNATURE' || error.code === 'ERR_ARGUMENT'))
      return undefined;
    throw error;
  }
}

async function keyProofOf(request: KeySignedRequest, nowMs: number): Promise<KeyProof | undefined> {
  const { method, targetUris, headers, body, thumbprints } = request;
  const [signature, ...more] = parseSignatures(headers).filter(({ parameters }) => parameters.tag === keyTag);
  const keyField = singleField(headers, 'signature-key');
  if (signature === undefined || more.length > 0 || keyField === undefined) return undefined;
  const { created, expires, nonce } = signature.parameters;
  if (created === undefined || expires === undefined || nonce === undefined || !/^[\x20-\x7e]{16,64}$/.test(nonce))
    return undefined;
  const createdAtMs = created * 1000;
  const expiresAtMs = expires * 1000;
  if (createdAtMs > nowMs + maxAheadMs || nowMs >= expiresAtMs || expires - created > maxKeyProofSeconds) return undefined;
  const covered = new Set(signature.components.map(({ text }) => text));
  if (!keyComponents(body.length > 0, (name) => headers.has(name)).every((component) => covered.has(component))) return undefined;
  // Before any work for a key that somebody just made.
  const jwk = parseSignatureKey(keyField, signature.label);
  const thumbprint = jwkThumbprint(jwk);
  if (!thumbprints.every((wanted) => wanted === thumbprint)) return undefined;
  const digest = headers.get('content-digest')?.join(', ');
  if (digest === undefined ? body.length > 0 : !(await verifyContentDigest(digest, body))) return undefined;
  const messages = targetUris.map((targetUri): SignedRequest => ({ kind: 'request', method, targetUri, headers }));
  if (!(await isSignedBy(jwk, signature, messages))) return undefined;
  return { thumbprint, nonce, createdAtMs, expiresAtMs };
}

async function isSignedBy(jwk: PublicJwk, signature: ParsedSignature, messages: readonly SignedRequest[]): Promise<boolean> {
  for (const algorithm of algorithmsOf(jwk)) {
    const key = await importVerifyingKey(jwk, algorithm);
    for (const message of messages) if (await verifyMessage(message, signature, key)) return true;
  }
  return false;
}
