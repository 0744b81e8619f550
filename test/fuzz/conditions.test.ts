/**
 * Conditions, random and mutated: reading them, clearing them, adding them to a token, and whole tokens at the verifier. Nothing but a
 * value or `MacaroonError` comes out; what is cleared holds by an independent reading; no token passes that nobody signed.
 */
import { BlockList, isIP } from 'node:net';
import { describe, expect, it } from 'vitest';
import { attenuateAt, type Restrictions } from '../../src/caveats/attenuate.js';
import { formatCondition, type RequestContext } from '../../src/caveats/caveat-type.js';
import { checkCaveats, clearCaveats } from '../../src/caveats/clear-caveats.js';
import { standardRegistry } from '../../src/caveats/standard.js';
import {
  decode,
  encode,
  encodeBase64url,
  encodeUtf8,
  encodeV2Token,
  type Macaroon,
  MacaroonError,
  MacaroonKey,
  type UnverifiedMacaroon,
  verifySignature,
} from '../../src/core/index.js';
import { denialProblems } from '../../src/verifier/denial-response.js';
import { createVerifier, staticKeys } from '../../src/verifier/index.js';
import { randomIdentifier, randomToken, signedParts, textOfBytes } from './corpus.js';
import { campaignSize, fuzzSeed, mutateBytes, mutateText, type Random, runCases, seededRandom } from './mutate.js';

/** All four together are the campaign. */
const readingCases = campaignSize(40_000, 4_000_000);
const clearingCases = campaignSize(30_000, 3_000_000);
const attenuatingCases = campaignSize(10_000, 1_000_000);
const verifyingCases = campaignSize(20_000, 2_000_000);

const nowMs = Date.UTC(2026, 10, 21, 22, 21);

const samples = [
  'time-before 2026-11-21T22:21:00Z',
  'time-before 2026-11-21T22:21:00.001Z',
  'time-before 9999-12-31T23:59:59Z',
  'time-after 2026-11-21T22:21:00Z',
  'time-after 2024-02-29T00:00:00Z',
  'action invoices:read',
  'action invoices:*,invoices:list',
  'ip 10.0.0.0/8',
  'ip 10.1.2.3,2001:db8::/32',
  'ip 0.0.0.0/0,::/0',
  'method GET',
  'method GET,HEAD,VERSION-CONTROL',
  'path /invoices',
  'path /invoices/7,/a;b/%C3%A9',
  'path /',
  'account 42',
  'cnf jkt:x',
  'cnf x5t#S256:bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg0',
  'request-required',
  'request POST [2001:db8::1]:8443 /invoices?a=b bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg0 1763763660000 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
];
const alphabet = 'abz09AZ:*,./;%-_ TZ+é\u00a0\u2028\0\n\t\ud83d\ude00é2:#';

function someCondition(random: Random): string {
  if (random.chance(0.4)) return random.pick(samples);
  return mutateText(random, random.pick(samples), alphabet, random.pick(samples));
}

const key = new MacaroonKey(seededRandom(4).bytes(32));
const rootKeyId = seededRandom(5).bytes(16);
const corpusRandom = seededRandom(fuzzSeed);
const facts = { rootKeyId, generation: 1, audience: 'invoice', client: 'mail', expiresAtMs: nowMs + 1, actions: ['invoices:*'] };
const tokens = Array.from({ length: 100 }, () => {
  const holding = ['action invoices:read', 'ip 10.0.0.0/8', 'method GET', 'path /invoices', 'time-after 2024-02-29T00:00:00Z'];
  return randomToken(corpusRandom, key, randomIdentifier(corpusRandom, facts), holding);
});
const plainTexts = tokens.filter(({ discharges }) => discharges.length === 0).map(encode);
const genuine = new Set(tokens.map(signedParts));

describe(`fuzz of conditions, seed ${fuzzSeed}`, () => {
  it(`reading: ${readingCases} cases`, async () => {
    const read = await runCases(readingCases, 20, (random) => {
      const text = mutateText(random, random.pick(samples), alphabet, random.pick(samples));
      const fromText = standardRegistry.parse(text);
      if (!/\p{Surrogate}/u.test(text)) requireSame(fromText, standardRegistry.parse(encodeUtf8(text)));
      const raw = random.chance(0.3) ? mutateBytes(random, Buffer.from(random.pick(samples))) : random.bytes(random.below(40));
      for (const result of [fromText, standardRegistry.parse(raw)]) {
        if (!result.ok) {
          if (result.code !== 'ERR_CAVEAT_UNKNOWN' && result.code !== 'ERR_CAVEAT_MALFORMED') throw new Error(result.code);
          continue;
        }
        const { type, value, text: kept } = result.caveat;
        if (formatCondition(type, value) !== kept) throw new Error(`two spellings: ${JSON.stringify(kept)}`);
      }
      return fromText.ok;
    });
    expect(read).toBeGreaterThan(readingCases / 100);
  });

  it(`clearing: ${clearingCases} cases`, async () => {
    const cleared = await runCases(clearingCases, 21, (random) => {
      const texts = Array.from({ length: random.below(4) }, () => someCondition(random));
      const conditions = texts.map((text, caveatIndex) => ({ condition: Buffer.from(text), caveatIndex }));
      const context = randomContext(random);
      const result = clearCaveats(standardRegistry, conditions, context);
      const each = checkCaveats(standardRegistry, conditions, context);
      if (result.ok !== each.every(({ holds }) => holds)) throw new Error(`two verdicts: ${JSON.stringify(texts)}`);
      for (const [i, { holds }] of each.entries()) {
        const text = texts[i] ?? '';
        if (holds && !holdsPlainly(text, context)) throw new Error(`cleared: ${JSON.stringify([text, context])}`);
        if (!holds && samples.includes(text) && holdsPlainly(text, context)) {
          throw new Error(`denied: ${JSON.stringify([text, context])}`);
        }
      }
      if (result.ok) return texts.length > 0;
      if (each[result.caveatIndex]?.holds !== false) throw new Error(`denied by another caveat: ${JSON.stringify(texts)}`);
      return false;
    });
    expect(cleared).toBeGreaterThan(clearingCases / 100);
  });

  it(`attenuating: ${attenuatingCases} cases`, async () => {
    const narrowed = await runCases(attenuatingCases, 22, (random) => {
      const text = random.chance(0.9) ? random.pick(plainTexts) : mutateText(random, random.pick(plainTexts), alphabet);
      let narrower: UnverifiedMacaroon;
      try {
        narrower = decode(attenuateAt(text, randomRestrictions(random), nowMs));
      } catch (error) {
        if (error instanceof MacaroonError && /^ERR_(ARGUMENT|FORMAT_\w+|LIMIT_\w+)$/.test(error.code)) return false;
        throw error;
      }
      const before = decode(text).root.caveats;
      const { caveats } = narrower.root;
      const isKept = before.every((caveat, i) => encodeCaveat(caveat) === encodeCaveat(caveats[i]));
      if (!isKept || caveats.length <= before.length) throw new Error('a restriction is missing');
      if (!verifySignature(narrower, key).ok) throw new Error('the narrower token does not hold');
      return true;
    });
    expect(narrowed).toBeGreaterThan(attenuatingCases / 10);
  });

  it(`whole tokens: ${verifyingCases} cases`, async () => {
    const keys = staticKeys([{ rootKeyId: encodeBase64url(rootKeyId), generation: 1, client: 'mail', key: key.reveal() }]);
    const verifier = createVerifier({ audience: 'invoice', keys, clock: () => nowMs });
    const context = { action: 'invoices:read', ip: '10.1.2.3', method: 'GET', path: '/invoices/7' };
    let decoded = 0;
    const accepted = await runCases(verifyingCases, 23, async (random) => {
      const text = forgedText(random);
      const result = await verifier.verify(text, context);
      if (!result.ok && !Object.hasOwn(denialProblems, result.code)) throw new Error(result.code);
      if (!result.ok && !result.code.startsWith('ERR_FORMAT')) decoded++;
      if (result.ok && !genuine.has(signedParts(decode(text)))) throw new Error(`forged: ${text}`);
      return result.ok;
    });
    // Forgeries must reach the signature, and the genuine among them must pass: else nothing was tested.
    expect(decoded).toBeGreaterThan(verifyingCases / 10);
    expect(accepted).toBeGreaterThan(0);
  });
});

/** What somebody without the key makes of genuine tokens: their bytes or text altered, or their parts put together anew. */
function forgedText(random: Random): string {
  const token = random.pick(tokens);
  const other = random.pick(tokens);
  if (random.chance(0.2)) return mutateText(random, encode(token), 'ABCabc019-_.', encode(other));
  if (random.chance(0.3)) {
    const bytes = mutateBytes(random, encodeV2Token(token), encodeV2Token(other));
    return random.chance(0.5) ? textOfBytes(bytes) : encodeBase64url(bytes);
  }
  const root = random.chance(0.8) ? rearranged(random, token.root, other.root) : token.root;
  const discharges = token.discharges.map((one, i) =>
    random.chance(0.3) ? rearranged(random, one, other.discharges[i] ?? one) : one,
  );
  if (random.chance(0.1)) discharges.push(...other.discharges);
  if (random.chance(0.1)) discharges.pop();
  return encode({ root, discharges });
}

/** `macaroon` with parts left out, moved, added or taken from `other`, under a signature that was not made for it. */
function rearranged(random: Random, macaroon: Macaroon, other: Macaroon): Macaroon {
  const caveats = [...macaroon.caveats];
  const at = random.below(caveats.length + 1);
  const taken = other.caveats[random.below(other.caveats.length + 1)];
  const condition = Buffer.from(random.pick(samples));
  const changes: (() => Partial<Macaroon>)[] = [
    () => ({ caveats: caveats.toSpliced(at, 1) }),
    () => ({ caveats: caveats.toReversed() }),
    () => ({ caveats: caveats.toSpliced(at, 0, { kind: 'first-party', condition }) }),
    () => ({ caveats: taken === undefined ? [] : caveats.toSpliced(at, 1, taken) }),
    () => ({ identifier: other.identifier }),
    () => ({ identifier: randomIdentifier(random, { ...facts, expiresAtMs: nowMs + 1e9 }) }),
    () => ({ signature: other.signature }),
    () => ({ caveats: other.caveats }),
    () => ({ location: 'https://b.example/' }),
  ];
  return { ...macaroon, ...random.pick(changes)() };
}

function randomRestrictions(random: Random): Restrictions {
  const list = (items: readonly string[]) =>
    Array.from({ length: random.below(4) }, () =>
      random.chance(0.8) ? random.pick(items) : mutateText(random, random.pick(items), alphabet),
    );
  const made: Restrictions[] = [
    { expiresIn: random.pick(['10m', '1h30m', '7d', '0s', '10', '1e3s', '99999999d', '-1s']) },
    { expiresAt: random.pick([nowMs, nowMs + 0.5, Number.NaN, -1, 8.64e15 + 1]) },
    { notBefore: random.pick(['2026-11-21T22:21:00Z', '2026-02-30T00:00:00Z', '2026-11-21', '']) },
    { actions: list(['invoices:read', 'invoices:*', '*', 'a:*:b']) },
    { ips: list(['10.0.0.0/8', '10.0.0.1/8', '::1', '2001:db8::/32', '::ffff:1.2.3.4']) },
    { methods: list(['GET', 'HEAD', 'get', 'VERSION-CONTROL']) },
    { paths: list(['/invoices', '/a,b', '/a/../b', '/%C3%A9']) },
    { conditions: Array.from({ length: random.below(5) }, () => someCondition(random)) },
    { conditions: [`account ${'x'.repeat(random.below(1100))}`] },
  ];
  return { ...random.pick(made), ...(random.chance(0.3) ? random.pick(made) : {}) };
}

function encodeCaveat(caveat: Macaroon['caveats'][number] | undefined): string {
  return JSON.stringify(caveat, (_, value: unknown) => (value instanceof Uint8Array ? encodeBase64url(value) : value));
}

/** Facts of a request, some of them missing, of another type, or odd. */
function randomContext(random: Random): RequestContext {
  const odd = [undefined, null, 7, {}, [], '', '*', 'x'.repeat(300)];
  const fact = (values: readonly unknown[]) => (random.chance(0.8) ? random.pick(values) : odd[random.below(odd.length)]);
  const context: Record<string, unknown> = {
    nowMs: random.chance(0.95) ? nowMs + random.below(3) - 1 : odd[random.below(odd.length)],
    action: fact(['invoices:read', 'invoices:list', 'invoices', 'invoices:read:all']),
    ip: fact(['10.1.2.3', '::ffff:10.1.2.3', '11.0.0.1', '2001:db8::1', '2001:DB8:0::1']),
    method: fact(['GET', 'HEAD', 'POST', 'get']),
    path: fact(['/invoices', '/invoices/7', '/invoices7', '/invoices/../a', '/a;b/%C3%A9/c', '/']),
  };
  return context as RequestContext;
}

function requireSame(one: unknown, other: unknown): void {
  if (JSON.stringify(one) !== JSON.stringify(other)) throw new Error('text and bytes are read differently');
}

/** Whether `condition` holds, by the plainest means that the platform has. Lenient in spelling: that is not its subject. */
function holdsPlainly(condition: string, context: RequestContext): boolean {
  const [, name, argument = ''] = /^([a-z-]+) (.*)$/s.exec(condition) ?? [];
  const { action, ip, method, path, nowMs: now }: Readonly<Record<string, unknown>> = context;
  const items = argument.split(',');
  switch (name) {
    case 'time-before':
      return typeof now === 'number' && now < Date.parse(argument);
    case 'time-after':
      return typeof now === 'number' && now >= Date.parse(argument);
    case 'action':
      return items.some((item) => item === action || (item.endsWith(':*') && isBelow(action, item.slice(0, -1))));
    case 'ip':
      return items.some((item) => isInRange(ip, item));
    case 'method':
      return items.some((item) => item !== '' && item === method);
    case 'path':
      return items.some((item) => item === path || isBelow(path, item.endsWith('/') ? item : `${item}/`)) && !isOdd(path);
    default:
      return false;
  }
}

function isBelow(text: unknown, prefix: string): boolean {
  return typeof text === 'string' && text.startsWith(prefix) && text !== prefix;
}

function isOdd(path: unknown): boolean {
  return typeof path !== 'string' || path.includes('..');
}

function isInRange(address: unknown, range: string): boolean {
  if (typeof address !== 'string' || isIP(address) === 0) return false;
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
  const [network = '', bits] = range.split('/');
  if (isIP(network) === 0 || isIP(network) !== isIP(plain)) return false;
  const family = isIP(network) === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(network, Number(bits ?? (family === 'ipv4' ? 32 : 128)), family);
  return list.check(plain, family);
}
