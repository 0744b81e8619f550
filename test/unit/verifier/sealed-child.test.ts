/** Sealed tokens whose beginning is known, of which only the seal is read: what becomes of them, and what nobody can make of it. */
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
  hmacSha256,
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
  type VerifierOptions,
  type VerifyContext,
} from '../../../src/verifier/index.js';
import { PrefixCache } from '../../../src/verifier/prefix-cache.js';
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
let ofText: ReturnType<typeof spyOnTexts>;
let longest: ReturnType<typeof spyOnBeginnings>;

const spyOnTexts = () => vi.spyOn(PrefixCache.prototype, 'ofText');
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

/** A verifier that knows how texts of `root` begin, which came sealed to requests of their own, sent at `sentAtMs`. */
async function verifierThatKnows(root: Macaroon = parent, options: Partial<VerifierOptions> = {}, sentAtMs = nowMs) {
  const verifier = newVerifier(options);
  for (let i = 0; i < 4; i++) {
    const sent = { target: `/invoices/${i}` };
    await verifier.verify(seal(sent, root, sentAtMs), contextOf(sent));
  }
  expect(isSpared()).toBe(true);
  return verifier;
}

/** Whether it is known how the text that was verified last begins. */
const isKnown = () => ofText.mock.results.at(-1)?.value !== undefined;
/** Whether nothing but the seal of it was looked at. */
const isSpared = () => isKnown() && orderOf(longest) < orderOf(ofText);
const orderOf = ({ mock }: typeof ofText | typeof longest) => mock.invocationCallOrder.at(-1) ?? 0;

beforeEach(() => {
  lookup = { found: true, entry: { rootKeyId, generation, client, key: audienceKey() } };
  time = nowMs;
  ofText = spyOnTexts();
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

/** As `saying`, also where no macaroon may be so long. */
function rawSaying(condition: string, root: Macaroon): string {
  const bytes = Buffer.from(textOf(root).slice(4, -7), 'base64url');
  const { length } = condition;
  const size = length < 128 ? [length] : [(length & 0x7f) | 0x80, length >> 7];
  const signature = hmacSha256(root.signature, encodeUtf8(condition));
  const parts = [bytes.subarray(0, -35), [2, ...size], encodeUtf8(condition), [0, 0, 6, 32], signature];
  return rawText(Buffer.concat(parts.map((part) => Uint8Array.from(part))));
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

describe('a sealed token of which a sibling was seen before', () => {
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
    // The signature, and the seal.
    expect(ofText.mock.results.filter(({ value }) => value !== undefined).length).toBeGreaterThan(32 + 2 * 130);
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

  it('is refused for what is no seal in its one spelling, though it is signed and the request is said to be just that', async () => {
    const open = macaroonOf();
    const verifier = await verifierThatKnows(open);
    const { digest } = contextOf().request as { digest: string };
    const nonce = encodeBase64url(randomBytes(32));
    const content = encodeBase64url(randomBytes(32));
    const sent = String(nowMs);
    const parts = ['GET', 'invoice.example', '/invoices/7', digest, sent, nonce];
    const wrong: readonly (readonly [number, string])[] = [
      ...['get', 'Get', '', 'G T', 'GET-', '-', 'GÉT', 'GET\t'].map((text) => [0, text] as const),
      ...[
        'Invoice.example',
        'invoice.example:',
        'invoice.example:0',
        'invoice.example:080',
        'u@invoice.example',
        '',
        'é.example',
      ].map((text) => [1, text] as const),
      ...['', '?', '?a', 'invoices/7', '//', '/a//b', '/.', '/..', '/a/./b', '/a/..', '/a/../b', '/.;', '/..;b', '/..%3Bb'].map(
        (text) => [2, text] as const,
      ),
      ...[
        '/%2f',
        '/%2F',
        '/%41',
        '/%5C',
        '/%25',
        '/%',
        '/%4',
        '/%GG',
        '/%C3',
        '/%C0%AF',
        '/%0A',
        '/%c3%a9',
        '/é',
        '/a\\b',
        '/a"b',
      ].map((text) => [2, text] as const),
      ...['/a#', '/a?#', '/a?b#c', '/a?é', '/a?\t', '/a?\x7f', '/\x7f', '/a b', '/a? b', '/a|b', '/a^'].map(
        (text) => [2, text] as const,
      ),
      ...[digest.slice(1), `${digest}A`, `${digest.slice(0, -1)}x`, `${digest.slice(0, -1)}=`, ` ${digest.slice(1)}`].map(
        (text) => [3, text] as const,
      ),
      ...[`${content.slice(0, -1)}B`, `${content.slice(0, 20)}+${content.slice(21)}`, `${content.slice(0, -1)}é`].map(
        (text) => [3, text] as const,
      ),
      ...[
        `0${sent}`,
        `0${sent.slice(1)}`,
        `1x${sent.slice(2)}`,
        `${sent.slice(0, -1)}:`,
        `${sent.slice(0, -1)}/`,
        `${sent.slice(1)} `,
      ].map((text) => [4, text] as const),
      ...['', '-1', `-${sent}`, `${sent}000`, '1e3', '1.5', ` ${sent}`].map((text) => [4, text] as const),
      ...[`${nonce}A`, nonce.slice(1), `${nonce.slice(0, -1)}B`, `${nonce.slice(0, -1)}=`, `${nonce.slice(0, -2)}é`].map(
        (text) => [5, text] as const,
      ),
      ...[`${nonce.slice(0, 20)} ${nonce.slice(21)}`, `${nonce} `, `${nonce} x`].map((text) => [5, text] as const),
    ];
    for (const [part, text] of wrong) {
      const said = parts.with(part, text);
      const [method = '', authority = '', target = '', told = ''] = said;
      const context = { ...contextOf(), method, path: '/invoices/7', request: { authority, target, digest: told } };
      const token = saying(`request ${said.join(' ')}`, open);
      const denial = await verifier.verify(token, context);
      expect(isKnown(), text).toBe(true);
      expect(denial, `${part}: ${text}`).toMatchObject({ ok: false, code: 'ERR_CAVEAT_MALFORMED', caveatIndex: 0 });
      expect(denial).toEqual(await newVerifier().verify(token, context));
    }
    const others = [
      'request',
      'request ',
      'Request GET',
      'requests x',
      `request\t${parts.join(' ')}`,
      `request  ${parts.join(' ')}`,
    ];
    for (const text of [...others, `xequest ${parts.join(' ')}`, `request ${parts.slice(1).join(' ')}`]) {
      const denial = await verifier.verify(saying(text, open), contextOf());
      expect(denial.ok, text).toBe(false);
      expect(denial).toEqual(await newVerifier().verify(saying(text, open), contextOf()));
    }
    const good = [
      '/',
      '/a',
      '/a/',
      '/a.b',
      '/a..',
      '/...',
      '/.a',
      '/a;b',
      '/%C3%A9',
      '/a?',
      '/a??',
      '/a?b=%2f/../',
      `/${'a'.repeat(800)}`,
    ];
    for (const target of good) {
      const context = contextOf({ target });
      expect(await verifier.verify(saying(`request ${parts.with(2, target).join(' ')}`, open), context), target).toMatchObject({
        ok: true,
      });
      expect(await verifier.verify(seal({ target }, open), context), target).toMatchObject({ ok: true });
    }
    for (const method of ['POST', 'VERSION-CONTROL', 'GET']) {
      const context = { ...contextOf(), method };
      expect(await verifier.verify(seal({ method }, open), context)).toMatchObject({ ok: true });
    }
    expect(isSpared()).toBe(true);
  });

  it('is verified for one request after another, none of which came before', async () => {
    const open = macaroonOf();
    const verifier = await verifierThatKnows(open);
    for (let i = 0; i < 300; i++) {
      const sent: Partial<RequestToSeal> = {
        method: ['GET', 'POST', 'DELETE'][i % 3] as string,
        authority: ['invoice.example', 'invoice.example:8443'][i % 2] as string,
        target: `/invoices/${'x'.repeat(i % 130)}${i}${i % 5 === 0 ? `?page=${i}` : ''}`,
        body: new Uint8Array(i % 4),
      };
      const context = { ...contextOf(sent), method: sent.method };
      const text = seal(sent, open);
      const result = await verifier.verify(text, context);
      expect(isSpared()).toBe(true);
      expect(result).toMatchObject({ ok: true });
      expect(result).toEqual(await newVerifier().verify(text, context));
      expect(await verifier.verify(seal(sent, open), contextOf({ target: `/invoices/${i + 1}` }))).toMatchObject({
        code: 'ERR_CAVEAT_DENIED',
        caveatIndex: 0,
      });
    }
  });

  it('is refused where its length is spelled in another way, or is another', async () => {
    const open = macaroonOf();
    const verifier = await verifierThatKnows(open);
    const { digest } = contextOf().request as { digest: string };
    const condition = `request GET a / ${digest} 1795299660000 ${encodeBase64url(randomBytes(32))}`;
    const texts = [saying(condition, open), seal({}, open)];
    for (const text of texts) {
      const bytes = Buffer.from(text.slice(4, -7), 'base64url');
      const at = bytes.indexOf('request ');
      const size = bytes.length - 36 - at;
      const isShort = size < 128;
      const start = at - (isShort ? 1 : 2);
      const sizes = [
        [0],
        [size - 1],
        [size + 1],
        [size | 0x80, 0],
        [size & 0x7f, size >> 7],
        [(size & 0x7f) | 0x80, (size >> 7) | 0x80, 0],
      ];
      for (const other of [...sizes, [(size & 0x7f) | 0x80, 0x7f], [0xff, 0xff], []]) {
        const wrong = rawText(Buffer.concat([bytes.subarray(0, start), Uint8Array.from(other), bytes.subarray(at)]));
        if (wrong === text) continue;
        const denial = await verifier.verify(wrong, contextOf());
        expect(denial.ok, String(other)).toBe(false);
        expect(denial).toEqual(await newVerifier().verify(wrong, contextOf()));
      }
      for (let i = start - 4; i < at; i++) {
        for (const bit of [1, 2, 4, 128]) {
          const wrong = rawText(bytes.with(i, (bytes[i] as number) ^ bit));
          const denial = await verifier.verify(wrong, contextOf());
          expect(denial.ok).toBe(false);
          expect(denial).toEqual(await newVerifier().verify(wrong, contextOf()));
        }
      }
      expect(rawText(bytes)).toBe(text);
      await verifier.verify(text, contextOf());
      expect(isSpared()).toBe(true);
    }
  });

  it('is refused beyond the length of a text, and of a condition', async () => {
    const long = macaroonOf({
      conditions: Array.from({ length: 5 }, (_, i) => `path /invoices,/${String(i).repeat(i === 0 ? 300 : 1000)}`),
    });
    const verifier = newVerifier();
    for (let i = 0; i < 4; i++) expect(await verifier.verify(seal({}, long), contextOf())).toMatchObject({ ok: true });
    expect(isSpared()).toBe(true);
    const seenCodes = new Set<string>();
    for (let length = 20; length < 840; length += 7) {
      const sent = { target: `/invoices/${'a'.repeat(length)}` };
      const { digest } = contextOf(sent).request as { digest: string };
      const condition = `request GET invoice.example ${sent.target} ${digest} ${nowMs} ${encodeBase64url(randomBytes(32))}`;
      const text = rawSaying(condition, long);
      const result = await verifier.verify(text, contextOf(sent));
      expect(result).toEqual(await newVerifier().verify(text, contextOf(sent)));
      seenCodes.add(result.ok ? 'ok' : result.code);
    }
    expect([...seenCodes].sort()).toEqual(['ERR_LIMIT_TEXT', 'ok']);
    const open = macaroonOf();
    const other = await verifierThatKnows(open);
    for (const length of [1024, 1025, 1026]) {
      const head = 'request GET invoice.example /';
      const { digest } = contextOf().request as { digest: string };
      const end = ` ${digest} ${nowMs} ${encodeBase64url(randomBytes(32))}`;
      const sent = { target: `/${'a'.repeat(length - head.length - end.length)}` };
      const text = rawSaying(`${head}${sent.target.slice(1)}${end}`, open);
      const result = await other.verify(text, contextOf(sent));
      expect(result.ok).toBe(length === 1024);
      expect(result).toEqual(await newVerifier().verify(text, contextOf(sent)));
    }
  });

  it.each([1, 2, 3, 4, 12, 13, 14, 15])('is read with a time of %d digits, and with others after that', async (digits) => {
    const verifier = newVerifier();
    const sentAtMs = Number('987654321987654'.slice(0, digits));
    for (let i = 0; i < 4; i++) {
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
      for (let at = 0; at < condition.length; at += 3) {
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

describe('what is remembered of how sealed tokens begin', () => {
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

  it('serves no token that is narrowed by something else, or has a caveat before its seal', async () => {
    const verifier = await verifierThatKnows();
    const narrowed = addFirstPartyCaveat(parent, 'path /else');
    for (const text of [textOf(narrowed), seal({}, narrowed), textOf(parent), saying('ip 10.0.0.0/8')]) {
      expect(await verifier.verify(text, contextOf())).toEqual(await newVerifier().verify(text, contextOf()));
    }
    const stripped = decode(seal({}, narrowed)).root;
    const text = textOf({ ...stripped, caveats: stripped.caveats.toSpliced(2, 1) });
    expect(await verifier.verify(text, contextOf())).toMatchObject({ code: 'ERR_SIGNATURE_MISMATCH' });
  });

  it('is gone when the verifier is closed', async () => {
    const verifier = await verifierThatKnows();
    await verifier.close();
    await verifier.verify(seal(), contextOf());
    expect(isKnown()).toBe(false);
  });

  it.each([
    ['does not know seals', createCaveatRegistry(standardCaveats.filter((type) => type !== request))],
    ['reads them in a way of its own', { ...standardRegistry, get: () => undefined }],
  ])('is of no use for the seal where the registry %s', async (_, caveats) => {
    const verifier = newVerifier({ caveats });
    for (let i = 0; i < 5; i++) {
      const text = seal();
      const result = await verifier.verify(text, contextOf());
      expect(isSpared()).toBe(false);
      expect(isKnown()).toBe(i > 1);
      expect(result).toEqual(await newVerifier({ caveats }).verify(text, contextOf()));
    }
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
