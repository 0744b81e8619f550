import { generateKeyPairSync } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { keySigner } from '../../../../src/client/key-signer.js';
import { decode, encodeBase64url, encodeUtf8, mint, sha256 } from '../../../../src/core/index.js';
import type { AnswerSigner } from '../../../../src/protocol/answer-signer.js';
import { contentDigest, jwkThumbprint, publicKeyOf } from '../../../../src/protocol/http-signature/index.js';
import { requestDigest, sealOf } from '../../../../src/protocol/sealed-request.js';
import { createVerifier, type Verifier, type VerifierOptions } from '../../../../src/verifier/index.js';
import { remoteVerificationFrom } from '../../../../src/verifier/key-sources/remote.js';
import { seededRandom } from '../../../fuzz/mutate.js';
import { audience, audienceKey, client, nowMs, rootKeyId, textOf, tokenId, tokenOf } from '../samples.js';
import { authority, contextOf, eternalStore, origin, posted, provesItself, seal } from '../sealed-samples.js';
import { FakeIssuer } from './fake-issuer.js';

const authorized = {
  authorized: true,
  client,
  token_id: tokenId,
  root_key_id: rootKeyId,
  audience,
  auth_methods: ['client_secret_basic'],
  actions: ['invoices:read'],
  issued_at: '2026-11-21T22:20:59Z',
  expires_at: '2026-11-21T23:21:00Z',
  caveats: [{ condition: 'method GET', holds: true, message: 'only with GET', caveat_index: 0 }],
};
const denied = {
  authorized: false,
  code: 'ERR_CAVEAT_DENIED',
  message: 'method: needs POST, got GET',
  caveat_index: 1,
  discharge_index: 0,
  caveats: [
    { condition: 'method GET', holds: true, message: 'only with GET', caveat_index: 0 },
    { condition: 'method POST', holds: false, message: 'needs POST, got GET', caveat_index: 1, discharge_index: 0 },
  ],
};
const context = { action: 'invoices:read', method: 'GET', path: undefined, account: 42 };
const narrowed = tokenOf({ conditions: ['method GET'] });
let issuer: FakeIssuer;
let verifier: Verifier;

beforeEach(() => {
  issuer = new FakeIssuer();
  verifier = createVerifier({ audience, keys: remoteVerificationFrom(issuer) });
});

describe('remote verification', () => {
  it('sends token, audience and facts, and returns what the issuer verified, frozen', async () => {
    issuer.verifyAnswer = authorized;
    const text = narrowed;
    const result = await verifier.verify(text, context);
    expect(result).toEqual({
      ok: true,
      client,
      audience,
      tokenId,
      rootKeyId,
      authMethods: ['client_secret_basic'],
      actions: ['invoices:read'],
      issuedAtMs: nowMs - 1000,
      expiresAtMs: nowMs + 3_600_000,
      caveats: ['method GET'],
    });
    expect(Object.isFrozen(result)).toBe(true);
    expect(issuer.verifyRequests).toEqual([
      { token: text, audience, context: { action: 'invoices:read', method: 'GET', account: 42 } },
    ]);
  });

  it('returns the denial of the issuer with its exact code', async () => {
    issuer.verifyAnswer = denied;
    const { code, message } = denied;
    expect(await verifier.verify(tokenOf(), context)).toEqual({ ok: false, code, message, caveatIndex: 1, dischargeIndex: 0 });
  });

  it('explains by the caveats that the issuer tells', async () => {
    issuer.verifyAnswer = denied;
    const { result, steps, text } = await verifier.explain(tokenOf(), context);
    expect(result).toMatchObject({ ok: false, code: 'ERR_CAVEAT_DENIED' });
    expect(steps.map(({ holds, condition }) => [holds, condition])).toEqual([
      [true, 'method GET'],
      [false, 'method POST'],
    ]);
    expect(text).toContain('✗ caveat 1 of discharge 0: method POST');
    issuer.verifyAnswer = authorized;
    expect((await verifier.explain(narrowed, context)).steps.map(({ holds }) => holds)).toEqual([true, true]);
    issuer.verifyAnswer = { authorized: false, code: 'ERR_REVOKED_TOKEN', message: 'revoked' };
    expect((await verifier.explain(tokenOf(), context)).steps).toEqual([{ holds: false, text: 'issuer: revoked' }]);
  });

  it('takes an answer about this very token only, also in another audience of its issuer', async () => {
    issuer.verifyAnswer = authorized;
    const texts = [tokenOf({ audience: 'mail' }), tokenOf({ client: 'chat' }), tokenOf({ issuedAtMs: nowMs - 5 })];
    for (const text of [...texts, textOf(mint(audienceKey(), new Uint8Array(21).fill(1)))]) {
      await expect(verifier.verify(text, context)).rejects.toMatchObject({ code: 'ERR_ISSUER_ANSWER' });
      await expect(verifier.explain(text, context)).rejects.toMatchObject({ code: 'ERR_ISSUER_ANSWER' });
    }
    issuer.verifyAnswer = { ...authorized, expires_at: '2026-11-21T22:30:00Z' };
    expect(await verifier.verify(narrowed, context)).toMatchObject({
      ok: true,
      expiresAtMs: Date.parse('2026-11-21T22:30:00Z'),
    });
  });

  it('denies what is no token without asking', async () => {
    const cut = tokenOf().slice(0, -1);
    expect(await verifier.verify(cut, context)).toMatchObject({ ok: false, code: 'ERR_FORMAT_CHECKSUM' });
    expect((await verifier.explain(cut, context)).result).toMatchObject({ ok: false, code: 'ERR_FORMAT_CHECKSUM' });
    expect(issuer.calls).toEqual([]);
  });

  it('throws when the issuer cannot be asked', async () => {
    issuer.isReachable = false;
    await expect(verifier.verify(tokenOf(), context)).rejects.toMatchObject({ code: 'ERR_ISSUER_UNREACHABLE' });
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['no decision', {}],
    ['something that is merely true', { ...authorized, authorized: 'true' }],
    ['another audience', { ...authorized, audience: 'mail' }],
    ['no client', { ...authorized, client: undefined }],
    ['another client', { ...authorized, client: 'chat' }],
    ['another token', { ...authorized, token_id: '019abcde-0000-7000-8000-000000000000' }],
    ['another root key', { ...authorized, root_key_id: 'AAAAAAAAAAAAAAAAAAAAAA' }],
    ['a later expiry', { ...authorized, expires_at: '2026-11-21T23:21:00.001Z' }],
    ['actions without the one that was asked for', { ...authorized, actions: ['invoices:list'] }],
    ['an action that the token does not have', { ...authorized, actions: ['invoices:read', 'invoices:write'] }],
    ['no action', { ...authorized, actions: [] }],
    ['no expiry', { ...authorized, expires_at: 1 }],
    ['a caveat that does not hold', { ...authorized, caveats: denied.caveats }],
    ['actions that are no list', { ...authorized, actions: 'invoices:read' }],
    ['an unknown code', { ...denied, code: 'ERR_OTHER' }],
    ['a code that every object has', { ...denied, code: 'constructor' }],
    ['a caveat index that is none', { ...denied, caveat_index: -1 }],
  ])('throws ERR_ISSUER_ANSWER when the issuer answers %s', async (_, answer) => {
    issuer.verifyAnswer = answer;
    await expect(verifier.verify(tokenOf(), context)).rejects.toMatchObject({ code: 'ERR_ISSUER_ANSWER' });
  });

  it('throws ERR_ARGUMENT for the fact "at", by which the issuer would take another time than now', async () => {
    const at = '2020-01-01T00:00:00Z';
    await expect(verifier.verify(tokenOf(), { ...context, at })).rejects.toMatchObject({ code: 'ERR_ARGUMENT', argument: 'at' });
    await expect(verifier.explain(tokenOf(), { ...context, at })).rejects.toMatchObject({ argument: 'at' });
    expect(issuer.calls).toEqual([]);
  });

  it('throws ERR_ARGUMENT for a fact that JSON cannot hold', async () => {
    await expect(verifier.verify(tokenOf(), { ...context, account: 42n })).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
    expect(issuer.calls).toEqual([]);
  });

  it.each<[string, Partial<VerifierOptions>]>([
    ['clock', { clock: () => nowMs }],
    ['requestWindowMs', { requestWindowMs: 5_000 }],
    ['rememberedTokens', { rememberedTokens: 0 }],
    [
      'caveats',
      { caveats: { names: [], get: () => undefined, parse: () => ({ ok: false, code: 'ERR_CAVEAT_UNKNOWN', message: '' }) } },
    ],
  ])('refuses the option %s, which would not count', (argument, options) => {
    expect(() => createVerifier({ audience, keys: remoteVerificationFrom(issuer), ...options })).toThrow(
      expect.objectContaining({ code: 'ERR_ARGUMENT', argument }),
    );
  });

  it('closes with the verifier', async () => {
    await verifier.close();
    expect(issuer.isClosed).toBe(true);
  });
});

function sealCaveats(text: string): readonly object[] {
  return [{ condition: sealOf(decode(text).root), holds: true, message: '', caveat_index: 0 }];
}

describe('a request that a token is bound to', () => {
  const thumbprint = encodeBase64url(new Uint8Array(32).fill(1));
  const der = encodeUtf8('a certificate');
  const origins = ['https://other.example', origin];
  const answerKey = encodeBase64url(seal().answerKey.reveal());

  function bound() {
    const issuer = new FakeIssuer();
    return { issuer, verifier: createVerifier({ audience, keys: remoteVerificationFrom(issuer), origins }) };
  }

  it('is told in full, and nothing of it for a bearer token', async () => {
    const { issuer, verifier } = bound();
    issuer.verifyAnswer = denied;
    const sealed = seal({}, tokenOf({ conditions: [`cnf x5t#S256:${thumbprint}`] }));
    await verifier.verify(sealed.text, contextOf(sealed.text, {}, {}, { certificate: () => der }));
    await verifier.verify(tokenOf(), contextOf(tokenOf(), {}, {}, { certificate: () => der }));
    const facts = { action: 'invoices:read', ip: '10.0.0.1', method: 'POST', path: '/invoices' };
    expect(issuer.verifyRequests.map(({ context: told }) => told)).toEqual([
      {
        ...facts,
        request: { authority, target: posted.target, digest: requestDigest(posted) },
        certificate_thumbprint: encodeBase64url(sha256(der)),
      },
      facts,
    ]);
  });

  it('has an answer that can be signed, whatever the issuer says', async () => {
    const { issuer, verifier } = bound();
    const signers: AnswerSigner[] = [];
    const sealed = seal();
    const context = contextOf(sealed.text, {}, {}, { onSigner: (sign) => signers.push(sign) });
    issuer.verifyAnswer = { ...denied, answer_key: answerKey };
    const refused = await verifier.verify(sealed.text, context);
    expect([refused.ok, await provesItself(refused.signAnswer, sealed)]).toEqual([false, true]);
    issuer.verifyAnswer = { authorized: 'perhaps', answer_key: answerKey };
    await expect(verifier.verify(sealed.text, context)).rejects.toMatchObject({ code: 'ERR_ISSUER_ANSWER' });
    expect(await provesItself(signers[1], sealed)).toBe(true);
    issuer.verifyAnswer = denied;
    expect((await verifier.verify(sealed.text, context)).signAnswer).toBeUndefined();
  });

  it.each(['', 'AAAA', `${answerKey}A`, 7, null])('has no answer that is signed with %j', async (key) => {
    const { issuer, verifier } = bound();
    issuer.verifyAnswer = { ...denied, answer_key: key };
    const sealed = seal();
    await expect(verifier.verify(sealed.text, contextOf(sealed.text))).rejects.toMatchObject({ code: 'ERR_ISSUER_ANSWER' });
  });

  it('is refused with a header that overrides its method, even when the issuer allows it', async () => {
    const { issuer, verifier } = bound();
    const sealed = seal();
    const { caveats: _caveats, ...answer } = authorized;
    issuer.verifyAnswer = { ...answer, answer_key: answerKey, caveats: sealCaveats(sealed.text) };
    const result = await verifier.verify(sealed.text, contextOf(sealed.text, {}, { 'X-HTTP-Method': 'DELETE' }));
    expect(result).toMatchObject({ ok: false, code: 'ERR_CAVEAT_DENIED', caveatIndex: 0 });
    expect(await provesItself(result.signAnswer, sealed)).toBe(true);
  });

  it.each<[string, Parameters<typeof contextOf>[1]]>([
    ['body', { body: new Uint8Array(1) }],
    ['target', { target: '/invoices?draft=2' }],
    ['method', { method: 'PUT' }],
  ])('is refused with another %s than was sealed, even when the issuer allows it', async (_, change) => {
    const { issuer, verifier } = bound();
    const sealed = seal();
    issuer.verifyAnswer = { ...authorized, answer_key: answerKey, caveats: sealCaveats(sealed.text) };
    expect(await verifier.verify(sealed.text, contextOf(sealed.text))).toMatchObject({ ok: true });
    const result = await verifier.verify(sealed.text, contextOf(sealed.text, change));
    expect(result).toMatchObject({ ok: false, code: 'ERR_CAVEAT_DENIED', caveatIndex: 0 });
  });

  it.each<[string, readonly object[]]>([
    ['none', []],
    ['another', [{ condition: 'method POST', holds: true, message: '', caveat_index: 0 }]],
    ['one at another place', [{ condition: 'method GET', holds: true, message: '', caveat_index: 1 }]],
    ['one twice', [...authorized.caveats, ...authorized.caveats]],
  ])('is not allowed by an answer about other caveats than its token has: %s', async (_, caveats) => {
    const { issuer, verifier } = bound();
    issuer.verifyAnswer = { ...authorized, caveats };
    await expect(verifier.verify(narrowed, context)).rejects.toMatchObject({ code: 'ERR_ISSUER_ANSWER' });
  });

  it('is signed by a key once', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const jkt = jwkThumbprint(publicKeyOf(publicKey.export({ type: 'spki', format: 'pem' }).toString()).jwk);
    const text = tokenOf({ conditions: [`cnf jkt:${jkt}`] });
    const { issuer } = bound();
    const replayStore = eternalStore();
    const verifier = createVerifier({ audience, keys: remoteVerificationFrom(issuer), origins, replayStore });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const sign = await keySigner({ privateKey: pem, algorithm: 'ed25519' });
    const digest = { 'content-digest': contentDigest(posted.body) };
    const headers = { authorization: `Macaroon ${text}`, 'content-type': 'application/json', ...digest };
    const message = { origin, target: posted.target, method: posted.method, headers, body: posted.body };
    const proof = { ...digest, ...(await sign(message, Date.now(), seededRandom(5).bytes)) };
    const caveats = [{ condition: `cnf jkt:${jkt}`, holds: true, message: '', caveat_index: 0 }];
    issuer.verifyAnswer = { ...authorized, caveats };
    expect(await verifier.verify(text, contextOf(text, {}, proof))).toMatchObject({ ok: true });
    expect(issuer.verifyRequests[0]?.context).toMatchObject({ key_thumbprint: jkt });
    expect(await verifier.verify(text, contextOf(text, {}, proof))).toMatchObject({ code: 'ERR_REQUEST_REPEATED' });
    expect(replayStore.claims).toHaveLength(1);
  });
});
