/** The verifier library against a real issuer: keys and revocations synced over TLS, every way to lose a token, and the issuer going away. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attenuate, issuerClient, loadCredential } from '../../src/client/index.js';
import { createVerifier, issuerKeys, remoteVerification, type Verifier } from '../../src/verifier/index.js';
import { type IssuerProcess, startIssuer } from '../support/issuer-process.js';

let issuer: IssuerProcess;
let mail: Awaited<ReturnType<typeof loadCredential>>;
let invoice: Awaited<ReturnType<typeof loadCredential>>;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  issuer = await startIssuer();
  await issuer.cliJson(['audience', 'add', 'invoice']);
  await issuer.cliJson(['audience', 'add', 'payroll']);
  const grants = ['--grant', 'invoice=invoices:read,invoices:list', '--grant', 'payroll=payroll:read'];
  await issuer.cliJson(['client', 'add', 'mail', ...grants, '--out', join(issuer.data, 'mail.json')]);
  await issuer.cliJson([
    'client',
    'add',
    'invoice-server',
    '--verifier-of',
    'invoice',
    '--out',
    join(issuer.data, 'invoice.json'),
  ]);
  mail = await loadCredential(join(issuer.data, 'mail.json'));
  invoice = await loadCredential(join(issuer.data, 'invoice.json'));
});
afterAll(async () => {
  for (const one of open.splice(0)) await one.close();
  await issuer?.dispose();
});

function kept<T extends { close(): Promise<void> }>(one: T): T {
  open.push(one);
  return one;
}

/** Asks until the verifier has heard of what changed; the poll is what we wait for, so there is nothing else to wait on. */
async function eventually(verifier: Verifier, token: string, code: string): Promise<void> {
  for (;;) {
    const result = await verifier.verify(token, { action: 'invoices:read' });
    if (!result.ok) {
      expect(result.code).toBe(code);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const read = { action: 'invoices:read' };

describe.each(['keys at hand', 'remote'] as const)('a verifier with %s', (kind) => {
  const verifierOf = () =>
    kept(
      createVerifier({
        audience: 'invoice',
        keys: kind === 'remote' ? remoteVerification(invoice) : issuerKeys(invoice, { pollIntervalMs: 50 }),
      }),
    );

  it('allows what was minted and attenuated, and says who', async () => {
    const verifier = verifierOf();
    const { token, tokenId } = await kept(issuerClient(mail)).mint({ audience: 'invoice', expiresIn: '1h' });
    const narrowed = attenuate(token, { expiresIn: '10m', actions: ['invoices:read'], ips: ['10.0.0.0/8'] });
    expect(await verifier.verify(narrowed, { ...read, ip: '10.1.2.3' })).toMatchObject({
      ok: true,
      client: 'mail',
      tokenId,
      actions: ['invoices:read'],
    });
    expect(await verifier.verify(narrowed, { action: 'invoices:list', ip: '10.1.2.3' })).toMatchObject({
      ok: false,
      code: 'ERR_CAVEAT_DENIED',
      caveatIndex: 1,
    });
    expect(await verifier.verify(narrowed, { ...read, ip: '192.0.2.1' })).toMatchObject({ ok: false, caveatIndex: 2 });
    expect(await verifier.verify(narrowed, read)).toMatchObject({ ok: false, code: 'ERR_CAVEAT_CONTEXT', caveatIndex: 2 });
    expect(await verifier.verify(attenuate(token, { conditions: ['account 42'] }), read)).toMatchObject({
      ok: false,
      code: 'ERR_CAVEAT_UNKNOWN',
    });
    const explained = await verifier.explain(narrowed, { action: 'invoices:list', ip: '192.0.2.1' });
    expect(explained.steps.filter((step) => step.condition !== undefined).map((step) => step.holds)).toEqual([
      true,
      false,
      false,
    ]);
  });

  it('denies a token for another audience', async () => {
    const { token } = await kept(issuerClient(mail)).mint({ audience: 'payroll' });
    expect(await verifierOf().verify(token, { action: 'payroll:read' })).toMatchObject({
      ok: false,
      code: 'ERR_SIGNATURE_MISMATCH',
    });
  });

  it('learns of a revoked token and of a client revoked up to now', async () => {
    const verifier = verifierOf();
    const client = kept(issuerClient(mail));
    const one = await client.mint({ audience: 'invoice' });
    const other = await client.mint({ audience: 'invoice' });
    expect((await verifier.verify(one.token, read)).ok).toBe(true);
    await client.revoke({ tokenId: one.tokenId });
    await eventually(verifier, one.token, 'ERR_REVOKED_TOKEN');
    expect((await verifier.verify(other.token, read)).ok).toBe(true);
    expect((await issuer.cli(['revoke', 'client', 'mail'])).code).toBe(0);
    await eventually(verifier, other.token, 'ERR_REVOKED_CLIENT');
    const later = await client.mint({ audience: 'invoice' });
    expect((await verifier.verify(later.token, read)).ok).toBe(true);
  });

  it('learns of a revoked and of a destroyed root key', async () => {
    const verifier = verifierOf();
    const client = kept(issuerClient(mail));
    const one = await client.mint({ audience: 'invoice' });
    expect((await verifier.verify(one.token, read)).ok).toBe(true);
    expect((await issuer.cli(['revoke', 'root-key', one.rootKeyId])).code).toBe(0);
    await eventually(verifier, one.token, 'ERR_REVOKED_ROOT_KEY');
    const two = await client.mint({ audience: 'invoice' });
    expect(two.rootKeyId).not.toBe(one.rootKeyId);
    expect((await verifier.verify(two.token, read)).ok).toBe(true);
    expect((await issuer.cli(['root-key', 'rotate', 'mail'])).code).toBe(0);
    expect((await verifier.verify(two.token, read)).ok).toBe(true);
    expect((await issuer.cli(['root-key', 'destroy', 'mail', two.rootKeyId])).code).toBe(0);
    await eventually(verifier, two.token, kind === 'remote' ? 'ERR_KEY_DESTROYED' : 'ERR_REVOKED_ROOT_KEY');
  });

  it('follows an audience that is rotated', async () => {
    const verifier = verifierOf();
    const client = kept(issuerClient(mail));
    const before = await client.mint({ audience: 'invoice' });
    expect((await verifier.verify(before.token, read)).ok).toBe(true);
    expect((await issuer.cli(['audience', 'rotate', 'invoice'])).code).toBe(0);
    const after = await client.mint({ audience: 'invoice' });
    expect((await verifier.verify(after.token, read)).ok).toBe(true);
    await eventually(verifier, before.token, 'ERR_REVOKED_AUDIENCE_KEY');
  });

  it('learns of a disabled client', async () => {
    const verifier = verifierOf();
    const name = kind === 'remote' ? 'courier-a' : 'courier-b';
    const file = join(issuer.data, `${name}.json`);
    await issuer.cliJson(['client', 'add', name, '--grant', 'invoice=invoices:read', '--out', file]);
    const { token } = await kept(issuerClient(await loadCredential(file))).mint({ audience: 'invoice' });
    expect((await verifier.verify(token, read)).ok).toBe(true);
    expect((await issuer.cli(['client', 'disable', name])).code).toBe(0);
    await eventually(verifier, token, 'ERR_REVOKED_CLIENT');
  });
});

describe('an issuer that goes away', () => {
  it('is a machinery error past the staleness that was allowed, never a denial and never "allowed"', async () => {
    const away = await startIssuer();
    try {
      await away.cliJson(['audience', 'add', 'invoice']);
      await away.cliJson(['client', 'add', 'mail', '--grant', 'invoice=invoices:read', '--out', join(away.data, 'mail.json')]);
      await away.cliJson(['client', 'add', 'v', '--verifier-of', 'invoice', '--out', join(away.data, 'v.json')]);
      const { token } = await kept(issuerClient(await loadCredential(join(away.data, 'mail.json')))).mint({
        audience: 'invoice',
      });
      let skewMs = 0;
      const clock = () => Date.now() + skewMs;
      const credential = await loadCredential(join(away.data, 'v.json'));
      const keys = issuerKeys(credential, { pollIntervalMs: 50, maxStalenessMs: 5000, clock });
      const verifier = kept(createVerifier({ audience: 'invoice', keys, clock }));
      const remote = kept(createVerifier({ audience: 'invoice', keys: remoteVerification(credential) }));
      expect((await verifier.verify(token, read)).ok).toBe(true);
      await away.stop();
      expect((await verifier.verify(token, read)).ok).toBe(true);
      skewMs = 6000;
      await expect(verifier.verify(token, read)).rejects.toMatchObject({ code: 'ERR_SOURCE_STALE' });
      await expect(remote.verify(token, read)).rejects.toMatchObject({ code: 'ERR_ISSUER_UNREACHABLE' });
    } finally {
      await away.dispose();
    }
  });
});
