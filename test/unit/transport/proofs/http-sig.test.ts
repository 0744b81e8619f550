/** The client's half of `http_sig` against the issuer's: what it sends is accepted, and it believes no answer but that to its own request. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { encodeBase64url, encodeUtf8 } from '../../../../src/core/index.js';
import type { PlainAnswer } from '../../../../src/protocol/answer-signer.js';
import { headerFields } from '../../../../src/protocol/header-fields.js';
import { answerComponents, answerMessage } from '../../../../src/protocol/http-sig.js';
import { contentDigest, importSigningKey, parseSignatures, signMessage } from '../../../../src/protocol/http-signature/index.js';
import type { CredentialProof } from '../../../../src/transport/credential.js';
import { httpSigProver } from '../../../../src/transport/proofs/http-sig.js';
import type { ProverTools, ProvingRequest, RequestProof, RequestProver } from '../../../../src/transport/proofs/prover.js';
import {
  issuerKeys,
  issuerUrl,
  type LoginBench,
  loginBench,
  randomBytes,
  requestOf,
  startMs,
  type TestCredential,
} from '../../server/auth/login-bench.js';

type Proof = Extract<CredentialProof, { kind: 'http_sig' }>;

const secret = `mcs_${'s'.repeat(43)}`;
const pairs = {
  ed25519: generateKeyPairSync('ed25519'),
  'ecdsa-p256-sha256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'rsa-pss-sha512': generateKeyPairSync('rsa', { modulusLength: 2048 }),
} as const;
const algorithms = ['hmac-sha256', 'ed25519', 'ecdsa-p256-sha256', 'rsa-pss-sha512'] as const;
type Algorithm = (typeof algorithms)[number];

function credentialOf(algorithm: Algorithm): TestCredential {
  const made = { id: `crd_${algorithm}`, authMethod: 'http_sig', algorithm } as const;
  if (algorithm === 'hmac-sha256') return { ...made, secret };
  const spki = pairs[algorithm].publicKey.export({ type: 'spki', format: 'der' });
  return { ...made, publicKey: encodeBase64url(new Uint8Array(spki)) };
}

function proofOf(algorithm: Algorithm): Proof {
  const issuerKey = { ...issuerKeys.answerKey.jwk };
  if (algorithm === 'hmac-sha256') return { kind: 'http_sig', algorithm, secret, issuerKey };
  const privateKey = pairs[algorithm].privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { kind: 'http_sig', algorithm, privateKey, issuerKey };
}

const clients = { mail: { credentials: algorithms.map(credentialOf) } };
const body = encodeUtf8('{"audience":"invoice"}');
const request: ProvingRequest = {
  method: 'POST',
  target: '/v1/tokens',
  targetUri: `${issuerUrl}/v1/tokens`,
  headers: { 'content-type': 'application/json' },
  body,
};
const success: PlainAnswer = { status: 201, headers: { 'content-type': 'application/json' }, body: encodeUtf8('{"token":"t"}') };
const refusal: PlainAnswer = { status: 401, headers: { 'content-type': 'application/problem+json' }, body: encodeUtf8('{}') };

interface Client {
  readonly time: { nowMs: number };
  readonly prover: RequestProver;
}

function clientWith(proof: Proof, tools: Partial<ProverTools> = {}): Client {
  const time = { nowMs: startMs };
  const ask = async () => Promise.reject(new Error('the credential holds the key'));
  const prover = httpSigProver(
    { credentialId: `crd_${proof.algorithm}`, proof },
    { clock: () => time.nowMs, randomBytes, ask, ...tools },
  );
  return { time, prover };
}

/** What the issuer answers to a request with `proof`: `given`, or a refusal where the proof does not hold, signed. */
async function answerOf(bench: LoginBench, { headers }: RequestProof, given = success, sent = request): Promise<PlainAnswer> {
  const { method, target, body: content } = sent;
  const result = await bench.login(requestOf({ method, target, body: content, headers: { ...sent.headers, ...headers } }));
  const answer = result.ok ? given : refusal;
  return { ...answer, headers: { ...answer.headers, ...(await result.signAnswer?.(answer)) } };
}

const checked = async (proof: RequestProof, answer: PlainAnswer) => {
  if (proof.checkAnswer === undefined) throw new Error('answers are not checked');
  return await proof.checkAnswer(answer);
};
const interference = (kind: string, status: number) => ({
  code: 'ERR_INTERFERENCE',
  kind,
  outcome: 'unknown',
  status,
});

describe.each(algorithms)('%s', (algorithm) => {
  it('proves a request and believes its answer, with or without a body', async () => {
    const bench = loginBench(clients);
    const { prover } = clientWith(proofOf(algorithm));
    const reading: ProvingRequest = {
      ...request,
      method: 'GET',
      target: '/v1/x?a=%2F',
      targetUri: `${issuerUrl}/v1/x?a=%2F`,
      body: new Uint8Array(),
    };
    for (const sent of [request, reading]) {
      const proof = await prover.prove(sent);
      expect(await checked(proof, await answerOf(bench, proof, success, sent))).toBe('final');
    }
    expect(bench.failures).toEqual([]);
    const empty: PlainAnswer = { status: 204, headers: {}, body: new Uint8Array() };
    const proof = await prover.prove(request);
    expect(await checked(proof, await answerOf(bench, proof, empty))).toBe('final');
  });

  it('believes a refusal of the issuer, also to a proof that did not hold', async () => {
    const bench = loginBench({ mail: { credentials: [] } });
    const proof = await clientWith(proofOf(algorithm)).prover.prove(request);
    const answer = await answerOf(bench, proof);
    expect(answer.status).toBe(401);
    expect(await checked(proof, answer)).toBe('final');
  });

  it.each<[string, 'missing' | 'wrong', (answer: PlainAnswer) => PlainAnswer]>([
    ['without a signature', 'missing', (answer) => ({ ...answer, headers: success.headers })],
    ['without a digest', 'missing', ({ headers: { 'content-digest': _, ...headers }, ...answer }) => ({ ...answer, headers })],
    [
      'whose signature has no parameters',
      'wrong',
      ({ headers: { 'signature-input': _, ...headers }, ...answer }) => ({ ...answer, headers }),
    ],
    ['with another body', 'wrong', (answer) => ({ ...answer, body: encodeUtf8('{"token":"x"}') })],
    [
      'with another body and digest',
      'wrong',
      (answer) => {
        const other = encodeUtf8('{"token":"x"}');
        return { ...answer, body: other, headers: { ...answer.headers, 'content-digest': contentDigest(other) } };
      },
    ],
    ['with another status', 'wrong', (answer) => ({ ...answer, status: 200 })],
    ['with another status that is a refusal', 'wrong', (answer) => ({ ...answer, status: 401 })],
    [
      'with another content type',
      'wrong',
      (answer) => ({ ...answer, headers: { ...answer.headers, 'content-type': 'text/html' } }),
    ],
    [
      'that lost its content type',
      'wrong',
      ({ headers: { 'content-type': _, ...headers }, ...answer }) => ({ ...answer, headers }),
    ],
    ['for another tag', 'missing', (answer) => changed(answer, 'signature-input', 'macaroond-response', 'macaroond-other')],
    ['for another nonce', 'wrong', (answer) => changed(answer, 'signature-input', 'req-nonce="', 'req-nonce="x')],
    [
      'of another time',
      'wrong',
      (answer) => changed(answer, 'signature-input', `created=${startMs / 1000}`, `created=${startMs / 1000 + 1}`),
    ],
    ['of another key', 'wrong', (answer) => changed(answer, 'signature-input', 'keyid="', 'keyid="x')],
    ['that covers less', 'wrong', (answer) => changed(answer, 'signature-input', ' "@method";req', '')],
    ['with a cut signature', 'wrong', (answer) => ({ ...answer, headers: { ...answer.headers, signature: 'macaroond=:AAAA:' } })],
    ['with a signature that is none', 'wrong', (answer) => ({ ...answer, headers: { ...answer.headers, signature: '!' } })],
  ])('does not believe an answer %s', async (_, kind, tamper) => {
    const proof = await clientWith(proofOf(algorithm)).prover.prove(request);
    const tampered = tamper(await answerOf(loginBench(clients), proof));
    await expect(checked(proof, tampered)).rejects.toMatchObject(interference(kind, tampered.status));
  });

  it('does not believe the answer to another request, nor one a second time', async () => {
    const bench = loginBench(clients);
    const { prover } = clientWith(proofOf(algorithm));
    const [first, second] = [await prover.prove(request), await prover.prove(request)];
    const [one, two] = [await answerOf(bench, first), await answerOf(bench, second)];
    await expect(checked(first, two)).rejects.toMatchObject(interference('wrong', 201));
    expect(await checked(first, one)).toBe('final');
    await expect(checked(first, one)).rejects.toMatchObject(interference('repeated', 201));
    await expect(checked(second, one)).rejects.toMatchObject(interference('repeated', 201));
    expect(await checked(second, two)).toBe('final');
  });

  it('does not believe an answer by its own proof sent back, nor two signatures', async () => {
    const bench = loginBench(clients);
    const proof = await clientWith(proofOf(algorithm)).prover.prove(request);
    const reflected = { ...success, headers: { ...success.headers, ...proof.headers } };
    await expect(checked(proof, reflected)).rejects.toMatchObject({ kind: 'missing' });
    const answer = await answerOf(bench, proof);
    const twice = (text = '') => `${text}, ${text.replace('macaroond=', 'other=')}`;
    const headers = {
      ...answer.headers,
      signature: twice(answer.headers['signature']),
      'signature-input': twice(answer.headers['signature-input']),
    };
    await expect(checked(proof, { ...answer, headers })).rejects.toMatchObject({ kind: 'wrong' });
  });
});

function changed(answer: PlainAnswer, name: string, text: string, other: string): PlainAnswer {
  const value = answer.headers[name] ?? '';
  if (!value.includes(text)) throw new Error(`nothing to change in ${value}`);
  return { ...answer, headers: { ...answer.headers, [name]: value.replace(text, other) } };
}

describe('whose answers are believed', () => {
  /** A success that the issuer's Ed25519 key signs. */
  async function signedByIssuer(
    proof: RequestProof,
    answer: PlainAnswer,
    pkcs8 = issuerKeys.answerKey.pkcs8,
  ): Promise<PlainAnswer> {
    const [parsed] = parseSignatures(headerFields(Object.entries(proof.headers)));
    const headers = { ...answer.headers, 'content-digest': contentDigest(answer.body) };
    const { kid: keyid } = issuerKeys.answerKey;
    const signature = await signMessage(answerMessage({ status: answer.status, headers }, request), {
      label: 'macaroond',
      components: answerComponents(true),
      parameters: {
        created: startMs / 1000,
        nonce: 'n',
        keyid,
        tag: 'macaroond-response',
        reqNonce: parsed?.parameters.nonce ?? '',
      },
      key: await importSigningKey(pkcs8, 'ed25519'),
    });
    return { ...answer, headers: { ...headers, ...signature } };
  }

  it('a client with a secret takes refusals of the issuer’s key, and no success', async () => {
    const proof = await clientWith(proofOf('hmac-sha256')).prover.prove(request);
    expect(await checked(proof, await signedByIssuer(proof, refusal))).toBe('final');
    const other = await clientWith(proofOf('hmac-sha256')).prover.prove(request);
    await expect(checked(other, await signedByIssuer(other, success))).rejects.toMatchObject({ kind: 'wrong' });
  });

  it('a client with a key pair takes both, of that key alone', async () => {
    const proof = await clientWith(proofOf('ed25519')).prover.prove(request);
    expect(await checked(proof, await signedByIssuer(proof, success))).toBe('final');
    const other = await clientWith(proofOf('ed25519')).prover.prove(request);
    const stranger = new Uint8Array(pairs.ed25519.privateKey.export({ type: 'pkcs8', format: 'der' }));
    await expect(checked(other, await signedByIssuer(other, success, stranger))).rejects.toMatchObject({ kind: 'wrong' });
  });

  it('the key comes from discovery where the credential does not name it, asked for until it was told', async () => {
    const { issuerKey: _, ...proof } = proofOf('ed25519');
    const key = { ...issuerKeys.answerKey.jwk, use: 'sig', alg: 'EdDSA', kid: 'x' };
    const answers: unknown[] = [
      {},
      { jwks: { keys: [{ ...key, use: 'enc' }] } },
      { jwks: { keys: [{ ...key, x: 'A' }] } },
      { jwks: { keys: [key] } },
    ];
    let asked = 0;
    const { prover } = clientWith(proof, { ask: async () => answers[asked++] });
    for (let i = 0; i < 3; i++) await expect(prover.prove(request)).rejects.toMatchObject({ code: 'ERR_ISSUER_ANSWER' });
    const made = await prover.prove(request);
    expect(await checked(made, await answerOf(loginBench(clients), made))).toBe('final');
    await prover.prove(request);
    expect(asked).toBe(4);
  });

  it('a private key that is none is said so', async () => {
    const { prover } = clientWith({ kind: 'http_sig', algorithm: 'ed25519', privateKey: 'none' });
    await expect(prover.prove(request)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
  });
});

describe('a client whose clock is wrong', () => {
  it.each([
    ['ahead', 6_000],
    ['ahead by a day', 86_400_000],
    ['behind', -66_000],
    ['behind by a day', -86_400_000],
  ])('%s sets it by a signed refusal, tries again, and goes on with the right time', async (_, offMs) => {
    const bench = loginBench(clients);
    const { prover, time } = clientWith(proofOf('ed25519'));
    time.nowMs = startMs + offMs;
    const first = await prover.prove(request);
    expect(await checked(first, await answerOf(bench, first))).toBe('again');
    for (let i = 0; i < 2; i++) {
      const next = await prover.prove(request);
      expect(await checked(next, await answerOf(bench, next))).toBe('final');
    }
    expect(bench.failures).toMatchObject([{ reason: 'time_wrong' }]);
    // What was refused cannot be used by somebody else when its time comes.
    bench.time.nowMs = Math.max(startMs, time.nowMs);
    expect(await bench.outcome(requestOf({ body, headers: { ...first.headers } }))).not.toBe('ok');
  });

  it('is not set by an answer that took long, by one that is not signed, or by a success', async () => {
    const bench = loginBench(clients);
    const { prover, time } = clientWith(proofOf('ed25519'));
    time.nowMs = startMs - 86_400_000;
    const slow = await prover.prove(request);
    const answer = await answerOf(bench, slow);
    time.nowMs += 5_000;
    expect(await checked(slow, answer)).toBe('final');
    const unsigned = await prover.prove(request);
    await expect(checked(unsigned, refusal)).rejects.toMatchObject({ kind: 'missing' });
    expect((await prover.prove(request)).headers['signature-input']).toContain(`created=${time.nowMs / 1000}`);
  });

  it('is not set when some copy of the request could have been accepted', async () => {
    const bench = loginBench(clients);
    const { prover } = clientWith(proofOf('ed25519'));
    const proof = await prover.prove(request);
    expect((await answerOf(bench, proof)).status).toBe(201);
    // Somebody took the answer, sends the request again, and hands over the refusal of that copy.
    const replayed = await answerOf(bench, proof);
    expect(replayed.status).toBe(401);
    expect(await checked(proof, replayed)).toBe('final');
  });
});
