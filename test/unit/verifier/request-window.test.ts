/** When sealed requests and requests signed by a key hold: the edges of their windows, and each once as long as it could hold again. */
import { generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { type KeySigner, keySigner } from '../../../src/client/key-signer.js';
import { type Clock, encodeBase64url } from '../../../src/core/index.js';
import { headerFields } from '../../../src/protocol/header-fields.js';
import {
  contentDigest,
  formatSignatureKey,
  importSigningKey,
  jwkThumbprint,
  privateKeyDer,
  signMessage,
  spkiPublicJwk,
} from '../../../src/protocol/http-signature/index.js';
import { keyComponents, keyTag } from '../../../src/protocol/key-signature.js';
import { memoryReplayStore } from '../../../src/protocol/memory-replay-store.js';
import type { ReplayStore } from '../../../src/protocol/replay-store.js';
import { createVerifier, staticKeys, type VerifyContext } from '../../../src/verifier/index.js';
import { seededRandom } from '../../fuzz/mutate.js';
import { audience, nowMs, staticKey, tokenOf } from './samples.js';
import { contextOf, eternalStore, origin, posted, seal } from './sealed-samples.js';

const random = seededRandom(5).bytes;
/** Issued long before any window. */
const token = tokenOf({ issuedAtMs: nowMs - 3_600_000 });

/** What a service whose clock is `clock` says to a request, in a word. */
async function outcomeAt(clock: Clock, store: ReplayStore, text: string, context: VerifyContext, requestWindowMs?: number) {
  const keys = staticKeys([staticKey]);
  const window = requestWindowMs === undefined ? {} : { requestWindowMs };
  const verifier = createVerifier({ audience, keys, clock, origins: [origin], replayStore: store, ...window });
  const result = await verifier.verify(text, context);
  return result.ok ? 'accepted' : result.code;
}

describe.each([5_000, 1, 300_000])('a sealed request in a window of %i ms', (windowMs) => {
  const at = (lateMs: number, store: ReplayStore, { text } = seal({}, token)) =>
    outcomeAt(() => nowMs + lateMs, store, text, contextOf(text), windowMs);
  const edges = [0, windowMs - 1, windowMs, windowMs + 1, 2 * windowMs, 2 * windowMs + 1].flatMap((ms) => [ms, -ms]);

  it.each([...new Set(edges)])('arrives %i ms after it was sent', async (lateMs) => {
    expect(await at(lateMs, eternalStore())).toBe(Math.abs(lateMs) < windowMs ? 'accepted' : 'ERR_REQUEST_STALE');
  });

  it('is accepted once, from the first moment of its window to the last', async () => {
    let time = nowMs - windowMs + 1;
    const store = memoryReplayStore({ clock: () => time });
    // The store was there a window before the request was sent.
    time = nowMs;
    const sealed = seal({}, token, nowMs + 2 * windowMs);
    const outcomes: string[] = [];
    for (const lateMs of [1 - windowMs, 1 - windowMs, 0, windowMs - 1]) {
      time = nowMs + 2 * windowMs + lateMs;
      outcomes.push(await outcomeAt(() => time, store, sealed.text, contextOf(sealed.text), windowMs));
    }
    const repeated = 'ERR_REQUEST_REPEATED';
    expect(outcomes).toEqual(['accepted', repeated, repeated, repeated]);
  });

  it('is refused when it was sent before the store can know', async () => {
    const bornAtMs = nowMs - windowMs;
    const born = (ms: number) => ({ ...eternalStore(), bornAtMs: ms });
    expect(await at(0, born(bornAtMs))).toBe('accepted');
    expect(await at(0, born(bornAtMs + 1))).toBe('ERR_REQUEST_REPEATED');
  });
});

describe('a request signed by the key of a cnf caveat', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const jwk = spkiPublicJwk(new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })));
  const thumbprint = jwkThumbprint(jwk);
  const text = tokenOf({ conditions: [`cnf jkt:${thumbprint}`] });
  const lifeMs = 60_000;
  const aheadMs = 5_000;
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  let sign: KeySigner;
  beforeAll(async () => {
    sign = await keySigner({ privateKey: pem, algorithm: 'ed25519' });
  });

  /** Signed at `nowMs`, for a minute. */
  async function signed(): Promise<VerifyContext> {
    const { method, target, contentType = '', body } = posted;
    const authorization = `Macaroon ${text}`;
    const digest = { 'content-digest': contentDigest(body) };
    const headers = { authorization, 'content-type': contentType, ...digest };
    const proof = await sign({ origin, target, method, headers, body }, nowMs, random);
    return contextOf(text, {}, { ...digest, ...proof });
  }

  it.each([
    [-aheadMs - 1, false],
    [-aheadMs, true],
    [1 - aheadMs, true],
    [0, true],
    [lifeMs - 1, true],
    [lifeMs, false],
    [lifeMs + 1, false],
    [2 * lifeMs, false],
  ])('arrives %i ms after it was made: %s', async (lateMs, isAccepted) => {
    const outcome = await outcomeAt(() => nowMs + lateMs, eternalStore(), text, await signed());
    expect(outcome).toBe(isAccepted ? 'accepted' : 'ERR_CAVEAT_CONTEXT');
  });

  /** Signed at `nowMs`, for as many seconds as the signer likes. */
  async function signedFor(seconds: number): Promise<VerifyContext> {
    const { method, target, contentType = '', body } = posted;
    const digest = { 'content-digest': contentDigest(body) };
    const headers = { authorization: `Macaroon ${text}`, 'content-type': contentType, ...digest };
    const created = nowMs / 1000;
    const components = keyComponents(true, (name) => Object.hasOwn(headers, name));
    const parameters = { created, expires: created + seconds, nonce: encodeBase64url(random(32)), tag: keyTag };
    const key = await importSigningKey(privateKeyDer(pem), 'ed25519');
    const proof = await signMessage(
      { kind: 'request', method, targetUri: `${origin}${target}`, headers: headerFields(Object.entries(headers)) },
      { label: 'key', components, parameters, key },
    );
    return contextOf(text, {}, { ...digest, ...proof, 'signature-key': formatSignatureKey('key', jwk) });
  }

  it.each([
    [1, true],
    [60, true],
    [61, false],
    [3_600, false],
    [0, false],
    [-1, false],
  ])('lives %i s by its own word: %s', async (seconds, isAccepted) => {
    const outcome = await outcomeAt(() => nowMs, eternalStore(), text, await signedFor(seconds));
    expect(outcome).toBe(isAccepted ? 'accepted' : 'ERR_CAVEAT_CONTEXT');
  });

  it('is accepted once, from the first moment to the last', async () => {
    const context = await signed();
    let time = nowMs - 2 * aheadMs;
    const store = memoryReplayStore({ clock: () => time });
    const outcomes: string[] = [];
    for (const lateMs of [-aheadMs, -aheadMs, 0, lifeMs - 1]) {
      time = nowMs + lateMs;
      outcomes.push(await outcomeAt(() => time, store, text, context));
    }
    const repeated = 'ERR_REQUEST_REPEATED';
    expect(outcomes).toEqual(['accepted', repeated, repeated, repeated]);
  });

  it('is refused when it was made before the store can know', async () => {
    const born = (ms: number) => ({ ...eternalStore(), bornAtMs: ms });
    expect(await outcomeAt(() => nowMs, born(nowMs - aheadMs), text, await signed())).toBe('accepted');
    expect(await outcomeAt(() => nowMs, born(nowMs - aheadMs + 1), text, await signed())).toBe('ERR_REQUEST_REPEATED');
  });
});
