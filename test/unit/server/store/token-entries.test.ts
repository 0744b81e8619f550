import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dataFiles } from '../../../../src/server/store/data-files.js';
import type { IssuerStore } from '../../../../src/server/store/sqlite-store.js';
import { atMs, auditEvent, token, tokenIdOf, tokenMinted } from '../../../contract/store-fixtures.js';
import { type TemporaryData, temporaryData } from './temporary-store.js';

const corrupt = { code: 'ERR_STORE_CORRUPT' };
const stepMs = 16;

let data: TemporaryData;
let store: IssuerStore;
beforeEach(async () => {
  data = temporaryData();
  store = await data.create();
});
afterEach(() => data.dispose());

/** An entry of the time `now` that mints a token of the time `issuedAtMs`. */
const minted = (now: number, issuedAtMs = now, marker = 0) => ({
  ...tokenMinted(token(tokenIdOf(issuedAtMs, marker))),
  atMs: now,
});
const revoked = (now: number, tokenId: string) => auditEvent('revoked.token', { tokenId, audience: 'invoice', atMs: now });
const append = (...entries: readonly ReturnType<typeof minted>[]) =>
  store.transaction('grow', async (tx) => {
    for (const entry of entries) await tx.appendAudit(entry);
  });
/** Enough entries to come to another block of tokens. */
const others = (count = 256) => Array.from({ length: count }, () => auditEvent('login.failed'));

/** Values and blocks of the notes of tokens. */
function notes(): readonly unknown[] {
  const sqlite = new Database(dataFiles(data.directory).database, { readonly: true });
  try {
    return sqlite.prepare("select value, block from audit_blocks where kind = 'token' order by block, value").raw().all();
  } finally {
    sqlite.close();
  }
}
const stepOf = (timeMs: number) => tokenIdOf(timeMs).slice(0, 12);

describe('where the entries of tokens are', () => {
  it('is noted once for each step of time and block, however many there are and whoever asks for them', async () => {
    await append(...Array.from({ length: 600 }, (_, i) => minted(atMs + (i < 300 ? 0 : stepMs - 1), undefined, i % 256)));
    await append(minted(atMs + stepMs), minted(atMs + stepMs + 1));
    await append(minted(atMs + stepMs + 2));
    const later = stepOf(atMs + stepMs);
    expect(notes()).toEqual([...[0, 1, 2].map((block) => [stepOf(atMs), block]), [later, 2]]);
    expect(await store.read.token(tokenIdOf(atMs + stepMs - 1, 77))).toBeDefined();
    expect(await store.read.token(tokenIdOf(atMs + stepMs - 2, 77))).toBeUndefined();
    expect(await store.verifyAuditChain()).toMatchObject({ ok: true, entries: 603 });
  });

  it('is found at both ends of a block', async () => {
    const ids = Array.from({ length: 514 }, (_, i) => tokenIdOf(atMs + i * stepMs));
    await append(...ids.map((_, i) => minted(atMs + i * stepMs)));
    for (const seq of [1, 255, 256, 257, 511, 512, 513]) {
      const tokenId = ids[seq - 1] ?? '';
      expect(await store.read.token(tokenId)).toEqual(token(tokenId));
      expect((await store.read.audit({ tokenId, limit: 10 })).map((entry) => entry.seq)).toEqual([seq]);
    }
  });

  it('is noted in no more blocks for one step because its tokens are revoked one by one later, or issued ahead of the clock', async () => {
    const ids = [0, 1, 2].map((marker) => tokenIdOf(atMs, marker));
    await append(...[0, 1, 2].map((marker) => minted(atMs, atMs, marker)));
    for (const id of ids) await append(...others(), revoked(atMs + 60_000, id));
    for (const marker of [3, 4]) await append(...others(), minted(atMs - 60_000, atMs, marker));
    const ofStep = notes().filter((note) => Array.isArray(note) && note[0] === stepOf(atMs));
    expect(ofStep).toEqual([[stepOf(atMs), 0]]);
    for (const [i, tokenId] of ids.entries()) {
      expect(await store.read.token(tokenId)).toEqual(token(tokenId));
      const list = await store.read.audit({ tokenId, limit: 10 });
      expect(list.map(({ event }) => event)).toEqual(['token.minted', 'revoked.token']);
      expect(list.map(({ seq }) => seq)).toEqual([i + 1, 3 + 257 * (i + 1)]);
    }
    expect(await store.read.token(tokenIdOf(atMs, 4))).toEqual(token(tokenIdOf(atMs, 4)));
    expect(await store.read.token(tokenIdOf(atMs, 9))).toBeUndefined();
    expect(await store.verifyAuditChain()).toMatchObject({ ok: true });
  });

  it('is listed once where an entry is noted by time and by id in one block', async () => {
    const tokenId = tokenIdOf(atMs);
    await append(minted(atMs), revoked(atMs + 60_000, tokenId));
    expect(notes()).toEqual([
      [stepOf(atMs), 0],
      [tokenId, 0],
    ]);
    expect((await store.read.audit({ tokenId, limit: 10 })).map(({ seq }) => seq)).toEqual([1, 2]);
    expect((await store.read.audit({ tokenId, after: 1, limit: 10 })).map(({ seq }) => seq)).toEqual([2]);
    expect((await store.read.audit({ tokenId, event: 'token.minted', limit: 10 })).map(({ seq }) => seq)).toEqual([1]);
  });

  it('is noted whatever came of the transaction before, and by each process', async () => {
    const failing = store.transaction('grow', async (tx) => {
      await tx.appendAudit(minted(atMs));
      expect(await tx.token(tokenIdOf(atMs))).toBeDefined();
      throw new RangeError('later');
    });
    await expect(failing).rejects.toThrow(RangeError);
    await append(minted(atMs, atMs, 1));
    const local = await data.open({ mode: 'local' });
    await local.transaction('grow', (tx) => tx.appendAudit(minted(atMs + stepMs, undefined, 2)));
    await append(minted(atMs, atMs, 3));
    for (const [ms, marker] of [
      [0, 1],
      [stepMs, 2],
      [0, 3],
    ] as const) {
      expect(await store.read.token(tokenIdOf(atMs + ms, marker))).toBeDefined();
    }
    expect(await store.read.token(tokenIdOf(atMs))).toBeUndefined();
    expect(await store.verifyAuditChain()).toMatchObject({ ok: true, entries: 3 });
  });

  it.each([stepOf(atMs), tokenIdOf(atMs)])('is missed when the note %s was removed', async (value) => {
    await append(minted(atMs), revoked(atMs + 60_000, tokenIdOf(atMs)));
    data.tamper('delete from audit_blocks where value = ?', value);
    expect(await store.verifyAuditChain()).toMatchObject({ ok: false, reason: 'not-listed' });
  });
});

describe('the newest token', () => {
  it('is found among those noted by their time and those noted by their id', async () => {
    await append(minted(atMs));
    await append(minted(atMs - 60_000, atMs + stepMs + 3), ...others());
    expect(await store.read.latestIssue()).toBe(atMs + stepMs + 3);
    await append(minted(atMs + stepMs + 5), ...others(), minted(atMs + 1, undefined, 2));
    expect(await store.read.latestIssue()).toBe(atMs + stepMs + 5);
    await append(...others(), minted(atMs - 60_000, atMs + stepMs + 4, 9));
    expect(await store.read.latestIssue()).toBe(atMs + stepMs + 5);
    await append(...others(), minted(atMs - 60_000, atMs + stepMs + 6, 9));
    expect(await store.read.latestIssue()).toBe(atMs + stepMs + 6);
    await append(...others(), minted(atMs + 3 * stepMs));
    expect(await store.read.latestIssue()).toBe(atMs + 3 * stepMs);
  });

  it('is no older one when its entry was removed or made older', async () => {
    await append(minted(atMs), minted(atMs + stepMs));
    data.tamper("update audit set token_id = '00' || substr(token_id, 3) where seq = 2");
    await expect(store.read.latestIssue()).rejects.toMatchObject(corrupt);
    data.tamper('delete from audit where seq = 2');
    await expect(store.read.latestIssue()).rejects.toMatchObject(corrupt);
    data.tamper('delete from audit where seq = 1');
    await expect(store.read.latestIssue()).rejects.toMatchObject(corrupt);
  });

  it.each([stepOf(atMs + stepMs), tokenIdOf(atMs + stepMs), 'z'])('is not made up by a note: %s', async (value) => {
    await append(minted(atMs));
    data.tamper("insert into audit_blocks values ('token', ?, 0)", value);
    await expect(store.read.latestIssue()).rejects.toMatchObject(corrupt);
    expect(await store.read.token(tokenIdOf(atMs))).toEqual(token(tokenIdOf(atMs)));
  });
});
