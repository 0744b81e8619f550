/** Challenges as strangers see them: who asks learns nothing about who is there, and gets nothing that a key would decrypt for another purpose. */
import { constants, generateKeyPairSync, privateDecrypt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { decodeBase64url, encodeBase64url } from '../../../../src/core/index.js';
import { type ChallengeRequest, challengePlaintext } from '../../../../src/protocol/challenge.js';
import { challengeEndMs, challengeValue, makeChallenge } from '../../../../src/server/auth/challenges.js';
import { issuerUrl, loginBench, startMs, type TestCredential } from './login-bench.js';

const pairs = [generateKeyPairSync('rsa', { modulusLength: 3072 }), generateKeyPairSync('rsa', { modulusLength: 3072 })] as const;
const [older, newer] = pairs;
const credentials = pairs.map(
  ({ publicKey }, i): TestCredential => ({
    id: `crd_${i}`,
    authMethod: 'challenge_response',
    algorithm: 'decrypt-rsa-oaep-256',
    publicKey: encodeBase64url(new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))),
  }),
);
const [first] = credentials;
const clients = { mail: { credentials }, job: { credentials: first === undefined ? [] : [{ ...first, id: 'crd_job' }] } };
const purpose = 'POST /v1/tokens';
const bench = loginBench(clients);
const ask = (request: Partial<ChallengeRequest> = {}) =>
  makeChallenge(bench.tools, { client: 'mail', mode: 'sign', purpose, ...request });

function opened(text: string | undefined, key: (typeof pairs)[number], label = 'macaroond/challenge/v1'): Uint8Array | undefined {
  const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256', oaepLabel: Buffer.from(label) };
  try {
    return new Uint8Array(privateDecrypt({ key: key.privateKey, ...oaep }, decodeBase64url(text ?? '')));
  } catch {
    return undefined;
  }
}

describe('a challenge', () => {
  it('tells what it is for, and ends after a minute', async () => {
    const asked = await ask();
    expect(asked).toEqual({
      challenge_id: expect.stringMatching(/^[\w-]{51}$/),
      client: 'mail',
      server: issuerUrl,
      purpose,
      mode: 'sign',
      challenge: expect.stringMatching(/^[\w-]{43}$/),
      expires_in: 60,
      expires_at: new Date(startMs + 60_000).toISOString().replace('.000', ''),
    });
    expect(challengeEndMs(bench.tools, asked.challenge_id, { client: 'mail', mode: 'sign', purpose, credentialId: '' })).toBe(
      startMs + 60_000,
    );
  });

  it('is another each time', async () => {
    const asked = await Promise.all(Array.from({ length: 50 }, () => ask()));
    expect(new Set(asked.map(({ challenge_id }) => challenge_id)).size).toBe(50);
    expect(new Set(asked.map(({ challenge }) => challenge)).size).toBe(50);
  });

  it('is one for its client, mode and purpose alone, and of an issuer with its key alone', async () => {
    const { challenge_id: id } = await ask();
    const scope = { client: 'mail', mode: 'sign', purpose, credentialId: '' } as const;
    for (const other of [
      { client: 'job' },
      { mode: 'decrypt' as const },
      { purpose: 'POST /v1/verify' },
      { credentialId: 'crd_0' },
    ]) {
      expect(challengeEndMs(bench.tools, id, { ...scope, ...other })).toBeUndefined();
    }
    expect(challengeEndMs({ challengeKey: new Uint8Array(32) }, id, scope)).toBeUndefined();
    // Members run into each other: the framing keeps them apart.
    const { challenge_id: shifted } = await ask({ client: 'mai', purpose: `l${purpose}` });
    expect(challengeEndMs(bench.tools, shifted, scope)).toBeUndefined();
  });

  it('to decrypt is readable with the private key, under its label alone, and says what it is for', async () => {
    const asked = await ask({ mode: 'decrypt' });
    expect(asked.challenge).toBeUndefined();
    const value = challengeValue(bench.tools, asked.challenge_id);
    const expected = challengePlaintext({ server: issuerUrl, client: 'mail', id: asked.challenge_id, purpose }, value);
    expect(opened(asked.encrypted_challenge, newer)).toEqual(expected);
    expect(opened(asked.encrypted_challenge, newer, '')).toBeUndefined();
    expect(opened(asked.encrypted_challenge, older)).toBeUndefined();
  });

  it('to decrypt goes to the credential that is named, where it is one of the client', async () => {
    const named = await ask({ mode: 'decrypt', credential_id: 'crd_0' });
    expect(opened(named.encrypted_challenge, older)).toBeDefined();
    const scope = { client: 'mail', mode: 'decrypt', purpose } as const;
    expect(challengeEndMs(bench.tools, named.challenge_id, { ...scope, credentialId: 'crd_0' })).toBeDefined();
    expect(challengeEndMs(bench.tools, named.challenge_id, { ...scope, credentialId: 'crd_1' })).toBeUndefined();
    for (const credential_id of ['crd_job', 'crd_none']) {
      const asked = await ask({ mode: 'decrypt', credential_id });
      for (const pair of pairs) expect(opened(asked.encrypted_challenge, pair)).toBeUndefined();
    }
  });

  it('to sign has no bound on its purpose, one to decrypt has that of the smallest key', async () => {
    const long = `GET /${'p'.repeat(200)}`;
    expect(await ask({ purpose: long })).toMatchObject({ purpose: long });
    for (const client of ['mail', 'nobody']) {
      await expect(ask({ client, mode: 'decrypt', purpose: long })).rejects.toMatchObject({ code: 'invalid_request' });
    }
  });
});

describe('a challenge for a client that is not there', () => {
  it.each(['sign', 'decrypt'] as const)('has the shape of any other, and takes the same work: %s', async (mode) => {
    const shape = async (client: string, credential_id?: string) => {
      bench.reads.length = 0;
      const asked = await ask({ client, mode, credential_id });
      const members = Object.entries(asked).map(([name, value]) => [
        name,
        typeof value,
        name === 'client' ? 0 : String(value).length,
      ]);
      return [members, [...bench.reads]];
    };
    const known = await shape('mail');
    expect(await shape('nobody')).toEqual(known);
    expect(await shape('job')).toEqual(known);
    expect(await shape('mail', 'crd_none')).toEqual(known);
    expect(await shape('mail', 'crd_job')).toEqual(known);
  });

  it('is a number below one bound for its name, as of an RSA key: numbers of the whole range would tell that there is none', async () => {
    let boundedNames = 0;
    for (let i = 0; i < 20; i++) {
      const firstBytes: number[] = [];
      for (let j = 0; j < 20; j++) {
        const { encrypted_challenge: text } = await ask({ client: `nobody-${i}`, mode: 'decrypt' });
        firstBytes.push(decodeBase64url(text ?? '')[0] ?? 0);
      }
      if (Math.max(...firstBytes) < 0xe0) boundedNames++;
    }
    // Three of four moduli are below 0xe0…; of 20 free numbers, all are so in one of fourteen cases.
    expect(boundedNames).toBeGreaterThanOrEqual(10);
  });
});
