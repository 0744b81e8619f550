import { describe, expect, it } from 'vitest';
import { decodeBase64url, encodeBase64url } from '../../../../src/core/index.js';
import {
  createVerifier,
  type Revocation,
  type StaticKey,
  type StaticKeysOptions,
  staticKeys,
} from '../../../../src/verifier/index.js';
import { audience, audienceKey, client, nowMs, rootKeyId, staticKey, tokenId, tokenOf } from '../samples.js';

describe('staticKeys', () => {
  it('takes a key as bytes and as base64url', async () => {
    const bytes = audienceKey().reveal();
    for (const key of [bytes, encodeBase64url(bytes)]) {
      const verifier = createVerifier({ audience, keys: staticKeys([{ ...staticKey, key }]), clock: () => nowMs });
      expect(await verifier.verify(tokenOf(), { action: 'invoices:read' })).toMatchObject({ ok: true, client });
    }
  });

  it('keeps several generations apart', () => {
    const keys = staticKeys([staticKey, { ...staticKey, generation: 2, key: audienceKey(2).reveal() }]);
    expect(keys.find(audience, rootKeyId, 2)).toMatchObject({ found: true, entry: { generation: 2 } });
    expect(keys.find(audience, rootKeyId, 3)).toEqual({ found: false, code: 'ERR_KEY_UNKNOWN' });
  });

  const wrongKeys: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    ['root key id', { rootKeyId: 'AAAA' }],
    ['root key id that is no base64url', { rootKeyId: '*' }],
    ['root key id as bytes', { rootKeyId: new Uint8Array(16) }],
    ['root key id in a list', { rootKeyId: [rootKeyId] }],
    ['generation as text', { generation: '1' }],
    ['client in a list', { client: [client] }],
    ['generation', { generation: -1 }],
    ['generation that is no integer', { generation: 1.5 }],
    ['client', { client: 'Mail Server' }],
    ['key', { key: 'AAAA' }],
    ['key of the wrong length', { key: new Uint8Array(31) }],
  ];

  it.each(wrongKeys)('throws ERR_ARGUMENT for a wrong %s', (_, wrong) => {
    const keys = [{ ...staticKey, generation: 7 }, { ...staticKey, ...wrong } as StaticKey];
    expect(() => staticKeys(keys)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT', argument: 'keys[1]' }));
  });

  it('throws ERR_ARGUMENT for a key that is given twice', () => {
    expect(() => staticKeys([staticKey, staticKey])).toThrow(
      expect.objectContaining({ code: 'ERR_ARGUMENT', argument: 'keys[1]' }),
    );
  });

  it.each<[string, unknown, unknown]>([
    ['revoked', [staticKey], { revoked: [{ kind: 'token', tokenId }] }],
    ['revocations', [staticKey], { revocations: { kind: 'token', tokenId } }],
    ['options', [staticKey], [{ kind: 'token', tokenId }]],
    ['expires', [{ ...staticKey, expires: 1 }], {}],
    ['keys[0]', [undefined], {}],
    ['keys', undefined, {}],
    ['keys', staticKey, {}],
  ])('throws ERR_ARGUMENT that names %s', (argument, keys, options) => {
    expect(() => staticKeys(keys as StaticKey[], options as StaticKeysOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_ARGUMENT', argument }),
    );
  });

  it.each<[string, object]>([
    ['before', { kind: 'client', client, beforeMs: nowMs, before: nowMs }],
    ['root_key_id', { kind: 'root_key', rootKeyId, root_key_id: rootKeyId }],
    ['generation', { kind: 'root_key', rootKeyId, generation: 1 }],
  ])('throws ERR_ARGUMENT for a revocation with a member too many, %s', (argument, revocation) => {
    expect(() => staticKeys([staticKey], { revocations: [revocation as Revocation] })).toThrow(
      expect.objectContaining({ code: 'ERR_ARGUMENT', argument }),
    );
  });

  const wrongRevocations: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    ['an unknown kind', { kind: 'planet' }],
    ['a kind that every object has', { kind: 'constructor' }],
    ['a token id that is none', { kind: 'token', tokenId: 'x' }],
    ['a token id in a list', { kind: 'token', tokenId: [tokenId] }],
    ['an expiry that is none', { kind: 'token', tokenId, expiresAtMs: Number.NaN }],
    ['an expiry as text', { kind: 'token', tokenId, expiresAtMs: '2027-01-01T00:00:00Z' }],
    ['a client in a list', { kind: 'client', client: [client], beforeMs: nowMs }],
    ['a time as text', { kind: 'client', client, beforeMs: '2027-01-01T00:00:00Z' }],
    ['a root key id as bytes', { kind: 'root_key', rootKeyId: decodeBase64url(rootKeyId) }],
    ['an audience in a list', { kind: 'audience_key', audience: [audience], generation: 1 }],
    ['a time that is none', { kind: 'client', client, beforeMs: Number.NaN }],
    ['a root key id that is none', { kind: 'root_key', rootKeyId: 'x' }],
    ['a generation that is none', { kind: 'audience_key', audience, generation: -1 }],
  ];

  it.each(wrongRevocations)('throws ERR_ARGUMENT for a revocation with %s, which would revoke nothing', (_, wrong) => {
    const revocations = [{ kind: 'token', tokenId } as const, wrong as unknown];
    expect(() => staticKeys([staticKey], { revocations: revocations as Revocation[] })).toThrow(
      expect.objectContaining({ code: 'ERR_ARGUMENT', argument: 'revocations[1]' }),
    );
  });
});
