/**
 * What strangers write into a request, random and mutated: `Authorization` at the verifier and at the issuer, `X-Forwarded-For`,
 * request targets. Nothing throws, and what is let through is what an independent reading of the same bytes finds in it.
 */
import { isUtf8 } from 'node:buffer';
import { IncomingMessage } from 'node:http';
import { BlockList, isIP, Socket } from 'node:net';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isCanonicalPath } from '../../src/caveats/path.js';
import { decode, encode, encodeBase64url, encodeV2Token, MacaroonKey } from '../../src/core/index.js';
import { parseBasicCredentials } from '../../src/server/auth/basic-credentials.js';
import { judgeRequest } from '../../src/server/http/request-guard.js';
import { readAuthorization } from '../../src/verifier/authorization.js';
import { clientAddress, parseTrustedProxies } from '../../src/verifier/client-address.js';
import { createVerifier, staticKeys } from '../../src/verifier/index.js';
import { createRequestGuard, type RawRequest } from '../../src/verifier/request-guard.js';
import { randomIdentifier, randomToken, signedParts } from './corpus.js';
import { campaignSize, fuzzSeed, mutateText, type Random, runCases, seededRandom } from './mutate.js';

/** All five together are the campaign. */
const authorizationCases = campaignSize(20_000, 2_000_000);
const basicCases = campaignSize(20_000, 2_000_000);
const addressCases = campaignSize(20_000, 2_000_000);
const targetCases = campaignSize(20_000, 2_000_000);
const requestCases = campaignSize(20_000, 2_000_000);

const nowMs = 1_701_000_000_000;
const key = new MacaroonKey(seededRandom(2).bytes(32));
const rootKeyId = seededRandom(3).bytes(16);
const corpusRandom = seededRandom(fuzzSeed);

/** Tokens for `invoice`; some of them hold conditions that never hold here. */
const tokens = Array.from({ length: 100 }, () => {
  const facts = { rootKeyId, generation: 1, audience: 'invoice', client: 'mail', expiresAtMs: nowMs + 1000, actions: ['a:b'] };
  const usual = ['method GET', 'path /invoices', 'ip 10.0.0.0/8', 'action a:*'];
  const conditions = corpusRandom.chance(0.7) ? usual : [...usual, 'cnf jkt:x', 'request-required'];
  return randomToken(corpusRandom, key, randomIdentifier(corpusRandom, facts), conditions);
});
const texts = tokens.flatMap((token) => [encode(token), encodeBase64url(encodeV2Token(token))]);
const genuine = new Set(tokens.map(signedParts));

/** Conditions of the token in `text`; bytes that are no UTF-8 stand for themselves in hexadecimal, as they can never hold. */
function conditionsOf(text: string): readonly string[] {
  const { root, discharges } = decode(text);
  const caveats = [root, ...discharges].flatMap((macaroon) => macaroon.caveats);
  return caveats.flatMap((caveat) => (caveat.kind === 'first-party' ? [conditionText(caveat.condition)] : []));
}

function conditionText(condition: Uint8Array): string {
  return isUtf8(condition) ? Buffer.from(condition).toString() : `0x${Buffer.from(condition).toString('hex')}`;
}

function isToken(text: string): boolean {
  try {
    return decode(text).root.caveats.length >= 0;
  } catch {
    return false;
  }
}

const anyCharacter = 'Macaroon Bearer basic ,;=:/?#%.0127f-_~\t\r\n\0\x7f\u00a0\u00e9\u2028\ud800"\\<>{}|^`@!';

function randomText(random: Random, longest: number): string {
  return Array.from({ length: random.below(longest) }, () => anyCharacter.charAt(random.below(anyCharacter.length))).join('');
}

/** A value made from one of `valid`: as it is, mutated, or nothing like it. */
function someText(random: Random, valid: readonly string[]): string {
  if (random.chance(0.1)) return randomText(random, 80);
  if (random.chance(0.1)) return random.pick(valid);
  return mutateText(random, random.pick(valid), anyCharacter, random.pick(valid));
}

/** Caveats that make of a token more than a bearer token. */
const boundNames = ['cnf', 'request', 'request-required'];
const authorizations = texts.flatMap((text) => [`Macaroon ${text}`, `Bearer ${text}`, `mAcAroon ${text}`]);

describe(`fuzz of headers, seed ${fuzzSeed}`, () => {
  it(`Authorization at the verifier: ${authorizationCases} cases`, async () => {
    const read = await runCases(authorizationCases, 10, (random) => {
      const values = Array.from({ length: random.chance(0.9) ? 1 : random.below(4) }, () => someText(random, authorizations));
      const result = readAuthorization(values);
      const [value = '', ...more] = values;
      if (!result.ok) return false;
      if (more.length > 0) throw new Error('one of several headers was taken');
      const { scheme, text } = result;
      const hasOneReading = value.length === scheme.length + 1 + text.length && value.endsWith(` ${text}`);
      if (!hasOneReading || /[\s,;]/.test(text)) throw new Error(`read in two ways: ${JSON.stringify(value)}`);
      if (value.slice(0, scheme.length).toLowerCase() !== scheme.toLowerCase()) throw new Error('another scheme was read');
      if (
        scheme === 'Bearer' &&
        isToken(text) &&
        conditionsOf(text).some((one) => boundNames.includes(one.split(' ', 1)[0] ?? ''))
      ) {
        throw new Error(`a bound token passed as a bearer token: ${JSON.stringify(conditionsOf(text))}`);
      }
      return isToken(text);
    });
    expect(read).toBeGreaterThan(authorizationCases / 100);
  });

  it(`Basic credentials at the issuer: ${basicCases} cases`, async () => {
    const spell = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`;
    const pairs = ['mail:s3cr3t-Value', 'mail:', ':x', 'b.c-d_e:a:b', 'm%61il:%C3%A9+%3A', 'é:ü', 'a', '%zz:%', 'mail:\ufeffx'];
    const headers = [...pairs.map(spell), 'basic bWFpbDp4', 'BASIC  bWFpbDp4', 'Basic bWFpbDp4=', 'Basic bWFpbDp5Zh=='];
    const read = await runCases(basicCases, 11, (random) => {
      const header = random.chance(0.5)
        ? someText(random, headers)
        : spell(mutateText(random, random.pick(pairs), anyCharacter, random.pick(pairs)));
      const found = parseBasicCredentials(header);
      const expected = readBasic(header);
      if (found?.id !== expected?.id || found?.secret !== expected?.secret) {
        throw new Error(`${JSON.stringify(header)} gave ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`);
      }
      return found !== undefined;
    });
    expect(read).toBeGreaterThan(basicCases / 10);
  });

  it(`X-Forwarded-For: ${addressCases} cases`, async () => {
    const trustedTexts = ['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::1'];
    const trusted = parseTrustedProxies(trustedTexts);
    const addresses = [
      '10.0.0.1',
      '192.0.2.7',
      '203.0.113.9',
      '::1',
      '2001:db8::1',
      'fe80::1',
      '::ffff:10.0.0.1',
      '2001:DB8:0:0::A',
    ];
    const broken = [
      '',
      ' ',
      '10.0.0.256',
      '010.0.0.1',
      'fe80::1%eth0',
      '[::1]',
      '10.0.0.1:80',
      'unknown',
      '_hidden',
      '::ffff:0a00:1',
    ];
    const read = await runCases(addressCases, 12, (random) => {
      const entry = () => {
        const one = random.pick(random.chance(0.85) ? addresses : broken);
        const text = random.chance(0.1) ? mutateText(random, one, anyCharacter) : one;
        return random.chance(0.3) ? ` ${text} ` : text;
      };
      const socket = random.chance(0.02) ? undefined : entry().trim();
      const headers = Array.from({ length: random.below(3) }, () => Array.from({ length: random.below(4) }, entry).join(','));
      const found = clientAddress(socket, headers, trusted);
      const expected = walkBack(socket, headers);
      if (found !== expected) throw new Error(`${socket}, ${JSON.stringify(headers)} gave ${found}, not ${expected}`);
      return found !== undefined && found !== socket;
    });
    expect(read).toBeGreaterThan(addressCases / 100);
  });

  it(`request targets: ${targetCases} cases`, async () => {
    const targets = [
      '/',
      '/invoices/7',
      '/v1/audiences/invoice/keys?after=',
      '/a;b=c/d%20e/%C3%A9',
      '/a/../b',
      '/a//b',
      '/a/%2e%2E/b',
      '/a%2Fb',
      '/%00',
      'http://other/a',
      '//other/a',
      '*',
      "/~!$&'()*+,;=:@-._",
    ];
    const passed = await runCases(targetCases, 13, (random) => {
      const target = someText(random, targets);
      const [path = ''] = target.split('?', 1);
      const isCanonical = isCanonicalPath(path);
      if (isCanonical) requireOneMeaning(path);
      const refusal = judgeRequest(messageOf(target));
      if (refusal === undefined && !isCanonical) throw new Error(`let through: ${JSON.stringify(target)}`);
      if (refusal !== undefined && refusal.code !== 'invalid_request') throw new Error(refusal.code);
      return refusal === undefined;
    });
    expect(passed).toBeGreaterThan(targetCases / 100);
  });

  it(`whole requests: ${requestCases} cases`, async () => {
    const keys = staticKeys([{ rootKeyId: encodeBase64url(rootKeyId), generation: 1, client: 'mail', key: key.reveal() }]);
    const verifier = createVerifier({ audience: 'invoice', keys, clock: () => nowMs });
    const guard = createRequestGuard(verifier, { action: 'a:b', trustedProxies: ['192.0.2.0/24'] });
    const names = ['authorization', 'Host', 'X-Forwarded-For', 'X-Forwarded-For', 'Accept', 'Accept', 'Accept'];
    const passed = await runCases(requestCases, 14, async (random) => {
      const value = (name: string): string => {
        if (name.toLowerCase() === 'authorization')
          return random.chance(0.7) ? random.pick(authorizations) : someText(random, authorizations);
        return name === 'X-Forwarded-For' ? random.pick(['10.1.2.3', '10.1.2.3, 8.8.8.8', 'x']) : 'service.example';
      };
      const fillers = Array.from({ length: random.chance(0.1) ? 60 + random.below(8) : 0 }, () => 'Accept');
      const extra = [...fillers, ...Array.from({ length: random.below(3) }, () => random.pick(names))];
      const headers = ['Authorization', 'Host', ...extra].map((name): readonly [string, string] => [name, value(name)]);
      const raw: RawRequest = {
        method: random.pick(['GET', 'GET', 'POST', 'get', '']),
        target: random.chance(0.8) ? random.pick(['/invoices/7', '/invoices?a=/b', '/other']) : someText(random, ['/invoices/7']),
        headers,
        socketAddress: random.chance(0.05) ? undefined : random.pick(['10.0.0.1', '192.0.2.7', '8.8.8.8']),
        certificate: () => undefined,
        body: async () => new Uint8Array(0),
        onSigner: () => undefined,
      };
      const result = await guard(undefined, raw);
      if (result.ok) requireAllowed(raw, headers);
      else if (![400, 401, 403].includes(result.response.status)) throw new Error(`answered with ${result.response.status}`);
      return result.ok;
    });
    expect(passed).toBeGreaterThan(requestCases / 100);
  });
});

/** Name and secret by the web's own functions: strict base64 of strict UTF-8, cut at the first colon, each part form-decoded. */
function readBasic(header: string): { readonly id: string; readonly secret: string } | undefined {
  const base64 = /^basic ([A-Za-z0-9+/]*={0,2})$/i.exec(header)?.[1];
  if (base64 === undefined || base64.length > 1024 || base64.length % 4 !== 0) return undefined;
  try {
    const binary = atob(base64);
    if (btoa(binary) !== base64) return undefined;
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
    const pair = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const [, id, secret] = /^([^:]*):([\s\S]*)$/.exec(pair) ?? [];
    if (id === undefined || secret === undefined) return undefined;
    return { id: decodeURIComponent(id.split('+').join(' ')), secret: decodeURIComponent(secret.split('+').join(' ')) };
  } catch {
    return undefined;
  }
}

const proxies = new BlockList();
proxies.addSubnet('10.0.0.0', 8, 'ipv4');
proxies.addAddress('192.0.2.7', 'ipv4');
proxies.addSubnet('2001:db8::', 32, 'ipv6');
proxies.addAddress('::1', 'ipv6');

/** The client's address by Node's own functions: from the socket back through the entries, as long as the last one is a proxy. */
function walkBack(socket: string | undefined, headers: readonly string[]): string | undefined {
  const hops = [...headers.join(',').split(','), ...(socket === undefined ? [] : [socket])];
  if (socket === undefined) return undefined;
  for (let address = plainAddress(hops.pop()); ; address = plainAddress(hops.pop()?.trim())) {
    if (address === undefined) return undefined;
    if (!proxies.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6') || hops.length === 0) return address;
  }
}

/** `text` as the URL standard writes it; an IPv4-mapped address as IPv4. */
function plainAddress(text: string | undefined): string | undefined {
  if (text === undefined || isIP(text) === 0 || text.includes('%')) return undefined;
  if (isIP(text) === 4) return text;
  const address = new URL(`http://[${text}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address);
  if (mapped === null) return address;
  const [high = 0, low = 0] = mapped.slice(1).map((group) => Number.parseInt(group, 16));
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** Throws when the URL standard, a file system or a second decoding would make another path of `path`. */
function requireOneMeaning(path: string): void {
  const decoded = decodeURIComponent(path);
  const faults = [
    new URL(`http://h${path}`).pathname !== path,
    posix.normalize(decoded) !== decoded,
    decoded.split('/').length !== path.split('/').length,
    /[\\%\p{Cc}]/u.test(decoded),
    /%(?:[a-f]|.[a-f])/.test(path),
    decoded.split('/').some((segment) => /^\.\.?(;|$)/.test(segment)),
  ];
  if (faults.includes(true)) throw new Error(`has two meanings (${faults.indexOf(true)}): ${JSON.stringify(path)}`);
}

const socket = new Socket();

function messageOf(target: string): IncomingMessage {
  const message = new IncomingMessage(socket);
  return Object.assign(message, { method: 'GET', url: target, httpVersion: '1.1', headers: { host: 'issuer.example' } });
}

/** Throws unless the one token of the request is genuine and its conditions hold, told by the plainest means. */
function requireAllowed(raw: RawRequest, headers: readonly (readonly [string, string])[]): void {
  const named = (name: string) => headers.filter(([one]) => one.toLowerCase() === name).map(([, value]) => value);
  const [authorization = '', ...more] = named('authorization');
  if (more.length > 0 || named('host').length > 1 || headers.length > 64) throw new Error('an ambiguous request passed');
  const text = authorization.split(' ')[1] ?? '';
  if (!genuine.has(signedParts(decode(text)))) throw new Error('a forged token passed');
  const address = raw.socketAddress === '192.0.2.7' ? named('x-forwarded-for').join(',').split(',').at(-1) : raw.socketAddress;
  const facts: Readonly<Record<string, boolean>> = {
    'method GET': raw.method === 'GET',
    'path /invoices': /^\/invoices([/?]|$)/.test(raw.target),
    'ip 10.0.0.0/8': address?.trim().startsWith('10.') === true,
    'action a:*': true,
  };
  const failed = conditionsOf(text).filter((condition) => facts[condition] !== true);
  if (failed.length > 0) throw new Error(`passed against ${failed.join('; ')}`);
}
