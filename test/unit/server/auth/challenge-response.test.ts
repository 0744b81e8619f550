import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeBase64url, encodeBase64url, encodeUtf8 } from '../../../../src/core/index.js';
import {
  type ChallengeRequest,
  type ChallengeResponse,
  challengeAnswer,
  challengeHeader,
  challengeMessage,
} from '../../../../src/protocol/challenge.js';
import { formatDictionary, jwkThumbprint, spkiPublicJwk } from '../../../../src/protocol/http-signature/index.js';
import { requestHash } from '../../../../src/protocol/request-hash.js';
import { challengeValue, makeChallenge } from '../../../../src/server/auth/challenges.js';
import { sqliteReplayStore } from '../../../../src/verifier/sqlite.js';
import {
  issuerUrl,
  type LoginBench,
  loginBench,
  requestOf,
  startMs,
  type TestClient,
  type TestCredential,
  type TestRequest,
} from './login-bench.js';

type Algorithm = 'sign-ed25519' | 'sign-ecdsa-p256-sha256' | 'sign-rsa-pss-sha256' | 'decrypt-rsa-oaep-256';
const rsa = generateKeyPairSync('rsa', { modulusLength: 3072 });
const pairs = {
  'sign-ed25519': generateKeyPairSync('ed25519'),
  'sign-ecdsa-p256-sha256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'sign-rsa-pss-sha256': rsa,
  'decrypt-rsa-oaep-256': rsa,
} as const;
const signing: readonly Algorithm[] = ['sign-ed25519', 'sign-ecdsa-p256-sha256', 'sign-rsa-pss-sha256'];

const spkiOf = (key: KeyObject) => new Uint8Array(key.export({ type: 'spki', format: 'der' }));
const credentialOf = (algorithm: Algorithm): TestCredential => ({
  id: `crd_${algorithm}`,
  authMethod: 'challenge_response',
  algorithm,
  publicKey: encodeBase64url(spkiOf(pairs[algorithm].publicKey)),
});
/** A client for each algorithm, and one with two. */
const clients: Readonly<Record<string, TestClient>> = {
  mail: { credentials: [credentialOf('sign-ed25519'), credentialOf('decrypt-rsa-oaep-256')] },
  ec: { credentials: [credentialOf('sign-ecdsa-p256-sha256')] },
  pss: { credentials: [credentialOf('sign-rsa-pss-sha256')] },
  job: { credentials: [credentialOf('sign-ed25519')] },
};
const clientOf = {
  'sign-ed25519': 'mail',
  'sign-ecdsa-p256-sha256': 'ec',
  'sign-rsa-pss-sha256': 'pss',
  'decrypt-rsa-oaep-256': 'mail',
};
const body = '{"audience":"invoice"}';
const purpose = 'POST /v1/tokens';

/** What a client makes of a challenge, step by step, so that each step can go wrong. */
interface Making {
  readonly client?: string;
  readonly algorithm?: Algorithm;
  readonly server?: string;
  readonly id?: string;
  readonly purpose?: string;
  readonly challenge?: Uint8Array;
  /** What it is made for. */
  readonly request?: TestRequest;
  /** Who says to answer. */
  readonly named?: string;
}

const ask = (bench: LoginBench, request: Partial<ChallengeRequest> = {}) =>
  makeChallenge(bench.tools, { client: 'mail', mode: 'sign', purpose, ...request });
const hashOf = ({ method = 'POST', target = '/v1/tokens', body: content = body }: TestRequest) =>
  requestHash({ method, targetUri: `${issuerUrl}${target}`, body: typeof content === 'string' ? encodeUtf8(content) : content });

function signatureBy(algorithm: Algorithm, message: Uint8Array): Uint8Array {
  const key = pairs[algorithm].privateKey;
  if (algorithm === 'sign-ecdsa-p256-sha256') return new Uint8Array(sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' }));
  const pss = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  return new Uint8Array(algorithm === 'sign-ed25519' ? sign(null, message, key) : sign('sha256', message, pss));
}

function messageOf(asked: ChallengeResponse, making: Making): Uint8Array {
  const { client = asked.client, server = asked.server, id = asked.challenge_id, request = {} } = making;
  const value = making.challenge ?? decodeBase64url(asked.challenge ?? '');
  return challengeMessage({ server, client, id, purpose: making.purpose ?? asked.purpose }, value, hashOf(request));
}

const proving = (id: string, client: string, response: Uint8Array, request: TestRequest = {}) =>
  withHeader(
    formatDictionary([
      ['id', id],
      ['client', client],
      ['response', response],
    ]),
    request,
  );
const withHeader = (text: string | readonly string[], request: TestRequest = {}) =>
  requestOf({ body, ...request, headers: { [challengeHeader]: text } });

/** The request that answers `asked` by a signature. */
function signed(asked: ChallengeResponse, making: Making = {}) {
  const response = signatureBy(making.algorithm ?? 'sign-ed25519', messageOf(asked, making));
  return proving(asked.challenge_id, making.named ?? making.client ?? asked.client, response, making.request);
}

/** The request that answers a challenge to decrypt, as whoever knows what it holds would. */
function decrypted(bench: LoginBench, asked: ChallengeResponse, request: TestRequest = {}) {
  const value = challengeValue(bench.tools, asked.challenge_id);
  return proving(asked.challenge_id, asked.client, challengeAnswer(value, hashOf(request)), request);
}

describe('a challenge that is answered', () => {
  it.each(signing)('by a signature proves its client: %s', async (algorithm) => {
    const bench = loginBench(clients);
    const result = await bench.login(signed(await ask(bench, { client: clientOf[algorithm] }), { algorithm }));
    expect(result).toMatchObject({
      ok: true,
      caller: {
        client: clientOf[algorithm],
        credentialId: `crd_${algorithm}`,
        authMethods: ['challenge_response'],
        keyThumbprint: jwkThumbprint(spkiPublicJwk(spkiOf(pairs[algorithm].publicKey))),
      },
    });
  });

  it('by a signature of ECDSA in DER, as openssl makes it, proves its client too', async () => {
    const bench = loginBench(clients);
    const asked = await ask(bench, { client: 'ec' });
    const der = new Uint8Array(sign('sha256', messageOf(asked, {}), pairs['sign-ecdsa-p256-sha256'].privateKey));
    expect(await bench.outcome(proving(asked.challenge_id, 'ec', der))).toBe('ok');
  });

  it('by what was decrypted proves its client, with no key that a token could be bound to', async () => {
    const bench = loginBench(clients);
    const result = await bench.login(decrypted(bench, await ask(bench, { mode: 'decrypt' })));
    expect(result).toMatchObject({ ok: true, caller: { client: 'mail', credentialId: 'crd_decrypt-rsa-oaep-256' } });
    expect(result.ok && result.caller.keyThumbprint).toBeUndefined();
  });

  it('is answered once for the path, whatever the query', async () => {
    const bench = loginBench(clients);
    const request = { target: '/v1/tokens?a=1' };
    const asked = await ask(bench);
    expect(await bench.outcome(signed(asked, { request }))).toBe('ok');
    expect(await bench.outcome(signed(asked))).toBe('replayed');
  });

  it('is used up by either mode, credential and request', async () => {
    const bench = loginBench({
      mail: { credentials: [credentialOf('sign-ed25519'), { ...credentialOf('sign-ecdsa-p256-sha256') }] },
    });
    const asked = await ask(bench);
    expect(await bench.outcome(signed(asked))).toBe('ok');
    expect(await bench.outcome(signed(asked, { algorithm: 'sign-ecdsa-p256-sha256' }))).toBe('replayed');
    expect(await bench.outcome(signed(asked, { request: { body: '{}' } }))).toBe('replayed');
  });

  it.each<[number, string]>([
    [0, 'ok'],
    [59_999, 'ok'],
    [60_000, 'challenge_expired'],
    [60_001, 'challenge_expired'],
    [120_000, 'challenge_expired'],
  ])('after %d ms', async (atMs, outcome) => {
    const bench = loginBench(clients);
    const request = signed(await ask(bench));
    bench.time.nowMs = startMs + atMs;
    expect(await bench.outcome(request)).toBe(outcome);
  });

  it('is answered once by all processes of an issuer, at no time again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'challenge-'));
    let nowMs = startMs;
    const open = () => sqliteReplayStore(join(folder, 'replay.db'), { clock: () => nowMs, bornAtMs: 0 });
    const stores = [open(), open()] as const;
    try {
      const [here, there] = [loginBench(clients, { replayStore: stores[0] }), loginBench(clients, { replayStore: stores[1] })];
      const request = signed(await ask(here));
      const outcomes = await Promise.all([there, here, there, here].map((bench) => bench.outcome(request)));
      expect(outcomes.filter((outcome) => outcome === 'ok')).toHaveLength(1);
      for (const atMs of [0, 59_999, 60_000, 119_999, 120_000, 200_000, 0]) {
        nowMs = startMs + atMs;
        for (const bench of [here, there]) {
          bench.time.nowMs = nowMs;
          expect([atMs, await bench.outcome(request)]).not.toEqual([atMs, 'ok']);
        }
      }
    } finally {
      for (const store of stores) await store.close();
      rmSync(folder, { recursive: true });
    }
  });

  it('was made before the store of nonces was there: it may have been answered', async () => {
    const replayStore = { bornAtMs: startMs + 1, claim: () => true, close: () => {} };
    const bench = loginBench(clients, { replayStore });
    expect(await bench.outcome(signed(await ask(bench)))).toBe('sent_before_start');
  });
});

/** `id` with one bit changed in its byte `index`. */
function altered(id: string, index: number): string {
  const bytes = decodeBase64url(id);
  bytes[index] = (bytes[index] ?? 0) ^ 1;
  return encodeBase64url(bytes);
}

describe('an answer is refused', () => {
  it.each<
    [
      string,
      string,
      (asked: ChallengeResponse, bench: LoginBench) => ReturnType<typeof requestOf> | Promise<ReturnType<typeof requestOf>>,
    ]
  >([
    ['that names another server', 'signature_wrong', (asked) => signed(asked, { server: 'https://evil.test' })],
    ['that signs another purpose', 'signature_wrong', (asked) => signed(asked, { purpose: 'POST /v1/verify' })],
    ['that signs another client', 'signature_wrong', (asked) => signed(asked, { client: 'job', named: 'mail' })],
    ['that signs another id', 'signature_wrong', (asked) => signed(asked, { id: altered(asked.challenge_id, 10) })],
    ['that signs another challenge', 'signature_wrong', (asked) => signed(asked, { challenge: new Uint8Array(32) })],
    [
      'that signs the challenge bare',
      'signature_wrong',
      (asked) => proving(asked.challenge_id, 'mail', signatureBy('sign-ed25519', decodeBase64url(asked.challenge ?? ''))),
    ],
    ['that signs another body', 'signature_wrong', (asked) => ({ ...signed(asked), body: async () => encodeUtf8('{}') })],
    ['that signs another query', 'signature_wrong', (asked) => ({ ...signed(asked), targetUri: `${issuerUrl}/v1/tokens?x` })],
    ['moved to another path', 'challenge_wrong', (asked) => ({ ...signed(asked), target: '/v1/verify' })],
    ['moved to another method', 'challenge_wrong', (asked) => ({ ...signed(asked), method: 'PUT' })],
    ['by another client, with a key of its own', 'challenge_wrong', (asked) => signed(asked, { client: 'job' })],
    ['by a client that nobody knows', 'client_unknown', (asked) => signed(asked, { client: 'nobody' })],
    [
      'to an id that was made up',
      'challenge_wrong',
      (asked) => signed({ ...asked, challenge_id: encodeBase64url(new Uint8Array(38)) }),
    ],
    [
      'to an id of another length',
      'challenge_wrong',
      (asked) => signed({ ...asked, challenge_id: asked.challenge_id.slice(0, -4) }),
    ],
    ['to an id that is no base64url', 'challenge_wrong', (asked) => signed({ ...asked, challenge_id: `${asked.challenge_id}!` })],
    ['with the key of another client', 'signature_wrong', (asked) => signed(asked, { algorithm: 'sign-ecdsa-p256-sha256' })],
    ['with an empty signature', 'signature_wrong', (asked) => proving(asked.challenge_id, 'mail', new Uint8Array())],
    ['with a signature of zeros', 'signature_wrong', (asked) => proving(asked.challenge_id, 'mail', new Uint8Array(64))],
    [
      'with a signature that is too long',
      'signature_wrong',
      (asked) => proving(asked.challenge_id, 'mail', new Uint8Array(3000)),
    ],
    [
      'by a MAC under a challenge that anyone can read, of a client whose key decrypts',
      'signature_wrong',
      (asked, bench) => decrypted(bench, asked),
    ],
    [
      'by a signature, to a challenge to decrypt',
      'signature_wrong',
      async (_, bench) => {
        const asked = await ask(bench, { mode: 'decrypt' });
        return signed(asked, { challenge: challengeValue(bench.tools, asked.challenge_id) });
      },
    ],
    [
      'by a MAC under something else than was encrypted',
      'signature_wrong',
      async (_, bench) => {
        const asked = await ask(bench, { mode: 'decrypt' });
        return proving(asked.challenge_id, 'mail', challengeAnswer(new Uint8Array(32), hashOf({})));
      },
    ],
    [
      'by a MAC for another request',
      'signature_wrong',
      async (_, bench) => ({
        ...decrypted(bench, await ask(bench, { mode: 'decrypt' })),
        body: async () => encodeUtf8('{}'),
      }),
    ],
    [
      'with a member more',
      'credentials_malformed',
      (asked) => withHeader(`id="${asked.challenge_id}", client="mail", response=:AAAA:, x=1`),
    ],
    ['with a member less', 'credentials_malformed', (asked) => withHeader(`id="${asked.challenge_id}", client="mail"`)],
    [
      'with a response as text',
      'credentials_malformed',
      (asked) => withHeader(`id="${asked.challenge_id}", client="mail", response="AAAA"`),
    ],
    [
      'of a name that is none',
      'credentials_malformed',
      (asked) => withHeader(`id="${asked.challenge_id}", client="NOBODY!", response=:AAAA:`),
    ],
    [
      'that comes twice',
      'credentials_malformed',
      (asked) => {
        const text = `id="${asked.challenge_id}", client="mail", response=:AAAA:`;
        return withHeader([text, text]);
      },
    ],
    ['that is no dictionary', 'credentials_malformed', () => withHeader('?')],
  ])('%s', async (name, reason, make) => {
    const bench = loginBench(clients);
    const request = await make(await ask(bench), bench);
    expect([name, await bench.outcome(request)]).toEqual([name, reason]);
  });

  it('to an id of which any bit was changed', async () => {
    const bench = loginBench(clients, {
      failureLimits: { perClientAndAddress: 99, perAddress: 99, windowSeconds: 1, maxKeys: 9 },
    });
    const asked = await ask(bench);
    for (let i = 0; i < 38; i++) {
      const outcome = await bench.outcome(signed({ ...asked, challenge_id: altered(asked.challenge_id, i) }));
      expect([i, outcome]).toEqual([i, 'challenge_wrong']);
    }
    expect(await bench.outcome(signed(asked))).toBe('ok');
  });

  it('by a credential that was retired since, and of a client that was disabled since', async () => {
    const bench = loginBench(clients);
    const request = signed(await ask(bench));
    const credentials = [{ ...credentialOf('sign-ed25519'), retiredAtMs: startMs }];
    const authPolicy = [['challenge_response']];
    expect(await loginBench({ mail: { credentials, authPolicy } }).outcome(request)).toBe('signature_wrong');
    expect(await loginBench({ mail: { ...clients['mail'], state: 'disabled' } }).outcome(request)).toBe('client_disabled');
  });

  it('by whoever decrypted it, once that credential is retired or where its ranges do not reach, beside another that decrypts', async () => {
    const older: TestCredential = { ...credentialOf('decrypt-rsa-oaep-256'), id: 'crd_older' };
    const newer: TestCredential = { ...older, id: 'crd_newer', createdAtMs: 1 };
    const withOlder = (change: Partial<TestCredential>) =>
      loginBench({ mail: { credentials: [{ ...older, ...change }, newer], authPolicy: [['challenge_response']] } });
    const bench = withOlder({});
    const asked = await ask(bench, { mode: 'decrypt', credential_id: 'crd_older' });
    const request = decrypted(bench, asked);
    expect(await withOlder({ retiredAtMs: startMs }).outcome(request)).not.toBe('ok');
    expect(await withOlder({ ips: ['10.9.9.9'] }).outcome(request)).toBe('address_denied');
    expect(await bench.login(request)).toMatchObject({ ok: true, caller: { credentialId: 'crd_older' } });
  });

  it('and leaves the challenge open to the client', async () => {
    const bench = loginBench(clients);
    const asked = await ask(bench);
    for (let i = 0; i < 5; i++) await bench.login(proving(asked.challenge_id, 'mail', new Uint8Array(64)));
    expect(await bench.outcome(signed(asked))).toBe('ok');
  });
});
