import { constants, createPublicKey, publicEncrypt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../../../src/core/index.js';
import { encodeEncryptedTime, encryptedTimeHeader, encryptedTimeLabel, macOf } from '../../../../src/protocol/encrypted-time.js';
import { formatDictionary } from '../../../../src/protocol/http-signature/index.js';
import { requestHash } from '../../../../src/protocol/request-hash.js';
import {
  issuerKeys,
  issuerUrl,
  loginBench,
  randomBytes,
  requestOf,
  startMs,
  type TestClient,
  type TestRequest,
} from './login-bench.js';

const secret = `mcs_${'e'.repeat(43)}`;
const other = `mcs_${'o'.repeat(43)}`;
const mail: TestClient = {
  credentials: [
    { id: 'crd_1', authMethod: 'encrypted_time', secret },
    { id: 'crd_2', authMethod: 'encrypted_time', secret: other },
  ],
};
const publicKey = createPublicKey(issuerKeys.timeKey.decryptionKey);
const { kid } = issuerKeys.timeKey;
const windowMs = 30_000;

interface Making {
  readonly sentAtMs?: number;
  readonly nonce?: Uint8Array;
  readonly secret?: string;
  readonly client?: string;
  /** What it is made for. */
  readonly request?: TestRequest;
}

/** The 89 bytes. */
function plaintextOf({
  sentAtMs = startMs,
  nonce = randomBytes(16),
  secret: key = secret,
  client = 'mail',
  request = {},
}: Making = {}) {
  const { method = 'POST', target = '/v1/tokens', body = '' } = request;
  const bytes = typeof body === 'string' ? encodeUtf8(body) : body;
  const hash = requestHash({ method, targetUri: `${issuerUrl}${target}`, body: bytes });
  return encodeEncryptedTime({ sentAtMs, nonce, requestHash: hash }, client, encodeUtf8(key));
}

function encrypt(plaintext: Uint8Array, label = encryptedTimeLabel): Uint8Array {
  const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256', oaepLabel: Buffer.from(label) };
  return new Uint8Array(publicEncrypt({ key: publicKey, ...oaep }, plaintext));
}

const headerOf = (ct: Uint8Array, client = 'mail', id = kid) =>
  formatDictionary([
    ['kid', id],
    ['client', client],
    ['ct', ct],
  ]);
const proving = (text: string | readonly string[], request: TestRequest = {}) =>
  requestOf({ ...request, headers: { ...request.headers, [encryptedTimeHeader]: text } });
const made = (making: Making = {}) => proving(headerOf(encrypt(plaintextOf(making)), making.client), making.request);
const outcomeOf = (request: ReturnType<typeof requestOf>, clients: Readonly<Record<string, TestClient>> = { mail }) =>
  loginBench(clients).outcome(request);

describe('an encrypted time', () => {
  it.each([secret, other])('proves its client, by either secret', async (one) => {
    const { login } = loginBench({ mail });
    const credentialId = one === secret ? 'crd_1' : 'crd_2';
    expect(await login(made({ secret: one }))).toMatchObject({
      ok: true,
      caller: { client: 'mail', credentialId, authMethods: ['encrypted_time'] },
    });
  });

  it('proves one request: method, target, query and body', async () => {
    const request = { method: 'PUT', target: '/v1/x?a=%2F&b', body: '{"a":"ü"}' };
    expect(await outcomeOf(made({ request }))).toBe('ok');
    const ct = headerOf(encrypt(plaintextOf({ request })));
    for (const changed of [
      { method: 'POST' },
      { target: '/v1/x?a=%2F' },
      { target: '/v1/y?a=%2F&b' },
      { body: '{}' },
      { body: '' },
    ]) {
      expect(await outcomeOf(proving(ct, { ...request, ...changed }))).toBe('request_wrong');
    }
    const elsewhere = { ...proving(ct, request), targetUri: `https://evil.test${request.target}` };
    expect(await outcomeOf(elsewhere)).toBe('request_wrong');
  });

  it.each<[number, string]>([
    [-60_000, 'time_wrong'],
    [-windowMs - 1, 'time_wrong'],
    [-windowMs, 'time_wrong'],
    [-windowMs + 1, 'ok'],
    [0, 'ok'],
    [windowMs - 1, 'ok'],
    [windowMs, 'time_wrong'],
    [windowMs + 1, 'time_wrong'],
    [60_000, 'time_wrong'],
  ])('that is %d ms off', async (offMs, outcome) => {
    expect(await outcomeOf(made({ sentAtMs: startMs + offMs }))).toBe(outcome);
  });

  it('is accepted once, at no time again', async () => {
    const bench = loginBench({ mail });
    const request = made({ sentAtMs: startMs + windowMs - 1 });
    expect(await bench.outcome(request)).toBe('ok');
    for (const atMs of [0, 1, windowMs - 1, 2 * windowMs - 2, 2 * windowMs - 1, 2 * windowMs, 1_000_000, 0]) {
      bench.time.nowMs = startMs + atMs;
      expect([atMs, await bench.outcome(request)]).not.toEqual([atMs, 'ok']);
    }
  });

  it('is used up also when it came too early: its client takes it for refused', async () => {
    const bench = loginBench({ mail });
    const request = made({ sentAtMs: startMs + windowMs });
    expect(await bench.outcome(request)).toBe('time_wrong');
    bench.time.nowMs = startMs + windowMs;
    expect(await bench.outcome(request)).toBe('replayed');
  });

  it.each([
    ['a day', 86_400_000, 1],
    ['a day and a millisecond', 86_400_001, 0],
    ['all the days that there are', 8.64e15 - startMs, 0],
    ['more than there are', 2 ** 52, 0],
  ])('is kept for later, when it is for %s ahead, no longer than a day', async (_, aheadMs, count) => {
    const kept: string[] = [];
    const replayStore = { bornAtMs: 0, claim: (_scope: string, nonce: string) => kept.push(nonce) > 0, close: () => {} };
    const bench = loginBench({ mail }, { replayStore });
    expect(await bench.outcome(made({ sentAtMs: startMs + aheadMs }))).toMatch(/^(?:time_wrong|ciphertext_wrong)$/);
    expect(kept).toHaveLength(count);
  });

  it('cannot be encrypted anew for a second use: the nonce is inside', async () => {
    const bench = loginBench({ mail });
    const plaintext = plaintextOf();
    expect(await bench.outcome(proving(headerOf(encrypt(plaintext))))).toBe('ok');
    expect(await bench.outcome(proving(headerOf(encrypt(plaintext))))).toBe('replayed');
  });
});

/** `plaintext` with other bytes from `offset` on. */
const patched = (plaintext: Uint8Array, offset: number, bytes: readonly number[]) => {
  const copy = plaintext.slice();
  copy.set(bytes, offset);
  return copy;
};

describe('an encrypted time is refused', () => {
  const rsa = (padding: number, plaintext: Uint8Array) => new Uint8Array(publicEncrypt({ key: publicKey, padding }, plaintext));
  const genuine = () => encrypt(plaintextOf());
  it.each<[string, string, () => ReturnType<typeof requestOf>]>([
    ['by somebody with the public key alone', 'signature_wrong', () => made({ secret: 'guessed' })],
    [
      'with a MAC of zeros',
      'signature_wrong',
      () => proving(headerOf(encrypt(patched(plaintextOf(), 57, new Array(32).fill(0))))),
    ],
    ['of another client', 'signature_wrong', () => proving(headerOf(encrypt(plaintextOf({ client: 'job' })), 'mail'))],
    ['of a client that nobody knows', 'client_unknown', () => made({ client: 'nobody' })],
    ['by the stand-in secret', 'client_unknown', () => made({ client: 'nobody', secret: `mcs_${'A'.repeat(43)}` })],
    [
      'by the secret in place of one that is not there',
      'signature_wrong',
      () => made({ client: 'bare', secret: `mcs_${'A'.repeat(43)}` }),
    ],
    ['with another time under the same MAC', 'signature_wrong', () => proving(headerOf(encrypt(patched(plaintextOf(), 8, [1]))))],
    [
      'with another nonce under the same MAC',
      'signature_wrong',
      () => proving(headerOf(encrypt(patched(plaintextOf(), 9, [1, 2, 3])))),
    ],
    [
      'for another request under the same MAC',
      'signature_wrong',
      () => proving(headerOf(encrypt(patched(plaintextOf(), 25, [1, 2, 3])))),
    ],
    [
      'with a MAC that names no label',
      'signature_wrong',
      () => {
        const plaintext = plaintextOf();
        const mac = macOf(plaintext.subarray(0, 57), 'mail/', encodeUtf8(secret));
        return proving(headerOf(encrypt(patched(plaintext, 57, [...mac]))));
      },
    ],
    ['of another version', 'ciphertext_wrong', () => proving(headerOf(encrypt(patched(plaintextOf(), 0, [2]))))],
    [
      'with a time that is none',
      'ciphertext_wrong',
      () => proving(headerOf(encrypt(patched(plaintextOf(), 1, new Array(8).fill(0xff))))),
    ],
    ['that is a byte too short', 'ciphertext_wrong', () => proving(headerOf(encrypt(plaintextOf().subarray(0, 88))))],
    ['that is a byte too long', 'ciphertext_wrong', () => proving(headerOf(encrypt(new Uint8Array([...plaintextOf(), 0]))))],
    ['that is empty inside', 'ciphertext_wrong', () => proving(headerOf(encrypt(new Uint8Array())))],
    ['under another label', 'ciphertext_wrong', () => proving(headerOf(encrypt(plaintextOf(), 'macaroond/challenge/v1')))],
    ['under no label', 'ciphertext_wrong', () => proving(headerOf(encrypt(plaintextOf(), '')))],
    ['padded as PKCS #1 v1.5', 'ciphertext_wrong', () => proving(headerOf(rsa(constants.RSA_PKCS1_PADDING, plaintextOf())))],
    [
      'padded as OAEP with SHA-1',
      'ciphertext_wrong',
      () => proving(headerOf(rsa(constants.RSA_PKCS1_OAEP_PADDING, plaintextOf()))),
    ],
    ['not encrypted', 'ciphertext_wrong', () => proving(headerOf(plaintextOf()))],
    ['cut', 'ciphertext_wrong', () => proving(headerOf(genuine().subarray(0, 383)))],
    ['empty', 'ciphertext_wrong', () => proving(headerOf(new Uint8Array()))],
    ['larger than the modulus', 'ciphertext_wrong', () => proving(headerOf(new Uint8Array(384).fill(0xff)))],
    [
      'with a bit changed',
      'ciphertext_wrong',
      () => {
        const ct = genuine();
        return proving(headerOf(patched(ct, 200, [(ct[200] ?? 0) ^ 1])));
      },
    ],
    ['for another key', 'credentials_malformed', () => proving(headerOf(genuine(), 'mail', 'other'))],
    ['for a client whose name is none', 'credentials_malformed', () => proving(headerOf(genuine(), 'NOBODY!'))],
    ['with a member more', 'credentials_malformed', () => proving(`${headerOf(genuine())}, x=1`)],
    ['with a member less', 'credentials_malformed', () => proving(headerOf(genuine()).replace(/kid="[^"]+", /, ''))],
    ['with its ciphertext as text', 'credentials_malformed', () => proving(`kid="${kid}", client="mail", ct="AAAA"`)],
    ['that comes twice', 'credentials_malformed', () => proving([headerOf(genuine()), headerOf(genuine())])],
    ['that is no dictionary', 'credentials_malformed', () => proving('!')],
    ['with an empty header', 'credentials_malformed', () => proving('')],
  ])('%s', async (name, reason, make) => {
    const clients = { mail, bare: { authPolicy: [['encrypted_time']] } };
    expect([name, await outcomeOf(make(), clients)]).toEqual([name, reason]);
  });

  it('by a retired secret, by one of another method, and of a disabled client', async () => {
    const retired: TestClient = { credentials: [{ id: 'crd_1', authMethod: 'encrypted_time', secret, retiredAtMs: 1 }] };
    expect(await outcomeOf(made(), { mail: { ...retired, authPolicy: [['encrypted_time']] } })).toBe('signature_wrong');
    const foreign: TestClient = { credentials: [{ id: 'crd_1', authMethod: 'http_sig', algorithm: 'hmac-sha256', secret }] };
    expect(await outcomeOf(made(), { mail: { ...foreign, authPolicy: [['encrypted_time']] } })).toBe('signature_wrong');
    expect(await outcomeOf(made(), { mail: { ...mail, state: 'disabled' } })).toBe('client_disabled');
  });

  it('in one and the same way, whatever is wrong with it', async () => {
    const ct = genuine();
    const requests = [
      made({ secret: 'guessed' }),
      made({ client: 'nobody' }),
      made({ sentAtMs: 0 }),
      proving(headerOf(encrypt(plaintextOf(), 'other'))),
      proving(headerOf(patched(ct, 0, [0xff]))),
      proving(headerOf(encrypt(plaintextOf({ request: { body: 'x' } })))),
      proving('!'),
    ];
    for (const request of requests) {
      expect(await loginBench({ mail }).login(request)).toEqual({ ok: false, code: 'invalid_client' });
    }
  });
});
