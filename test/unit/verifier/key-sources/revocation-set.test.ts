import { describe, expect, it } from 'vitest';
import { createUuidV7, formatUuid } from '../../../../src/core/index.js';
import { RevocationSet } from '../../../../src/verifier/key-sources/revocation-set.js';
import { seededRandom } from '../../../fuzz/mutate.js';
import { audience, client, generation, nowMs, rootKeyId } from '../samples.js';

const hourMs = 3_600_000;
const subjectOf = (tokenId: string) => ({ tokenId, issuedAtMs: nowMs, client, audience, rootKeyId, generation });

describe('the revocation set', () => {
  it('keeps the latest time of a client, in whatever order they come', () => {
    const set = new RevocationSet();
    set.add({ kind: 'client', client, beforeMs: nowMs });
    set.add({ kind: 'client', client, beforeMs: nowMs - 1 });
    expect(set.revocationOf(audience, subjectOf('a'))).toBe('ERR_REVOKED_CLIENT');
  });

  it('forgets tokens an hour after they expired by the issuer’s time, once there are many', () => {
    const set = new RevocationSet();
    for (let i = 0; i < 10_000; i++) set.add({ kind: 'token', tokenId: `old ${i}`, expiresAtMs: nowMs });
    set.add({ kind: 'token', tokenId: 'live', expiresAtMs: nowMs + 1 });
    set.add({ kind: 'token', tokenId: 'for ever' });
    set.forgetExpired(nowMs + hourMs);
    expect(set.revocationOf(audience, subjectOf('old 0'))).toBe('ERR_REVOKED_TOKEN');
    set.forgetExpired(nowMs + hourMs + 1);
    expect(set.revocationOf(audience, subjectOf('live'))).toBe('ERR_REVOKED_TOKEN');
    expect(set.revocationOf(audience, subjectOf('for ever'))).toBe('ERR_REVOKED_TOKEN');
  });

  it('really forgets them, and nothing while there are few', () => {
    const few = new RevocationSet();
    few.add({ kind: 'token', tokenId: 'old', expiresAtMs: nowMs });
    few.forgetExpired(nowMs + 10 * hourMs);
    expect(few.revocationOf(audience, subjectOf('old'))).toBe('ERR_REVOKED_TOKEN');
    const many = new RevocationSet();
    for (let i = 0; i < 10_000; i++) many.add({ kind: 'token', tokenId: `old ${i}`, expiresAtMs: nowMs });
    many.forgetExpired(nowMs + 10 * hourMs);
    expect(many.revocationOf(audience, subjectOf('old 0'))).toBeUndefined();
  });

  it.each([0, 1, 10_000, 10_001, 100_000])('knows each of %d tokens and no other', (count) => {
    const random = seededRandom(7);
    const randomBytes = (length: number) => Uint8Array.from({ length }, () => random.below(256));
    const newId = () => formatUuid(createUuidV7(nowMs, randomBytes));
    const set = new RevocationSet();
    const ids = Array.from({ length: count }, newId);
    for (const tokenId of ids) set.add({ kind: 'token', tokenId });
    const codes = new Set(ids.map((tokenId) => set.revocationOf(audience, subjectOf(tokenId))));
    expect([...codes]).toEqual(count === 0 ? [] : ['ERR_REVOKED_TOKEN']);
    for (let i = 0; i < 1000; i++) expect(set.revocationOf(audience, subjectOf(newId()))).toBeUndefined();
  });
});
