import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { grantNewAdminActions } from '../../../../src/server/domain/bootstrap.js';
import { adminActions, type ClientCaller } from '../../../../src/server/domain/issuer.js';
import { createSigningRequest } from '../../../../src/transport/signing-request.js';
import { type IssuerAtHand, issuerAtHand, refusal } from '../../../support/issuer-at-hand.js';

const dayMs = 86_400_000;
const csr = createSigningRequest(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
let at: IssuerAtHand;
let mail: ClientCaller;

beforeEach(async () => {
  at = await issuerAtHand();
  mail = await at.clientFor('invoice', 'mail');
});
afterEach(() => at.close());

describe('a certificate', () => {
  it('holds the names of the registry alone, and leaves a row and an audit entry', async () => {
    await at.issuer.changePolicy(at.admin(), 'mail', { hosts: ['mail.example.com', '10.1.2.3'] });
    const made = await at.issuer.issueCertificate(mail, { csr });
    const certificate = new X509Certificate(made.certificate);
    expect(certificate.subjectAltName).toBe('URI:spiffe://example.com/client/mail, DNS:mail.example.com, IP Address:10.1.2.3');
    expect(certificate.subject).toBe('CN=mail');
    expect(made.chain).toBe(made.certificate + (await at.issuer.authorityPem()));
    expect(Date.parse(certificate.validTo)).toBe(at.time.nowMs + dayMs);
    expect(await at.issuer.certificates('mail')).toMatchObject([{ thumbprint: made.thumbprint, state: 'valid', client: 'mail' }]);
    const { entries } = await at.issuer.audit({ event: 'certificate.issued', limit: 9 });
    expect(entries).toMatchObject([{ actor: 'mail', client: 'mail', details: { thumbprint: made.thumbprint, days: 1 } }]);
  });

  it('is not issued for a name of the issuer itself', async () => {
    await at.issuer.changePolicy(at.admin(), 'mail', { hosts: ['mail.example.com', 'issuer.example.com'] });
    expect(await refusal(at.issuer.issueCertificate(mail, { csr }))).toBe('conflict');
    await at.issuer.changePolicy(at.admin(), 'mail', { hosts: [] });
    await at.issuer.addCredential(at.admin(), 'mail', { auth_method: 'tls_client_auth', san: 'dns:issuer.example.com' });
    expect(await refusal(at.issuer.issueCertificate(mail, { csr }))).toBe('conflict');
  });

  it('holds the URIs and DNS names that prove the client, where such are registered', async () => {
    for (const san of ['uri:spiffe://example.com/mail/blue', 'dns:blue.example.com']) {
      await at.issuer.addCredential(at.admin(), 'mail', { auth_method: 'tls_client_auth', san });
    }
    const made = await at.issuer.issueCertificate(mail, { csr });
    expect([made.uris, made.hosts]).toEqual([['spiffe://example.com/mail/blue'], ['blue.example.com']]);
    const first = (await at.issuer.credentials('mail')).find(({ binding }) => binding === 'uri:spiffe://example.com/mail/blue');
    await at.issuer.retireCredential(at.admin(), first?.credential_id ?? '', 'mail');
    expect((await at.issuer.issueCertificate(mail, { csr })).uris).toEqual(['spiffe://example.com/client/mail']);
  });

  it('is for the client that asks and for a day, unless it renews a longer one; an administrator may give any client a year', async () => {
    const ask = (days: number) => at.issuer.issueCertificate(mail, { csr, days });
    expect(await refusal(at.issuer.issueCertificate(mail, { csr, client: 'admin' }))).toBe('forbidden');
    expect(await refusal(ask(2))).toBe('invalid_request');
    const year = await at.issuer.issueCertificate(at.admin(), { csr, client: 'mail', days: 365 });
    expect(year.not_after).toBe(new Date(at.time.nowMs + 365 * dayMs).toISOString().replace('.000', ''));
    expect(await refusal(at.issuer.issueCertificate(at.admin(), { csr, client: 'mail', days: 366 }))).toBe('invalid_request');
    await ask(365);
    expect(await refusal(ask(366))).toBe('invalid_request');
    for (const { thumbprint } of await at.issuer.certificates('mail')) await at.issuer.revokeCertificate(at.admin(), thumbprint);
    expect(await refusal(ask(365))).toBe('invalid_request');
    expect(await refusal(at.issuer.issueCertificate(at.admin(), { csr }))).toBe('invalid_request');
  });

  it('is refused without a request that proves to own its key', async () => {
    const broken = csr.replace(/A(?=[\w+/]{8}\n-----END)/, 'B');
    for (const text of ['', 'x', csr + csr, csr.slice(0, -60)]) {
      expect(await refusal(at.issuer.issueCertificate(mail, { csr: text }))).toBe('invalid_request');
    }
    if (broken !== csr) expect(await refusal(at.issuer.issueCertificate(mail, { csr: broken }))).toBe('invalid_request');
  });

  it('is not given for a client that administrates beyond the actions of who asks', async () => {
    const narrow = at.admin(['certificates:write'], 'helpdesk');
    expect(await refusal(at.issuer.issueCertificate(narrow, { csr, client: 'admin' }))).toBe('forbidden');
    expect((await at.issuer.issueCertificate(narrow, { csr, client: 'mail' })).client).toBe('mail');
  });

  it('is not given to a caller whose proof ended meanwhile', async () => {
    const { thumbprint } = await at.issuer.issueCertificate(mail, { csr });
    const proved = { ...mail, certificateThumbprint: thumbprint };
    await at.issuer.issueCertificate(proved, { csr });
    await at.issuer.revokeCertificate(mail, thumbprint);
    expect(await refusal(at.issuer.issueCertificate(proved, { csr }))).toBe('invalid_client');
    expect(await refusal(at.issuer.mint(proved, { audience: 'invoice' }))).toBe('invalid_client');
  });

  it('takes no host that proves another client by now', async () => {
    await at.issuer.changePolicy(at.admin(), 'mail', { hosts: ['shop.example.com'] });
    await at.clientFor('invoice', 'shop');
    const credential = { auth_method: 'tls_client_auth', san: 'dns:shop.example.com' } as const;
    expect(await refusal(at.issuer.addCredential(at.admin(), 'shop', credential))).toBe('conflict');
    await at.issuer.changePolicy(at.admin(), 'mail', { hosts: [] });
    await at.issuer.addCredential(at.admin(), 'shop', credential);
    expect((await at.issuer.issueCertificate(mail, { csr })).hosts).toEqual([]);
  });
});

describe('a revoked certificate', () => {
  it('is in the list, which is signed anew only when it differs or is an hour old', async () => {
    const before = await at.issuer.revocationList();
    expect(await at.issuer.revocationList()).toBe(before);
    const { thumbprint } = await at.issuer.issueCertificate(mail, { csr });
    expect(await at.issuer.revokeCertificate(at.admin(), thumbprint)).toMatchObject({ state: 'revoked' });
    const after = await at.issuer.revocationList();
    expect(after.der.length).toBeGreaterThan(before.der.length);
    at.time.nowMs += 3_600_001;
    expect(await at.issuer.revocationList()).not.toBe(after);
    expect(await at.issuer.certificate(thumbprint)).toMatchObject({ revokedAtMs: at.time.nowMs - 3_600_001 });
  });

  it('may be foreign for an administrator, and only its own for a client', async () => {
    const foreign = `${'F'.repeat(42)}A`;
    const { thumbprint } = await at.issuer.issueCertificate(mail, { csr });
    const shop = await at.clientFor('invoice', 'shop');
    for (const one of [foreign, thumbprint]) expect(await refusal(at.issuer.revokeCertificate(shop, one))).toBe('not_found');
    expect(await at.issuer.revokeCertificate(at.admin(), foreign)).toEqual({
      thumbprint: foreign,
      state: 'revoked',
      revoked_at: '2026-11-21T12:00:00Z',
    });
    expect(await at.issuer.revokeCertificate(mail, thumbprint)).toMatchObject({ state: 'revoked', client: 'mail' });
    expect(await at.issuer.certificates()).toHaveLength(2);
  });

  it('is no pinned one of a client beyond the actions of who asks, and is noted with the name of its client', async () => {
    const x5t = `${'S'.repeat(42)}A`;
    const binding = `x5t:${x5t}`;
    const pin = async (client: string, id: string, pinned: string) => {
      const authMethod = 'self_signed_tls_client_auth';
      const none = { algorithm: null, secretHash: null, publicKey: null, ips: [], createdAtMs: 0, retiredAtMs: null };
      const row = { id, client, authMethod, binding: pinned, ...none } as const;
      await at.store.transaction('grow', (tx) => tx.insertCredential(row, undefined));
    };
    await pin('admin', 'crd_admin', binding);
    await pin('mail', 'crd_mail', `x5t:${'M'.repeat(42)}A`);
    const narrow = at.admin(['certificates:write'], 'helpdesk');
    expect(await refusal(at.issuer.revokeCertificate(narrow, x5t))).toBe('forbidden');
    expect(await at.issuer.certificate(x5t)).toBeUndefined();
    await at.issuer.revokeCertificate(narrow, `${'M'.repeat(42)}A`);
    await at.issuer.revokeCertificate(at.admin(), x5t);
    const { entries } = await at.issuer.audit({ event: 'certificate.revoked', limit: 9 });
    expect(entries.map(({ client }) => client).sort()).toEqual(['admin', 'mail']);
  });

  it('goes with its client', async () => {
    const { thumbprint } = await at.issuer.issueCertificate(mail, { csr });
    await at.issuer.disableClient(at.admin(), 'mail');
    expect(await at.issuer.certificate(thumbprint)).toMatchObject({ revokedAtMs: at.time.nowMs });
    expect(await refusal(at.issuer.issueCertificate(at.admin(), { csr, client: 'mail' }))).toBe('conflict');
  });
});

describe('client admin of an older issuer', () => {
  const newActions = ['certificates:read', 'certificates:write'];
  const olderActions = adminActions.filter((action) => !newActions.includes(action));
  const granted = async () => (await at.store.read.grant('admin', 'macaroond'))?.actions ?? [];
  const putActions = (actions: readonly string[]) => at.issuer.putGrant(at.admin(), 'admin', { audience: 'macaroond', actions });

  it('has what it was made with, and nothing is added to it', async () => {
    await grantNewAdminActions(at.deps);
    expect(await granted()).toEqual(adminActions);
    await putActions(olderActions);
    await grantNewAdminActions(at.deps);
    expect(await granted()).toEqual(olderActions);
  });

  it('gets what is new once, unless its grant was narrowed', async () => {
    const older = { ...at.deps, store: withoutMadeWith(at) };
    await putActions(olderActions.slice(1));
    await grantNewAdminActions(older);
    expect(await granted()).toEqual(olderActions.slice(1));
    await putActions(olderActions);
    await grantNewAdminActions(older);
    expect(await granted()).toEqual([...olderActions, ...newActions]);
    await putActions(olderActions);
    await grantNewAdminActions(older);
    expect(await granted()).toEqual(olderActions);
  });
});

/** The store of an issuer whose first audit entry does not say what client `admin` was granted. */
function withoutMadeWith({ store }: IssuerAtHand): IssuerAtHand['deps']['store'] {
  const read = Object.create(store.read);
  read.audit = async (filter: { readonly event?: string }) =>
    filter.event === 'issuer.initialised' ? [] : await store.read.audit({ ...filter, limit: 100 });
  const transaction: typeof store.transaction = (purpose, work) => store.transaction(purpose, work);
  return { read, transaction, checkHealth: () => store.checkHealth(), close: () => store.close() };
}
