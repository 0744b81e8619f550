import { createSecretKey } from 'node:crypto';
import { getTableColumns, getTableName } from 'drizzle-orm';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store, StoreReader } from '../../../../src/server/domain/ports.js';
import { addRowMac, canonicalRow, checkRowMac, rowMacOf } from '../../../../src/server/store/row-mac.js';
import * as schema from '../../../../src/server/store/sqlite-schema.js';
import { atMs, certificate, fillStore, hmacCredential, invitation, tlsCredential } from '../../../contract/store-fixtures.js';
import { type TemporaryData, temporaryData } from './temporary-store.js';

const key = createSecretKey(new Uint8Array(32).fill(1));
const corrupt = expect.objectContaining({ code: 'ERR_STORE_CORRUPT' });

describe('the MAC of a row', () => {
  const row = { client: 'mail', audience: 'invoice', createdAtMs: 5 };

  it('holds for the row as it was written', () => {
    const written = addRowMac(key, schema.verifiers, row);
    expect(checkRowMac(key, schema.verifiers, written)).toBe(written);
  });

  it('does not hold under another key or for another table', () => {
    const written = addRowMac(key, schema.verifiers, row);
    expect(() => checkRowMac(createSecretKey(new Uint8Array(32)), schema.verifiers, written)).toThrow(corrupt);
    expect(() => checkRowMac(key, schema.grants, written)).toThrow(corrupt);
    expect(() => checkRowMac(key, schema.verifiers, { ...written, rowMac: '' })).toThrow(corrupt);
  });

  it('differs for rows that differ', () => {
    const value = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.integer(), fc.constant(null));
    const rows = fc.record({ reason: value, tokenId: value, client: value, untilMs: value });
    const columns = ['reason', 'tokenId', 'client', 'untilMs'] as const;
    fc.assert(
      fc.property(rows, rows, (a, b) => {
        const isSame = columns.every((column) => a[column] === b[column]);
        expect(rowMacOf(key, schema.revocations, a) === rowMacOf(key, schema.revocations, b)).toBe(isSame);
      }),
    );
  });

  it('is what it was when databases of today were written', () => {
    const revocation = {
      ...{ seq: 1, kind: 'client', tokenId: null, client: 'mail', untilMs: 1792000000000, rootKeyId: null, audience: null },
      ...{ generation: null, revokedAtMs: 1792000000000, expiresAtMs: 1792000000001, reason: 'geräumt 🗝' },
    };
    expect(rowMacOf(key, schema.verifiers, row)).toBe('MuWkeJdkCinKx2kmMg_ZMDm15c85BohP8u9_INGPj90');
    expect(rowMacOf(key, schema.revocations, revocation)).toBe('TUD6H9NaxRxU7mA5EUPWa8XVP6JSwxpWdUWZ0uy4Yik');
  });

  it('is of each text after its own length, however long, and whatever was written before', () => {
    const bytesOf = (text: string) => Buffer.byteLength(text);
    for (const count of [0, 1, 9, 510, 511, 512, 513, 2000, 512, 9]) {
      const text = 'é'.repeat(count >> 1) + 'x'.repeat(count & 1);
      const expected = `11:revocations6:client${count + 1}:s${text}6:reason${count + 1}:s${text}3:seq2:i7`;
      expect(canonicalRow(schema.revocations, { seq: 7, client: text, reason: text, tokenId: null }, bytesOf)).toBe(expected);
    }
  });

  it('tells a number from its text and nothing from an empty text', () => {
    const texts = [{ reason: '1' }, { reason: 1 }, { reason: 'i1' }, { reason: '' }, { reason: null }];
    expect(new Set(texts.map((one) => rowMacOf(key, schema.revocations, one))).size).toBe(texts.length);
  });
});

describe('a plain column that was changed by another hand', () => {
  let data: TemporaryData;
  let store: Store;

  beforeEach(async () => {
    data = temporaryData();
    store = await data.create();
    await store.transaction('grow', async (tx) => {
      await fillStore(tx);
      await tx.insertCredential(hmacCredential('cred-hmac', 'mail'), new Uint8Array(32));
      await tx.insertCredential(tlsCredential('cred-tls', 'mail', 'dns:mail'));
      await tx.insertInvitation(invitation('inv'), new Uint8Array(32));
      await tx.insertCertificate(certificate('1', { revokedAtMs: atMs }));
      await tx.putVerifier('mail', 'invoice', atMs);
      const target = { kind: 'token', tokenId: 't-1', audience: 'invoice' } as const;
      await tx.insertRevocation({ target, revokedAtMs: atMs, expiresAtMs: atMs + 5, reason: 'lost' });
    });
  });
  afterEach(() => data.dispose());

  /** How each table is read, by every column that is not what the row is looked up by. */
  const reads: readonly (readonly [
    Parameters<typeof getTableColumns>[0],
    readonly string[],
    readonly ((read: StoreReader) => unknown)[],
  ])[] = [
    [schema.clients, ['name'], [(read) => read.client('mail'), (read) => read.clients()]],
    [
      schema.credentials,
      ['id'],
      [
        (read) => read.credential('cred-mail'),
        (read) => read.credentialSecret('cred-hmac'),
        (read) => read.credential('cred-tls'),
      ],
    ],
    [schema.credentials, ['binding'], [(read) => read.credentialByBinding('dns:mail')]],
    [schema.invitations, ['id'], [(read) => read.invitation('inv'), (read) => read.invitationKey('inv')]],
    [
      schema.certificates,
      ['thumbprint'],
      [(read) => read.certificate(certificate('1').thumbprint), (read) => read.revokedCertificates(0)],
    ],
    [schema.rootKeys, ['id'], [(read) => read.rootKey('key-mail'), (read) => read.rootKeySecret('key-mail')]],
    [schema.audiences, ['name'], [(read) => read.audience('invoice'), (read) => read.audiences()]],
    [schema.audienceGenerations, ['audience'], [(read) => read.audienceGenerations('invoice')]],
    [schema.grants, ['client', 'audience'], [(read) => read.grant('mail', 'invoice')]],
    [schema.verifiers, ['client'], [(read) => read.verifierAudiences('mail')]],
    [schema.revocations, ['token_id'], [(read) => read.findRevocation({ kind: 'token', tokenId: 't-1' })]],
  ];
  const cases = reads.flatMap(([table, lookedUpBy, ways]) =>
    Object.values(getTableColumns(table))
      .filter((column) => !lookedUpBy.includes(column.name))
      .map((column) => ({ table: getTableName(table), column: column.name, type: column.dataType, ways })),
  );

  it.each(cases)('is noticed: $table.$column', async ({ table, column, type, ways }) => {
    for (const way of ways) await way(store.read);
    const changed = type === 'number' ? `coalesce("${column}", 0) + 1` : `coalesce("${column}", '') || hex(randomblob(4))`;
    data.tamper(`update "${table}" set "${column}" = ${changed}`);
    // What another process wrote is seen by whatever arrives after it.
    await new Promise((resume) => setImmediate(resume));
    for (const way of ways) await expect(async () => way(store.read)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' });
  });

  it.each(['grants', 'root_keys', 'audiences'])('is noticed in the keys that verifiers are served: %s', async (table) => {
    data.tamper(`update "${table}" set change_seq = change_seq + 1`);
    await expect(store.read.audienceKeysAfter('invoice', 0, 10)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' });
  });

  it('is noticed in the feed of revocations', async () => {
    data.tamper('update revocations set reason = null');
    await expect(store.read.revocationsAfter(0, ['invoice'], atMs, 10)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' });
  });

  it('is noticed before a change would cover it', async () => {
    data.tamper("update root_keys set client = 'x'");
    const update = store.transaction('grow', async (tx) => {
      await tx.updateRootKey({ id: 'key-mail', client: 'x', generation: 1, state: 'passive', createdAtMs: atMs, changeSeq: 9 });
    });
    await expect(update).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' });
  });
});
