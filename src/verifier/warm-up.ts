/**
 * Lets the engine compile what verifies before the first request needs it: interpreted, a verification takes half a millisecond, and the first hundred are.
 * Once a process, with its first verifier, in slices between other work, so that nobody waits for it.
 */
import { standardRegistry } from '../caveats/standard.js';
import {
  addFirstPartyCaveat,
  createUuidV7,
  encode,
  encodeBase64url,
  encodeIdentifier,
  MacaroonKey,
  mint,
  type RandomBytes,
} from '../core/index.js';
import { LocalVerification } from './local-verification.js';
import { RequestProofs } from './request-proofs.js';
import type { KeySource } from './result.js';
import { readFacts } from './told-facts.js';

/** From about so many on, a verification takes what it will take. */
const rounds = 150;
/** How long one slice keeps others waiting; the first, longer, as the very first verification takes some milliseconds, whoever asks for it. */
const sliceMs = 2;
const audience = 'warm-up';
const action = 'warm:up';
const conditions = ['time-before 9999-12-31T23:59:59Z', `action ${action}`, 'ip 192.0.2.0/24', 'method GET', 'path /'];
const context = { action, ip: '192.0.2.1', method: 'GET', path: '/' };
/** Neither the machine's clock nor its randomness is asked: nobody is let in by this, and what fails in a timer would end the process. */
const nowMs = Date.UTC(2026, 0, 1);
let fillings = 0;
const otherBytes: RandomBytes = (length) => new Uint8Array(length).fill(++fillings);
let hasBegun = false;

/** Begins to warm up, unless that was begun before. */
export function warmUpOnce(): void {
  if (hasBegun) return;
  hasBegun = true;
  let left = rounds;
  let verifyOne: (() => unknown) | undefined;
  const runSlice = (): void => {
    const startMs = performance.now();
    verifyOne ??= newVerification();
    do verifyOne();
    while (--left > 0 && performance.now() - startMs < sliceMs);
    if (left > 0) later(runSlice);
  };
  later(runSlice);
}

/** After what is waiting already; keeps no process alive. */
function later(work: () => void): void {
  const timer: unknown = setTimeout(work, 0);
  if (typeof timer === 'object' && timer !== null && 'unref' in timer && typeof timer.unref === 'function') timer.unref();
}

/** Verifies another token at each call, for a verifier that nobody else asks. */
function newVerification(): () => unknown {
  const rootKeyId = otherBytes(16);
  const key = new MacaroonKey(otherBytes(32));
  const entry = { rootKeyId: encodeBase64url(rootKeyId), generation: 1, client: audience, key };
  const keys: KeySource = {
    kind: 'keys',
    find: () => ({ found: true, entry }),
    revocationOf: () => undefined,
    close: async () => {},
  };
  const registry = standardRegistry;
  const forNobody = { replayStore: undefined, windowMs: 0, rememberedTokens: rounds };
  const local = new LocalVerification({ audience, keys, registry, ...forNobody });
  const noProofs = new RequestProofs('', undefined, '', { origins: [], windowMs: 0, clock: () => nowMs });
  return () => {
    const identifier = encodeIdentifier({
      rootKeyId,
      generation: 1,
      tokenId: createUuidV7(nowMs, otherBytes),
      expiresAtMs: nowMs + 60_000,
      audience,
      client: audience,
      authMethods: ['none'],
      actions: [action],
    });
    const root = conditions.reduce((macaroon, condition) => addFirstPartyCaveat(macaroon, condition), mint(key, identifier));
    const facts = readFacts('', context);
    facts.nowMs = nowMs;
    return local.verify(encode({ root, discharges: [] }), facts, noProofs);
  };
}
