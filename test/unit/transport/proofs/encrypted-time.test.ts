/** The client's half of `encrypted_time`: what it sends is accepted, each time with another nonce, and the key is the issuer's. */
import { describe, expect, it } from 'vitest';
import { encodeUtf8 } from '../../../../src/core/index.js';
import { encryptedTimeHeader } from '../../../../src/protocol/encrypted-time.js';
import { parseDictionary } from '../../../../src/protocol/http-signature/index.js';
import { encryptedTimeProver } from '../../../../src/transport/proofs/encrypted-time.js';
import type { ProverTools, ProvingRequest } from '../../../../src/transport/proofs/prover.js';
import { issuerKeys, issuerUrl, loginBench, randomBytes, requestOf, startMs } from '../../server/auth/login-bench.js';

const secret = `mcs_${'e'.repeat(43)}`;
const clients = { mail: { credentials: [{ id: 'crd_1', authMethod: 'encrypted_time', secret }] } } as const;
const body = encodeUtf8('{"audience":"invoice"}');
const request: ProvingRequest = { method: 'POST', target: '/v1/tokens', targetUri: `${issuerUrl}/v1/tokens`, headers: {}, body };
const timeKey = { ...issuerKeys.timeKey.jwk };
const refusesToAsk = () => Promise.reject(new Error('the credential holds the key'));
const tools: ProverTools = { clock: () => startMs, randomBytes, ask: refusesToAsk };

describe('an encrypted time', () => {
  it('is accepted, and is another one for the same request', async () => {
    const bench = loginBench(clients);
    const prover = encryptedTimeProver({ client: 'mail', secret, timeKey }, tools);
    const seen = new Set<string>();
    for (let i = 0; i < 3; i++) {
      const { headers, checkAnswer } = await prover.prove(request);
      expect(await bench.outcome(requestOf({ body, headers }))).toBe('ok');
      expect(checkAnswer).toBeUndefined();
      seen.add(headers[encryptedTimeHeader] ?? '');
    }
    expect(seen.size).toBe(3);
  });

  it('names the key, and shows neither secret nor time', async () => {
    const { headers } = await encryptedTimeProver({ client: 'mail', secret, timeKey }, tools).prove(request);
    const members = parseDictionary(headers[encryptedTimeHeader] ?? '');
    expect([...members.keys()]).toEqual(['kid', 'client', 'ct']);
    expect(members.get('kid')).toBe(issuerKeys.timeKey.kid);
    expect(members.get('ct')).toHaveLength(384);
  });

  it('is made with the key of the discovery document where the credential names none', async () => {
    const key = { ...timeKey, kid: issuerKeys.timeKey.kid, use: 'enc', alg: 'RSA-OAEP-256' };
    const documents: unknown[] = [
      { jwks: 'none' },
      { jwks: { keys: [{ ...key, use: 'sig' }, null, 1] } },
      { jwks: { keys: [{ ...key, use: 'sig' }, key] } },
    ];
    let asked = 0;
    const ask = async () => documents[asked++];
    const prover = encryptedTimeProver({ client: 'mail', secret }, { ...tools, ask });
    for (let i = 0; i < 2; i++) await expect(prover.prove(request)).rejects.toMatchObject({ code: 'ERR_ISSUER_ANSWER' });
    const bench = loginBench(clients);
    for (let i = 0; i < 2; i++) {
      expect(await bench.outcome(requestOf({ body, headers: (await prover.prove(request)).headers }))).toBe('ok');
    }
    expect(asked).toBe(3);
  });

  it('is not made for a key that cannot encrypt', async () => {
    expect(() => encryptedTimeProver({ client: 'mail', secret, timeKey: { kty: 'RSA' } }, tools)).toThrow(
      expect.objectContaining({ code: 'ERR_ARGUMENT' }),
    );
    const prover = encryptedTimeProver({ client: 'mail', secret, timeKey: { ...issuerKeys.answerKey.jwk } }, tools);
    await expect(prover.prove(request)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
  });
});
