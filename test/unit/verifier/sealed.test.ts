import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { keySigner } from '../../../src/client/key-signer.js';
import {
  addFirstPartyCaveat,
  addThirdPartyCaveat,
  bindForRequest,
  decode,
  encode,
  encodeBase64url,
  encodeUtf8,
  MacaroonError,
  MacaroonKey,
  mint,
  sha256,
} from '../../../src/core/index.js';
import type { AnswerSigner } from '../../../src/protocol/answer-signer.js';
import { contentDigest, jwkThumbprint, publicKeyOf } from '../../../src/protocol/http-signature/index.js';
import { memoryReplayStore } from '../../../src/protocol/memory-replay-store.js';
import type { ReplayStore } from '../../../src/protocol/replay-store.js';
import { type RequestToSeal, requestDigest, sealRequest } from '../../../src/protocol/sealed-request.js';
import { createVerifier, staticKeys, type VerifierOptions, type VerifyResult } from '../../../src/verifier/index.js';
import { campaignSize, seededRandom } from '../../fuzz/mutate.js';
import { audience, audienceKey, macaroonOf, nowMs, staticKey, textOf, tokenId, tokenOf } from './samples.js';
import { authority, contextOf, eternalStore, origin, posted, provesItself, seal } from './sealed-samples.js';

const windowMs = 5_000;

function verifierWith(options: Partial<VerifierOptions> = {}) {
  return createVerifier({
    audience,
    keys: staticKeys([staticKey]),
    clock: () => nowMs,
    origins: [origin],
    replayStore: eternalStore(),
    ...options,
  });
}

const codeOf = (result: VerifyResult): string => (result.ok ? 'ok' : result.code);

describe('a sealed request', () => {
  it('is accepted once, and its answer can be proved', async () => {
    const verifier = verifierWith();
    const sealed = seal();
    const first = await verifier.verify(sealed.text, contextOf(sealed.text));
    expect(first).toMatchObject({ ok: true, client: 'mail', tokenId });
    expect(await provesItself(first.signAnswer, sealed)).toBe(true);
    const again = await verifier.verify(sealed.text, contextOf(sealed.text));
    expect(again).toMatchObject({ ok: false, code: 'ERR_REQUEST_REPEATED', caveatIndex: 0 });
    expect(await provesItself(again.signAnswer, sealed)).toBe(true);
    expect(JSON.stringify([first, again])).not.toContain('signAnswer');
  });

  it('is answered alike where a library took the place of Promise', async () => {
    const known = staticKeys([staticKey]);
    const verifier = verifierWith({ keys: { ...known, find: async (...asked) => known.find(...asked) } });
    const sealed = seal();
    vi.stubGlobal('Promise', class extends Promise<unknown> {});
    const first = await verifier.verify(sealed.text, contextOf(sealed.text)).finally(() => vi.unstubAllGlobals());
    expect(first).toMatchObject({ ok: true, client: 'mail', tokenId });
    expect(await provesItself(first.signAnswer, sealed)).toBe(true);
  });

  it('is accepted once of a hundred copies at a time', async () => {
    const verifier = verifierWith({ replayStore: memoryReplayStore({ clock: () => nowMs - windowMs }) });
    const sealed = seal();
    const results = await Promise.all(Array.from({ length: 100 }, () => verifier.verify(sealed.text, contextOf(sealed.text))));
    expect(results.filter(({ ok }) => ok)).toHaveLength(1);
  });

  it.each<[string, Partial<RequestToSeal>]>([
    ['body', { body: new Uint8Array([1]) }],
    ['method', { method: 'PUT' }],
    ['path', { target: '/invoices/2?draft=1' }],
    ['query', { target: '/invoices?draft=2' }],
    ['absent query', { target: '/invoices' }],
    ['content type', { contentType: 'text/plain' }],
    ['absent content type', { contentType: undefined }],
    ['content encoding', { contentEncoding: 'gzip' }],
  ])('is denied with another %s, and keeps its nonce for the right one', async (_, change) => {
    const verifier = verifierWith();
    const sealed = seal();
    const altered = await verifier.verify(sealed.text, contextOf(sealed.text, change));
    expect(altered).toMatchObject({ ok: false, code: 'ERR_CAVEAT_DENIED', caveatIndex: 0 });
    expect(await provesItself(altered.signAnswer, sealed)).toBe(change.method === undefined);
    expect(await verifier.verify(sealed.text, contextOf(sealed.text))).toMatchObject({ ok: true });
  });

  it.each(['X-HTTP-Method-Override', 'x-http-method', 'X-Method-Override'])('is denied with %s', async (name) => {
    const sealed = seal();
    const result = await verifierWith().verify(sealed.text, contextOf(sealed.text, {}, { [name]: 'DELETE' }));
    expect(codeOf(result)).toBe('ERR_CAVEAT_DENIED');
  });

  it('is denied with two content types, whichever was sealed', async () => {
    const sealed = seal();
    const context = contextOf(sealed.text, {}, { 'CONTENT-type': 'text/plain' });
    expect(codeOf(await verifierWith().verify(sealed.text, context))).toBe('ERR_CAVEAT_DENIED');
  });

  it.each([
    [-windowMs, 'ERR_REQUEST_STALE'],
    [-windowMs + 1, 'ok'],
    [0, 'ok'],
    [windowMs - 1, 'ok'],
    [windowMs, 'ERR_REQUEST_STALE'],
    [windowMs + 1, 'ERR_REQUEST_STALE'],
    [2 * windowMs, 'ERR_REQUEST_STALE'],
    [-windowMs - 1, 'ERR_REQUEST_STALE'],
  ])('sent %i ms from now is answered with %s', async (apartMs, code) => {
    const sealed = seal({}, tokenOf(), nowMs + apartMs);
    const result = await verifierWith().verify(sealed.text, contextOf(sealed.text));
    expect(codeOf(result)).toBe(code);
    expect(await provesItself(result.signAnswer, sealed)).toBe(true);
  });

  it('that is early is used up by that: nobody can deliver it when its time has come', async () => {
    let clockMs = nowMs;
    const verifier = verifierWith({ clock: () => clockMs });
    const sealed = seal({}, tokenOf(), nowMs + 2 * windowMs);
    expect(codeOf(await verifier.verify(sealed.text, contextOf(sealed.text)))).toBe('ERR_REQUEST_STALE');
    clockMs = nowMs + 2 * windowMs;
    expect(codeOf(await verifier.verify(sealed.text, contextOf(sealed.text)))).toBe('ERR_REQUEST_REPEATED');
  });

  it('that is early is not used up by a copy that somebody altered', async () => {
    let clockMs = nowMs;
    const verifier = verifierWith({ clock: () => clockMs });
    const sealed = seal({}, tokenOf(), nowMs + 2 * windowMs);
    const altered = contextOf(sealed.text, {}, { 'X-HTTP-Method-Override': 'DELETE' });
    expect(codeOf(await verifier.verify(sealed.text, altered))).toBe('ERR_CAVEAT_DENIED');
    clockMs = nowMs + 2 * windowMs;
    expect(codeOf(await verifier.verify(sealed.text, contextOf(sealed.text)))).toBe('ok');
  });

  it('is held against the window that was set', async () => {
    const sealed = seal({}, tokenOf(), nowMs - 60_000);
    const verify = (requestWindowMs: number) => verifierWith({ requestWindowMs }).verify(sealed.text, contextOf(sealed.text));
    expect([codeOf(await verify(60_000)), codeOf(await verify(60_001))]).toEqual(['ERR_REQUEST_STALE', 'ok']);
  });

  it('is denied at another of the service that was not meant, and taken at each that is configured', async () => {
    const elsewhere = seal({ authority: 'other.example' });
    expect(codeOf(await verifierWith().verify(elsewhere.text, contextOf(elsewhere.text)))).toBe('ERR_CAVEAT_DENIED');
    const verifier = verifierWith({ origins: [origin, 'https://Other.example:443'] });
    // `Host` is of the first: it was moved.
    expect(codeOf(await verifier.verify(elsewhere.text, contextOf(elsewhere.text)))).toBe('ERR_CAVEAT_DENIED');
    const withHost = async (host: readonly (readonly [string, string])[], origins: readonly string[]) => {
      const sealed = seal({ authority: 'other.example' });
      const context = contextOf(sealed.text);
      const { request } = context;
      if (request === undefined || !('headers' in request)) throw new Error('no headers');
      const headers = new Map(request.headers);
      headers.delete('host');
      for (const [name, value] of host) headers.set(name, [value]);
      return codeOf(await verifierWith({ origins }).verify(sealed.text, { ...context, request: { ...request, headers } }));
    };
    const several = [origin, 'https://Other.example:443'];
    for (const host of ['OTHER.example', 'other.example:443']) {
      expect(await withHost([['host', host]], several)).toBe('ok');
      expect(await withHost([[':authority', host]], several)).toBe('ok');
    }
    // Which of them was called, nobody knows.
    for (const host of ['internal:8080', 'other.example.', 'x@other.example', 'other.example, ']) {
      expect(await withHost([['host', host]], several)).toBe('ERR_CAVEAT_CONTEXT');
    }
    expect(await withHost([], several)).toBe('ERR_CAVEAT_CONTEXT');
    const both = [
      ['host', 'other.example'],
      [':authority', authority],
    ] as const;
    expect(await withHost(both, several)).toBe('ERR_CAVEAT_CONTEXT');
    // Where there is one, a proxy that writes a `Host` of its own decides nothing.
    for (const host of [[['host', 'internal:8080']], []] as const) expect(await withHost(host, several.slice(1))).toBe('ok');
  });

  it('is denied when it was taken from one token to another, or to another audience', async () => {
    const sealed = decode(seal().text);
    const condition = sealed.root.caveats.at(-1);
    const other = macaroonOf({ issuedAtMs: nowMs - 500 });
    const moved = encode({ root: { ...other, caveats: [condition as never], signature: sealed.root.signature }, discharges: [] });
    const result = await verifierWith().verify(moved, contextOf(moved));
    expect([codeOf(result), result.signAnswer]).toEqual(['ERR_SIGNATURE_MISMATCH', undefined]);
    const forOther = seal({}, tokenOf({ audience: 'billing', key: audienceKey(1, 'billing') }));
    expect(codeOf(await verifierWith().verify(forOther.text, contextOf(forOther.text)))).toBe('ERR_SIGNATURE_MISMATCH');
  });

  it('cannot lose its caveat, nor get another behind it', async () => {
    const { root } = decode(seal({}, tokenOf({ conditions: ['request-required'] })).text);
    const dropped = encode({ root: { ...root, caveats: root.caveats.slice(0, -1) }, discharges: [] });
    expect(codeOf(await verifierWith().verify(dropped, contextOf(dropped)))).toBe('ERR_SIGNATURE_MISMATCH');
    const later = textOf(addFirstPartyCaveat(root, 'method POST'));
    const result = await verifierWith().verify(later, contextOf(later));
    expect(result).toMatchObject({ ok: false, code: 'ERR_CAVEAT_DENIED', caveatIndex: 0 });
    expect(result.signAnswer).toBeUndefined();
  });

  it('holds one seal', async () => {
    const { root } = decode(seal().text);
    const condition = (root.caveats[0] as { condition: Uint8Array }).condition;
    const twice = textOf(addFirstPartyCaveat(root, condition));
    expect(await verifierWith().verify(twice, contextOf(twice))).toMatchObject({ code: 'ERR_CAVEAT_DENIED', caveatIndex: 0 });
  });

  it('is denied by a verifier that has no origins, or was not told the request', async () => {
    const sealed = seal();
    const withoutOrigins = createVerifier({ audience, keys: staticKeys([staticKey]), clock: () => nowMs });
    const denied = await withoutOrigins.verify(sealed.text, contextOf(sealed.text));
    expect(denied).toMatchObject({ code: 'ERR_CAVEAT_CONTEXT', caveatIndex: 0 });
    expect(await provesItself(denied.signAnswer, sealed)).toBe(true);
    const { request: _request, ...context } = contextOf(sealed.text);
    expect(codeOf(await verifierWith().verify(sealed.text, context))).toBe('ERR_CAVEAT_CONTEXT');
    const { method: _method, ...withoutMethod } = contextOf(sealed.text);
    expect(codeOf(await verifierWith().verify(sealed.text, withoutMethod))).toBe('ERR_CAVEAT_CONTEXT');
  });

  it('has its body read only once its signature, its revocation and its facts held', async () => {
    let reads = 0;
    const body = () => {
      reads++;
      return posted.body;
    };
    const sealed = seal();
    const forged = seal({}, tokenOf({ key: new MacaroonKey(new Uint8Array(32).fill(9)) }));
    await verifierWith().verify(forged.text, contextOf(forged.text, {}, {}, { body }));
    const expired = verifierWith({ clock: () => nowMs + 86_400_000 });
    await expired.verify(sealed.text, contextOf(sealed.text, {}, {}, { body }));
    await verifierWith().verify(tokenOf(), contextOf(tokenOf(), {}, {}, { body }));
    expect(reads).toBe(0);
    await verifierWith().verify(sealed.text, contextOf(sealed.text, {}, {}, { body }));
    expect(reads).toBe(1);
  });

  it('tells how to sign before anything can fail, and throws what fails', async () => {
    const signers: AnswerSigner[] = [];
    const onSigner = (sign: AnswerSigner) => signers.push(sign);
    const sealed = seal();
    const body = () => Promise.reject(new MacaroonError('ERR_SOURCE_BUSY', 'no body'));
    const context = contextOf(sealed.text, {}, {}, { onSigner, body });
    await expect(verifierWith().verify(sealed.text, context)).rejects.toMatchObject({ code: 'ERR_SOURCE_BUSY' });
    const replayStore: ReplayStore = {
      bornAtMs: 0,
      claim: () => Promise.reject(new MacaroonError('ERR_STORE_FULL', 'full')),
      close: () => undefined,
    };
    const broken = verifierWith({ replayStore }).verify(sealed.text, contextOf(sealed.text, {}, {}, { onSigner }));
    await expect(broken).rejects.toMatchObject({ code: 'ERR_STORE_FULL' });
    for (const sign of signers) expect(await provesItself(sign, sealed)).toBe(true);
    expect(signers).toHaveLength(2);
  });

  it('claims its nonce for its audience and token, for as long as it could be taken', async () => {
    const replayStore = eternalStore();
    const sealed = seal({}, tokenOf(), nowMs + 100);
    await verifierWith({ replayStore }).verify(sealed.text, contextOf(sealed.text));
    expect(replayStore.claims).toEqual([[`sealed_request:invoice:${tokenId}`, sealed.nonce, nowMs + 100 + windowMs + 60_000]]);
  });

  it('is refused as repeated when it was sent before the verifier could know', async () => {
    const bornAt = (bornAtMs: number): ReplayStore => ({ ...eternalStore(), bornAtMs });
    const sealed = seal();
    const verify = (bornAtMs: number) =>
      verifierWith({ replayStore: bornAt(bornAtMs) }).verify(sealed.text, contextOf(sealed.text));
    expect(codeOf(await verify(nowMs - windowMs))).toBe('ok');
    expect(codeOf(await verify(nowMs - windowMs + 1))).toBe('ERR_REQUEST_REPEATED');
  });

  it('is explained, with every step, and claimed all the same', async () => {
    const verifier = verifierWith();
    const sealed = seal();
    const first = await verifier.explain(sealed.text, contextOf(sealed.text));
    expect(first).toMatchObject({ result: { ok: true } });
    const again = await verifier.explain(sealed.text, contextOf(sealed.text));
    expect(again).toMatchObject({ result: { code: 'ERR_REQUEST_REPEATED' } });
    expect(again.text).toContain('✗ nonce: the sealed request was used before');
  });

  it('is denied with any byte of its token changed', async () => {
    const random = seededRandom(4711);
    const verifier = verifierWith();
    const sealed = seal();
    for (let i = 0; i < campaignSize(1_000, 100_000); i++) {
      const at = random.below(sealed.text.length);
      const text = `${sealed.text.slice(0, at)}${random.pick([...'AZaz09-_.'])}${sealed.text.slice(at + 1)}`;
      if (text === sealed.text) continue;
      // The bare form of a token has no checksum, which would catch the change before the signature does.
      const [payload, changedPayload] = [sealed.text, text].map((whole) => whole.slice(4, -7));
      for (const changed of payload === changedPayload ? [text] : [text, changedPayload ?? '']) {
        const result = await verifier.verify(changed, contextOf(changed));
        if (result.ok || result.code.startsWith('ERR_CAVEAT')) throw new Error(`taken with character ${at} changed`);
      }
    }
  });

  it('is denied with any byte of its request changed', async () => {
    const verifier = verifierWith();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('target', 'contentType', 'body', 'method', 'contentEncoding'),
        fc.nat(40),
        fc.integer({ min: 1, max: 255 }),
        async (part, at, change) => {
          const sealed = seal({ contentEncoding: 'br' });
          const sent: RequestToSeal = { ...posted, contentEncoding: 'br' };
          const before = sent[part as 'body'];
          const bytes = Uint8Array.from(typeof before === 'string' ? encodeUtf8(before) : before);
          const place = at % bytes.length;
          bytes[place] = (bytes[place] ?? 0) ^ change;
          const value = part === 'body' ? bytes : String.fromCharCode(...bytes);
          const result = await verifier.verify(sealed.text, contextOf(sealed.text, { contentEncoding: 'br', [part]: value }));
          expect(['ERR_CAVEAT_DENIED', 'ERR_REQUEST_PATH']).toContain(codeOf(result));
        },
      ),
      { numRuns: campaignSize(300, 20_000) },
    );
  });
});

describe('a token with request-required', () => {
  const required = tokenOf({ conditions: ['request-required'] });

  it('is denied unsealed, and accepted sealed', async () => {
    const verifier = verifierWith();
    const plain = await verifier.verify(required, contextOf(required));
    expect(plain).toMatchObject({ code: 'ERR_CAVEAT_DENIED', caveatIndex: 0 });
    expect(plain.signAnswer).toBeUndefined();
    const sealed = seal({}, required);
    expect(codeOf(await verifier.verify(sealed.text, contextOf(sealed.text)))).toBe('ok');
  });

  it('asks for what a verifier without origins does not know', async () => {
    const verifier = createVerifier({ audience, keys: staticKeys([staticKey]), clock: () => nowMs });
    expect(codeOf(await verifier.verify(required, contextOf(required)))).toBe('ERR_CAVEAT_CONTEXT');
  });
});

describe('discharges', () => {
  const caveatKey = new MacaroonKey(new Uint8Array(32).fill(5));
  const caveatId = encodeUtf8('who is it');
  const root = addThirdPartyCaveat(macaroonOf(), { key: caveatKey, identifier: caveatId }, seededRandom(8).bytes);
  const dischargeWith = (...conditions: readonly string[]) =>
    conditions.reduce((macaroon, condition) => addFirstPartyCaveat(macaroon, condition), mint(caveatKey, caveatId));
  const tools = { clock: () => nowMs, randomBytes: seededRandom(9).bytes };

  it('are bound after sealing', async () => {
    const sealed = sealRequest(textOf(root), posted, tools, [dischargeWith('method POST')]);
    const result = await verifierWith().verify(sealed.text, contextOf(sealed.text));
    expect([codeOf(result), await provesItself(result.signAnswer, sealed)]).toEqual(['ok', true]);
  });

  it('bound to the unsealed token do not serve the sealed one', async () => {
    const { root: sealedRoot } = decode(sealRequest(textOf(root), posted, tools).text);
    const text = textOf(sealedRoot, [bindForRequest(root, dischargeWith())]);
    expect(codeOf(await verifierWith().verify(text, contextOf(text)))).toBe('ERR_DISCHARGE_MISMATCH');
  });

  it.each(['request-required', seal().text])('hold neither request nor request-required', async (condition) => {
    const last = condition.startsWith('mcr_') ? decode(condition).root.caveats[0] : undefined;
    const text = last?.kind === 'first-party' ? new TextDecoder().decode(last.condition) : condition;
    const sealed = sealRequest(textOf(root), posted, tools, [dischargeWith(text)]);
    const result = await verifierWith().verify(sealed.text, contextOf(sealed.text));
    expect(result).toMatchObject({ code: 'ERR_CAVEAT_DENIED', caveatIndex: 0, dischargeIndex: 0 });
  });

  it('that come after the seal undo it', async () => {
    const { root: sealedRoot } = decode(seal().text);
    const later = addThirdPartyCaveat(sealedRoot, { key: caveatKey, identifier: caveatId }, seededRandom(8).bytes);
    const text = textOf(later, [bindForRequest(later, dischargeWith())]);
    expect(await verifierWith().verify(text, contextOf(text))).toMatchObject({ code: 'ERR_CAVEAT_DENIED', caveatIndex: 0 });
  });
});

describe('cnf x5t#S256', () => {
  const der = encodeUtf8('a certificate');
  const thumbprint = encodeBase64url(sha256(der));
  const token = tokenOf({ conditions: [`cnf x5t#S256:${thumbprint}`] });
  const verify = (certificate?: () => Uint8Array | undefined, more = {}) =>
    verifierWith().verify(token, { ...contextOf(token, {}, {}, { certificate }), ...more });

  it('holds for who shows the certificate, and for nobody else', async () => {
    expect(codeOf(await verify(() => der))).toBe('ok');
    expect(codeOf(await verify(() => encodeUtf8('another')))).toBe('ERR_CAVEAT_DENIED');
    expect(codeOf(await verify(() => undefined))).toBe('ERR_CAVEAT_CONTEXT');
    expect(codeOf(await verify())).toBe('ERR_CAVEAT_CONTEXT');
    expect(codeOf(await verify(undefined, { certificateThumbprint: thumbprint }))).toBe('ok');
  });

  it('goes with one seal after another of a token whose beginning is known by then', async () => {
    const verifier = verifierWith();
    const verifySealed = async (certificate?: () => Uint8Array) => {
      const { text } = seal({}, token);
      return codeOf(await verifier.verify(text, contextOf(text, {}, {}, { certificate })));
    };
    for (let i = 0; i < 6; i++) {
      expect(await verifySealed(() => der)).toBe('ok');
      expect(await verifySealed(() => encodeUtf8('another'))).toBe('ERR_CAVEAT_DENIED');
      expect(await verifySealed()).toBe('ERR_CAVEAT_CONTEXT');
    }
  });
});

interface SigningChanges {
  readonly atMs?: number;
  readonly key?: string;
  readonly body?: Uint8Array;
  readonly contentType?: string;
}

describe('cnf jkt', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const thumbprint = jwkThumbprint(publicKeyOf(publicKey.export({ type: 'spki', format: 'pem' }).toString()).jwk);
  const token = tokenOf({ conditions: [`cnf jkt:${thumbprint}`] });

  async function signed(
    text = token,
    { atMs = nowMs, key = pem, body = posted.body, contentType = 'application/json' }: SigningChanges = {},
  ) {
    const signer = await keySigner({ privateKey: key, algorithm: 'ed25519' });
    const digest = body.length === 0 ? {} : { 'content-digest': contentDigest(body), 'content-type': contentType };
    const headers = { authorization: `Macaroon ${text}`, ...digest };
    const message = { origin, target: posted.target, method: posted.method, headers, body };
    const { 'content-type': _, ...sent } = { 'content-type': '', ...digest };
    const made: Record<string, string> = { ...sent, ...(await signer(message, atMs, seededRandom(atMs + key.length).bytes)) };
    return made;
  }

  it('holds for requests that the key signed, each once', async () => {
    const replayStore = eternalStore();
    const verifier = verifierWith({ replayStore });
    const headers = await signed();
    expect(codeOf(await verifier.verify(token, contextOf(token, {}, headers)))).toBe('ok');
    expect(codeOf(await verifier.verify(token, contextOf(token, {}, headers)))).toBe('ERR_REQUEST_REPEATED');
    expect(replayStore.claims[0]?.[0]).toBe(`cnf_jkt:invoice:${thumbprint}`);
  });

  it('goes with a seal', async () => {
    const sealed = seal({}, token);
    const result = await verifierWith().verify(sealed.text, contextOf(sealed.text, {}, await signed(sealed.text)));
    expect([codeOf(result), await provesItself(result.signAnswer, sealed)]).toEqual(['ok', true]);
  });

  it('goes with one seal after another of a token whose beginning is known by then', async () => {
    const replayStore = eternalStore();
    const verifier = verifierWith({ replayStore });
    for (let i = 1; i <= 6; i++) {
      const { text } = seal({}, token);
      expect(codeOf(await verifier.verify(text, contextOf(text)))).toBe('ERR_CAVEAT_CONTEXT');
      expect(codeOf(await verifier.verify(text, contextOf(text, {}, await signed(text, { atMs: nowMs - i }))))).toBe('ok');
      expect(replayStore.claims.filter(([scope]) => scope === `cnf_jkt:invoice:${thumbprint}`)).toHaveLength(i);
    }
  });

  it.each<[string, Parameters<typeof contextOf>[1]]>([
    ['body', { body: new Uint8Array([1]) }],
    ['method', { method: 'PUT' }],
    ['target', { target: '/invoices?draft=2' }],
  ])('does not hold with another %s', async (_, change) => {
    const result = await verifierWith().verify(token, contextOf(token, change, await signed()));
    expect(codeOf(result)).toBe('ERR_CAVEAT_CONTEXT');
  });

  it('does not hold for another token, another origin, another key, or no signature', async () => {
    const other = tokenOf({ conditions: [`cnf jkt:${thumbprint}`, 'method POST'] });
    expect(codeOf(await verifierWith().verify(other, contextOf(other, {}, await signed())))).toBe('ERR_CAVEAT_CONTEXT');
    const elsewhere = verifierWith({ origins: ['https://other.example'] });
    expect(codeOf(await elsewhere.verify(token, contextOf(token, {}, await signed())))).toBe('ERR_CAVEAT_CONTEXT');
    const another = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const result = await verifierWith().verify(token, contextOf(token, {}, await signed(token, { key: another })));
    expect(codeOf(result)).toBe('ERR_CAVEAT_CONTEXT');
    expect(codeOf(await verifierWith().verify(token, contextOf(token)))).toBe('ERR_CAVEAT_CONTEXT');
  });

  it('does not hold when the key of the caveat is only named beside the signature of another', async () => {
    const another = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const headers = { ...(await signed(token, { key: another })), 'signature-key': (await signed())['signature-key'] ?? '' };
    expect(codeOf(await verifierWith().verify(token, contextOf(token, {}, headers)))).toBe('ERR_CAVEAT_CONTEXT');
  });

  it.each([
    [-60_000, 'ERR_CAVEAT_CONTEXT'],
    [-59_999, 'ok'],
    [5_000, 'ok'],
    [6_000, 'ERR_CAVEAT_CONTEXT'],
  ])('signed %i ms from now: %s', async (apartMs, code) => {
    const wholeSecond = Math.floor(nowMs / 1000) * 1000;
    const headers = await signed(token, { atMs: wholeSecond });
    const verifier = verifierWith({ clock: () => wholeSecond - apartMs });
    expect(codeOf(await verifier.verify(token, contextOf(token, {}, headers)))).toBe(code);
  });

  it('does not hold with another content type, one that was not signed, two, or an encoding', async () => {
    const verify = async (headers: Readonly<Record<string, string>>, contentType = posted.contentType) =>
      codeOf(await verifierWith().verify(token, contextOf(token, { contentType }, headers)));
    const headers = await signed();
    expect(await verify(headers)).toBe('ok');
    expect(await verify(headers, 'text/plain')).toBe('ERR_CAVEAT_CONTEXT');
    expect(await verify({ ...headers, 'Content-Encoding': 'gzip' })).toBe('ERR_CAVEAT_CONTEXT');
    const two = await signed(token, { contentType: 'text/plain, application/json' });
    expect(await verify(two, 'text/plain, application/json')).toBe('ok');
    expect(await verify({ ...two, 'Content-Type': 'application/json' }, 'text/plain')).toBe('ERR_CAVEAT_CONTEXT');
    const input = (headers['signature-input'] ?? '').replace(' "content-type"', '');
    expect(await verify({ ...headers, 'signature-input': input })).toBe('ERR_CAVEAT_CONTEXT');
  });

  it('does not hold with a header that overrides the method', async () => {
    const headers = { ...(await signed()), 'X-HTTP-Method-Override': 'DELETE' };
    expect(codeOf(await verifierWith().verify(token, contextOf(token, {}, headers)))).toBe('ERR_CAVEAT_DENIED');
  });

  it('needs the digest of a body under the signature', async () => {
    const withoutBody = await signed(token, { body: new Uint8Array(0) });
    expect(codeOf(await verifierWith().verify(token, contextOf(token, {}, withoutBody)))).toBe('ERR_CAVEAT_CONTEXT');
    const context = contextOf(token, { body: new Uint8Array(0), contentType: undefined }, withoutBody);
    expect(codeOf(await verifierWith().verify(token, context))).toBe('ok');
  });

  it.each(['signature', 'signature-input', 'signature-key'])(
    'does not hold with a broken %s, and nothing breaks',
    async (name) => {
      const headers: Record<string, string> = { ...(await signed()) };
      for (const value of ['', 'key=', 'key=:AAAA:', 'x', '\u00e9', 'key=();tag="macaroond-key"', 'key=hwk;kty="OKP"']) {
        const result = await verifierWith().verify(token, contextOf(token, {}, { ...headers, [name]: value }));
        expect(codeOf(result)).toBe('ERR_CAVEAT_CONTEXT');
      }
    },
  );
});

describe('what a service tells of a request', () => {
  it.each<[string, unknown]>([
    ['text', '{"sum":42}'],
    ['nothing', undefined],
    ['wider numbers', new Uint16Array(2)],
    ['a buffer', new ArrayBuffer(2)],
  ])('has a body of bytes, not %s', async (_, body) => {
    const sealed = seal();
    const context = contextOf(sealed.text, {}, {}, { body: () => body as never });
    await expect(verifierWith().verify(sealed.text, context)).rejects.toMatchObject({ code: 'ERR_ARGUMENT', argument: 'body' });
  });

  it.each<[string, unknown]>([
    ['a promise', Promise.resolve(new Uint8Array(3))],
    ['text', 'PEM'],
    ['null', null],
  ])('has a certificate of bytes, not %s', async (_, certificate) => {
    const text = tokenOf({ conditions: [`cnf x5t#S256:${encodeBase64url(sha256(new Uint8Array(3)))}`] });
    const context = contextOf(text, {}, {}, { certificate: () => certificate as never });
    await expect(verifierWith().verify(text, context)).rejects.toMatchObject({ code: 'ERR_ARGUMENT', argument: 'certificate' });
  });

  it('has no member that is misspelt', async () => {
    const misspelt = { origin: ['https://other.example'] } as never;
    const { text } = seal();
    const argument = { code: 'ERR_ARGUMENT', argument: 'origin' };
    await expect(verifierWith().verify(text, contextOf(text, {}, {}, misspelt))).rejects.toMatchObject(argument);
    const told = { authority, target: '/', digest: '', ...(misspelt as object) };
    await expect(verifierWith().verify(text, { action: 'invoices:read', request: told })).rejects.toMatchObject(argument);
  });

  it('is no list, whatever members it bears', async () => {
    const { text } = seal();
    const list = Object.assign([], { authority, target: '/', digest: '' }) as never;
    const verified = verifierWith().verify(text, { action: 'invoices:read', request: list });
    await expect(verified).rejects.toMatchObject({ code: 'ERR_ARGUMENT', argument: 'request' });
  });
});

describe('a store of nonces of the service', () => {
  it('that fails is one that cannot tell', async () => {
    const failing = { ...eternalStore(), claim: () => Promise.reject(new TypeError('connection lost')) };
    const { text } = seal();
    const verifier = verifierWith({ replayStore: failing });
    await expect(verifier.verify(text, contextOf(text))).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
    const closed = memoryReplayStore({ clock: () => nowMs - 60_000 });
    await closed.close();
    const late = verifierWith({ replayStore: closed }).verify(text, contextOf(text));
    await expect(late).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
  });

  it.each<[string, object]>([
    ['bornAtMs of undefined', { bornAtMs: undefined }],
    ['bornAtMs of NaN', { bornAtMs: Number.NaN }],
    ['bornAtMs of text', { bornAtMs: '0' }],
    ['bornAtMs before 1970', { bornAtMs: -1 }],
    ['no claim', { claim: undefined }],
  ])('is refused with %s', (_, change) => {
    const replayStore = { ...eternalStore(), ...change } as never;
    const expected = expect.objectContaining({ code: 'ERR_ARGUMENT', argument: 'replayStore' });
    expect(() => verifierWith({ replayStore })).toThrow(expected);
  });
});

describe('createVerifier', () => {
  it.each<[Partial<VerifierOptions>, string]>([
    [{ origins: [] }, 'origins'],
    [{ origins: 'https://invoice.example' as never }, 'origins'],
    [{ origins: [undefined as never] }, 'origins'],
    [{ origins: ['invoice.example'] }, 'origins'],
    [{ origins: ['https://invoice.example/path'] }, 'origins'],
    [{ origins: ['https://user@invoice.example'] }, 'origins'],
    [{ requestWindowMs: 0 }, 'requestWindowMs'],
    [{ requestWindowMs: 1.5 }, 'requestWindowMs'],
    [{ requestWindowMs: 300_001 }, 'requestWindowMs'],
  ])('refuses %j', (options, argument) => {
    expect(() => verifierWith(options)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT', argument }));
  });

  it.each([{}, { target: '/' }, { authority, target: '/' }, { target: '/', headers: new Map() }, null])(
    'verify refuses the request %j',
    async (request) => {
      const context = { action: 'invoices:read', request: request as never };
      await expect(verifierWith().verify(tokenOf(), context)).rejects.toMatchObject({
        code: 'ERR_ARGUMENT',
        argument: 'request',
      });
    },
  );

  it('takes a request as another verifier tells of it', async () => {
    const sealed = seal();
    const { request: _request, ...facts } = contextOf(sealed.text);
    const digest = requestDigest(posted);
    let told = 0;
    const request = { authority, target: posted.target, digest, onAnswerKey: () => told++ };
    expect(codeOf(await verifierWith().verify(sealed.text, { ...facts, request }))).toBe('ok');
    const moved = { ...request, authority: 'other.example' };
    expect(codeOf(await verifierWith().verify(sealed.text, { ...facts, request: moved }))).toBe('ERR_CAVEAT_DENIED');
    expect(told).toBe(2);
  });
});
