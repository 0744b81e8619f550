/** Claims the nonces of a request that was found good in everything else, last of all, so that it is accepted once. */
import type { Seal } from '../caveats/types/request.js';
import { MacaroonError, whenKnown } from '../core/index.js';
import { claimNonce, type ReplayStore } from '../protocol/replay-store.js';
import type { KeyProof } from './key-proof.js';
import type { Denial } from './result.js';

/** How far the clock of who signs may be ahead of ours. */
const maxAheadMs = 5_000;

export interface RequestNonces {
  readonly audience: string;
  readonly tokenId: string;
  readonly windowMs: number;
  readonly seal: Seal | undefined;
  /** Its place in the root macaroon. */
  readonly sealIndex: number | undefined;
  readonly keyProof: KeyProof | undefined;
}

/**
 * Why the request is refused as one that was here before; `undefined` when it is new, and from now on no more. Answers at once where the store does. Throws,
 * or rejects with, `ERR_ARGUMENT` without a store, and what the store throws.
 */
export function claimRequest(
  store: ReplayStore | undefined,
  nonces: RequestNonces,
): Denial | undefined | Promise<Denial | undefined> {
  const { keyProof, seal } = nonces;
  if (seal === undefined && keyProof === undefined) return undefined;
  if (store === undefined)
    throw new MacaroonError('ERR_ARGUMENT', 'replayStore is missing: nonces must be kept', { argument: 'replayStore' });
  return whenKnown(claimKeyProof(store, nonces), (denial) => denial ?? claimSeal(store, nonces));
}

function claimKeyProof(
  store: ReplayStore,
  { audience, keyProof }: RequestNonces,
): Denial | undefined | Promise<Denial | undefined> {
  if (keyProof === undefined) return undefined;
  const { thumbprint, nonce, createdAtMs, expiresAtMs } = keyProof;
  // Neither audiences nor thumbprints hold a colon, so no two senders share a scope.
  const scope = `cnf_jkt:${audience}:${thumbprint}`;
  const claim = { scope, nonce, sentAtMs: createdAtMs, windowMs: maxAheadMs, staleAtMs: expiresAtMs };
  return whenKnown(claimNonce(store, claim), (state) =>
    state === 'new' ? undefined : repeated(state, 'the signature of the key'),
  );
}

function claimSeal(
  store: ReplayStore,
  { audience, tokenId, windowMs, seal, sealIndex }: RequestNonces,
): Denial | undefined | Promise<Denial | undefined> {
  if (seal === undefined) return undefined;
  const { nonce, sentAtMs } = seal;
  const scope = `sealed_request:${audience}:${tokenId}`;
  const claim = { scope, nonce, sentAtMs, windowMs, staleAtMs: sentAtMs + windowMs };
  return whenKnown(claimNonce(store, claim), (state) =>
    state === 'new' ? undefined : repeated(state, 'the sealed request', sealIndex),
  );
}

function repeated(state: 'repeated' | 'unknown', what: string, caveatIndex?: number): Denial {
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
