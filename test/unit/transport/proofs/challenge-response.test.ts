/** The client's half of `challenge_response`: what it sends is accepted, and its key signs and decrypts nothing but challenges for its own request. */
import { constants, generateKeyPairSync, publicEncrypt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encodeBase64url, encodeUtf8 } from '../../../../src/core/index.js';
import { type ChallengeResponse, challengeLabel, challengePlaintext } from '../../../../src/protocol/challenge.js';
import { makeChallenge } from '../../../../src/server/auth/challenges.js';
import { type ChallengeCredential, challengeProver } from '../../../../src/transport/proofs/challenge-response.js';
import type { ProvingRequest } from '../../../../src/transport/proofs/prover.js';
import { issuerUrl, type LoginBench, loginBench, randomBytes, requestOf, startMs } from '../../server/auth/login-bench.js';

const rsa = generateKeyPairSync('rsa', { modulusLength: 3072 });
const pairs = {
  'sign-ed25519': generateKeyPairSync('ed25519'),
  'sign-ecdsa-p256-sha256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'sign-rsa-pss-sha256': rsa,
  'decrypt-rsa-oaep-256': rsa,
} as const;
type Algorithm = keyof typeof pairs;
const algorithms: readonly Algorithm[] = [
  'sign-ed25519',
  'sign-ecdsa-p256-sha256',
  'sign-rsa-pss-sha256',
  'decrypt-rsa-oaep-256',
];

const body = encodeUtf8('{"audience":"invoice"}');
const target = '/v1/tokens?a=1';
const request: ProvingRequest = { method: 'POST', target, targetUri: `${issuerUrl}${target}`, headers: {}, body };

const benchFor = (algorithm: Algorithm) => {
  const publicKey = encodeBase64url(new Uint8Array(pairs[algorithm].publicKey.export({ type: 'spki', format: 'der' })));
  return loginBench({ mail: { credentials: [{ id: 'crd_1', authMethod: 'challenge_response', algorithm, publicKey }] } });
};
const credentialOf = (algorithm: Algorithm): ChallengeCredential => ({
  issuer: issuerUrl,
  client: 'mail',
  credentialId: 'crd_1',
  algorithm,
  privateKey: pairs[algorithm].privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
});

/** A prover whose challenges come from `bench` by way of `change`; `asked` holds what it asked for. */
function proverFor(bench: LoginBench, algorithm: Algorithm, change: (made: ChallengeResponse) => unknown = (made) => made) {
  const asked: unknown[] = [];
  const ask = async (method: string, path: string, wanted: unknown) => {
    asked.push([method, path, wanted]);
    return change(await makeChallenge(bench.tools, wanted as Parameters<typeof makeChallenge>[1]));
  };
  const prover = challengeProver(credentialOf(algorithm), { clock: () => startMs, randomBytes, ask });
  return { prover, asked };
}

describe.each(algorithms)('%s', (algorithm) => {
  it('asks for a challenge for each request and answers it', async () => {
    const bench = benchFor(algorithm);
    const { prover, asked } = proverFor(bench, algorithm);
    for (let i = 0; i < 2; i++) {
      const { headers, checkAnswer } = await prover.prove(request);
      expect(await bench.outcome(requestOf({ target, body, headers }))).toBe('ok');
      expect(checkAnswer).toBeUndefined();
    }
    const mode = algorithm.startsWith('sign') ? 'sign' : 'decrypt';
    const wanted = { client: 'mail', mode, purpose: 'POST /v1/tokens', credential_id: 'crd_1' };
    expect(asked).toEqual([
      ['POST', '/v1/challenges', wanted],
      ['POST', '/v1/challenges', wanted],
    ]);
  });

  it.each<[string, (made: ChallengeResponse) => unknown]>([
    ['of another server', (made) => ({ ...made, server: 'https://evil.test' })],
    ['without its server', ({ server: _, ...made }) => made],
    ['without an id', ({ challenge_id: _, ...made }) => made],
    ['without itself', ({ challenge: _, encrypted_challenge: __, ...made }) => made],
    ['that is no base64url', (made) => ({ ...made, challenge: '!', encrypted_challenge: '!' })],
    ['that is no object', () => 'challenge'],
    ['that is null', () => null],
  ])('does not answer a challenge %s', async (_, change) => {
    const { prover } = proverFor(benchFor(algorithm), algorithm, change);
    await expect(prover.prove(request)).rejects.toMatchObject({ code: 'ERR_ISSUER_ANSWER' });
  });
});

describe('signing', () => {
  it('binds to what the client means, not to what the answer says: a challenge for something else gives no answer to that', async () => {
    for (const other of [{ client: 'job' }, { purpose: 'POST /v1/verify' }]) {
      const bench = benchFor('sign-ed25519');
      const relayed = async () => ({
        ...(await makeChallenge(bench.tools, { client: 'mail', mode: 'sign', purpose: 'POST /v1/tokens', ...other })),
        server: issuerUrl,
      });
      const prover = challengeProver(credentialOf('sign-ed25519'), { clock: () => startMs, randomBytes, ask: relayed });
      const { headers } = await prover.prove(request);
      expect(await bench.outcome(requestOf({ target, body, headers }))).toBe('challenge_wrong');
      expect(await bench.outcome(requestOf({ target: '/v1/verify', body, headers }))).not.toBe('ok');
    }
  });
});

describe('decrypting', () => {
  const encrypted = (plaintext: Uint8Array, label: string = challengeLabel) => {
    const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256', oaepLabel: Buffer.from(label) };
    return encodeBase64url(new Uint8Array(publicEncrypt({ key: rsa.publicKey, ...oaep }, plaintext)));
  };
  const subjectOf = (made: ChallengeResponse) => ({
    server: issuerUrl,
    client: 'mail',
    id: made.challenge_id,
    purpose: 'POST /v1/tokens',
  });
  const random = new Uint8Array(32).fill(1);

  it.each<[string, (made: ChallengeResponse) => string]>([
    ['something else that was encrypted to the key', () => encrypted(encodeUtf8('a secret of somebody'))],
    ['32 bytes alone', () => encrypted(random)],
    ['nothing', () => encrypted(new Uint8Array())],
    ['a challenge for another client', (made) => encrypted(challengePlaintext({ ...subjectOf(made), client: 'job' }, random))],
    [
      'a challenge for another purpose',
      (made) => encrypted(challengePlaintext({ ...subjectOf(made), purpose: 'POST /v1/verify' }, random)),
    ],
    [
      'a challenge of another server',
      (made) => encrypted(challengePlaintext({ ...subjectOf(made), server: 'https://evil.test' }, random)),
    ],
    ['a challenge with another id', (made) => encrypted(challengePlaintext({ ...subjectOf(made), id: 'x' }, random))],
    ['a challenge with too few random bytes', (made) => encrypted(challengePlaintext(subjectOf(made), random.subarray(1)))],
    ['a challenge under another label', (made) => encrypted(challengePlaintext(subjectOf(made), random), 'other')],
    ['a ciphertext that is cut', (made) => encrypted(challengePlaintext(subjectOf(made), random)).slice(0, -4)],
  ])('does not tell what is in %s, nor answers it', async (_, change) => {
    const { prover } = proverFor(benchFor('decrypt-rsa-oaep-256'), 'decrypt-rsa-oaep-256', (made) => ({
      ...made,
      encrypted_challenge: change(made),
    }));
    const thrown = await prover.prove(request).then(
      () => 'answered',
      (error: unknown) => error,
    );
    expect(thrown).toMatchObject({ code: 'ERR_ISSUER_ANSWER' });
    expect(String(thrown)).not.toContain('secret');
  });
});

it('a private key that is none is refused before anything is asked', () => {
  const made = () =>
    challengeProver(
      { ...credentialOf('sign-ed25519'), privateKey: 'none' },
      { clock: () => startMs, randomBytes, ask: () => Promise.reject(new Error('asked')) },
    );
  expect(made).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }));
});
