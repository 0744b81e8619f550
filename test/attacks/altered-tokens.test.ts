/**
 * Somebody who writes into the database but has no master key alters what is kept of tokens. No alteration makes the issuer revoke less, or something
 * else, than it was asked for; what it cannot vouch for it refuses, and goes on with the rest.
 */
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { formatRfc3339 } from '../../src/caveats/rfc3339.js';
import type { MintResponse } from '../../src/protocol/wire.js';
import type { ClientCaller } from '../../src/server/domain/issuer.js';
import { dataFiles } from '../../src/server/store/data-files.js';
import { type IssuerAtHand, issuerAtHand, refusal } from '../support/issuer-at-hand.js';

const corrupt = { code: 'ERR_STORE_CORRUPT' };

let at: IssuerAtHand;
let mail: ClientCaller;
let batch: ClientCaller;
/** Entries follow each other in this order: of mail, of batch, of mail. */
let first: MintResponse;
let second: MintResponse;
let third: MintResponse;
beforeEach(async () => {
  at = await issuerAtHand();
  mail = await at.clientFor('invoice', 'mail');
  batch = await at.clientFor('payroll', 'batch');
  first = await at.issuer.mint(mail, { audience: 'invoice' });
  at.time.nowMs += 1000;
  second = await at.issuer.mint({ ...batch, address: '10.0.0.7', requestId: 'r-2' }, { audience: 'payroll' });
  at.time.nowMs += 1000;
  third = await at.issuer.mint(mail, { audience: 'invoice' });
});
afterEach(() => at.close());

function alter(sql: string, ...parameters: readonly string[]): void {
  const sqlite = new Database(dataFiles(at.directory).database);
  try {
    sqlite.pragma('ignore_check_constraints = ON');
    expect(sqlite.prepare(sql).run(...parameters).changes).toBe(1);
  } finally {
    sqlite.close();
  }
}

const revoke = ({ token_id }: MintResponse) => at.issuer.revoke(at.admin(), { kind: 'token', token_id });
const revokeClient = (client: string) => at.issuer.revoke(at.admin(), { kind: 'client', client });
const stateOf = ({ token_id, client, issued_at }: MintResponse) =>
  at.issuer.revocationOf({ tokenId: token_id, client, issuedAtMs: Date.parse(issued_at) });
const chain = () => at.store.verifyAuditChain();

/** Minting, revoking by id and by client, and whoever looks at the log. */
async function expectTheRestToWork(): Promise<void> {
  await revoke(first);
  expect(await stateOf(first)).toBe('ERR_REVOKED_TOKEN');
  at.time.nowMs += 1000;
  const fourth = await at.issuer.mint(mail, { audience: 'invoice' });
  expect(await stateOf(fourth)).toBeUndefined();
  await revokeClient('mail');
  expect(await stateOf(third)).toBe('ERR_REVOKED_CLIENT');
  expect(await stateOf(fourth)).toBe('ERR_REVOKED_CLIENT');
  expect((await at.issuer.audit({ limit: 100 })).entries.length).toBeGreaterThan(3);
}

describe('an altered entry of a token', () => {
  it.each([
    ['at_ms', 'at_ms = at_ms - 1'],
    ['event', "event = 'token.denied'"],
    ['actor', "actor = 'mail'"],
    ['client', "client = 'mail'"],
    ['client', 'client = null'],
    ['audience', "audience = 'invoice'"],
    ['address', 'address = null'],
    ['request_id', "request_id = 'r-3'"],
    ['expiry', "details = json_set(details, '$.expires_at', '2026-11-21T12:00:02Z')"],
    ['details', "details = '{}'"],
    ['mac', 'mac = substr(mac, 2) || substr(mac, 1, 1)'],
  ])('is not revoked by, and breaks nothing else: %s, %s', async (_what, change) => {
    alter(`update audit set ${change} where token_id = ?`, second.token_id);
    await expect(revoke(second)).rejects.toMatchObject(corrupt);
    expect(await chain()).toMatchObject({ ok: false, reason: 'altered' });
    await expectTheRestToWork();
    await expect(revoke(second)).rejects.toMatchObject(corrupt);
    // The client is revoked by what is kept of itself.
    await revokeClient('batch');
    expect(await stateOf(second)).toBe('ERR_REVOKED_CLIENT');
  });

  it('does not make it the token of somebody else, who could revoke it', async () => {
    expect(await refusal(at.issuer.revoke(mail, { kind: 'token', token_id: second.token_id }))).toBe('not_found');
    alter("update audit set client = 'mail', actor = 'mail' where token_id = ?", second.token_id);
    await expect(at.issuer.revoke(mail, { kind: 'token', token_id: second.token_id })).rejects.toMatchObject(corrupt);
    expect(await stateOf(second)).toBeUndefined();
  });

  it('is not hidden by the entry that goes before it: altered, or removed', async () => {
    alter("update audit set mac = '' where token_id = ?", first.token_id);
    await expect(revoke(second)).rejects.toMatchObject(corrupt);
    alter('delete from audit where token_id = ?', first.token_id);
    await expect(revoke(second)).rejects.toMatchObject(corrupt);
  });
});

describe('an entry of another token', () => {
  const others = 'at_ms, event, actor, client, audience, address, request_id, details';

  it.each([others, `${others}, mac`])('does not hold in the place of the first: %s', async (columns) => {
    alter(
      `update audit set (${columns}) = (select ${columns} from audit where token_id = ?) where token_id = ?`,
      third.token_id,
      second.token_id,
    );
    await expect(revoke(second)).rejects.toMatchObject(corrupt);
    expect(await chain()).toMatchObject({ ok: false, reason: 'altered' });
    await expectTheRestToWork();
  });

  it('does not hold when it was given the id, in front of the genuine one', async () => {
    alter('update audit set token_id = ? where token_id = ?', third.token_id, second.token_id);
    await expect(revoke(third)).rejects.toMatchObject(corrupt);
    expect(await refusal(revoke(second))).toBe('not_found');
    expect(await chain()).toMatchObject({ ok: false, reason: 'altered' });
  });
});

describe('a removed entry of a token', () => {
  it('is a token that nobody knows, and the log tells what is missing', async () => {
    alter('delete from audit where token_id = ?', second.token_id);
    expect(await refusal(revoke(second))).toBe('not_found');
    expect(await chain()).toMatchObject({ ok: false, reason: 'missing' });
    // The one after it cannot be checked any more.
    await expect(revoke(third)).rejects.toMatchObject(corrupt);
    await expectTheRestToWork();
    await revokeClient('batch');
    expect(await stateOf(second)).toBe('ERR_REVOKED_CLIENT');
  });

  it('is missed where the token was revoked already', async () => {
    await revoke(second);
    alter("delete from audit where token_id = ? and event = 'token.minted'", second.token_id);
    await expect(revoke(second)).rejects.toMatchObject(corrupt);
    expect(await stateOf(second)).toBe('ERR_REVOKED_TOKEN');
  });
});

describe('the newest token, which decides up to when a client is revoked', () => {
  it.each([
    ['its entry was altered', "set client = 'batch' where token_id = ?", () => third],
    ['its id was altered', "set token_id = '01fff' || substr(token_id, 6) where token_id = ?", () => third],
    ['another was made the newest', "set token_id = 'f' || substr(token_id, 2) where token_id = ?", () => second],
  ])('is believed no more when %s: nothing is revoked by it', async (_what, change, whose) => {
    alter(`update audit ${change}`, whose().token_id);
    await expect(revokeClient('mail')).rejects.toMatchObject(corrupt);
    const ofRootKey = { kind: 'root_key', root_key_id: third.root_key_id } as const;
    await expect(at.issuer.revoke(at.admin(), ofRootKey)).rejects.toMatchObject(corrupt);
    expect(await stateOf(third)).toBeUndefined();
    await revoke(first);
    expect(await stateOf(first)).toBe('ERR_REVOKED_TOKEN');
    expect(await chain()).toMatchObject({ ok: false, reason: 'altered' });
  });

  it.each([
    ['made older', "update audit set token_id = '00' || substr(token_id, 3)"],
    ['removed', 'delete from audit'],
  ])('is not another one when it was %s', async (_what, change) => {
    alter(`${change} where token_id = ?`, third.token_id);
    await expect(revokeClient('mail')).rejects.toMatchObject(corrupt);
    expect(await stateOf(third)).toBeUndefined();
    await revoke(first);
    expect(await stateOf(first)).toBe('ERR_REVOKED_TOKEN');
    at.time.nowMs += 1000;
    await at.issuer.mint(mail, { audience: 'invoice' });
    await revokeClient('mail');
    expect(await stateOf(third)).toBe('ERR_REVOKED_CLIENT');
  });

  it('hides from nobody who verifies the log when it was taken out of the notes of where tokens are', async () => {
    alter("delete from audit_blocks where kind = 'token' and value = substr(?, 1, 12)", third.token_id);
    expect(await refusal(revoke(third))).toBe('not_found');
    expect(await chain()).toMatchObject({ ok: false, reason: 'not-listed' });
    await revokeClient('mail');
    expect(await stateOf(third)).toBe('ERR_REVOKED_CLIENT');
  });

  it.each([
    ['and a time before it is asked for', 0, 0],
    ['and the clock was set back', 3_600_000, -7_200_000],
  ])('is revoked with its client where the log was cut off before it, %s', async (_what, laterMs, backMs) => {
    at.time.nowMs += laterMs;
    const last = laterMs === 0 ? third : await at.issuer.mint(mail, { audience: 'invoice' });
    alter('delete from audit where token_id = ?', last.token_id);
    alter("delete from audit_blocks where kind = 'token' and value = substr(?, 1, 12)", last.token_id);
    at.time.nowMs += backMs;
    const before = formatRfc3339(at.time.nowMs - 60_000);
    await at.issuer.revoke(at.admin(), { kind: 'client', client: 'mail', before });
    expect(await stateOf(last)).toBe('ERR_REVOKED_CLIENT');
  });
});
