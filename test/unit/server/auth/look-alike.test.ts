/** Strangers cannot tell why they are refused: unknown client, wrong proof and retired credential get one answer, after the same work. */
import { generateKeyPairSync } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { encodeBase64url, encodeUtf8 } from '../../../../src/core/index.js';
import { challengeHeader } from '../../../../src/protocol/challenge.js';
import { encodeEncryptedTime, encryptedTimeHeader } from '../../../../src/protocol/encrypted-time.js';
import { headerFields } from '../../../../src/protocol/header-fields.js';
import { formatDictionary, parseSignatures } from '../../../../src/protocol/http-signature/index.js';
import { requestHash } from '../../../../src/protocol/request-hash.js';
import { makeChallenge } from '../../../../src/server/auth/challenges.js';
import { signed, mail as signingMail, withHeaders } from './http-sig-requests.js';
import {
  basic,
  issuerKeys,
  issuerUrl,
  type LoginBench,
  loginBench,
  randomBytes,
  requestOf,
  startMs,
  type TestClient,
  type TestCredential,
} from './login-bench.js';

/** What Node's cryptography, and our own where it is in its place, was asked to do. */
const { work, counted } = vi.hoisted(() => {
  const names: string[] = [];
  const countedAs =
    <Args extends readonly unknown[], Result>(name: string, run: (...args: Args) => Result) =>
    (...args: Args): Result => {
      names.push(name);
      return run(...args);
    };
  return { work: names, counted: countedAs };
});
vi.mock('../../../../src/core/bytes.js', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../../../src/core/bytes.js')>();
  return { ...original, equalBytes: counted('compare', original.equalBytes) };
});
vi.mock('../../../../src/core/sha256.js', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../../../src/core/sha256.js')>();
  return { ...original, sha256: counted('hash', original.sha256) };
});
vi.mock('node:crypto', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:crypto')>();
  return {
    ...original,
    privateDecrypt: counted('decrypt', original.privateDecrypt),
    verify: counted('verify', (...args: Parameters<typeof original.verify>) => original.verify(...args)),
  };
});
const { crypto } = globalThis;
const verify = vi.spyOn(crypto.subtle, 'verify');

afterEach(() => {
  work.length = 0;
  verify.mockClear();
});

const key = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ed25519');
const publicKey = encodeBase64url(new Uint8Array(key.publicKey.export({ type: 'spki', format: 'der' })));
const secret = `mcs_${'e'.repeat(43)}`;
const retiredAtMs = startMs - 1;

/** `mail` as it is, and as it is with its credential retired. */
function clientsOf(credential: TestCredential): Readonly<Record<string, TestClient>> {
  const authPolicy = [[credential.authMethod]];
  return {
    mail: { credentials: [credential], authPolicy },
    gone: { credentials: [{ ...credential, id: 'crd_gone', retiredAtMs }], authPolicy },
  };
}

type Attempt = (
  bench: LoginBench,
  client: string,
  isRight: boolean,
) => Promise<ReturnType<typeof requestOf>> | ReturnType<typeof requestOf>;

const basicAttempt: Attempt = (_, client, isRight) =>
  requestOf({ headers: { authorization: basic(client, isRight ? secret : 'wrong') } });

const timeAttempt: Attempt = async (_, client, isRight) => {
  const { publicEncrypt, constants, createPublicKey } = await import('node:crypto');
  const hash = requestHash({ method: 'POST', targetUri: `${issuerUrl}/v1/tokens`, body: new Uint8Array() });
  const time = { sentAtMs: startMs, nonce: randomBytes(16), requestHash: hash };
  const plaintext = encodeEncryptedTime(time, client, encodeUtf8(isRight ? secret : 'wrong'));
  const oaep = {
    padding: constants.RSA_PKCS1_OAEP_PADDING,
    oaepHash: 'sha256',
    oaepLabel: Buffer.from('macaroond/encrypted-time/v1'),
  };
  const ct = new Uint8Array(publicEncrypt({ key: createPublicKey(issuerKeys.timeKey.decryptionKey), ...oaep }, plaintext));
  const text = formatDictionary([
    ['kid', issuerKeys.timeKey.kid],
    ['client', client],
    ['ct', ct],
  ]);
  return requestOf({ headers: { [encryptedTimeHeader]: text } });
};

const challengeAttempt: Attempt = async (bench, client, isRight) => {
  const { sign } = await import('node:crypto');
  const { challengeMessage } = await import('../../../../src/protocol/challenge.js');
  const purpose = 'POST /v1/tokens';
  const { challenge_id: id, challenge = '' } = await makeChallenge(bench.tools, { client, mode: 'sign', purpose });
  const hash = requestHash({ method: 'POST', targetUri: `${issuerUrl}/v1/tokens`, body: new Uint8Array() });
  const message = challengeMessage({ server: issuerUrl, client, id, purpose }, Buffer.from(challenge, 'base64url'), hash);
  const response = new Uint8Array(sign(null, message, isRight ? key.privateKey : stranger.privateKey));
  bench.reads.length = 0;
  return requestOf({
    headers: {
      [challengeHeader]: formatDictionary([
        ['id', id],
        ['client', client],
        ['response', response],
      ]),
    },
  });
};

describe.each<[string, TestCredential, Attempt]>([
  ['client_secret_basic', { id: 'crd_1', authMethod: 'client_secret_basic', secret }, basicAttempt],
  ['encrypted_time', { id: 'crd_1', authMethod: 'encrypted_time', secret }, timeAttempt],
  [
    'challenge_response',
    { id: 'crd_1', authMethod: 'challenge_response', algorithm: 'sign-ed25519', publicKey },
    challengeAttempt,
  ],
])('%s', (_, credential, attempt) => {
  it('refuses a wrong proof, an unknown client and a retired credential alike, after the same work', async () => {
    const seen = [];
    for (const [client, isRight] of [
      ['mail', false],
      ['nobody', true],
      ['nobody', false],
      ['gone', true],
    ] as const) {
      const bench = loginBench(clientsOf(credential));
      const request = await attempt(bench, client, isRight);
      work.length = 0;
      const result = await bench.login(request);
      seen.push({ result, work: [...work], reads: [...bench.reads] });
    }
    const [wrong, ...others] = seen;
    expect(wrong).toMatchObject({ result: { ok: false, code: 'invalid_client' } });
    expect(wrong?.work.length).toBeGreaterThan(0);
    expect(wrong?.result).toHaveProperty('signAnswer', undefined);
    for (const other of others) expect(other).toEqual(wrong);
    // And the counting counts: the right proof of the client holds.
    const bench = loginBench(clientsOf(credential));
    expect(await bench.outcome(await attempt(bench, 'mail', true))).toBe('ok');
  });
});

describe('http_sig', () => {
  const credentials = signingMail.credentials?.map((one) =>
    one.algorithm === 'ecdsa-p256-sha256' ? { ...one, retiredAtMs } : one,
  );
  const clients = { mail: { ...signingMail, credentials: credentials ?? [] } };

  it('refuses a wrong signature, an unknown credential and a retired one alike, after the same work, and signs alike', async () => {
    const requests = {
      wrong: withHeaders(await signed(), { signature: 'sig1=:AAAA:' }),
      unknown: await signed({ keyid: 'crd_none' }),
      retired: await signed({ algorithm: 'ecdsa-p256-sha256' }),
    };
    const seen = [];
    for (const request of Object.values(requests)) {
      const bench = loginBench(clients);
      verify.mockClear();
      const result = await bench.login(requestOf(request));
      const reads = [...bench.reads];
      const headers =
        (await result.signAnswer?.({ status: 401, headers: { 'content-type': 'a/b' }, body: encodeUtf8('{}') })) ?? {};
      const [parsed] = parseSignatures(headerFields(Object.entries(headers)));
      const lengths = Object.entries(headers).map(([name, value]) => [name, value.length]);
      seen.push({ ok: result.ok, reads, verifications: verify.mock.calls.length, keyid: parsed?.parameters.keyid, lengths });
    }
    const [wrong, ...others] = seen;
    expect(wrong).toMatchObject({ ok: false, verifications: 1, keyid: issuerKeys.answerKey.kid });
    for (const other of others) expect({ ...other, lengths: undefined }).toEqual({ ...wrong, lengths: undefined });
    // Their nonces, which differ by a digit at most, are the only thing that differs.
    for (const { lengths } of others) {
      for (const [i, [name, length]] of lengths.entries()) {
        expect(name).toBe(wrong?.lengths[i]?.[0]);
        expect(Math.abs(Number(length) - Number(wrong?.lengths[i]?.[1]))).toBeLessThanOrEqual(1);
      }
    }
  });

  it('reads as often for a wrong secret as for any other wrong proof', async () => {
    const reads = async (algorithm: 'hmac-sha256' | 'ed25519') => {
      const bench = loginBench(clients);
      await bench.login(requestOf(withHeaders(await signed({ algorithm }), { signature: 'sig1=:AAAA:' })));
      return bench.reads.filter((read) => read !== 'secret');
    };
    expect(await reads('hmac-sha256')).toEqual(await reads('ed25519'));
  });
});
