/** Enrolment over HTTP, on a real store: who gets in, what everybody else is told, and what is left behind. */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WireNewInvitation } from '../../../../src/protocol/wire.js';
import { type AppAnswer, type AppAtHand, appAtHand } from '../../../support/server-at-hand.js';
import { enrolmentOf, header, isProved, mintMessage, reasonsFor, sendMessage } from '../auth/mac-client.js';

let app: AppAtHand;
beforeEach(async () => {
  app = await appAtHand();
});
afterEach(() => app.close());

const invite = (name = 'mail', expires_in = 60) => app.issuer.createInvitation(app.admin(), { name, expires_in });
const inviteGroup = (uses: number) => app.issuer.createInvitation(app.admin(), { uses });
const enrolmentBy = ({ invitation, shared_key }: WireNewInvitation, name: string, nonce?: Uint8Array) =>
  enrolmentOf(invitation, shared_key, name, nonce);
type Enrolment = ReturnType<typeof enrolmentOf>;

const send = ({ body }: { readonly body: object }, to: Pick<AppAtHand, 'send'> = app): Promise<AppAnswer> =>
  to.send('POST', '/v1/enrolments', {}, Buffer.from(JSON.stringify(body)));
const isSigned = (answer: AppAnswer, { key, nonce }: Enrolment) => isProved(answer, key, nonce);

describe('the holder of an invitation', () => {
  it('becomes a client that proves itself by the private key, and may do nothing yet', async () => {
    const enrolment = enrolmentBy(await invite(), 'mail');
    const answer = await send(enrolment);
    expect(answer).toMatchObject({ status: 201, json: { client: 'mail', credential_id: expect.stringMatching(/^crd_/) } });
    expect(Object.keys(answer.json)).toEqual(['client', 'credential_id']);
    expect(isSigned(answer, enrolment)).toBe(true);
    expect(await app.issuer.client('mail')).toMatchObject({ auth: [['shared_key_hmac']], grants: [], verifier_of: [], ips: [] });
    expect(await app.issuer.rootKeys('mail')).toMatchObject([{ generation: 1, state: 'active' }]);
    expect(await app.issuer.credentials('mail')).toEqual([
      {
        credential_id: answer.json['credential_id'],
        client: 'mail',
        auth_method: 'shared_key_hmac',
        ips: [],
        state: 'live',
        created_at: '2026-11-21T12:00:00Z',
      },
    ]);
    await app.issuer.createAudience(app.admin(), 'invoice');
    const minted = await sendMessage(app, mintMessage({ name: 'mail', key: enrolment.key }, app.time.nowMs));
    expect(minted).toMatchObject({ status: 403, json: { code: 'grant_exceeded' } });
  });

  it('cannot do anything else with the shared key', async () => {
    const invitation = await invite();
    await send(enrolmentBy(invitation, 'mail'));
    const key = Buffer.from(invitation.shared_key, 'base64url');
    expect((await sendMessage(app, mintMessage({ name: 'mail', key }, app.time.nowMs))).status).toBe(401);
  });

  it('is in the audit log, and neither nonce nor MAC nor a key is in any log', async () => {
    const invitation = await invite();
    const enrolment = enrolmentBy(invitation, 'mail');
    await send(enrolment);
    await send(enrolment);
    await send(enrolmentBy({ ...invitation, shared_key: 'A'.repeat(43) }, 'mail'));
    await app.issuer.flushFailures();
    const { entries } = await app.issuer.audit({ client: 'mail', limit: 100 });
    expect(entries.find(({ event }) => event === 'client.enrolled')).toMatchObject({
      actor: '(anonymous)',
      address: '192.0.2.7',
      details: { invitation: invitation.invitation, is_group: false, credential_id: expect.stringMatching(/^crd_/) },
    });
    const written = JSON.stringify(entries) + app.lines.join('');
    const secrets = [
      enrolment.body.nonce,
      enrolment.body.mac,
      invitation.shared_key,
      Buffer.from(enrolment.key).toString('base64url'),
    ];
    for (const secret of secrets) {
      expect(written).not.toContain(secret);
      expect(written).not.toContain(Buffer.from(secret, 'base64url').toString('hex'));
      expect(written).not.toContain(Buffer.from(secret, 'base64url').toString('base64'));
    }
  });
});

describe('whoever is refused', () => {
  const wrongMac = async (): Promise<Enrolment> => {
    const { invitation } = await invite();
    return enrolmentOf(invitation, Buffer.from(randomBytes(32)).toString('base64url'), 'mail');
  };
  const unknown = async (): Promise<Enrolment> => enrolmentBy({ ...(await invite()), invitation: 'inv_none' }, 'mail');
  const changed = (member: 'name' | 'nonce') => async (): Promise<Enrolment> => {
    const enrolment = enrolmentBy(await inviteGroup(1), 'mail');
    const value = member === 'name' ? 'mallory' : Buffer.from(randomBytes(32)).toString('base64url');
    return { ...enrolment, body: { ...enrolment.body, [member]: value } };
  };
  const expired = async (): Promise<Enrolment> => {
    const enrolment = enrolmentBy(await invite(), 'mail');
    app.time.nowMs += 60_000;
    return enrolment;
  };
  const revoked = async (): Promise<Enrolment> => {
    const invitation = await invite();
    await app.issuer.revokeInvitation(app.admin(), invitation.invitation);
    return enrolmentBy(invitation, 'mail');
  };
  const usedUp = async (): Promise<Enrolment> => {
    const invitation = await inviteGroup(1);
    await send(enrolmentBy(invitation, 'first'));
    return enrolmentBy(invitation, 'mail');
  };
  const otherName = async (): Promise<Enrolment> => enrolmentBy(await invite(), 'shop');
  const replayed = async (): Promise<Enrolment> => {
    const enrolment = enrolmentBy(await inviteGroup(2), 'mail');
    // By another process, or before a restart.
    await send(enrolment, await appAtHand({ issuer: app }));
    return enrolment;
  };
  const sameNonce = async (): Promise<Enrolment> => {
    const invitation = await inviteGroup(2);
    const nonce = randomBytes(32);
    await send(enrolmentBy(invitation, 'first', nonce));
    return enrolmentBy(invitation, 'mail', nonce);
  };

  it.each<[string, () => Promise<Enrolment>, string, boolean]>([
    ['a wrong MAC', wrongMac, 'mac_wrong', false],
    ['an unknown invitation', unknown, 'invitation_unknown', false],
    ['another name under the MAC', changed('name'), 'mac_wrong', false],
    ['another nonce under the MAC', changed('nonce'), 'mac_wrong', false],
    ['an invitation that expired', expired, 'invitation_ended', true],
    ['an invitation that was revoked', revoked, 'invitation_ended', true],
    ['an invitation that was used up', usedUp, 'invitation_used_up', true],
    ['another name than invited', otherName, 'name_not_invited', true],
    ['the same enrolment again', replayed, 'replayed', true],
    ['the nonce of another enrolment', sameNonce, 'replayed', true],
  ])('by %s is told nothing; the audit log knows', async (_, prepare, reason, isHolder) => {
    const reference = await send(enrolmentOf('inv_x', 'A'.repeat(43), 'nobody'));
    const enrolment = await prepare();
    const clients = (await app.issuer.clients()).length;
    const answer = await send(enrolment);
    expect(answer.status).toBe(401);
    expect({ ...answer.json, instance: '' }).toEqual({ ...reference.json, instance: '' });
    expect(Object.keys(answer.headers).toSorted()).toEqual(Object.keys(reference.headers).toSorted());
    expect(answer.headers[header]).toHaveLength(reference.headers[header]?.length ?? 0);
    // Only who has the shared key can tell that the issuer said so.
    expect(isProved(answer, enrolment.key, Buffer.from(enrolment.body.nonce, 'base64url'))).toBe(isHolder);
    expect(await reasonsFor(app, enrolment.body.name)).toEqual([reason]);
    expect(await app.issuer.clients()).toHaveLength(clients);
  });

  it('by a name that is taken is told so, in an answer that is proved, and only with the shared key', async () => {
    const group = await inviteGroup(3);
    const enrolment = enrolmentBy(group, 'admin');
    const answer = await send(enrolment);
    expect(answer).toMatchObject({ status: 409, json: { code: 'conflict' } });
    expect(isSigned(answer, enrolment)).toBe(true);
    expect(await reasonsFor(app, 'admin')).toEqual(['name_taken']);
    const stranger = await send(enrolmentOf(group.invitation, 'A'.repeat(43), 'admin'));
    expect(stranger).toMatchObject({ status: 401, json: { code: 'invalid_client' } });
    expect((await app.issuer.invitations())[0]).toMatchObject({ uses_left: 3 });
  });

  it.each([
    ['a nonce of 31 bytes', { nonce: Buffer.alloc(31).toString('base64url') }],
    ['a MAC in hexadecimal', { mac: '00'.repeat(32) }],
    ['padding', { mac: `${'A'.repeat(43)}=` }],
    ['a name that is none', { name: 'Mail' }],
    ['one member more', { group: true }],
  ])('by %s is told what is wrong', async (_, members) => {
    const { body } = enrolmentBy(await invite(), 'mail');
    expect(await send({ body: { ...body, ...members } })).toMatchObject({ status: 400, json: { code: 'invalid_request' } });
  });

  it('too often from one address waits, for logins too, and a right MAC is told so in a proved answer', async () => {
    const failureLimits = { perClientAndAddress: 100, perAddress: 3, windowSeconds: 60, maxKeys: 100 };
    const limited = await appAtHand({ issuer: app, failureLimits });
    for (let i = 0; i < 3; i++) await send(enrolmentOf('inv_x', 'A'.repeat(43), `n${i}`), limited);
    const enrolment = enrolmentBy(await invite(), 'mail');
    const answer = await send(enrolment, limited);
    expect(answer).toMatchObject({ status: 429, json: { code: 'rate_limited' } });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(isSigned(answer, enrolment)).toBe(true);
    expect(await reasonsFor(app, 'mail')).toEqual(['rate_limited']);
    const login = await sendMessage(limited, mintMessage({ name: 'mail', key: enrolment.key }, app.time.nowMs));
    expect(login.status).toBe(429);
  });

  it('is not counted for repeating what was right', async () => {
    const failureLimits = { perClientAndAddress: 1, perAddress: 1, windowSeconds: 60, maxKeys: 100 };
    const limited = await appAtHand({ issuer: app, failureLimits });
    const group = await inviteGroup(2);
    const enrolment = enrolmentBy(group, 'mail');
    for (const status of [201, 401, 401]) expect((await send(enrolment, limited)).status).toBe(status);
    expect((await send(enrolmentBy(group, 'shop'), limited)).status).toBe(201);
  });

  it('without TLS is told why, and so is who would invite', async () => {
    const plain = await appAtHand({ issuer: app, issuerUrl: () => 'http://localhost:8080' });
    const answer = await send(enrolmentBy(await invite(), 'mail'), plain);
    expect(answer).toMatchObject({ status: 400, json: { code: 'invalid_request', detail: expect.stringContaining('TLS') } });
    expect((await app.issuer.clients()).map(({ client }) => client)).toEqual(['admin']);
  });
});

it.each([
  ['one', () => invite(), 0],
  ['a group', () => inviteGroup(100), 99],
])(
  'of a hundred copies of one enrolment that come at once, by an invitation for %s, exactly one is accepted',
  async (_, prepare, left) => {
    const invitation = await prepare();
    const enrolment = enrolmentBy(invitation, 'mail');
    const answers = await Promise.all(Array.from({ length: 100 }, () => send(enrolment)));
    const statuses = answers.map(({ status }) => status).toSorted();
    expect(statuses).toEqual([201, ...Array.from({ length: 99 }, () => 401)]);
    expect(await app.issuer.credentials('mail')).toHaveLength(1);
    expect(await app.issuer.clients()).toHaveLength(2);
    expect(await app.issuer.invitations()).toMatchObject([{ uses_left: left }]);
  },
);

describe('an invitation for one', () => {
  it('lets exactly one of four in who come at once', async () => {
    const invitation = await invite();
    const enrolments = Array.from({ length: 4 }, () => enrolmentBy(invitation, 'mail'));
    const answers = await Promise.all(enrolments.map((one) => send(one)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 401, 401, 401]);
    expect(await app.issuer.credentials('mail')).toHaveLength(1);
    const winner = enrolments[answers.findIndex(({ status }) => status === 201)];
    await app.issuer.createAudience(app.admin(), 'invoice');
    for (const { key } of enrolments) {
      const { status } = await sendMessage(app, mintMessage({ name: 'mail', key }, app.time.nowMs));
      expect(status).toBe(key === winner?.key ? 403 : 401);
    }
  });
});

describe('an invitation for a group', () => {
  it('lets as many in as it has uses, each under a name and a key of its own', async () => {
    const group = await inviteGroup(3);
    const names = ['a', 'b', 'c', 'd'];
    const enrolments = names.map((name) => enrolmentBy(group, name));
    const statuses = [];
    for (const enrolment of enrolments) statuses.push((await send(enrolment)).status);
    expect(statuses).toEqual([201, 201, 201, 401]);
    expect(new Set(enrolments.map(({ key }) => Buffer.from(key).toString('hex'))).size).toBe(4);
    expect(await app.issuer.invitations()).toMatchObject([{ uses_left: 0, state: 'used_up' }]);
  });

  it('lets no more in than that when they come at once', async () => {
    const group = await inviteGroup(2);
    const answers = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => send(enrolmentBy(group, name))));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(2);
    expect(await app.issuer.clients()).toHaveLength(3);
  });

  it('gives no member the name of another, taken or promised', async () => {
    const group = await inviteGroup(5);
    await send(enrolmentBy(group, 'alice'));
    const promised = await invite('mail');
    expect((await send(enrolmentBy(group, 'alice'))).status).toBe(409);
    expect((await send(enrolmentBy(group, 'mail'))).status).toBe(409);
    expect((await send(enrolmentBy(promised, 'mail'))).status).toBe(201);
    await invite('late');
    app.time.nowMs += 60_000;
    expect((await send(enrolmentBy(group, 'late'))).status).toBe(201);
  });

  it('lets no member act as another, with all that both have and all that travels in requests', async () => {
    const group = await inviteGroup(2);
    const [alice, mallory] = [enrolmentBy(group, 'alice'), enrolmentBy(group, 'mallory')];
    for (const one of [alice, mallory]) await send(one);
    const seen = mintMessage({ name: 'alice', key: alice.key }, app.time.nowMs);
    const answered = await sendMessage(app, seen);
    const shared = Buffer.from(group.shared_key, 'base64url');
    const nonceOfAnswer = Buffer.from(/nonce=:([^:]+):/.exec(answered.headers[header] ?? '')?.[1] ?? '', 'base64');
    // Keys that a member can make of what it has: its own, and the shared key over every nonce that travels outside the enrolment.
    const guesses = [
      mallory.key,
      shared,
      ...[seen.nonce, nonceOfAnswer, seen.mac].map((of) => enrolmentBy(group, 'alice', of).key),
    ];
    for (const key of guesses) {
      expect((await sendMessage(app, mintMessage({ name: 'alice', key }, app.time.nowMs))).status).toBe(401);
    }
  });
});
