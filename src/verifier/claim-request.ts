/** Claims the nonces of a request that was found good in everything else, last of all, so that it is accepted once. */
import type { Seal } from '../caveats/types/request.js';
import { MacaroonError, whenKnown } from '../core/index.js';
import { claimNonce, type NonceState, type ReplayStore } from '../protocol/replay-store.js';
import type { KeyProof } from './key-proof.js';
import type { Denial } from './result.js';

/** How far the clock of who signs may be ahead of ours. */
const maxAheadMs = 5_000;

export interface RequestNonces {
  readonly audience: string;
  readonly windowMs: number;
  /** Absent where the request is not sealed, or its nonce is for another to claim. */
  readonly sealed?: SealedNonce | undefined;
  readonly keyProof: KeyProof | undefined;
}

/** That of a sealed request. */
export interface SealedNonce {
  readonly seal: Seal;
  /** Its place in the root macaroon. */
  readonly caveatIndex: number | undefined;
  /** `sealScope` of its token. */
  readonly scope: string;
}

/** What the nonces of requests sealed with one token of `audience` are kept under. Neither of the two holds a colon, so no two tokens share it. */
export function sealScope(audience: string, tokenId: string): string {
  return `sealed_request:${audience}:${tokenId}`;
}

/**
 * Why the request is refused as one that was here before; `undefined` when it is new, and from now on no more. Answers at once where the store does. Throws,
 * or rejects with, `ERR_ARGUMENT` without a store, and what the store throws.
 */
export function claimRequest(
  store: ReplayStore | undefined,
  nonces: RequestNonces,
): Denial | undefined | Promise<Denial | undefined> {
  const { keyProof, sealed } = nonces;
  if (sealed === undefined && keyProof === undefined) return undefined;
  if (store === undefined)
    throw new MacaroonError('ERR_ARGUMENT', 'replayStore is missing: nonces must be kept', { argument: 'replayStore' });
  const { audience, windowMs } = nonces;
  if (keyProof === undefined) return claimSeal(store, sealed, windowMs);
  return whenKnown(claimKeyProof(store, keyProof, audience), (denial) => denial ?? claimSeal(store, sealed, windowMs));
}

function claimKeyProof(
  store: ReplayStore,
  { thumbprint, nonce, createdAtMs, expiresAtMs }: KeyProof,
  audience: string,
): Denial | undefined | Promise<Denial | undefined> {
  // Neither audiences nor thumbprints hold a colon, so no two senders share a scope.
  const scope = `cnf_jkt:${audience}:${thumbprint}`;
  const claim = { scope, nonce, sentAtMs: createdAtMs, windowMs: maxAheadMs, staleAtMs: expiresAtMs };
  return whenKnown(claimNonce(store, claim), (state) => denialOf(state, 'the signature of the key'));
}

function claimSeal(
  store: ReplayStore,
  sealed: SealedNonce | undefined,
  windowMs: number,
): Denial | undefined | Promise<Denial | undefined> {
  if (sealed === undefined) return undefined;
  const { seal, scope, caveatIndex } = sealed;
  const { nonce, sentAtMs } = seal;
  const claim = { scope, nonce, sentAtMs, windowMs, staleAtMs: sentAtMs + windowMs };
  const state = claimNonce(store, claim);
  if (state === 'new') return undefined;
  return whenKnown(state, (known) => denialOf(known, 'the sealed request', caveatIndex));
}

function denialOf(state: NonceState, what: string, caveatIndex?: number): Denial | undefined {
  if (state === 'new') return undefined;
  const message =
    state === 'repeated'
      ? `${what} was used before`
      : `${what} was made before this verifier could know whether it was used: make it anew`;
  return Object.freeze({
    ok: false,
    code: 'ERR_REQUEST_REPEATED',
    message,
    ...(caveatIndex === undefined ? {} : { caveatIndex }),
  });
}
