/**
 * What every store must do, whatever database it stands on. A test file calls `describeStoreContract` with a way to make an empty
 * store of its kind.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store, StoreTransaction } from '../../src/server/domain/ports.js';
import type { RevocationRecord, RevocationTarget } from '../../src/server/domain/records.js';
import {
  atMs,
  auditEvent,
  client,
  credential,
  fillStore,
  grant,
  rootKey,
  secretOf,
  token,
  tokenIdOf,
  tokenMinted,
} from './store-fixtures.js';
import { describeProofContract } from './store-proofs.js';

export interface StoreUnderTest {
  readonly store: Store;
  /** Closes the store and opens it again from what is on the disk. */
  reopen(): Promise<Store>;
  /** Runs SQL, past its checks, as someone who has the database but not the master key. */
  tamper(sql: string): Promise<void>;
  dispose(): Promise<void>;
}

export function describeStoreContract(name: string, make: () => Promise<StoreUnderTest>): void {
  describeProofContract(name, make);
  describe(`${name}: store contract`, () => {
    let subject: StoreUnderTest;
    let store: Store;
    const grow = <T>(work: (tx: StoreTransaction) => T | Promise<T>) => store.transaction('grow', work);

    beforeEach(async () => {
      subject = await make();
      store = subject.store;
    });
    afterEach(() => subject.dispose());

    describe('clients and credentials', () => {
      it('gives back what was inserted, also after it was opened again', async () => {
        const mail = client('mail', { authPolicy: [['client_secret_basic'], ['ip', 'x']], ips: [] });
        await grow((tx) => tx.insertClient(mail));
        expect(await store.read.client('mail')).toEqual(mail);
        store = await subject.reopen();
        expect(await store.read.client('mail')).toEqual(mail);
      });

      it('knows nothing of a client that was never inserted', async () => {
        expect(await store.read.client('mail')).toBeUndefined();
        expect(await store.read.clients()).toEqual([]);
        expect(await store.read.credential('c')).toBeUndefined();
        expect(await store.read.credentials('mail')).toEqual([]);
      });

      it('lists clients by name', async () => {
        await grow(async (tx) => {
          for (const one of ['mail', 'batch', 'zeta']) await tx.insertClient(client(one));
        });
        expect((await store.read.clients()).map((one) => one.name)).toEqual(['batch', 'mail', 'zeta']);
      });

      it('changes every member of a client but its name', async () => {
        const changed = client('mail', {
          state: 'disabled',
          authPolicy: [],
          ips: ['192.0.2.1'],
          lastIssuedAtMs: 5,
          revokedUntilMs: 6,
        });
        await grow((tx) => tx.insertClient(client('mail')));
        await grow((tx) => tx.updateClient(changed));
        expect(await store.read.client('mail')).toEqual(changed);
      });

      it('refuses a name that was used before, also that of a disabled client', async () => {
        await grow((tx) => tx.insertClient(client('mail', { state: 'disabled' })));
        await expect(grow((tx) => tx.insertClient(client('mail')))).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
        expect((await store.read.client('mail'))?.state).toBe('disabled');
      });

      it('refuses to change what is not there', async () => {
        await grow(fillStore);
        const changes: ((tx: StoreTransaction) => void | Promise<void>)[] = [
          (tx) => tx.updateClient(client('nobody')),
          (tx) => tx.updateCredential(credential('none', 'mail')),
          (tx) => tx.updateRootKey(rootKey('none', 'mail')),
          (tx) => tx.updateAudience({ name: 'none', generation: 1, createdAtMs: atMs, changeSeq: 9 }),
          (tx) => tx.revokeAudienceGeneration('invoice', 3, atMs),
        ];
        for (const change of changes) await expect(grow(change)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
      });

      it('keeps credentials by client and retires one', async () => {
        await grow(async (tx) => {
          await tx.insertClient(client('mail'));
          await tx.insertClient(client('batch'));
          await tx.insertCredential(credential('c1', 'mail'));
          await tx.insertCredential(credential('c2', 'mail', { createdAtMs: atMs + 1, secretHash: 'g'.repeat(43) }));
          await tx.insertCredential(credential('c3', 'batch'));
        });
        await grow((tx) => tx.updateCredential(credential('c1', 'mail', { retiredAtMs: atMs + 5 })));
        expect(await store.read.credential('c1')).toEqual(credential('c1', 'mail', { retiredAtMs: atMs + 5 }));
        expect((await store.read.credentials('mail')).map((one) => one.id)).toEqual(['c1', 'c2']);
      });

      it('refuses a credential of a client that is not there', async () => {
        await expect(grow((tx) => tx.insertCredential(credential('c', 'nobody')))).rejects.toMatchObject({
          code: 'ERR_ARGUMENT',
        });
      });
    });

    describe('root keys', () => {
      it('gives back the record and, apart from it, the secret', async () => {
        await grow(fillStore);
        store = await subject.reopen();
        const record = await store.read.rootKey('key-mail');
        expect(record).toEqual(rootKey('key-mail', 'mail', { changeSeq: 2 }));
        expect(JSON.stringify(record)).not.toContain('v1.');
        expect((await store.read.rootKeySecret('key-mail'))?.reveal()).toEqual(secretOf(7).reveal());
        expect(await store.read.rootKey('none')).toBeUndefined();
        expect(await store.read.rootKeySecret('none')).toBeUndefined();
      });

      it('lists the generations of a client in order', async () => {
        await grow(fillStore);
        await grow(async (tx) => {
          await tx.insertRootKey(rootKey('a-later-key', 'mail', { generation: 3 }), secretOf(3));
          await tx.insertRootKey(rootKey('z-key', 'mail', { generation: 2 }), secretOf(2));
        });
        expect((await store.read.rootKeys('mail')).map((one) => one.generation)).toEqual([1, 2, 3]);
        await expect(
          grow((tx) => tx.insertRootKey(rootKey('again', 'mail', { generation: 2 }), secretOf(2))),
        ).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
      });

      it('keeps the secret of a passive key and erases that of a destroyed one for good', async () => {
        await grow(fillStore);
        await grow((tx) => tx.updateRootKey(rootKey('key-mail', 'mail', { state: 'passive', changeSeq: 8 })));
        expect((await store.read.rootKeySecret('key-mail'))?.reveal()).toEqual(secretOf(7).reveal());
        await grow((tx) => tx.updateRootKey(rootKey('key-mail', 'mail', { state: 'destroyed', changeSeq: 9 })));
        expect(await store.read.rootKey('key-mail')).toMatchObject({ state: 'destroyed', changeSeq: 9 });
        expect(await store.read.rootKeySecret('key-mail')).toBeUndefined();
        await expect(grow((tx) => tx.updateRootKey(rootKey('key-mail', 'mail')))).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
      });
    });

    describe('audiences', () => {
      it('records the generation of a new audience as live, and each later one', async () => {
        await grow((tx) => tx.insertAudience({ name: 'invoice', generation: 0, createdAtMs: atMs, changeSeq: 1 }));
        await grow((tx) => tx.updateAudience({ name: 'invoice', generation: 1, createdAtMs: atMs, changeSeq: 2 }));
        expect(await store.read.audience('invoice')).toEqual({ name: 'invoice', generation: 1, createdAtMs: atMs, changeSeq: 2 });
        expect(await store.read.audienceGenerations('invoice')).toEqual([
          { audience: 'invoice', generation: 0, revokedAtMs: null },
          { audience: 'invoice', generation: 1, revokedAtMs: null },
        ]);
        expect(await store.read.audienceGenerations('none')).toEqual([]);
      });

      it('revokes a generation once and keeps the first time, also when the audience changes again', async () => {
        await grow((tx) => tx.insertAudience({ name: 'invoice', generation: 0, createdAtMs: atMs, changeSeq: 1 }));
        await grow((tx) => tx.revokeAudienceGeneration('invoice', 0, atMs + 1));
        await grow((tx) => tx.revokeAudienceGeneration('invoice', 0, atMs + 2));
        await grow((tx) => tx.updateAudience({ name: 'invoice', generation: 0, createdAtMs: atMs, changeSeq: 2 }));
        expect(await store.read.audienceGenerations('invoice')).toEqual([
          { audience: 'invoice', generation: 0, revokedAtMs: atMs + 1 },
        ]);
      });

      it('lists audiences by name and refuses a name twice', async () => {
        await grow(async (tx) => {
          await tx.insertAudience({ name: 'pay', generation: 0, createdAtMs: atMs, changeSeq: 1 });
          await tx.insertAudience({ name: 'invoice', generation: 0, createdAtMs: atMs, changeSeq: 2 });
        });
        expect((await store.read.audiences()).map((one) => one.name)).toEqual(['invoice', 'pay']);
        const again = grow((tx) => tx.insertAudience({ name: 'pay', generation: 0, createdAtMs: atMs, changeSeq: 3 }));
        await expect(again).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
      });
    });

    describe('grants and verifiers', () => {
      it('inserts and replaces a grant; a removed one is found but not listed', async () => {
        await grow(fillStore);
        expect(await store.read.grant('mail', 'invoice')).toEqual(grant('mail', 'invoice', { changeSeq: 3 }));
        const removed = grant('mail', 'invoice', {
          actions: ['invoices:list'],
          requiredCaveats: [],
          removedAtMs: atMs + 9,
          changeSeq: 4,
        });
        expect(await store.read.grants('mail')).toHaveLength(1);
        await grow((tx) => tx.putGrant(removed));
        expect(await store.read.grant('mail', 'invoice')).toEqual(removed);
        expect(await store.read.grants('mail')).toEqual([]);
        expect(await store.read.grant('mail', 'other')).toBeUndefined();
      });

      it('keeps what a client verifies for; twice is once', async () => {
        await grow(fillStore);
        await grow(async (tx) => {
          await tx.insertAudience({ name: 'archive', generation: 0, createdAtMs: atMs, changeSeq: 9 });
          await tx.putVerifier('mail', 'invoice', atMs);
          await tx.putVerifier('mail', 'invoice', atMs + 1);
          await tx.putVerifier('mail', 'archive', atMs);
        });
        expect(await store.read.verifierAudiences('mail')).toEqual(['archive', 'invoice']);
        expect(await store.read.verifierAudiences('nobody')).toEqual([]);
        await expect(grow((tx) => tx.putVerifier('mail', 'nothing', atMs))).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
      });
    });

    describe('tokens', () => {
      it.each([0, 1, 999])('are found by the entry of their minting, to the millisecond: %i', async (ms) => {
        await grow(fillStore);
        const minted = token('t-1', { client: 'batch', audience: 'pay', expiresAtMs: atMs + ms });
        await grow(async (tx) => {
          await tx.appendAudit(tokenMinted(minted));
          await tx.appendAudit(tokenMinted(token('t-2')));
        });
        await grow((tx) => tx.appendAudit(auditEvent('revoked.token', { tokenId: 't-1', audience: 'pay' })));
        expect(await store.read.token('t-1')).toEqual(minted);
        expect(await store.read.token('none')).toBeUndefined();
        store = await subject.reopen();
        expect(await store.read.token('t-1')).toEqual(minted);
        expect(await store.read.token('t-2')).toEqual(token('t-2'));
      });

      it('are not made by an entry of something else, or by one that does not tell who, for whom and until when', async () => {
        const { details, ...rest } = tokenMinted(token('t-1'));
        const entries = [
          { ...rest, details, event: 'revoked.token' },
          { ...rest, details, client: undefined },
          { ...rest, details, audience: undefined },
          { ...rest, details: {} },
          { ...rest, details: { expires_at: String(atMs) } },
        ];
        await grow(async (tx) => {
          for (const [i, entry] of entries.entries()) await tx.appendAudit({ ...entry, tokenId: `t-${i}` });
        });
        for (const i of entries.keys())
          await expect(store.read.token(`t-${i}`)).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' });
      });

      it('tells when the newest was issued, also inside of a transaction', async () => {
        await grow(fillStore);
        expect(await store.read.latestIssue()).toBe(0);
        const [older, newest] = [token(tokenIdOf(atMs)), token(tokenIdOf(atMs + 1))];
        await grow(async (tx) => {
          await tx.appendAudit(tokenMinted(newest));
          await tx.appendAudit(tokenMinted(older));
          expect(await tx.latestIssue()).toBe(atMs + 1);
          expect(await tx.token(older.tokenId)).toEqual(older);
        });
        await grow(async (tx) => {
          await tx.appendAudit(tokenMinted(token(tokenIdOf(atMs, 9))));
          await tx.appendAudit(auditEvent('revoked.token', { tokenId: newest.tokenId, audience: 'invoice' }));
        });
        store = await subject.reopen();
        expect(await store.read.latestIssue()).toBe(atMs + 1);
      });
    });

    describe('revocations', () => {
      const entry = (target: RevocationTarget, expiresAtMs = atMs + 100): Omit<RevocationRecord, 'seq'> => ({
        target,
        revokedAtMs: atMs,
        expiresAtMs,
        reason: null,
      });

      it('numbers every kind from 1 and gives them back in order', async () => {
        await grow(fillStore);
        const targets: RevocationTarget[] = [
          { kind: 'token', tokenId: 't-1', audience: 'invoice' },
          { kind: 'client', client: 'mail', untilMs: atMs },
          { kind: 'root_key', rootKeyId: 'key-mail' },
          { kind: 'audience_key', audience: 'invoice', generation: 0 },
        ];
        expect(await store.read.latestRevocationSeq()).toBe(0);
        const made = await store.transaction('revoke', async (tx) => {
          const list: RevocationRecord[] = [];
          for (const target of targets) list.push(await tx.insertRevocation({ ...entry(target), reason: 'lost laptop' }));
          return list;
        });
        expect(made.map((one) => one.seq)).toEqual([1, 2, 3, 4]);
        store = await subject.reopen();
        expect(await store.read.revocationsAfter(0, ['invoice'], atMs, 10)).toEqual(made);
        expect(made.map((one) => one.target)).toEqual(targets);
        expect(await store.read.latestRevocationSeq()).toBe(4);
      });

      it('feeds what comes after a cursor, still matters and concerns the audiences', async () => {
        await grow(fillStore);
        await grow(async (tx) => {
          await tx.insertAudience({ name: 'pay', generation: 0, createdAtMs: atMs, changeSeq: 9 });
          await tx.insertRevocation(entry({ kind: 'token', tokenId: 't-1', audience: 'invoice' }));
          await tx.insertRevocation(entry({ kind: 'token', tokenId: 't-2', audience: 'pay' }));
          await tx.insertRevocation(entry({ kind: 'client', client: 'mail', untilMs: atMs }));
          await tx.insertRevocation(entry({ kind: 'root_key', rootKeyId: 'key-mail' }));
          await tx.insertRevocation(entry({ kind: 'audience_key', audience: 'pay', generation: 0 }));
          await tx.insertRevocation(entry({ kind: 'token', tokenId: 't-3', audience: 'invoice' }, atMs + 1));
        });
        const seqs = async (after: number, audiences: string[], nowMs: number, limit = 10) =>
          (await store.read.revocationsAfter(after, audiences, nowMs, limit)).map((one) => one.seq);
        expect(await seqs(0, ['invoice'], atMs)).toEqual([1, 3, 4, 6]);
        expect(await seqs(0, ['invoice', 'pay'], atMs)).toEqual([1, 2, 3, 4, 5, 6]);
        expect(await seqs(0, [], atMs)).toEqual([3, 4]);
        expect(await seqs(3, ['pay'], atMs)).toEqual([4, 5]);
        expect(await seqs(0, ['invoice'], atMs + 1)).toEqual([1, 3, 4, 6]);
        expect(await seqs(0, ['invoice'], atMs + 2)).toEqual([1, 3, 4]);
        expect(await seqs(0, ['invoice', 'pay'], atMs, 2)).toEqual([1, 2]);
        expect(await seqs(6, ['invoice', 'pay'], atMs)).toEqual([]);
      });

      it('finds the latest revocation of just what is asked for', async () => {
        await grow(fillStore);
        const targets = [
          { kind: 'token', tokenId: 't-1', audience: 'invoice' },
          { kind: 'client', client: 'mail', untilMs: atMs },
          { kind: 'root_key', rootKeyId: 'key-mail' },
          { kind: 'audience_key', audience: 'invoice', generation: 0 },
        ] as const;
        for (const target of targets) expect(await store.read.findRevocation(target)).toBeUndefined();
        for (const target of [...targets, ...targets]) {
          await grow(async (tx) => {
            await tx.insertRevocation(entry(target));
          });
        }
        for (const [i, target] of targets.entries()) {
          expect(await store.read.findRevocation(target)).toMatchObject({ seq: targets.length + i + 1, target });
        }
        expect(await store.read.findRevocation({ kind: 'token', tokenId: 't-2' })).toBeUndefined();
        expect(await store.read.findRevocation({ kind: 'audience_key', audience: 'invoice', generation: 1 })).toBeUndefined();
      });
    });

    describe('the feed of key changes', () => {
      it('counts changes up across transactions and openings', async () => {
        expect(await store.read.latestChangeSeq()).toBe(0);
        expect(await grow(async (tx) => [await tx.nextChangeSeq(), await tx.nextChangeSeq()])).toEqual([1, 2]);
        store = await subject.reopen();
        expect(await grow((tx) => tx.nextChangeSeq())).toBe(3);
        expect(await store.read.latestChangeSeq()).toBe(3);
      });

      it('gives a change back with the transaction that took it', async () => {
        await expect(
          grow(async (tx) => {
            await tx.nextChangeSeq();
            throw new Error('no');
          }),
        ).rejects.toThrow('no');
        expect(await grow((tx) => tx.nextChangeSeq())).toBe(1);
      });

      it('orders keys by the highest change of key, grant and audience', async () => {
        await grow(async (tx) => {
          await tx.insertAudience({ name: 'invoice', generation: 0, createdAtMs: atMs, changeSeq: 1 });
          await tx.insertAudience({ name: 'pay', generation: 0, createdAtMs: atMs, changeSeq: 1 });
          for (const name of ['mail', 'batch', 'other']) await tx.insertClient(client(name));
          await tx.insertRootKey(rootKey('k-mail-1', 'mail', { state: 'passive', changeSeq: 2 }), secretOf(1));
          await tx.insertRootKey(rootKey('k-mail-2', 'mail', { generation: 2, changeSeq: 7 }), secretOf(2));
          await tx.insertRootKey(rootKey('k-batch', 'batch', { changeSeq: 3 }), secretOf(3));
          await tx.insertRootKey(rootKey('k-other', 'other', { changeSeq: 4 }), secretOf(4));
          await tx.putGrant(grant('mail', 'invoice', { changeSeq: 5 }));
          await tx.putGrant(grant('batch', 'invoice', { changeSeq: 6, removedAtMs: atMs }));
          await tx.putGrant(grant('other', 'pay', { changeSeq: 8 }));
        });
        const keys = (after: number, limit = 10) => store.read.audienceKeysAfter('invoice', after, limit);
        expect(await keys(0)).toEqual([
          { rootKeyId: 'k-mail-1', client: 'mail', state: 'passive', changeSeq: 5 },
          { rootKeyId: 'k-batch', client: 'batch', state: 'active', changeSeq: 6 },
          { rootKeyId: 'k-mail-2', client: 'mail', state: 'active', changeSeq: 7 },
        ]);
        expect((await keys(5)).map((key) => key.rootKeyId)).toEqual(['k-batch', 'k-mail-2']);
        expect((await keys(0, 1)).map((key) => key.rootKeyId)).toEqual(['k-mail-1']);
        expect(await keys(7)).toEqual([]);
        await grow((tx) => tx.updateRootKey(rootKey('k-mail-2', 'mail', { state: 'destroyed', changeSeq: 9 })));
        expect((await keys(0)).map((key) => key.rootKeyId)).toEqual(['k-mail-1', 'k-batch']);
        await grow((tx) => tx.updateAudience({ name: 'invoice', generation: 1, createdAtMs: atMs, changeSeq: 20 }));
        expect((await keys(9)).map((key) => key.changeSeq)).toEqual([20, 20]);
      });
    });

    describe('the audit log', () => {
      it('numbers entries from 1 and gives back every member', async () => {
        const full = auditEvent('token.minted', {
          actor: 'mail',
          client: 'mail',
          audience: 'invoice',
          tokenId: 't-1',
          address: '10.0.0.1',
          requestId: 'r-1',
          details: { b: [1, { d: true, c: null }], a: 'ä' },
        });
        await grow(async (tx) => {
          await tx.appendAudit(full);
          await tx.appendAudit(auditEvent('second'));
        });
        const entries = await store.read.audit({ limit: 10 });
        expect(entries.map((entry) => entry.seq)).toEqual([1, 2]);
        expect(entries[0]).toEqual({ ...full, seq: 1, mac: expect.stringMatching(/^[A-Za-z0-9_-]{43}$/) });
        expect(entries[1]?.client).toBeUndefined();
      });

      it('filters by each member and by several at once', async () => {
        await grow(async (tx) => {
          await tx.appendAudit(auditEvent('a', { client: 'mail', audience: 'invoice', tokenId: 't-1' }));
          await tx.appendAudit(auditEvent('b', { client: 'mail', audience: 'pay', actor: 'admin', atMs: atMs + 1 }));
          await tx.appendAudit(auditEvent('a', { client: 'batch', audience: 'invoice', atMs: atMs + 2 }));
        });
        const seqs = async (filter: object) => (await store.read.audit({ limit: 10, ...filter })).map((entry) => entry.seq);
        expect(await seqs({ client: 'mail' })).toEqual([1, 2]);
        expect(await seqs({ event: 'a' })).toEqual([1, 3]);
        expect(await seqs({ actor: 'admin' })).toEqual([2]);
        expect(await seqs({ audience: 'invoice' })).toEqual([1, 3]);
        expect(await seqs({ tokenId: 't-1' })).toEqual([1]);
        expect(await seqs({ sinceMs: atMs + 1 })).toEqual([2, 3]);
        expect(await seqs({ untilMs: atMs + 1 })).toEqual([1, 2]);
        expect(await seqs({ after: 1 })).toEqual([2, 3]);
        expect(await seqs({ limit: 2 })).toEqual([1, 2]);
        expect(await seqs({ client: 'mail', event: 'a', after: 1 })).toEqual([]);
      });

      it('refuses details of more than 4 KiB, and with them the whole transaction', async () => {
        const append = (length: number) =>
          grow(async (tx) => {
            await tx.insertClient(client(`c${length}`));
            await tx.appendAudit(auditEvent('a', { details: { x: 'y'.repeat(length - 8) } }));
          });
        await append(4096);
        await expect(append(4097)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
        expect((await store.read.clients()).map((one) => one.name)).toEqual(['c4096']);
      });
    });

    describe('transactions', () => {
      it('returns what the work returned', async () => {
        expect(await grow(async () => 42)).toBe(42);
      });

      it('leaves nothing of a transaction that fails in the middle, not even its audit entry', async () => {
        await grow(fillStore);
        const before = await store.read.audit({ limit: 10 });
        const failing = grow(async (tx) => {
          await tx.insertClient(client('batch'));
          await tx.appendAudit(auditEvent('client.created', { client: 'batch' }));
          await tx.appendAudit(tokenMinted(token('t-1')));
          throw new RangeError('in the middle');
        });
        await expect(failing).rejects.toThrow(RangeError);
        expect(await store.read.client('batch')).toBeUndefined();
        expect(await store.read.token('t-1')).toBeUndefined();
        expect(await store.read.audit({ limit: 10 })).toEqual(before);
        await grow((tx) => tx.insertClient(client('batch')));
      });

      it('does not commit after one of its methods failed, even when the caller caught that', async () => {
        const caught = grow(async (tx) => {
          await tx.insertClient(client('mail'));
          await tx.insertClient(client('mail')).catch(() => undefined);
          await tx.insertClient(client('batch')).catch(() => undefined);
        });
        await expect(caught).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
        expect(await store.read.clients()).toEqual([]);
      });

      it('reads its own writes, which nobody else sees before the commit', async () => {
        await grow(async (tx) => {
          await tx.insertClient(client('mail'));
          expect(await tx.client('mail')).toEqual(client('mail'));
          expect(await store.read.client('mail')).toBeUndefined();
        });
        expect(await store.read.client('mail')).toEqual(client('mail'));
      });

      it('runs one after another, in the order of the calls', async () => {
        const steps: string[] = [];
        const step = (name: string) =>
          grow(async (tx) => {
            steps.push(`${name} starts`);
            await tx.insertClient(client(name));
            await tx.nextChangeSeq();
            steps.push(`${name} ends`);
          });
        await Promise.all([step('a'), step('b'), grow(() => Promise.reject(new Error('no'))).catch(() => undefined), step('c')]);
        expect(steps).toEqual(['a starts', 'a ends', 'b starts', 'b ends', 'c starts', 'c ends']);
      });

      it('refuses a transaction inside a transaction instead of waiting for ever', async () => {
        const nested = grow(() => grow(async () => undefined));
        await expect(nested).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
        await grow((tx) => tx.insertClient(client('mail')));
      });

      it('refuses the use of a transaction that has ended', async () => {
        let kept: StoreTransaction | undefined;
        await grow(async (tx) => {
          kept = tx;
        });
        await expect(kept?.insertClient(client('mail'))).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
        await expect(async () => kept?.client('mail')).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
      });

      it('is healthy while open; closed, it refuses everything and may be closed again', async () => {
        await store.checkHealth();
        await store.close();
        await store.close();
        await expect(store.checkHealth()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
        await expect(store.read.clients()).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
        await expect(grow(async () => undefined)).rejects.toMatchObject({ code: 'ERR_STORE_UNAVAILABLE' });
      });

      it('closes after the transactions that were called before', async () => {
        const written = grow((tx) => tx.insertClient(client('mail')));
        await store.close();
        await written;
        store = await subject.reopen();
        expect(await store.read.client('mail')).toEqual(client('mail'));
      });
    });
  });
}
