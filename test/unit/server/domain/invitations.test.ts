/** Invitations as administrators make, see and end them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NewInvitationRequest } from '../../../../src/protocol/wire.js';
import { IssuerError } from '../../../../src/server/domain/issuer-error.js';
import { type IssuerAtHand, issuerAtHand, refusal } from '../../../support/issuer-at-hand.js';

let at: IssuerAtHand;
beforeEach(async () => {
  at = await issuerAtHand();
});
afterEach(() => at.close());

const create = (request: NewInvitationRequest) => at.issuer.createInvitation(at.admin(), request);
const day = 86_400;

describe('an invitation', () => {
  it.each<[string, NewInvitationRequest, number, number]>([
    ['for a name has one use and a day', { name: 'mail' }, 1, day],
    ['for a name may say that it has one use', { name: 'mail', uses: 1 }, 1, day],
    ['for a name has the time that was asked for', { name: 'mail', expires_in: 60 }, 1, 60],
    ['lasts thirty days at most', { name: 'mail', expires_in: 30 * day }, 1, 30 * day],
    ['for a group has an hour', { uses: 20 }, 20, 3_600],
    ['for a group has a thousand uses at most', { uses: 1_000, expires_in: day }, 1_000, day],
  ])('%s', async (_, request, uses, seconds) => {
    const made = await create(request);
    expect(made).toMatchObject({ uses_left: uses, state: 'live', created_at: '2026-11-21T12:00:00Z' });
    expect(made.name).toBe(request.name);
    expect((Date.parse(made.expires_at) - Date.parse(made.created_at)) / 1000).toBe(seconds);
    expect(Buffer.from(made.shared_key, 'base64url')).toHaveLength(32);
  });

  it.each<[string, NewInvitationRequest, string, string]>([
    ['with neither a name nor uses', {}, 'invalid_request', '/uses'],
    ['for a name, twice', { name: 'mail', uses: 2 }, 'invalid_request', '/uses'],
    ['for too large a group', { uses: 1_001 }, 'invalid_request', '/uses'],
    ['for more than thirty days', { name: 'mail', expires_in: 30 * day + 1 }, 'invalid_request', '/expires_in'],
    ['for what is no name', { name: 'Mail' }, 'invalid_request', '/name'],
    ['for a name that a client has', { name: 'admin' }, 'conflict', '/name'],
  ])('is refused %s', async (_, request, code, pointer) => {
    const error = await create(request).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(IssuerError);
    expect(error).toMatchObject({ code, pointer });
    expect(await at.issuer.invitations()).toEqual([]);
  });

  it('has a key of its own, shown once and never written down', async () => {
    const made = [];
    for (const request of [{ name: 'mail' }, { name: 'shop' }, { uses: 3 }]) {
      made.push(await create(request));
      at.time.nowMs++;
    }
    expect(new Set(made.map(({ shared_key }) => shared_key)).size).toBe(3);
    const [listed, audit] = [await at.issuer.invitations(), await at.issuer.audit({ limit: 100 })];
    expect(listed).toEqual(made.map(({ shared_key: _, ...shown }) => shown));
    for (const { shared_key } of made) expect(JSON.stringify([listed, audit])).not.toContain(shared_key);
  });

  it('is in the audit log, with who made it and who ended it', async () => {
    const { invitation, expires_at } = await create({ name: 'mail' });
    await at.issuer.revokeInvitation(at.admin(), invitation);
    const { entries } = await at.issuer.audit({ client: 'mail', limit: 10 });
    expect(entries).toMatchObject([
      { event: 'invitation.created', actor: 'admin', details: { invitation, uses: 1, expires_at } },
      { event: 'invitation.revoked', actor: 'admin', details: { invitation } },
    ]);
  });

  it('ends by itself, at the millisecond', async () => {
    const { invitation } = await create({ name: 'mail', expires_in: 60 });
    at.time.nowMs += 59_999;
    expect(await at.issuer.invitations()).toMatchObject([{ invitation, state: 'live' }]);
    at.time.nowMs += 1;
    expect(await at.issuer.invitations()).toMatchObject([{ invitation, state: 'ended' }]);
  });

  it('that was revoked stays so, whoever revokes it again', async () => {
    const { invitation } = await create({ name: 'mail' });
    expect(await at.issuer.revokeInvitation(at.admin(), invitation)).toMatchObject({ state: 'ended' });
    at.time.nowMs += 1000;
    expect(await at.issuer.revokeInvitation(at.admin(), invitation)).toMatchObject({ expires_at: '2026-11-21T12:00:00Z' });
    const { entries } = await at.issuer.audit({ event: 'invitation.revoked', limit: 10 });
    expect(entries).toHaveLength(1);
  });

  it.each([
    ['by a clock that is set back after that', 0],
    ['by a clock that was ahead, and had ended it by itself', 2 * day * 1000],
  ])('that was revoked does not live again: %s', async (_, aheadMs) => {
    const { invitation } = await create({ name: 'mail' });
    at.time.nowMs += aheadMs;
    const revoked = await at.issuer.revokeInvitation(at.admin(), invitation);
    expect(revoked).toMatchObject({
      state: 'ended',
      expires_at: aheadMs === 0 ? '2026-11-21T12:00:00Z' : '2026-11-22T12:00:00Z',
    });
    at.time.nowMs -= aheadMs + 60_000;
    const after = { ...revoked, state: 'ended' };
    expect(await at.issuer.invitations()).toEqual([after]);
    const proved = { invitation, name: 'mail', nonce: new Uint8Array(32), privateKey: new Uint8Array(32) };
    expect(await at.issuer.enrol({ address: undefined, requestId: undefined }, proved)).toEqual({
      ok: false,
      reason: 'invitation_ended',
    });
    expect(await at.issuer.revokeInvitation(at.admin(), invitation)).toEqual(after);
    expect((await at.issuer.audit({ event: 'invitation.revoked', limit: 10 })).entries).toHaveLength(1);
  });

  it('that was used up is not revoked', async () => {
    const { invitation } = await create({ name: 'mail' });
    const proved = { invitation, name: 'mail', nonce: new Uint8Array(32), privateKey: new Uint8Array(32) };
    expect(await at.issuer.enrol({ address: undefined, requestId: undefined }, proved)).toMatchObject({ ok: true });
    expect(await at.issuer.revokeInvitation(at.admin(), invitation)).toMatchObject({ state: 'used_up' });
    expect((await at.issuer.audit({ event: 'invitation.revoked', limit: 10 })).entries).toEqual([]);
  });

  it('that is not there cannot be revoked', async () => {
    expect(await refusal(at.issuer.revokeInvitation(at.admin(), 'inv_none'))).toBe('not_found');
  });
});
