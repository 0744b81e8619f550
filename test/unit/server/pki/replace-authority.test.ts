import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createAuthority } from '../../../../src/server/pki/certificate-authority.js';
import { replaceAuthority } from '../../../../src/server/pki/replace-authority.js';
import { companyAuthorities, ensureServerIdentity } from '../../../../src/server/pki/server-identity.js';
import { memoryVault } from './memory-vault.js';

const startMs = Date.UTC(2026, 10, 21);
const hourMs = 3_600_000;

function setUp() {
  const time = { nowMs: startMs };
  const vault = memoryVault();
  const options = { vault, clock: () => time.nowMs, randomBytes };
  return { time, vault, options, make: (name: string) => createAuthority(name, options.clock, randomBytes) };
}

describe('the CAs of an installation', () => {
  it('are the one that signs, and the one before until what that one issued has ended', async () => {
    const { time, vault, options, make } = setUp();
    const [first = ''] = await companyAuthorities(options);
    const second = await make('second');
    await replaceAuthority(options, second, startMs + hourMs);
    expect(await companyAuthorities(options)).toEqual([second.certificatePem, first]);
    expect(vault.entries.get('ca')?.privateKeyPem).toBe(second.privateKeyPem);
    expect(vault.entries.get('ca-former')?.privateKeyPem).toBe('');
    time.nowMs = startMs + hourMs - 1;
    expect(await companyAuthorities(options)).toHaveLength(2);
    time.nowMs++;
    expect(await companyAuthorities(options)).toEqual([second.certificatePem]);
  });

  it('keep all that came before, each once, over several changes; the server certificate is issued by one of them too', async () => {
    const { vault, options, make } = setUp();
    const [first = ''] = await companyAuthorities(options);
    const [second, third] = [await make('second'), await make('third')];
    await replaceAuthority(options, second, startMs + hourMs);
    await replaceAuthority(options, third, startMs + hourMs);
    await replaceAuthority(options, second, startMs + hourMs);
    const [present, former = ''] = await companyAuthorities(options);
    expect(present).toBe(second.certificatePem);
    expect(former).toBe(third.certificatePem + second.certificatePem + first);
    vault.entries.set('server', { certificatePem: '', privateKeyPem: '', notAfterMs: startMs + 9 * hourMs });
    await replaceAuthority(options, third, startMs);
    expect(vault.entries.get('ca-former')?.notAfterMs).toBe(startMs + 9 * hourMs);
  });

  it('let the server keep its certificate until it is due, then renew it by the one that signs', async () => {
    const { time, options, make } = setUp();
    const [first = ''] = await companyAuthorities(options);
    const asked = { ...options, names: ['localhost'] };
    const { identity } = await ensureServerIdentity(asked);
    const second = await make('second');
    await replaceAuthority(options, second, 0);
    expect(await ensureServerIdentity(asked)).toEqual({ identity, renewed: false });
    expect(identity.cert.endsWith(first)).toBe(true);
    time.nowMs += 61 * 24 * hourMs;
    const later = await ensureServerIdentity(asked);
    expect([later.renewed, later.identity.cert.endsWith(second.certificatePem)]).toEqual([true, true]);
  });
});
