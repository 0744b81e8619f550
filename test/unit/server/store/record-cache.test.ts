/** What is kept of records: that it is kept, and how much of it at most. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeptRecords } from '../../../../src/server/store/record-cache.js';
import type { IssuerStore } from '../../../../src/server/store/sqlite-store.js';
import { fillStore, token, tokenMinted } from '../../../contract/store-fixtures.js';
import { type TemporaryData, temporaryData } from './temporary-store.js';

describe('records of a kind', () => {
  it('are 32,768 at most, however many are asked for', () => {
    const records = new KeptRecords<number>();
    const names = Array.from({ length: 100_000 }, (_, i) => `client-${i}`);
    for (const [i, name] of names.entries()) records.set(name, i);
    // The last come first, as to ask moves what is old.
    const held = names.toReversed().filter((name) => records.get(name) !== undefined);
    expect(held.length).toBeLessThanOrEqual(32_768);
    expect(held.length).toBeGreaterThanOrEqual(16_384);
  });

  it('stay while they are in use', () => {
    const records = new KeptRecords<string>();
    records.set('mail', 'kept');
    for (let i = 0; i < 100_000; i++) {
      records.set(`client-${i}`, '');
      if (i % 10_000 === 0) expect(records.get('mail')).toEqual({ found: 'kept' });
    }
    expect(records.get('mail')).toEqual({ found: 'kept' });
  });
});

describe('a root key', () => {
  let data: TemporaryData;
  let store: IssuerStore;
  beforeEach(async () => {
    data = temporaryData();
    store = await data.create();
    await store.transaction('grow', fillStore);
  });
  afterEach(() => data.dispose());

  const secret = async () => await store.read.rootKeySecret('key-mail');
  const mint = async () => {
    await store.transaction('grow', (tx) => tx.appendAudit(tokenMinted(token('t-1'))));
  };

  it('is decrypted once, however often it is asked for, and whatever is minted meanwhile', async () => {
    const opened = await secret();
    expect(opened?.reveal()).toHaveLength(32);
    const basis = () => store.transaction('grow', async (tx) => (await tx.mintBasis('mail', 'invoice'))?.secret);
    const minted = await basis();
    expect(minted?.reveal()).toEqual(opened?.reveal());
    await mint();
    expect(await secret()).toBe(opened);
    expect(await basis()).toBe(minted);
  });

  it('is let go of with the commit that destroys it', async () => {
    await secret();
    await store.transaction('revoke', async (tx) => {
      const known = await tx.rootKey('key-mail');
      if (known !== undefined) await tx.updateRootKey({ ...known, state: 'destroyed' });
    });
    expect(await secret()).toBeUndefined();
  });
});
