import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { importCompanyAuthority, initialise, serve } from '../../../src/server/main.js';
import { withStore } from '../../../src/server/maintenance.js';
import { opensslFolder } from '../../support/openssl.js';

let data = '';
beforeEach(async () => {
  data = join(mkdtempSync(join(tmpdir(), 'import-')), 'data');
  await initialise(data, {});
});
afterEach(() => rmSync(join(data, '..'), { recursive: true }));

function ownAuthority(subject = '/O=ABC Inc.') {
  const openssl = opensslFolder();
  openssl.run(`req -x509 -sha256 -nodes -days 365 -newkey rsa:2048 -subj '${subject}' -keyout ca.key -out ca.crt`);
  return { certificate: openssl.text('ca.crt'), privateKey: openssl.text('ca.key') };
}

describe('an imported CA', () => {
  it('signs from now on, beside the one before it, and the audit log tells', async () => {
    const before = readFileSync(join(data, 'ca.crt'), 'utf8');
    const own = ownAuthority();
    const { notAfter } = await importCompanyAuthority(data, {}, own);
    expect(Date.parse(notAfter)).toBeGreaterThan(Date.now() + 364 * 86_400_000);
    expect(readFileSync(join(data, 'ca.crt'), 'utf8')).toBe(own.certificate + before);
    const entries = await withStore(data, {}, 'read', (store) => store.read.audit({ event: 'authority.imported', limit: 9 }));
    expect(entries).toMatchObject([{ actor: '(local)' }]);
    expect((await withStore(data, {}, 'read', (store) => store.pkiEntry('ca')))?.privateKeyPem).toContain('PRIVATE KEY');
  });

  it('is refused while the issuer runs, and when its key is another', async () => {
    const [own, other] = [ownAuthority(), ownAuthority()];
    await expect(importCompanyAuthority(data, {}, { ...own, privateKey: other.privateKey })).rejects.toMatchObject({
      code: 'ERR_ARGUMENT',
    });
    const running = await serve({ data, port: 0 }, {});
    try {
      await expect(importCompanyAuthority(data, {}, own)).rejects.toMatchObject({ code: 'ERR_DATA_DIRECTORY' });
    } finally {
      await running.stop();
    }
  });
});
