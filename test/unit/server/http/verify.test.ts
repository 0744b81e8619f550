import { describe, expect, it } from 'vitest';
import { decode, encode, encodeBase64url, toSignature } from '../../../../src/core/index.js';
import { memoryReplayStore } from '../../../../src/protocol/memory-replay-store.js';
import { requestDigest, sealRequest } from '../../../../src/protocol/sealed-request.js';
import { verifyResponse } from '../../../../src/server/http/answer-schemas.js';
import { basic, nowMs, rootKeyId, tokenOf } from './fake-issuer.js';
import { createTestApp } from './test-app.js';

const invoiceToken = (caveats: readonly string[] = [], expiresAtMs?: number): string =>
  tokenOf({
    audience: 'invoice',
    client: 'mail',
    actions: ['invoices:*'],
    caveats,
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
  });

async function verify(token: string, context: Readonly<Record<string, unknown>>, authorization = basic('invoice-server')) {
  const { call, issuer } = createTestApp();
  const answer = await call('POST', '/v1/verify', { authorization, body: { token, audience: 'invoice', context } });
  return { ...answer, failures: issuer.failures };
}

describe('POST /v1/verify', () => {
  it('asks verifiers that remember as many tokens as the issuer was told', () => {
    const refused = expect.objectContaining({ code: 'ERR_ARGUMENT', argument: 'rememberedTokens' });
    expect(() => createTestApp({ rememberedTokens: -1 })).toThrow(refused);
    expect(() => createTestApp({ rememberedTokens: 0 })).not.toThrow();
  });

  it('tells who a good token belongs to, and every caveat', async () => {
    const token = invoiceToken(['action invoices:read', 'ip 10.0.0.0/8']);
    const answer = await verify(token, { action: 'invoices:read', ip: '10.1.2.3' });
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({
      authorized: true,
      client: 'mail',
      token_id: expect.any(String),
      root_key_id: rootKeyId,
      audience: 'invoice',
      auth_methods: ['client_secret_basic'],
      actions: ['invoices:read'],
      issued_at: '2026-11-21T11:59:59.500Z',
      expires_at: '2026-11-21T12:10:00Z',
      caveats: [
        { condition: 'action invoices:read', holds: true, message: expect.any(String), caveat_index: 0 },
        { condition: 'ip 10.0.0.0/8', holds: true, message: expect.any(String), caveat_index: 1 },
      ],
    });
    expect(verifyResponse.safeParse(answer.json).success).toBe(true);
    expect(answer.failures).toEqual([]);
  });

  it('tells which caveat failed and why, with those that hold, and notes it', async () => {
    const answer = await verify(invoiceToken(['action invoices:read', 'ip 10.0.0.0/8']), {
      action: 'invoices:read',
      ip: '11.1.2.3',
    });
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({
      authorized: false,
      code: 'ERR_CAVEAT_DENIED',
      caveat_index: 1,
      caveats: [{ holds: true }, { condition: 'ip 10.0.0.0/8', holds: false, message: expect.stringContaining('11.1.2.3') }],
    });
    expect(verifyResponse.safeParse(answer.json).success).toBe(true);
    expect(answer.failures).toMatchObject([{ event: 'token.denied', reason: 'ERR_CAVEAT_DENIED', address: '192.0.2.7' }]);
  });

  it('tells nothing of a token whose signature does not hold, but the exact code', async () => {
    const { root } = decode(invoiceToken(['ip 10.0.0.0/8']));
    const forged = encode({ root: { ...root, signature: toSignature(new Uint8Array(32)) }, discharges: [] });
    const answer = await verify(forged, { action: 'invoices:read' });
    expect(answer.json).toEqual({ authorized: false, code: 'ERR_SIGNATURE_MISMATCH', message: expect.any(String) });
  });

  it.each([
    ['an unknown caveat', invoiceToken(['account 42']), { action: 'invoices:read' }, 'ERR_CAVEAT_UNKNOWN'],
    ['a missing fact', invoiceToken(['ip 10.0.0.0/8']), { action: 'invoices:read' }, 'ERR_CAVEAT_CONTEXT'],
    ['another action', invoiceToken(), { action: 'pay:all' }, 'ERR_ACTION_NOT_GRANTED'],
    ['a path that is not canonical', invoiceToken(), { action: 'invoices:read', path: '/a//b' }, 'ERR_REQUEST_PATH'],
    ['an expired token', invoiceToken([], nowMs), { action: 'invoices:read' }, 'ERR_TOKEN_EXPIRED'],
    ['a token for another audience', tokenOf(), { action: 'invoices:read' }, 'ERR_SIGNATURE_MISMATCH'],
    ['no token', 'not a token', { action: 'invoices:read' }, 'ERR_FORMAT_TEXT'],
    ['a cut token', invoiceToken().slice(0, -3), { action: 'invoices:read' }, 'ERR_FORMAT_CHECKSUM'],
    ['a token that is too long', 'A'.repeat(7 * 1024 + 1), { action: 'invoices:read' }, 'ERR_LIMIT_TEXT'],
  ])('denies %s with the exact code', async (_, token, context, code) => {
    const answer = await verify(token, context);
    expect(answer.json).toMatchObject({ authorized: false, code });
    expect(answer.failures).toMatchObject([{ event: 'token.denied', reason: code }]);
  });

  it('judges at another time when asked to', async () => {
    const token = invoiceToken(['time-before 2026-11-21T12:05:00Z']);
    const at = async (time: string) => (await verify(token, { action: 'invoices:read', at: time })).json;
    expect(await at('2026-11-21T12:04:59Z')).toMatchObject({ authorized: true });
    expect(await at('2026-11-21T12:05:00Z')).toMatchObject({ authorized: false, code: 'ERR_CAVEAT_DENIED' });
    expect(await at('2026-11-21T12:10:00Z')).toMatchObject({ authorized: false, code: 'ERR_TOKEN_EXPIRED' });
  });

  it.each([
    ['a pattern as action', { action: 'invoices:*' }, '/context/action'],
    ['no action', {}, '/context/action'],
    ['an address that is none', { action: 'a', ip: '10.1' }, '/context/ip'],
    ['a time that is none', { action: 'a', at: 'now' }, '/context/at'],
    ["a time of the verifier's own", { action: 'a', nowMs: 1 }, '/context/nowMs'],
  ])('refuses %s as a fault of the caller', async (_, context, pointer) => {
    const answer = await verify(invoiceToken(), context);
    expect(answer.status).toBe(400);
    expect(answer.json['errors']).toMatchObject([{ pointer }]);
  });

  it('does not let an own __proto__ in the context change a fact', async () => {
    const { call } = createTestApp();
    const body = `{"token":"${invoiceToken(['ip 10.0.0.0/8'])}","audience":"invoice","context":{"action":"invoices:read","__proto__":{"ip":"10.0.0.1"}}}`;
    const answer = await call('POST', '/v1/verify', { authorization: basic('invoice-server'), body });
    expect(answer.json).not.toMatchObject({ authorized: true });
  });

  it('serves no verifier for the audience of the issuer itself, whatever the store says', async () => {
    const { call, issuer } = createTestApp();
    issuer.replace('isVerifierOf', async () => true);
    const authorization = basic('invoice-server');
    const body = { token: tokenOf(), audience: 'macaroond', context: { action: 'clients:read' } };
    expect((await call('POST', '/v1/verify', { authorization, body })).json['code']).toBe('forbidden');
    expect((await call('GET', '/v1/audiences/macaroond/keys', { authorization })).json['code']).toBe('forbidden');
    expect((await call('GET', `/v1/audiences/macaroond/keys/${rootKeyId}`, { authorization })).json['code']).toBe('forbidden');
    expect(issuer.calls).toEqual([]);
  });
});

describe('POST /v1/verify about a sealed request', () => {
  const digest = requestDigest({ body: new Uint8Array(0) });
  const request = { method: 'GET', authority: 'invoice.example', target: '/invoices', body: new Uint8Array(0) };
  const told = { authority: 'invoice.example', target: '/invoices', digest };
  // The store of the test is born at that time, and knows nothing of what was sent before.
  const sealed = () =>
    sealRequest(invoiceToken(['request-required']), request, {
      clock: () => nowMs + 4_999,
      randomBytes: (length) => new Uint8Array(length).fill(3),
    });

  async function ask(context: object, known = true) {
    const replayStore = memoryReplayStore({ clock: () => nowMs - (known ? 5_000 : 0) });
    const { call, issuer } = createTestApp({ replayStore });
    const { text } = sealed();
    const facts = { action: 'invoices:read', method: 'GET', path: '/invoices' };
    const body = { token: text, audience: 'invoice', context: { ...facts, ...context } };
    const post = () => call('POST', '/v1/verify', { authorization: basic('invoice-server'), body });
    return { first: await post(), again: await post(), issuer };
  }

  it('allows it once, and gives the key of the answer both times', async () => {
    const { first, again, issuer } = await ask({ request: told });
    const answer_key = encodeBase64url(sealed().answerKey.reveal());
    expect(first.json).toMatchObject({ authorized: true, client: 'mail', answer_key });
    expect(again.json).toMatchObject({ authorized: false, code: 'ERR_REQUEST_REPEATED', answer_key, caveat_index: 1 });
    expect(verifyResponse.safeParse(first.json).success && verifyResponse.safeParse(again.json).success).toBe(true);
    expect(issuer.failures).toMatchObject([{ event: 'token.denied', reason: 'ERR_REQUEST_REPEATED' }]);
  });

  it('denies it when it is not told of the request', async () => {
    expect((await ask({})).first.json).toMatchObject({ authorized: false, code: 'ERR_CAVEAT_CONTEXT', caveat_index: 0 });
  });

  it('refuses what was sent before its store was there', async () => {
    expect((await ask({ request: told }, false)).first.json).toMatchObject({ code: 'ERR_REQUEST_REPEATED' });
  });

  it.each([
    [{ request: { ...told, authority: 'other.example' } }, 'ERR_CAVEAT_DENIED'],
    [{ request: { ...told, target: '/invoices?' } }, 'ERR_CAVEAT_DENIED'],
    [{ request: { ...told, digest: requestDigest({ body: new Uint8Array(1) }) } }, 'ERR_CAVEAT_DENIED'],
    [{ request: told, method: 'PUT' }, 'ERR_CAVEAT_DENIED'],
  ])('denies with %j', async (context, code) => {
    expect((await ask(context)).first.json).toMatchObject({ authorized: false, code, answer_key: expect.any(String) });
  });

  it.each([
    [{ request: { ...told, digest: 'x' } }, '/context/request/digest'],
    [{ request: { ...told, more: 1 } }, '/context/request'],
    [{ request: { authority: 'a', target: '/' } }, '/context/request/digest'],
    [{ request: told, at: '2026-11-21T12:00:00Z' }, '/context/at'],
    [{ certificate_thumbprint: 'x' }, '/context/certificate_thumbprint'],
    [{ key_thumbprint: 7 }, '/context/key_thumbprint'],
  ])('is not valid with %j', async (context, pointer) => {
    const { first } = await ask(context);
    expect([first.status, first.json]).toMatchObject([400, { errors: [{ pointer: expect.stringContaining(pointer) }] }]);
  });

  it('gives no key for a token that is not genuine, or not sealed', async () => {
    const { call } = createTestApp();
    const verifyText = (token: string) =>
      call('POST', '/v1/verify', {
        authorization: basic('invoice-server'),
        body: { token, audience: 'invoice', context: { action: 'invoices:read', request: told } },
      });
    const { root } = decode(sealed().text);
    const other = encode({ root: { ...root, signature: toSignature(new Uint8Array(32)) }, discharges: [] });
    expect((await verifyText(other)).json).toMatchObject({ authorized: false, code: 'ERR_SIGNATURE_MISMATCH' });
    expect((await verifyText(other)).json).not.toHaveProperty('answer_key');
    expect((await verifyText(invoiceToken())).json).not.toHaveProperty('answer_key');
  });
});
