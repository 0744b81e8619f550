import { describe, expect, it } from 'vitest';
import {
  addFirstPartyCaveat,
  addThirdPartyCaveat,
  decode,
  encode,
  MacaroonError,
  MacaroonKey,
  mint,
} from '../../../src/core/index.js';
import type { AnswerSigner } from '../../../src/protocol/answer-signer.js';
import { memoryReplayStore } from '../../../src/protocol/memory-replay-store.js';
import { type RequestToSeal, sealRequest } from '../../../src/protocol/sealed-request.js';
import { createVerifier, staticKeys, type VerifierOptions } from '../../../src/verifier/index.js';
import { seededRandom } from '../../fuzz/mutate.js';
import { audience, audienceKey, macaroonOf, nowMs, staticKey, tokenId, tokenOf } from './samples.js';
import { contextOf, eternalStore, origin, posted, provesItself, seal } from './sealed-samples.js';

const windowMs = 5_000;

function verifierWith(options: Partial<VerifierOptions> = {}) {
  return createVerifier({
    audience,
    keys: staticKeys([staticKey]),
    clock: () => nowMs,
    origins: [origin],
    replayStore: eternalStore(),
    ...options,
  });
}

describe('a sealed request', () => {
  it('is accepted once, and its answer can be proved', async () => {
    const verifier = verifierWith();
    const sealed = seal();
    const first = await verifier.verify(sealed.text, contextOf(sealed.text));
    expect(first).toMatchObject({ ok: true, client: 'mail', tokenId });
    expect(await provesItself(first.signAnswer, sealed)).toBe(true);
    const again = await verifier.verify(sealed.text, contextOf(sealed.text));
    expect(again).toMatchObject({ ok: false, code: 'ERR_REQUEST_REPEATED', caveatIndex: 0 });
    expect(await provesItself(again.signAnswer, sealed)).toBe(true);
  });

  it.each<[string, Partial<RequestToSeal>]>([
    ['body', { body: new Uint8Array([1]) }],
    ['method', { method: 'PUT' }],
    ['path', { target: '/invoices/2?draft=1' }],
    ['query', { target: '/invoices?draft=2' }],
    ['absent query', { target: '/invoices' }],
    ['content type', { contentType: 'text/plain' }],
    ['absent content type', { contentType: undefined }],
    ['content encoding', { contentEncoding: 'gzip' }],
  ])('is denied with another %s, and keeps its nonce for the right one', async (_, change) => {
    const verifier = verifierWith();
    const sealed = seal();
    const altered = await verifier.verify(sealed.text, contextOf(sealed.text, change));
    expect(altered).toMatchObject({ ok: false, code: 'ERR_CAVEAT_DENIED', caveatIndex: 0 });
    expect(await provesItself(altered.signAnswer, sealed)).toBe(change.method === undefined);
    expect(await verifier.verify(sealed.text, contextOf(sealed.text))).toMatchObject({ ok: true });
  });
});
