/** `shared_key_hmac` as the issuer checks it: the clock, nonces, everything that can be altered, and what a stranger can learn. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { sqliteReplayStore } from '../../../../src/verifier/sqlite.js';
import { type AppAtHand, appAtHand } from '../../../support/server-at-hand.js';
import {
  type Account,
  enrolled,
  header,
  headerOf,
  isProved,
  type MacMessage,
  mintMessage,
  reasonsFor,
  sendMessage,
} from './mac-client.js';

const manyFailures = { perClientAndAddress: 1000, perAddress: 1000, windowSeconds: 60, maxKeys: 1000 };
const windowMs = 5_000;
let app: AppAtHand;
let count = 0;

beforeAll(async () => {
  app = await appAtHand({ failureLimits: manyFailures });
  await app.issuer.createAudience(app.admin(), 'invoice');
});
afterAll(() => app.close());

const newAccount = (): Promise<Account> => enrolled(app, app, `mail-${++count}`);

describe('a request', () => {
  it('is carried out, and its answer is proved', async () => {
    const account = await newAccount();
    const message = mintMessage(account, app.time.nowMs);
    const answer = await sendMessage(app, message);
    expect(answer).toMatchObject({ status: 201, json: { client: account.name, audience: 'invoice' } });
    expect(isProved(answer, account.key, message.nonce)).toBe(true);
    expect(isProved({ ...answer, status: 200 }, account.key, message.nonce)).toBe(false);
  });

  it('names its auth method in the token', async () => {
    const account = await newAccount();
    await sendMessage(app, mintMessage(account, app.time.nowMs));
    const { entries } = await app.issuer.audit({ client: account.name, event: 'token.minted', limit: 1 });
    expect(entries[0]?.details).toMatchObject({ auth_methods: ['shared_key_hmac'] });
  });

  it.each([
    [-windowMs - 1, false],
    [-windowMs, false],
    [-windowMs + 1, true],
    [0, true],
    [windowMs - 1, true],
    [windowMs, false],
    [windowMs + 1, false],
    [2 * windowMs, false],
    [-2 * windowMs, false],
    [86_400_000, false],
  ])('sent %d ms from now is accepted: %s', async (offsetMs, isAccepted) => {
    const account = await newAccount();
    const message = mintMessage(account, app.time.nowMs + offsetMs);
    const answer = await sendMessage(app, message);
    expect(answer.status).toBe(isAccepted ? 201 : 401);
    expect(isProved(answer, account.key, message.nonce)).toBe(true);
    expect(await reasonsFor(app, account.name)).toEqual(isAccepted ? [] : ['time_wrong']);
  });

  it.each<[string, (message: MacMessage) => Partial<MacMessage>]>([
    ['nonce', () => ({ nonce: randomBytes(32) })],
    ['time', ({ sentAtMs }) => ({ sentAtMs: sentAtMs + 1 })],
    ['query', ({ target }) => ({ target: `${target}?` })],
    ['path', () => ({ target: '/v1/verify' })],
    ['body', () => ({ body: Buffer.from('{"audience":"invoice" }') })],
    ['a bit of the MAC', ({ mac }) => ({ mac: Uint8Array.from(mac, (byte, i) => (i === 31 ? byte ^ 1 : byte)) })],
  ])('is refused when somebody changed: %s', async (_, change) => {
    const account = await newAccount();
    const message = mintMessage(account, app.time.nowMs);
    const changed = { ...message, ...change(message) };
    const answer = await sendMessage(app, changed);
    expect(answer).toMatchObject({ status: 401, json: { code: 'invalid_client' } });
    expect(isProved(answer, account.key, changed.nonce)).toBe(true);
    expect(await reasonsFor(app, account.name)).toEqual(['signature_wrong']);
    // Nobody can use a client's nonce up for it.
    expect((await sendMessage(app, message)).status).toBe(201);
  });

  it('is refused under another name, and so is another method', async () => {
    const [mail, shop] = [await newAccount(), await newAccount()];
    const message = mintMessage(mail, app.time.nowMs);
    expect((await sendMessage(app, { ...message, name: shop.name })).status).toBe(401);
    expect(await reasonsFor(app, shop.name)).toEqual(['signature_wrong']);
    const other = await app.send('PUT', message.target, { [header]: headerOf(message) }, message.body);
    expect(other.status).toBe(401);
    expect(isProved(other, mail.key, message.nonce)).toBe(true);
  });

  it('is refused with two proofs of one client', async () => {
    const account = await newAccount();
    const message = mintMessage(account, app.time.nowMs);
    const basic = `Basic ${Buffer.from('admin:x').toString('base64')}`;
    const answer = await app.send('POST', message.target, { [header]: headerOf(message), authorization: basic }, message.body);
    expect(answer).toMatchObject({ status: 400, json: { code: 'invalid_request' } });
  });
});

describe('a nonce', () => {
  it.each([
    ['at once', 0, 0, 'replayed'],
    ['when it is almost too old', windowMs - 1, 0, 'replayed'],
    ['after almost two windows, from a clock that is ahead', 2 * windowMs - 2, windowMs - 1, 'replayed'],
    ['after two windows', 2 * windowMs, windowMs - 1, 'time_wrong'],
    ['after more', 2 * windowMs + 1, 0, 'time_wrong'],
  ])('is good once: again %s', async (_, laterMs, aheadMs, reason) => {
    const account = await newAccount();
    const message = mintMessage(account, app.time.nowMs + aheadMs);
    expect((await sendMessage(app, message)).status).toBe(201);
    app.time.nowMs += laterMs;
    const again = await sendMessage(app, message);
    expect(again).toMatchObject({ status: 401, json: { code: 'invalid_client' } });
    expect(isProved(again, account.key, message.nonce)).toBe(true);
    expect(await reasonsFor(app, account.name)).toEqual([reason]);
  });

  it('is good once for another time too', async () => {
    const account = await newAccount();
    const nonce = randomBytes(32);
    expect((await sendMessage(app, mintMessage(account, app.time.nowMs, nonce))).status).toBe(201);
    expect((await sendMessage(app, mintMessage(account, app.time.nowMs + 1, nonce))).status).toBe(401);
  });

  it('of one client is good for another', async () => {
    const nonce = randomBytes(32);
    for (const account of [await newAccount(), await newAccount()]) {
      expect((await sendMessage(app, mintMessage(account, app.time.nowMs, nonce))).status).toBe(201);
    }
  });

  it('of a request that came too early is not kept for later by who saw it', async () => {
    const account = await newAccount();
    const message = mintMessage(account, app.time.nowMs + windowMs + 1_000);
    expect((await sendMessage(app, message)).status).toBe(401);
    app.time.nowMs += 2_000;
    expect((await sendMessage(app, message)).status).toBe(401);
    expect(await reasonsFor(app, account.name)).toEqual(['time_wrong', 'replayed']);
  });

  it('is kept for later, when it is for a day ahead, no longer', async () => {
    const kept: string[] = [];
    const replayStore = { bornAtMs: 0, claim: (_: string, nonce: string) => kept.push(nonce) > 0, close: () => {} };
    const account = await newAccount();
    const keeping = await appAtHand({ issuer: app, replayStore });
    const nowMs = app.time.nowMs;
    for (const sentAtMs of [nowMs + 86_400_000, nowMs + 86_400_001, 999_999_999_999_999]) {
      expect((await sendMessage(keeping, mintMessage(account, sentAtMs))).status).toBe(401);
    }
    expect(await reasonsFor(app, account.name)).toEqual(['time_wrong']);
    expect(kept).toHaveLength(1);
  });

  it('is not forgotten by a restart, nor when the file of nonces is lost', async () => {
    const path = join(app.directory, 'replay.db');
    const issuer = app;
    const open = (file: string, bornAtMs?: number) => {
      const store = sqliteReplayStore(file, { clock: () => app.time.nowMs, ...(bornAtMs === undefined ? {} : { bornAtMs }) });
      onTestFinished(() => store.close());
      return store;
    };
    const first = await appAtHand({ issuer, replayStore: open(path, 0) });
    const account = await enrolled(app, first, `mail-${++count}`);
    const message = mintMessage(account, app.time.nowMs);
    expect((await sendMessage(first, message)).status).toBe(201);
    const restarted = await appAtHand({ issuer, replayStore: open(path) });
    expect((await sendMessage(restarted, message)).status).toBe(401);
    expect((await sendMessage(restarted, mintMessage(account, app.time.nowMs))).status).toBe(201);
    const withoutFile = await appAtHand({ issuer, replayStore: open(join(app.directory, 'other.db')) });
    expect((await sendMessage(withoutFile, message)).status).toBe(401);
    expect(await reasonsFor(app, account.name)).toEqual(['replayed', 'sent_before_start']);
  });

  it('lets one of a hundred simultaneous copies through', async () => {
    const message = mintMessage(await newAccount(), app.time.nowMs);
    const answers = await Promise.all(Array.from({ length: 100 }, () => sendMessage(app, message)));
    expect(answers.map(({ status }) => status).filter((status) => status === 201)).toHaveLength(1);
  });
});

describe('a stranger', () => {
  const shapeOf = ({ status, headers, json }: Awaited<ReturnType<typeof sendMessage>>) => ({
    status,
    headers: Object.keys(headers).toSorted(),
    challenge: headers['www-authenticate'],
    macLength: headers[header]?.length,
    body: { ...json, instance: '' },
  });

  it('sees the same of an unknown name, a wrong MAC, a disabled and a retired client', async () => {
    const [known, disabled, retired] = [await newAccount(), await newAccount(), await newAccount()];
    await app.issuer.disableClient(app.admin(), disabled.name);
    const [credential] = await app.issuer.credentials(retired.name);
    await app.issuer.retireCredential(app.admin(), credential?.credential_id ?? '');
    const wrong = { ...known, key: randomBytes(32) };
    const unknown = { name: 'nobody', key: randomBytes(32) };
    const shapes = [];
    for (const account of [wrong, unknown, disabled, retired]) {
      shapes.push(shapeOf(await sendMessage(app, mintMessage(account, app.time.nowMs))));
    }
    expect(shapes[0]).toMatchObject({ status: 401, macLength: expect.any(Number) });
    for (const shape of shapes) expect(shape).toEqual(shapes[0]);
  });

  it('finds an answer for a name that nobody has under a key that nobody has', async () => {
    const message = mintMessage({ name: 'nobody', key: randomBytes(32) }, app.time.nowMs);
    const answer = await sendMessage(app, message);
    for (const guess of [new Uint8Array(32), Buffer.alloc(32, 'A')]) expect(isProved(answer, guess, message.nonce)).toBe(false);
  });

  it.each([
    ['a header that is none', 'nonsense'],
    ['a name that is none', `name="NOBODY!", nonce=:${'A'.repeat(43)}=:, sent=1, mac=:${'A'.repeat(43)}=:`],
  ])('with %s gets an answer without a proof', async (_, text) => {
    const answer = await app.send('POST', '/v1/tokens', { [header]: text }, Buffer.from('{"audience":"invoice"}'));
    expect(answer.status).toBe(401);
    expect(answer.headers[header]).toBeUndefined();
  });
});

describe('every refusal is proved', () => {
  it('of what the client may not do, and of what is no request', async () => {
    const account = await newAccount();
    await app.issuer.removeGrant(app.admin(), account.name, 'invoice');
    const message = mintMessage(account, app.time.nowMs);
    const answer = await sendMessage(app, message);
    expect(answer).toMatchObject({ status: 403, json: { code: 'grant_exceeded' } });
    expect(isProved(answer, account.key, message.nonce)).toBe(true);
  });

  it('of a body that is too large to be looked at', async () => {
    const account = await newAccount();
    const message = { ...mintMessage(account, app.time.nowMs), body: new Uint8Array(65 * 1024) };
    const answer = await sendMessage(app, message);
    expect(answer).toMatchObject({ status: 413, json: { code: 'payload_too_large' } });
    expect(isProved(answer, account.key, message.nonce)).toBe(true);
  });

  it('of an address that failed too often', async () => {
    const limits = { ...manyFailures, perAddress: 2 };
    const limited = await appAtHand({ issuer: app, failureLimits: limits });
    const account = await enrolled(app, limited, `mail-${++count}`);
    for (const _ of [1, 2]) await sendMessage(limited, mintMessage({ name: 'nobody', key: randomBytes(32) }, app.time.nowMs));
    const message = mintMessage(account, app.time.nowMs);
    const answer = await sendMessage(limited, message);
    expect(answer).toMatchObject({ status: 429, json: { code: 'rate_limited' } });
    expect(isProved(answer, account.key, message.nonce)).toBe(true);
  });
});
