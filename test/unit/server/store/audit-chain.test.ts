import { createSecretKey } from 'node:crypto';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditDetails, auditMac, followAuditChain } from '../../../../src/server/store/audit-chain.js';
import { dataFiles } from '../../../../src/server/store/data-files.js';
import type { IssuerStore } from '../../../../src/server/store/sqlite-store.js';
import { auditEvent, tokenIdOf } from '../../../contract/store-fixtures.js';
import { type TemporaryData, temporaryData } from './temporary-store.js';

describe('details of an audit entry', () => {
  it('have one text, whatever the order they were given in', () => {
    const text = '{"a":[{"c":1,"d":null}],"b":{"x":true,"y":"ä"}}';
    expect(auditDetails({ b: { y: 'ä', x: true }, a: [{ d: null, c: 1 }] })).toBe(text);
    expect(auditDetails({ a: [{ c: 1, d: null }], b: { x: true, y: 'ä' }, none: undefined })).toBe(text);
  });

  it('count in UTF-8 bytes', () => {
    const refused = expect.objectContaining({ code: 'ERR_ARGUMENT' });
    expect(auditDetails({ x: 'ä'.repeat(2044) })).toHaveLength(2052);
    expect(() => auditDetails({ x: 'ä'.repeat(2045) })).toThrow(refused);
    expect(auditDetails(`"${'€'.repeat(1364)}ab"`)).toHaveLength(1368);
    expect(() => auditDetails(`"${'€'.repeat(1365)}"`)).toThrow(refused);
  });

  it('must be JSON', () => {
    const refused = expect.objectContaining({ code: 'ERR_ARGUMENT' });
    expect(() => auditDetails({ big: 1n })).toThrow(refused);
  });
});

describe('the audit chain', () => {
  let data: TemporaryData;
  let store: IssuerStore;

  beforeEach(async () => {
    data = temporaryData();
    store = await data.create();
    for (let i = 1; i <= 5; i++) {
      await store.transaction('grow', async (tx) => {
        await tx.appendAudit(auditEvent(`event.${i}`, { client: 'mail', details: { i } }));
        if (i === 3) await tx.appendAudit(auditEvent('event.4 of one transaction'));
      });
    }
  });
  afterEach(() => data.dispose());

  function withDatabase<T>(work: (sqlite: Database.Database) => T): T {
    const sqlite = new Database(dataFiles(data.directory).database, { readonly: true });
    try {
      return work(sqlite);
    } finally {
      sqlite.close();
    }
  }
  const head = async () => (await store.verifyAuditChain()).head;

  it('holds for what was appended, also after it was opened again, and goes on', async () => {
    const before = await store.verifyAuditChain();
    expect(before).toEqual({ ok: true, entries: 6, head: expect.stringMatching(/^6:[A-Za-z0-9_-]{43}$/) });
    await store.close();
    store = await data.open();
    expect(await store.verifyAuditChain({ head: before.head })).toEqual(before);
    await store.transaction('grow', (tx) => tx.appendAudit(auditEvent('later')));
    expect(await store.verifyAuditChain({ head: before.head })).toMatchObject({ ok: true, entries: 7 });
  });

  it('holds for an empty log', async () => {
    const empty = temporaryData();
    try {
      const result = await (await empty.create()).verifyAuditChain();
      expect(result).toEqual({ ok: true, entries: 0, head: '0:' });
      expect(await store.verifyAuditChain({ head: result.head })).toMatchObject({ ok: true });
    } finally {
      await empty.dispose();
    }
  });

  it('is followed over several pages', async () => {
    await store.transaction('grow', async (tx) => {
      for (let i = 0; i < 2500; i++) await tx.appendAudit(auditEvent('bulk'));
    });
    expect(await store.verifyAuditChain()).toMatchObject({ ok: true, entries: 2506 });
    data.tamper('update audit set at_ms = at_ms + 1 where seq = 2300');
    expect(await store.verifyAuditChain()).toMatchObject({ ok: false, entries: 2299, brokenAt: 2300, reason: 'altered' });
  });

  it.each([
    'at_ms = at_ms + 1',
    "event = 'event.x'",
    "actor = 'admin'",
    "client = 'batch'",
    'client = null',
    "audience = ''",
    "token_id = 't'",
    "address = '10.0.0.1'",
    "request_id = 'r'",
    `details = '{"i":9}'`,
    `details = '{"i": 3}'`,
    'mac = substr(mac, 2) || substr(mac, 1, 1)',
    "mac = ''",
  ])('finds an altered row: %s', async (change) => {
    data.tamper(`update audit set ${change} where seq = 3`);
    expect(await store.verifyAuditChain()).toMatchObject({ ok: false, entries: 2, brokenAt: 3, reason: 'altered' });
  });

  it.each([1, 3, 5])('finds that row %i was removed', async (seq) => {
    data.tamper('delete from audit where seq = ?', seq);
    expect(await store.verifyAuditChain()).toMatchObject({ ok: false, entries: seq - 1, brokenAt: seq, reason: 'missing' });
  });

  it('finds a removed row when the later ones were moved up', async () => {
    data.tamper('delete from audit where seq = 3');
    data.tamper('update audit set seq = seq - 1 where seq > 3');
    expect(await store.verifyAuditChain()).toMatchObject({ ok: false, brokenAt: 3, reason: 'altered' });
  });

  it.each(['event', 'name', 'audience', 'hour', 'token'])('finds that lists by %s would pass rows over', async (kind) => {
    const about = { audience: 'invoice', atMs: 1, tokenId: tokenIdOf(1) };
    await store.transaction('grow', (tx) => tx.appendAudit(auditEvent('event.7', about)));
    expect(await store.verifyAuditChain()).toMatchObject({ ok: true });
    data.tamper('delete from audit_blocks where kind = ?', kind);
    expect(await store.verifyAuditChain()).toMatchObject({ ok: false, reason: 'not-listed' });
  });

  it('finds an inserted row', async () => {
    data.tamper('update audit set seq = -seq - 1 where seq > 3');
    data.tamper('update audit set seq = -seq where seq < 0');
    data.tamper(
      'insert into audit select 4, at_ms, event, actor, client, audience, token_id, address, request_id, details, mac from audit where seq = 3',
    );
    expect(await store.verifyAuditChain()).toMatchObject({ ok: false, brokenAt: 4, reason: 'altered' });
  });

  it('finds rows that changed places', async () => {
    data.tamper('update audit set seq = 99 where seq = 2');
    data.tamper('update audit set seq = 2 where seq = 3');
    data.tamper('update audit set seq = 3 where seq = 99');
    expect(await store.verifyAuditChain()).toMatchObject({ ok: false, brokenAt: 2, reason: 'altered' });
  });

  it('finds rows that were cut off when it is told an earlier head', async () => {
    const noted = await head();
    data.tamper('delete from audit where seq > 4');
    expect(await store.verifyAuditChain()).toMatchObject({ ok: true, entries: 4 });
    expect(await store.verifyAuditChain({ head: noted })).toMatchObject({
      ok: false,
      entries: 4,
      brokenAt: 5,
      reason: 'truncated',
    });
  });

  it('finds rows that were cut off and written anew', async () => {
    const noted = await head();
    data.tamper('delete from audit where seq > 4');
    await store.transaction('grow', async (tx) => {
      for (let i = 0; i < 3; i++) await tx.appendAudit(auditEvent('anew'));
    });
    expect(await store.verifyAuditChain()).toMatchObject({ ok: true, entries: 7 });
    expect(await store.verifyAuditChain({ head: noted })).toMatchObject({ ok: false, brokenAt: 6, reason: 'head-differs' });
  });

  it('finds a genuine row of a log that was cut off, put back among those written anew', async () => {
    const old = withDatabase((sqlite) =>
      sqlite.prepare('select at_ms, event, details, client, mac from audit where seq = 6').get(),
    );
    data.tamper('delete from audit where seq > 4');
    await store.transaction('grow', async (tx) => {
      for (let i = 0; i < 3; i++) await tx.appendAudit(auditEvent('anew'));
    });
    data.tamper(
      'update audit set at_ms = $at_ms, event = $event, details = $details, client = $client, mac = $mac where seq = 6',
      old,
    );
    expect(await store.verifyAuditChain()).toMatchObject({ ok: false, entries: 5, brokenAt: 6, reason: 'altered' });
  });

  it.each(['', '6', '06:x', `6:${'A'.repeat(44)}`, `-1:${'A'.repeat(43)}`, 'x:y'])(
    'refuses what is no head: %j',
    async (text) => {
      await expect(store.verifyAuditChain({ head: text })).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
    },
  );

  it('can be checked by a second process while the issuer runs', async () => {
    const reader = await data.open({ mode: 'read' });
    await store.transaction('grow', (tx) => tx.appendAudit(auditEvent('later')));
    expect(await reader.verifyAuditChain()).toMatchObject({ ok: true, entries: 7 });
  });

  it('goes on from what another process appended', async () => {
    const local = await data.open({ mode: 'local' });
    await local.transaction('grow', (tx) => tx.appendAudit(auditEvent('elsewhere')));
    await store.transaction('grow', (tx) => tx.appendAudit(auditEvent('here')));
    await local.transaction('grow', (tx) => tx.appendAudit(auditEvent('elsewhere')));
    expect(await store.verifyAuditChain()).toMatchObject({ ok: true, entries: 9 });
  });
});

describe('the MAC of an entry', () => {
  it('is what it was when databases of today were written', () => {
    const key = createSecretKey(new Uint8Array(32).fill(1));
    const about = { event: 'token.minted', actor: 'mail', client: 'mail', audience: 'invoice', tokenId: null };
    const entry = { ...about, seq: 1, atMs: 1792000000000, address: '::1', requestId: null };
    expect(auditMac(key, '', { ...entry, details: '{"n":1}' })).toBe('dtEAzkWWfC3NXdV9Ron2KIyoGmoFGlMPbsNs0fR6GNo');
    const second = auditMac(key, 'm', { ...entry, seq: 2, details: '{"n":"é"}' });
    expect(second).toBe('DmJtIt-hpm0G-CNdupWVN-KgIrZ5bXElq74IjPuX-Y4');
  });
});

describe('following a chain', () => {
  it('does not accept a row under another key', async () => {
    const key = createSecretKey(new Uint8Array(32).fill(1));
    const row = {
      seq: 1,
      atMs: 1,
      event: 'e',
      actor: 'a',
      client: null,
      audience: null,
      tokenId: null,
      address: null,
      requestId: null,
      details: '{}',
    };
    const rows = [{ ...row, mac: auditMac(key, '', row) }];
    const follow = (by: ReturnType<typeof createSecretKey>) =>
      followAuditChain(
        by,
        async (after) => rows.filter((one) => one.seq > after),
        () => true,
      );
    expect(await follow(key)).toMatchObject({ ok: true, entries: 1 });
    expect(await follow(createSecretKey(new Uint8Array(32)))).toMatchObject({ ok: false, brokenAt: 1 });
  });
});
