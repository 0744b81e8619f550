/** Seals, whole and mutated: they are read from the bytes of a token as the condition is written down, and in no other spelling. */
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { isCanonicalAuthority } from '../../src/caveats/authority.js';
import { ConditionReader } from '../../src/caveats/clear-caveats.js';
import { isCanonicalTarget } from '../../src/caveats/path.js';
import { createCaveatRegistry } from '../../src/caveats/registry.js';
import { standardRegistry } from '../../src/caveats/standard.js';
import { action } from '../../src/caveats/types/action.js';
import { request } from '../../src/caveats/types/request.js';
import { decodeBase64url, decodeUtf8, encodeBase64url, encodeUtf8 } from '../../src/core/index.js';
import { campaignSize, mutateBytes, type Random, runCases } from './mutate.js';

const cases = campaignSize(10_000, 4_000_000);

const methods = ['GET', 'POST', 'VERSION-CONTROL', 'get', 'G-', '-', ''];
const authorities = [
  'a.example',
  'invoice.example:8443',
  '[2001:db8::1]:8443',
  '127.0.0.1',
  'A.example',
  'a.example:0',
  'u@a',
  '',
];
const targets = ['/', '/invoices/7', '/invoices?a=b&c=%2f', '/a;b/%C3%A9?', '/a//b', '/a/../b', '/é', '/a b', '/a#b', '?a', ''];
const times = ['0', '1763763660000', '999999999999999', '1000000000000000', '01', '-1', '1.5', '1e3', '٣', ''];

/** One that is right in four of five parts, mostly. */
function someSeal(random: Random): Uint8Array {
  const usual = (items: readonly string[]) => (random.chance(0.8) ? (items[0] as string) : random.pick(items));
  const digest = () => encodeBase64url(random.bytes(random.chance(0.95) ? 32 : random.below(40)));
  // Of a request without content it is always the same.
  const contentDigest = random.chance(0.5) ? 'A'.repeat(43) : digest();
  const parts = [usual(methods), usual(authorities), random.pick(targets.slice(0, 5)), contentDigest, usual(times), digest()];
  if (random.chance(0.1)) parts[2] = random.pick(targets);
  if (random.chance(0.02)) parts.splice(random.below(7), random.below(2), random.pick(['', 'x', '/', digest()]));
  return encodeUtf8(`request ${parts.join(random.chance(0.99) ? ' ' : random.pick(['  ', '\t', '\u00a0']))}`);
}

/** The rule as it is written down, part by part. */
function seal(condition: Uint8Array): unknown {
  const text = textOf(condition);
  if (text === undefined || !text.startsWith('request ')) return undefined;
  const [method = '', authority = '', target = '', digest = '', sent = '', nonce = '', ...more] = text.slice(8).split(' ');
  if (more.length > 0 || !/^[A-Z]+(-[A-Z]+)*$/.test(method) || !/^(0|[1-9][0-9]{0,14})$/.test(sent)) return undefined;
  if (!isCanonicalAuthority(authority) || !isCanonicalTarget(target) || !isDigest(digest) || !isDigest(nonce)) return undefined;
  return { method, authority, target, digest, sentAtMs: Number(sent), nonce };
}

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}

function textOf(condition: Uint8Array): string | undefined {
  try {
    return decodeUtf8(condition);
  } catch {
    return undefined;
  }
}

/** `expect` takes longer than all the rest. */
function requireSame(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected);
}

function isDigest(text: string): boolean {
  try {
    return decodeBase64url(text).length === 32;
  } catch {
    return false;
  }
}

describe('a seal', () => {
  it('is read as it is written down, and where it stands among other bytes', async () => {
    const reader = new ConditionReader(standardRegistry);
    const read = await runCases(cases, 61, (random) => {
      const whole = someSeal(random);
      const condition = random.chance(0.5) ? whole : mutateBytes(random, whole);
      const expected = seal(condition);
      const parsed = standardRegistry.parse(condition);
      requireSame(parsed.ok && parsed.caveat.type === request ? parsed.caveat.value : undefined, expected);
      // Only what is called so is read as a seal.
      if (!textOf(condition.slice(0, 8))?.startsWith('request ')) return false;
      const before = random.below(9);
      const bytes = new Uint8Array([...random.bytes(before), ...condition, ...random.bytes(random.below(60))]);
      const { isSealed, isLast, caveatIndex, reading } = reader.readSeal(
        bytes,
        viewOf(bytes),
        before,
        before + condition.length,
        5,
      );
      requireSame({ isSealed, isLast, caveatIndex }, { isSealed: expected !== undefined, isLast: true, caveatIndex: 5 });
      if ('code' in reading) requireSame({ ok: false, code: reading.code, message: reading.message }, parsed);
      else requireSame(reading, parsed.ok ? parsed.caveat : undefined);
      return expected !== undefined;
    });
    expect(read).toBeGreaterThan(cases / 10);
  });

  it('is not taken for the one that was read before it, whichever byte differs', () => {
    const good = encodeUtf8(`request GET a.example /a ${'A'.repeat(43)} 1 ${'A'.repeat(43)}`);
    const expected = seal(good);
    const sealIn = (condition: Uint8Array) => {
      const { reading } = new ConditionReader(standardRegistry).readSeal(condition, viewOf(condition), 0, condition.length, 0);
      return 'value' in reading ? reading.value : undefined;
    };
    for (let at = 8; at < good.length; at++) {
      for (const byte of [0x20, 0x2f, 0x31, 0x42, 0x62, 0xc3]) {
        const other = good.with(at, byte);
        expect(sealIn(good)).toEqual(expected);
        expect(sealIn(other), `${byte} at ${at}`).toEqual(seal(other));
      }
      const longer = Uint8Array.from([...good.slice(0, at), 0x42, ...good.slice(at)]);
      expect(sealIn(good)).toEqual(expected);
      expect(sealIn(longer), `longer at ${at}`).toEqual(seal(longer));
    }
  });

  it('is read after one for a service with a longer name than all of it', () => {
    const authority = `${Array.from({ length: 3 }, () => 'a'.repeat(60)).join('.')}.example`;
    const argument = (service: string) => `GET ${service} / ${'A'.repeat(43)} 1 ${'A'.repeat(43)}`;
    expect(request.parse(argument(authority))).toMatchObject({ ok: true, value: { authority } });
    expect(request.parse(argument('a'))).toMatchObject({ ok: true, value: { authority: 'a' } });
    for (let length = 0; length < argument('a').length; length++) {
      request.parse(argument(authority));
      expect(request.parse(argument('a').slice(0, length))).toMatchObject({ ok: false });
      expect(request.parse(argument('a').slice(length + 3))).toMatchObject({ ok: false });
    }
  });

  it('is not taken for the one that was read before it where that is all of its argument', () => {
    const good = encodeUtf8(`request GET a.example /a ${'A'.repeat(43)} 1 ${'A'.repeat(43)}`);
    const { reading } = new ConditionReader(standardRegistry).readSeal(good, viewOf(good), 0, good.length, 0);
    expect(reading).toMatchObject({ value: seal(good) });
    expect(request.parse(decodeUtf8(good))).toMatchObject({ ok: false });
    expect(request.parse(decodeUtf8(good.slice(8)))).toMatchObject({ ok: true, value: seal(good) });
  });

  it('is unknown to a verifier that does not know the type, or knows another by its name', () => {
    const condition = encodeUtf8(`request GET a.example / ${'A'.repeat(43)} 1 ${'A'.repeat(43)}`);
    const reader = new ConditionReader(createCaveatRegistry([action]));
    const { isSealed, reading } = reader.readSeal(condition, viewOf(condition), 0, condition.length, 0);
    expect(isSealed).toBe(false);
    expect(reading).toMatchObject({ code: 'ERR_CAVEAT_UNKNOWN' });
    const impostor = new ConditionReader({
      ...standardRegistry,
      get: () => action,
      parse: (text) => createCaveatRegistry([]).parse(text),
    });
    expect(impostor.readSeal(condition, viewOf(condition), 0, condition.length, 0)).toMatchObject({ isSealed: false });
  });
});
