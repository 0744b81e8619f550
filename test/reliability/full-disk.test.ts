/**
 * A really full disk under a running issuer: minting is refused, revoking goes on, and with room all is well again by itself. The disk is a
 * small tmpfs where this process may mount one; elsewhere the size limit of the process's files stands in for it.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type IssuerProcess, startIssuer } from '../support/issuer-process.js';

const mountPoint = mkdtempSync(join(tmpdir(), 'small-disk-'));
let isMounted = false;
let issuer: IssuerProcess;

beforeAll(async () => {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', mountPoint], { stdio: 'ignore' });
    isMounted = true;
  } catch {
    // Not permitted here; see above.
  }
  issuer = await startIssuer({ data: join(mountPoint, 'data') });
});

afterAll(async () => {
  await issuer?.dispose();
  if (isMounted) execFileSync('umount', ['--lazy', mountPoint]);
  rmSync(mountPoint, { recursive: true, force: true });
});

const filler = join(mountPoint, 'filler');

function fillDisk(): void {
  const descriptor = openSync(filler, 'a');
  try {
    for (let size = 1024 * 1024; size >= 1; size = Math.floor(size / 2)) {
      const chunk = Buffer.alloc(size, 1);
      try {
        for (;;) writeSync(descriptor, chunk);
      } catch {
        // This size fits no more; a smaller one may.
      }
    }
  } finally {
    closeSync(descriptor);
  }
  expect(statfsSync(mountPoint).bavail).toBe(0);
}

/** From now on no file of the issuer may grow, which SQLite meets as it meets a full disk. */
function forbidGrowth(pid: number, limit: string): void {
  execFileSync('prlimit', ['--pid', String(pid), `--fsize=${limit}`]);
}

describe('a full disk', () => {
  it('refuses minting, keeps revoking, and recovers', async () => {
    const admin = await issuer.adminToken();
    const post = (path: string, body: unknown) => issuer.api('POST', path, { macaroon: admin, body });
    expect((await post('/v1/audiences', { audience: 'invoice' })).status).toBe(201);
    const grants = [{ audience: 'invoice', actions: ['invoices:read'] }];
    const [mail] = (await post('/v1/clients', { client: 'mail', grants })).body.credentials;
    expect((await post('/v1/clients', { client: 'mail-2' })).status).toBe(201);
    const mint = () => issuer.api('POST', '/v1/tokens', { basic: mail, body: { audience: 'invoice' } });
    const minted = await mint();
    expect(minted.status).toBe(201);

    if (isMounted) fillDisk();
    else forbidGrowth(issuer.child.pid ?? 0, '4096:');

    let refused = await mint();
    // What the database still had room for within its pages may be minted; the disk refuses what goes beyond.
    for (let i = 0; i < 5000 && refused.status === 201; i++) refused = await mint();
    expect(refused).toMatchObject({ status: 503, body: { code: 'storage_full' } });
    if (isMounted) {
      const revoked = await post('/v1/revocations', { kind: 'token', token_id: minted.body.token_id });
      expect(revoked.status).toBe(201);
      expect((await post('/v1/revocations', { kind: 'client', client: 'mail' })).status).toBe(201);
      expect((await mint()).body).toMatchObject({ code: 'storage_full' });
      expect((await issuer.cli(['client', 'disable', 'mail-2'])).code).toBe(0);
      expect((await issuer.api('GET', '/livez')).status).toBe(200);
      expect((await issuer.api('GET', '/readyz')).status).toBe(503);
      rmSync(filler);
    } else {
      forbidGrowth(issuer.child.pid ?? 0, 'unlimited:');
    }

    let recovered = await mint();
    for (let i = 0; i < 100 && recovered.status !== 201; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      recovered = await mint();
    }
    expect(recovered.status).toBe(201);
    expect((await issuer.api('GET', '/readyz')).status).toBe(200);
    const { body } = await issuer.api('GET', '/v1/audit?event=revoked.token', { macaroon: admin });
    if (isMounted) expect(body.entries).toMatchObject([{ token_id: minted.body.token_id }]);
    expect((await issuer.cliJson(['audit', 'verify'])).ok).toBe(true);
  });
});
