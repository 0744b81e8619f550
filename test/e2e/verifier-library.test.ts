/** The verifier library against a real issuer: keys and revocations synced over TLS, every way to lose a token, and the issuer going away. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attenuate, issuerClient, loadCredential } from '../../src/client/index.js';
import { Credential } from '../../src/transport/credential.js';
import { createVerifier, issuerKeys, remoteVerification, type Verifier } from '../../src/verifier/index.js';
import { type Answer, type IssuerProcess, startIssuer } from '../support/issuer-process.js';

let issuer: IssuerProcess;
let admin = '';
let scenes = 0;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  issuer = await startIssuer();
  admin = await issuer.adminToken();
});
afterAll(async () => {
  for (const one of open.splice(0)) await one.close();
  await issuer?.dispose();
});

function kept<T extends { close(): Promise<void> }>(one: T): T {
  open.push(one);
  return one;
}

async function administer(method: string, path: string, body?: unknown): Promise<Answer> {
  const answer = await issuer.api(method, path, { macaroon: admin, ...(body === undefined ? {} : { body }) });
  expect(answer.status).toBeLessThan(300);
  return answer;
}

const kinds = ['keys at hand', 'remote'] as const;

/** An audience, a client with a grant and a verifier of its own: what one test does is nothing to another. */
async function scene(kind: (typeof kinds)[number]) {
  const audience = `invoice-${scenes}`;
  const clientName = `mail-${scenes}`;
  const verifierName = `invoice-server-${scenes}`;
  scenes++;
  await administer('POST', '/v1/audiences', { audience });
  const grants = [{ audience, actions: ['invoices:read', 'invoices:list'] }];
  const mail = await administer('POST', '/v1/clients', { client: clientName, grants });
  const server = await administer('POST', '/v1/clients', { client: verifierName, verifier_of: [audience] });
  const ca = readFileSync(join(issuer.data, 'ca.crt'), 'utf8');
  const credentialOf = ({ body }: Answer) =>
    new Credential({
      issuer: issuer.url,
      ca,
      client: body.client,
      credentialId: body.credentials[0].credential_id,
      proof: { kind: 'client_secret_basic', secret: body.credentials[0].secret },
    });
  const keys =
    kind === 'remote' ? remoteVerification(credentialOf(server)) : issuerKeys(credentialOf(server), { pollIntervalMs: 20 });
  return {
    audience,
    clientName,
    client: kept(issuerClient(credentialOf(mail))),
    verifier: kept(createVerifier({ audience, keys })),
  };
}

/** Asks until the verifier has heard of what changed; the poll is what we wait for, so there is nothing else to wait on. */
async function eventually(verifier: Verifier, token: string, code: string): Promise<void> {
  for (;;) {
    const result = await verifier.verify(token, read);
    if (!result.ok) {
      expect(result.code).toBe(code);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const read = { action: 'invoices:read' };

describe.each(kinds)('a verifier with %s', (kind) => {
  it('allows what was minted and attenuated, and says who', async () => {
    const { audience, clientName, client, verifier } = await scene(kind);
    const { token, tokenId } = await client.mint({ audience, expiresIn: '1h' });
    const narrowed = attenuate(token, { expiresIn: '10m', actions: ['invoices:read'], ips: ['10.0.0.0/8'] });
    expect(await verifier.verify(narrowed, { ...read, ip: '10.1.2.3' })).toMatchObject({
      ok: true,
      client: clientName,
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
    const { verifier } = await scene(kind);
    const other = await scene(kind);
    const { token } = await other.client.mint({ audience: other.audience });
    // Its key is not this audience's: the issuer knows the root key, a verifier with keys at hand was never given it.
    const code = kind === 'remote' ? 'ERR_SIGNATURE_MISMATCH' : 'ERR_KEY_UNKNOWN';
    expect(await verifier.verify(token, read)).toMatchObject({ ok: false, code });
  });

  it('learns of a revoked token and of a client revoked up to now', async () => {
    const { audience, clientName, client, verifier } = await scene(kind);
    const one = await client.mint({ audience });
    const other = await client.mint({ audience });
    expect((await verifier.verify(one.token, read)).ok).toBe(true);
    await client.revoke({ tokenId: one.tokenId });
    await eventually(verifier, one.token, 'ERR_REVOKED_TOKEN');
    expect((await verifier.verify(other.token, read)).ok).toBe(true);
    await administer('POST', '/v1/revocations', { kind: 'client', client: clientName });
    await eventually(verifier, other.token, 'ERR_REVOKED_CLIENT');
    const later = await client.mint({ audience });
    expect((await verifier.verify(later.token, read)).ok).toBe(true);
  });

  it('learns of a revoked and of a destroyed root key', async () => {
    const { audience, clientName, client, verifier } = await scene(kind);
    const one = await client.mint({ audience });
    expect((await verifier.verify(one.token, read)).ok).toBe(true);
    await administer('POST', '/v1/revocations', { kind: 'root_key', root_key_id: one.rootKeyId });
    await eventually(verifier, one.token, 'ERR_REVOKED_ROOT_KEY');
    const two = await client.mint({ audience });
    expect(two.rootKeyId).not.toBe(one.rootKeyId);
    expect((await verifier.verify(two.token, read)).ok).toBe(true);
    await administer('POST', `/v1/clients/${clientName}/root-keys`);
    expect((await verifier.verify(two.token, read)).ok).toBe(true);
    await administer('POST', `/v1/clients/${clientName}/root-keys/${two.rootKeyId}/destroy`);
    await eventually(verifier, two.token, kind === 'remote' ? 'ERR_KEY_DESTROYED' : 'ERR_REVOKED_ROOT_KEY');
  });

  it('follows an audience that is rotated', async () => {
    const { audience, client, verifier } = await scene(kind);
    const before = await client.mint({ audience });
    expect((await verifier.verify(before.token, read)).ok).toBe(true);
    await administer('POST', `/v1/audiences/${audience}/rotate`, { keep_previous: true });
    const between = await client.mint({ audience });
    expect((await verifier.verify(before.token, read)).ok).toBe(true);
    expect((await verifier.verify(between.token, read)).ok).toBe(true);
    await administer('POST', '/v1/revocations', { kind: 'audience_key', audience, generation: 0 });
    await eventually(verifier, before.token, 'ERR_REVOKED_AUDIENCE_KEY');
    await administer('POST', `/v1/audiences/${audience}/rotate`, {});
    const after = await client.mint({ audience });
    expect((await verifier.verify(after.token, read)).ok).toBe(true);
    await eventually(verifier, between.token, 'ERR_REVOKED_AUDIENCE_KEY');
  });

  it('learns of a disabled client', async () => {
    const { audience, clientName, client, verifier } = await scene(kind);
    const { token } = await client.mint({ audience });
    expect((await verifier.verify(token, read)).ok).toBe(true);
    await administer('POST', `/v1/clients/${clientName}/disable`);
    await eventually(verifier, token, 'ERR_REVOKED_CLIENT');
    await expect(client.mint({ audience })).rejects.toMatchObject({ code: 'ERR_ISSUER_REFUSED', problem: 'invalid_client' });
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
