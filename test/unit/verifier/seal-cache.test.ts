/** Tokens that are sealed to one request again and again: what is remembered of their seals, and what nobody can make of it. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createCaveatRegistry } from '../../../src/caveats/registry.js';
import { standardCaveats, standardRegistry } from '../../../src/caveats/standard.js';
import { request } from '../../../src/caveats/types/request.js';
import {
  addFirstPartyCaveat,
  type Caveat,
  decode,
  encodeBase64url,
  encodeUtf8,
  type Macaroon,
  MacaroonKey,
  type Signature,
  uint32Bytes,
} from '../../../src/core/index.js';
import { memoryReplayStore } from '../../../src/protocol/memory-replay-store.js';
import type { ReplayStore } from '../../../src/protocol/replay-store.js';
import type { AnswerKey } from '../../../src/protocol/sealed-answer.js';
import { type RequestToSeal, requestDigest, sealRequest } from '../../../src/protocol/sealed-request.js';
import {
  createVerifier,
  type KeyLookup,
  type KeySource,
  staticKeys,
  type Verifier,
  type VerifierOptions,
  type VerifyContext,
} from '../../../src/verifier/index.js';
import { type KnownText, PrefixCache } from '../../../src/verifier/prefix-cache.js';
import { SealCache } from '../../../src/verifier/seal-cache.js';
import type { ToldRequest } from '../../../src/verifier/sent-request.js';
import { campaignSize, runCases, seededRandom } from '../../fuzz/mutate.js';
import { audience, audienceKey, client, generation, macaroonOf, nowMs, rootKeyId, staticKey, textOf } from './samples.js';

const conditions = ['method GET', 'path /invoices'];
const parent = macaroonOf({ conditions });
const got: RequestToSeal = { method: 'GET', authority: 'invoice.example', target: '/invoices/7', body: new Uint8Array(0) };
const randomBytes = seededRandom(91).bytes;

/** Takes every nonce as new. */
const keepsNothing: ReplayStore = { bornAtMs: 0, claim: () => true, close: () => undefined };

let lookup: KeyLookup;
let time: number;
let after: ReturnType<typeof spyOnSeals>;
let longest: ReturnType<typeof spyOnBeginnings>;

const spyOnSeals = () => vi.spyOn(SealCache.prototype, 'after');
const spyOnBeginnings = () => vi.spyOn(PrefixCache.prototype, 'longest');

function seal(sent: Partial<RequestToSeal> = {}, root: Macaroon = parent, sentAtMs = nowMs): string {
  return sealRequest(textOf(root), { ...got, ...sent }, { clock: () => sentAtMs, randomBytes }).text;
}

/** The text of `root` with a last condition that says what it likes, signed by who has `root`. */
const saying = (condition: string, root: Macaroon = parent) => textOf(addFirstPartyCaveat(root, condition));

function contextOf(sent: Partial<RequestToSeal> = {}): VerifyContext {
  const { method, authority, target, ...content } = { ...got, ...sent };
  const told = { authority, target, digest: requestDigest(content) };
  return { action: 'invoices:read', method, path: target.split('?')[0] ?? '', ip: '10.1.2.3', request: told };
}

function newVerifier(options: Partial<VerifierOptions> = {}) {
  const keys: KeySource = { ...staticKeys([staticKey]), find: () => lookup };
  return createVerifier({ audience, keys, clock: () => time, replayStore: keepsNothing, ...options });
}

/** A verifier that knows the seals of `got` on `root`, sent at `sentAtMs`. */
async function verifierThatKnows(root: Macaroon = parent, options: Partial<VerifierOptions> = {}, sentAtMs = nowMs) {
  const verifier = newVerifier(options);
  for (let i = 0; i < 5; i++) await verifier.verify(seal({}, root, sentAtMs), contextOf());
  expect(isSpared()).toBe(true);
  return verifier;
}

/** What showing `verifier` one more sealed text asks: its cache of seals, the text, and how that was found to begin. */
async function lookUpOf(verifier: Verifier) {
  const text = seal();
  await verifier.verify(text, contextOf());
  const [, known] = after.mock.calls.at(-1) as [string, KnownText];
  return { cache: after.mock.contexts.at(-1) as SealCache, text, known };
}

/** Whether the text that was verified last goes on as one before it. */
const isKnown = () => after.mock.results.at(-1)?.value !== undefined;
/** Whether nothing else of it was looked at. */
const isSpared = () => isKnown() && orderOf(longest) < orderOf(after);
const orderOf = ({ mock }: typeof after | typeof longest) => mock.invocationCallOrder.at(-1) ?? 0;

beforeEach(() => {
  lookup = { found: true, entry: { rootKeyId, generation, client, key: audienceKey() } };
  time = nowMs;
  after = spyOnSeals();
  longest = spyOnBeginnings();
});

afterEach(() => vi.restoreAllMocks());

/** `text` with one byte of its last condition changed, and a right checksum; its signature is that of before. */
function altered(text: string, at: number, bit: number, index = 0): string {
  const { root } = decode(text);
  const i = root.caveats.length - 1 - index;
  const caveat = root.caveats[i] as Extract<Caveat, { kind: 'first-party' }>;
  const condition = caveat.condition.with(at, (caveat.condition[at] as number) ^ bit);
  return textOf({ ...root, caveats: root.caveats.with(i, { ...caveat, condition }) });
}

/** The text of `bytes`, whatever they are. */
function rawText(bytes: Uint8Array): string {
  const payload = encodeBase64url(bytes);
  let crc = -1;
  for (const byte of encodeUtf8(payload)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return `mcr_${payload}.${encodeBase64url(uint32Bytes(~crc >>> 0))}`;
}

describe('a token that is sealed to the same request as one before it', () => {
  it('gets the verdict that it would get as the first of all', async () => {
    const verifier = await verifierThatKnows();
    const contexts = [
      contextOf(),
      { ...contextOf(), path: '/else' },
      { ...contextOf(), method: 'POST' },
      { ...contextOf(), request: undefined },
      contextOf({ target: '/invoices/8' }),
      contextOf({ authority: 'other.example' }),
      contextOf({ body: new Uint8Array(1) }),
    ];
    for (const sentAtMs of [nowMs, nowMs - 60_000, nowMs + 60_000]) {
      for (const context of contexts) {
        const text = seal({}, parent, sentAtMs);
        const result = await verifier.verify(text, context);
        expect(isSpared()).toBe(true);
        expect(result).toEqual(await newVerifier().verify(text, context));
        expect(JSON.stringify(await verifier.explain(text, context))).toBe(
          JSON.stringify(await newVerifier().explain(text, context)),
        );
      }
    }
    const text = seal();
    expect(await verifier.verify(text, contextOf())).toMatchObject({
      ok: true,
      caveats: [...conditions, expect.stringMatching(/^request GET invoice\.example \/invoices\/7 \S{43} 1795299660000 \S{43}$/)],
    });
  });

  it('is refused when it comes again', async () => {
    const replayStore = memoryReplayStore({ clock: () => time });
    time = nowMs + 120_000;
    const verifier = await verifierThatKnows(parent, { replayStore }, time);
    const text = seal({}, parent, time);
    expect(await verifier.verify(text, contextOf())).toMatchObject({ ok: true });
    for (let i = 0; i < 3; i++) {
      expect(await verifier.verify(text, contextOf())).toMatchObject({ code: 'ERR_REQUEST_REPEATED', caveatIndex: 2 });
    }
    expect(isSpared()).toBe(true);
  });

  it('is refused for every bit of it that is changed, as by a verifier that knows nothing', async () => {
    const verifier = await verifierThatKnows();
    const genuine = seal();
    const { root } = decode(genuine);
    const forged = Array.from(root.signature, (byte, at) =>
      textOf({ ...root, signature: root.signature.with(at, byte ^ 1) as Signature }),
    );
    for (const [i, caveat] of [...root.caveats].reverse().entries()) {
      if (caveat.kind !== 'first-party') throw new Error('no first-party caveat');
      for (let at = 0; at < caveat.condition.length; at++) forged.push(altered(genuine, at, 1, i), altered(genuine, at, 4, i));
    }
    for (const text of forged) {
      expect(await verifier.verify(text, contextOf())).toMatchObject({ ok: false, code: 'ERR_SIGNATURE_MISMATCH' });
    }
    // The signature, and the time and nonce of the seal.
    expect(after.mock.results.filter(({ value }) => value !== undefined).length).toBeGreaterThan(32 + 2 * 50);
    expect(await verifier.verify(genuine, contextOf())).toMatchObject({ ok: true });
  });

  it('is refused for each character that is changed, and wherever it is cut, as by a verifier that knows nothing', async () => {
    const verifier = await verifierThatKnows();
    const fresh = newVerifier();
    const text = seal();
    const changed = Array.from(text, (character, i) => `${text.slice(0, i)}${character === 'A' ? 'B' : 'A'}${text.slice(i + 1)}`);
    const foreign = Array.from(text, (_, i) => `${text.slice(0, i)}${i % 2 === 0 ? 'é' : '='}${text.slice(i + 1)}`);
    const cut = Array.from(text, (_, i) => text.slice(0, i));
    const longer = [`${text}A`, `${text}\n`, `${text}${text}`, text.slice(0, -7), `${text.slice(0, -7)}.`];
    for (const wrong of [...changed, ...foreign, ...cut, ...longer]) {
      const denial = await verifier.verify(wrong, contextOf());
      expect(denial.ok).toBe(false);
      expect(denial).toEqual(await fresh.verify(wrong, contextOf()));
    }
    expect(await verifier.verify(text, contextOf())).toMatchObject({ ok: true });
  });

  it('is refused where anything but its signature follows the seal, as by a verifier that knows nothing', async () => {
    const verifier = await verifierThatKnows();
    const bytes = Buffer.from(seal().slice(4, -7), 'base64url');
    const between = bytes.length - 36;
    expect(bytes.subarray(between, between + 4)).toEqual(Buffer.from([0, 0, 6, 32]));
    for (let at = between; at < between + 4; at++) {
      for (const byte of [0, 1, 2, 4, 6, 31, 32, 33, 160]) {
        if (byte === bytes[at]) continue;
        const text = rawText(bytes.with(at, byte));
        const denial = await verifier.verify(text, contextOf());
        expect(isKnown()).toBe(true);
        expect(denial.ok).toBe(false);
        expect(denial).toEqual(await newVerifier().verify(text, contextOf()));
      }
    }
    expect(await verifier.verify(rawText(bytes), contextOf())).toMatchObject({ ok: true });
    expect(isSpared()).toBe(true);
  });

  it('is held to its own request where that differs in one part', async () => {
    const others: readonly Partial<RequestToSeal>[] = [
      { method: 'PUT' },
      { authority: 'invoice.exbmple' },
      { target: '/invoices/8' },
      { target: '/jnvoices/7' },
      { body: new Uint8Array(1) },
    ];
    const open = macaroonOf();
    for (const other of others) {
      const verifier = await verifierThatKnows(open);
      for (let i = 0; i < 3; i++) {
        const text = seal(other, open);
        expect(text).toHaveLength(seal({}, open).length);
        expect(await verifier.verify(text, contextOf())).toEqual(await newVerifier().verify(text, contextOf()));
        expect(await verifier.verify(text, contextOf())).toMatchObject({ code: 'ERR_CAVEAT_DENIED', caveatIndex: 0 });
        const { method = got.method } = other;
        expect(await verifier.verify(text, { ...contextOf(other), method })).toMatchObject({ ok: true });
        expect(await verifier.verify(seal({}, open), contextOf())).toMatchObject({ ok: true });
      }
    }
  });

  it('is refused for what is no seal, though it goes on as one and is signed', async () => {
    const verifier = await verifierThatKnows();
    const { digest } = contextOf().request as { digest: string };
    const head = `request GET invoice.example /invoices/7 ${digest} `;
    const nonce = encodeBase64url(randomBytes(32));
    const sent = String(nowMs);
    const ends = [
      `0${sent.slice(1)} ${nonce}`,
      `1x${sent.slice(2)} ${nonce}`,
      `${sent.slice(0, -1)}: ${nonce}`,
      `${sent.slice(0, -1)}/ ${nonce}`,
      `${sent.slice(0, -1)}  ${nonce}`,
      `${sent.slice(0, -1)} ${nonce}A`,
      `${sent}${nonce.slice(1)} A`,
      `${sent}-${nonce}`,
      `${sent} ${nonce.slice(0, -1)}B`,
      `${sent} ${nonce.slice(0, -1)}=`,
      `${sent} ${nonce.slice(0, 20)} ${nonce.slice(21)}`,
      `${sent} ${nonce.slice(0, -2)}é`,
    ];
    for (const end of ends) {
      const text = saying(`${head}${end}`);
      const denial = await verifier.verify(text, contextOf());
      expect(isKnown() || end === ends[0] || end === ends[1], end).toBe(true);
      expect(denial).toMatchObject({ ok: false, code: 'ERR_CAVEAT_MALFORMED', caveatIndex: 2 });
      expect(denial).toEqual(await newVerifier().verify(text, contextOf()));
    }
    expect(await verifier.verify(saying(`${head}${sent} ${nonce}`), contextOf())).toMatchObject({ ok: true });
  });

  it.each([1, 2, 3, 4, 12, 13, 14, 15])('is read with a time of %d digits, and with others after that', async (digits) => {
    const verifier = newVerifier();
    const sentAtMs = Number('987654321987654'.slice(0, digits));
    for (let i = 0; i < 5; i++) {
      const text = seal({}, parent, sentAtMs);
      expect(await verifier.verify(text, contextOf())).toEqual(await newVerifier().verify(text, contextOf()));
    }
    await verifier.verify(seal({}, parent, sentAtMs), contextOf());
    expect(isSpared()).toBe(true);
    for (const other of [0, 5, 98, 100, 9_876, nowMs, 999_999_999_999_999, sentAtMs + 1]) {
      const text = seal({}, parent, other);
      expect(await verifier.verify(text, contextOf())).toEqual(await newVerifier().verify(text, contextOf()));
    }
  });

  it('is verified wherever the blocks of the hash and the groups of characters end', async () => {
    const open = macaroonOf();
    for (let more = 0; more < 70; more++) {
      const sent = { target: `/${'a'.repeat(more)}` };
      const verifier = newVerifier();
      for (let i = 0; i < 5; i++) expect(await verifier.verify(seal(sent, open), contextOf(sent))).toMatchObject({ ok: true });
      expect(isSpared()).toBe(true);
      const text = seal(sent, open);
      const { condition } = decode(text).root.caveats[0] as Extract<Caveat, { kind: 'first-party' }>;
      for (let at = condition.length - 60; at < condition.length - 42; at++) {
        expect(await verifier.verify(altered(text, at, 1), contextOf(sent))).toMatchObject({ code: 'ERR_SIGNATURE_MISMATCH' });
      }
    }
  });

  it('is no longer taken for genuine once its key is gone, or another stands in its place', async () => {
    const verifier = await verifierThatKnows();
    const key = new MacaroonKey(new Uint8Array(32).fill(1));
    lookup = { found: true, entry: { rootKeyId, generation, client, key } };
    expect(await verifier.verify(seal(), contextOf())).toMatchObject({ code: 'ERR_SIGNATURE_MISMATCH' });
    const under = macaroonOf({ conditions, key });
    for (let i = 0; i < 6; i++) expect(await verifier.verify(seal({}, under), contextOf())).toMatchObject({ ok: true });
    expect(isSpared()).toBe(true);
    expect(await verifier.verify(seal(), contextOf())).toMatchObject({ code: 'ERR_SIGNATURE_MISMATCH' });
    for (const code of ['ERR_KEY_UNKNOWN', 'ERR_KEY_DESTROYED', 'ERR_REVOKED_ROOT_KEY', 'ERR_REVOKED_AUDIENCE_KEY'] as const) {
      lookup = { found: false, code };
      expect(await verifier.verify(seal({}, under), contextOf())).toMatchObject({ code });
    }
    lookup = { found: true, entry: { rootKeyId, generation, client, key: audienceKey() } };
    for (let i = 0; i < 6; i++) expect(await verifier.verify(seal(), contextOf())).toMatchObject({ ok: true });
    expect(isSpared()).toBe(true);
    expect(await verifier.verify(seal({}, under), contextOf())).toMatchObject({ code: 'ERR_SIGNATURE_MISMATCH' });
  });

  it('is held to what the entry of its key says at the time', async () => {
    const verifier = await verifierThatKnows();
    const { entry } = lookup as Extract<KeyLookup, { found: true }>;
    lookup = { found: true, entry: { ...entry, client: 'another' } };
    const text = seal();
    const denial = await verifier.verify(text, contextOf());
    expect(isSpared()).toBe(true);
    expect(denial).toEqual(await newVerifier().verify(text, contextOf()));
    expect(denial.ok).toBe(false);
  });

  it('is still looked up among the revoked, and expires', async () => {
    let isRevoked = false;
    const revocationOf = () => (isRevoked ? ('ERR_REVOKED_TOKEN' as const) : undefined);
    const verifier = await verifierThatKnows(parent, { keys: { ...staticKeys([staticKey]), revocationOf } });
    isRevoked = true;
    expect(await verifier.verify(seal(), contextOf())).toMatchObject({ code: 'ERR_REVOKED_TOKEN' });
    isRevoked = false;
    time = nowMs + 3_600_000;
    expect(await verifier.verify(seal({}, parent, time), contextOf())).toMatchObject({ code: 'ERR_TOKEN_EXPIRED' });
    time = nowMs;
    expect(await verifier.verify(seal(), contextOf())).toMatchObject({ ok: true });
  });

  it('is looked for also where the key has to be waited for', async () => {
    const known = staticKeys([staticKey]);
    let isLate = false;
    const keys: KeySource = {
      ...known,
      find: (...asked) => (isLate ? Promise.resolve(known.find(...asked)) : known.find(...asked)),
    };
    const verifier = await verifierThatKnows(parent, { keys });
    isLate = true;
    expect(await verifier.verify(seal(), contextOf())).toMatchObject({ ok: true });
    expect(isSpared()).toBe(true);
    expect(await verifier.verify(altered(seal(), 60, 1), contextOf())).toMatchObject({ code: 'ERR_SIGNATURE_MISMATCH' });
  });

  it('has its answer signed with the key of its own token', async () => {
    const verifier = await verifierThatKnows();
    const sealed = sealRequest(textOf(parent), got, { clock: () => nowMs, randomBytes });
    const keys: AnswerKey[] = [];
    const told = { ...(contextOf().request as ToldRequest), onAnswerKey: (key: AnswerKey) => void keys.push(key) };
    const context = { ...contextOf(), request: told };
    await verifier.verify(sealed.text, context);
    expect(isSpared()).toBe(true);
    await newVerifier().verify(sealed.text, context);
    const expected = sealed.answerKey.reveal();
    expect(keys.map((key) => key.reveal())).toEqual([expected, expected]);
  });
});

describe('what is remembered of seals', () => {
  it('gives way to others that come instead, and stays while it is asked for', async () => {
    const verifier = await verifierThatKnows();
    const body = new Uint8Array(1);
    const targets = [`/invoices/${'a'.repeat(40)}`, `/invoices/b${'a'.repeat(39)}`];
    const [first, second] = targets.map((target) => ({ target, body }));
    for (let i = 0; i < 40; i++) await verifier.verify(seal(first), contextOf(first));
    expect(isSpared()).toBe(true);
    await verifier.verify(seal(second), contextOf(second));
    expect(isKnown()).toBe(false);
    await verifier.verify(seal(first), contextOf(first));
    expect(isSpared()).toBe(true);
    for (let i = 0; i < 40; i++) await verifier.verify(seal(second), contextOf(second));
    expect(isSpared()).toBe(true);
    expect(await verifier.verify(seal(first), contextOf(first))).toMatchObject({ ok: true });
    expect(isKnown()).toBe(false);
  });

  it('is nothing of what comes once, and nothing of what is no seal', async () => {
    const set = vi.spyOn(SealCache.prototype, 'see');
    const verifier = newVerifier();
    for (let i = 0; i < 20; i++) {
      const sent = { body: randomBytes(8) };
      expect(await verifier.verify(seal(sent), contextOf(sent))).toMatchObject({ ok: true });
      expect(after.mock.calls.some(([, known]) => known.hasSeals)).toBe(false);
    }
    expect(set).toHaveBeenCalled();
    set.mockClear();
    for (let i = 0; i < 5; i++) await verifier.verify(saying(`request nonsense ${i}`), contextOf());
    for (let i = 0; i < 5; i++) await verifier.verify(saying(`ip 10.0.0.0/8,192.0.2.${i}`), contextOf());
    expect(set).not.toHaveBeenCalled();
  });

  it('counts for texts that begin as the very one that it was remembered with', async () => {
    const verifier = await verifierThatKnows();
    const { cache, text, known } = await lookUpOf(verifier);
    expect(cache.after(text, known)).toBeDefined();
    expect(cache.after(text, { ...known })).toBeUndefined();
  });

  it('comes back when a narrower token of the same id was sealed meanwhile, once that comes no more', async () => {
    const verifier = await verifierThatKnows();
    const narrower = addFirstPartyCaveat(parent, 'method GET');
    for (let i = 0; i < 5; i++) await verifier.verify(seal({}, narrower), contextOf());
    for (let i = 0; i < 20; i++) expect(await verifier.verify(seal(), contextOf())).toMatchObject({ ok: true });
    expect(isSpared()).toBe(true);
    await verifier.verify(seal({}, narrower), contextOf());
    await verifier.verify(seal(), contextOf());
    expect(isSpared()).toBe(true);
  });

  it('is gone when the verifier is closed', async () => {
    const verifier = await verifierThatKnows();
    const { cache, text, known } = await lookUpOf(verifier);
    expect(cache.after(text, known)).toBeDefined();
    await verifier.close();
    expect(cache.after(text, known)).toBeUndefined();
    after.mockClear();
    await verifier.verify(text, contextOf());
    expect(isKnown()).toBe(false);
  });

  it.each([
    ['does not know seals', createCaveatRegistry(standardCaveats.filter((type) => type !== request))],
    ['reads them in a way of its own', { ...standardRegistry, get: () => undefined }],
  ])('is nothing where the registry %s', async (_, caveats) => {
    const see = vi.spyOn(SealCache.prototype, 'see');
    const verifier = newVerifier({ caveats });
    const results = [];
    for (let i = 0; i < 5; i++) results.push(await verifier.verify(seal(), contextOf()));
    expect(see).not.toHaveBeenCalled();
    expect(results.at(-1)).toMatchObject(
      await newVerifier({ caveats })
        .verify(seal(), contextOf())
        .then(({ ok }) => ({ ok })),
    );
  });
});

describe('tokens that are sealed to few requests in turn', () => {
  /** Of the same id too. */
  const parents = [parent, addFirstPartyCaveat(parent, 'ip 10.0.0.0/8'), macaroonOf({ issuedAtMs: nowMs - 5000 }), macaroonOf()];
  const requests: readonly Partial<RequestToSeal>[] = [
    {},
    { target: '/invoices/8' },
    { target: '/invoices/9', body: new Uint8Array(1) },
    { method: 'PUT' },
    { target: `/invoices/${'a'.repeat(100)}` },
  ];
  const keys = staticKeys([staticKey]);
  const lateKeys: KeySource = { ...keys, find: async (...asked) => keys.find(...asked) };

  it('get the verdict of a verifier that reads in the general way, whole or mutated', async () => {
    const common = { audience, clock: () => nowMs, replayStore: keepsNothing };
    const warm = createVerifier({ ...common, keys });
    const general = createVerifier({ ...common, keys: lateKeys });
    let sparedCount = 0;
    const good = await runCases(campaignSize(4_000, 400_000), 92, async (random) => {
      const sent = random.pick(requests);
      const context = random.chance(0.8) ? contextOf(sent) : contextOf(random.pick(requests));
      const text = mutated(random.pick(parents), sent, random);
      const expected = await general.verify(text, context);
      const result = await warm.verify(text, context);
      if (isSpared()) sparedCount++;
      after.mockClear();
      expect(result, text).toEqual(expected);
      return result.ok;
    });
    expect(good).toBeGreaterThan(500);
    expect(sparedCount).toBeGreaterThan(300);
  });

  function mutated(root: Macaroon, sent: Partial<RequestToSeal>, random: ReturnType<typeof seededRandom>): string {
    const text = seal(sent, root, random.chance(0.8) ? nowMs : nowMs + random.below(20_000) - 10_000);
    switch (random.below(5)) {
      case 0: {
        const { condition } = decode(text).root.caveats.at(-1) as Extract<Caveat, { kind: 'first-party' }>;
        return altered(text, random.below(condition.length), 1 << random.below(8));
      }
      case 1: {
        // Signed by who has the token, so that only what it says is wrong.
        const { condition } = decode(text).root.caveats.at(-1) as Extract<Caveat, { kind: 'first-party' }>;
        const at = random.chance(0.5) ? condition.length - random.below(60) - 1 : random.below(condition.length);
        return textOf(
          addFirstPartyCaveat(root, condition.with(at, random.chance(0.5) ? 0x30 + random.below(10) : random.below(256))),
        );
      }
      case 2: {
        const at = random.below(text.length);
        return `${text.slice(0, at)}${random.pick(['A', '_', '.', 'é', ''])}${text.slice(at + 1)}`;
      }
      default:
        return text;
    }
  }
});
