/** Beginnings of tokens that are remembered: what they spare, and what nobody can make of them. */
import { beforeEach, describe, expect, it } from 'vitest';
import {
  addFirstPartyCaveat,
  concatBytes,
  createUuidV7,
  decodeIdentifier,
  encode,
  encodeUtf8,
  type FlatToken,
  type Macaroon,
  MacaroonKey,
  readFlat,
  type Signature,
} from '../../../src/core/index.js';
import type { ReplayStore } from '../../../src/protocol/replay-store.js';
import { requestDigest, sealRequest } from '../../../src/protocol/sealed-request.js';
import { createVerifier, type KeyLookup, type KeySource, staticKeys } from '../../../src/verifier/index.js';
import { PrefixCache } from '../../../src/verifier/prefix-cache.js';
import { seededRandom } from '../../fuzz/mutate.js';
import { audience, audienceKey, client, generation, macaroonOf, nowMs, rootKeyId, staticKey } from './samples.js';

const context = { action: 'invoices:read', method: 'GET', path: '/invoices/1', ip: '10.1.2.3' };
const parent = macaroonOf({ conditions: ['method GET', 'path /invoices'] });
const child = (i: number, of: Macaroon = parent) => addFirstPartyCaveat(of, `ip 10.0.0.0/8,192.0.2.${i}`);
const textOf = (root: Macaroon): string => encode({ root, discharges: [] });

/** Takes every nonce as new. */
const keepsNothing: ReplayStore = { bornAtMs: 0, claim: () => true, close: () => undefined };

let lookup: KeyLookup;
let time: number;

function newVerifier() {
  const keys: KeySource = { ...staticKeys([staticKey]), find: () => lookup };
  return createVerifier({ audience, keys, clock: () => time });
}

/** A verifier that knows `parent` as a beginning. */
async function verifierThatKnows(root: Macaroon = parent) {
  const verifier = newVerifier();
  for (let i = 1; i < 4; i++) expect(await verifier.verify(textOf(child(i, root)), context)).toMatchObject({ ok: true });
  return verifier;
}

beforeEach(() => {
  lookup = { found: true, entry: { rootKeyId, generation, client, key: audienceKey() } };
  time = nowMs;
});

describe('a token whose beginning is known', () => {
  it('gets the verdict that it would get as the first of all', async () => {
    const verifier = await verifierThatKnows();
    const other = child(9);
    expect(await verifier.verify(textOf(other), context)).toEqual(await newVerifier().verify(textOf(other), context));
    const denied = { ...context, path: '/else' };
    expect(await verifier.verify(textOf(other), denied)).toEqual(await newVerifier().verify(textOf(other), denied));
    const grandchild = addFirstPartyCaveat(other, 'action invoices:pay');
    expect(await verifier.verify(textOf(grandchild), context)).toMatchObject({ code: 'ERR_CAVEAT_DENIED', caveatIndex: 3 });
    expect(await verifier.verify(textOf(parent), { ...context, method: 'POST' })).toMatchObject({ caveatIndex: 0 });
  });

  it('is refused for every bit of it that is changed', async () => {
    const verifier = await verifierThatKnows();
    const genuine = child(9);
    const flip = (bytes: Uint8Array, at: number) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
    for (let at = 0; at < genuine.signature.length; at++) {
      const root = { ...genuine, signature: flip(genuine.signature, at) as Signature };
      expect(await verifier.verify(textOf(root), context)).toMatchObject({ code: 'ERR_SIGNATURE_MISMATCH' });
    }
    for (const [index, caveat] of genuine.caveats.entries()) {
      if (caveat.kind !== 'first-party') throw new Error('no first-party caveat');
      for (let at = 0; at < caveat.condition.length; at++) {
        const caveats = genuine.caveats.map((one, i) =>
          i === index ? { ...caveat, condition: flip(caveat.condition, at) } : one,
        );
        const denial = await verifier.verify(textOf({ ...genuine, caveats }), context);
        expect(denial, `caveat ${index}, byte ${at}`).toMatchObject({ code: 'ERR_SIGNATURE_MISMATCH' });
      }
    }
    for (let at = 21; at < genuine.identifier.length; at++) {
      const root = { ...genuine, identifier: flip(genuine.identifier, at) };
      expect(await verifier.verify(textOf(root), context)).toMatchObject({ code: 'ERR_SIGNATURE_MISMATCH' });
    }
  });

  it.each([0, 1, 2, 3])(
    'is refused for each byte before its last caveat that is changed, also where %d are left over of four',
    async (more) => {
      const root = macaroonOf({ conditions: ['method GET', `path /invoices,/${'a'.repeat(more)}`] });
      const verifier = await verifierThatKnows(root);
      const genuine = child(9, root);
      for (const [index, caveat] of genuine.caveats.slice(0, -1).entries()) {
        if (caveat.kind !== 'first-party') throw new Error('no first-party caveat');
        for (let at = 0; at < caveat.condition.length; at++) {
          const condition = caveat.condition.map((byte, i) => (i === at ? byte ^ 2 : byte));
          const caveats = genuine.caveats.with(index, { kind: 'first-party', condition });
          const denial = await verifier.verify(textOf({ ...genuine, caveats }), context);
          expect(denial, `caveat ${index}, byte ${at}`).toMatchObject({ code: 'ERR_SIGNATURE_MISMATCH' });
        }
      }
    },
  );

  it('is refused for each character that is changed, and wherever it is cut, as by a verifier that knows nothing', async () => {
    const verifier = await verifierThatKnows();
    const text = textOf(child(9));
    const changed = Array.from(text, (character, i) => `${text.slice(0, i)}${character === 'A' ? 'B' : 'A'}${text.slice(i + 1)}`);
    const foreign = Array.from(text, (_, i) => `${text.slice(0, i)}${i % 2 === 0 ? 'é' : '='}${text.slice(i + 1)}`);
    const cut = Array.from(text, (_, i) => text.slice(0, i));
    const longer = [`${text}A`, `${text}\n`, `${text}${text}`, text.slice(0, -7), `${text.slice(0, -7)}.`];
    for (const wrong of [...changed, ...foreign, ...cut, ...longer]) {
      const denial = await verifier.verify(wrong, context);
      expect(denial.ok).toBe(false);
      expect(denial).toEqual(await newVerifier().verify(wrong, context));
    }
    expect(await verifier.verify(text, context)).toMatchObject({ ok: true });
  });

  it('is found by the longest beginning also when a shorter one was read last', async () => {
    const longer = child(1);
    const verifier = await verifierThatKnows();
    const texts = Array.from({ length: 12 }, (_, i) => textOf(i % 2 === 0 ? child(20 + i) : child(20 + i, longer)));
    for (const text of texts) {
      const result = await verifier.verify(text, context);
      expect(result).toEqual(await newVerifier().verify(text, context));
      expect(result).toMatchObject({ ok: true });
    }
    const other = addFirstPartyCaveat(longer, 'method POST');
    expect(await verifier.verify(textOf(other), context)).toMatchObject({ code: 'ERR_CAVEAT_DENIED', caveatIndex: 3 });
  });

  it('is held to all that it begins with, sealed or not', async () => {
    const clock = () => time;
    const bound = (...conditions: readonly string[]) => macaroonOf({ conditions });
    const sealTools = { clock, randomBytes: (length: number) => globalThis.crypto.getRandomValues(new Uint8Array(length)) };
    const sent = { method: 'GET', authority: 'invoice.example', target: '/invoices/1', body: new Uint8Array(0) };
    const request = { authority: sent.authority, target: sent.target, digest: requestDigest(sent) };
    const thumbprint = 'A'.repeat(43);
    const roots = [
      bound('action invoices:read', `time-before ${new Date(nowMs + 60_000).toISOString().replace('.000', '')}`),
      bound('request-required', 'action invoices:read'),
      bound(`cnf x5t#S256:${thumbprint}`, 'method GET'),
      bound('path /else', 'method GET'),
      bound('unknown 1'),
    ];
    const contexts = [{ ...context, request }, { ...context, request, certificateThumbprint: thumbprint }, context];
    for (const root of roots) {
      const old = createVerifier({ audience, keys: staticKeys([staticKey]), clock, replayStore: keepsNothing });
      for (let i = 0; i < 3; i++) {
        await old.verify(textOf(child(i, root)), context);
        await old.verify(sealRequest(textOf(root), sent, sealTools).text, context);
      }
      for (const text of [textOf(child(9, root)), sealRequest(textOf(root), sent, sealTools).text]) {
        for (const told of contexts) {
          const fresh = createVerifier({ audience, keys: staticKeys([staticKey]), clock, replayStore: keepsNothing });
          expect(await old.verify(text, told)).toEqual(await fresh.verify(text, told));
          expect(JSON.stringify(await old.explain(text, told))).toBe(JSON.stringify(await fresh.explain(text, told)));
        }
      }
    }
  });

  it('cannot pass caveats off as a part of a longer identifier', async () => {
    // The bytes from the identifier on are the same for both; only where the identifier ends differs.
    const inner = encodeUtf8('method GET');
    const hidden = concatBytes(encodeUtf8('x'), new Uint8Array([0, 2, inner.length]), inner);
    const base = macaroonOf({ conditions: [] });
    const trap = addFirstPartyCaveat(base, hidden);
    const verifier = newVerifier();
    for (let i = 0; i < 4; i++) await verifier.verify(textOf(addFirstPartyCaveat(trap, `ip 192.0.2.${i}`)), context);
    const moved: Macaroon = {
      ...trap,
      identifier: concatBytes(trap.identifier, new Uint8Array([0, 2, hidden.length]), encodeUtf8('x')),
      caveats: [{ kind: 'first-party', condition: inner }],
    };
    const forged = addFirstPartyCaveat(moved, 'action invoices:read');
    expect(await verifier.verify(textOf(forged), context)).toMatchObject({ code: 'ERR_SIGNATURE_MISMATCH' });
  });

  it('is refused once its key is gone, or another stands in its place', async () => {
    const verifier = await verifierThatKnows();
    const entry = { rootKeyId, generation, client, key: new MacaroonKey(new Uint8Array(32).fill(1)) };
    lookup = { found: true, entry };
    expect(await verifier.verify(textOf(child(9)), context)).toMatchObject({ code: 'ERR_SIGNATURE_MISMATCH' });
    lookup = { found: false, code: 'ERR_REVOKED_ROOT_KEY' };
    expect(await verifier.verify(textOf(child(9)), context)).toMatchObject({ code: 'ERR_REVOKED_ROOT_KEY' });
  });

  it('is still looked up among the revoked, and expires', async () => {
    const verifier = await verifierThatKnows();
    time = nowMs + 3_600_000;
    expect(await verifier.verify(textOf(child(9)), context)).toMatchObject({ code: 'ERR_TOKEN_EXPIRED' });
    const genuine = await newVerifier().verify(textOf(parent), context);
    time = nowMs;
    const asked: unknown[] = [];
    const known = staticKeys([staticKey]);
    const revokes: KeySource = {
      ...known,
      revocationOf: (subject) => {
        asked.push(subject.tokenId);
        return asked.length > 3 ? 'ERR_REVOKED_TOKEN' : undefined;
      },
    };
    const other = createVerifier({ audience, keys: revokes, clock: () => time });
    for (let i = 1; i < 4; i++) expect(await other.verify(textOf(child(i)), context)).toMatchObject({ ok: true });
    expect(await other.verify(textOf(child(9)), context)).toMatchObject({ code: 'ERR_REVOKED_TOKEN' });
    expect(new Set(asked).size).toBe(1);
    expect(genuine.ok).toBe(false);
  });
});

describe('what is remembered of beginnings', () => {
  it('is the less the more caveats they have, however short these are', () => {
    const cache = new PrefixCache(10_000);
    const key = audienceKey();
    const random = seededRandom(92).bytes;
    const conditions = Array.from({ length: 63 }, (_, i) => `x ${i}`);
    const texts = Array.from({ length: 1500 }, () => textOf(macaroonOf({ conditions, tokenId: createUuidV7(nowMs, random) })));
    const subject = { tokenId: '', issuedAtMs: 0, client, audience, rootKeyId, generation };
    const facts = decodeIdentifier(parent.identifier);
    for (const text of texts) {
      cache.set(readFlat(text) as FlatToken, 62, key, { facts, subject, chain: new Int32Array(8) });
    }
    const left = texts.filter((text) => cache.longest(readFlat(text) as FlatToken, key, undefined) !== undefined);
    expect(left.length).toBeGreaterThan(400);
    // 32 MiB in both generations, of half a KiB for each caveat.
    expect(left.length).toBeLessThan(1100);
  });
});
