import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { equalBytes } from '../../../../src/core/bytes.js';
import type { LoginAccount } from '../../../../src/server/auth/client-authenticator.js';
import { createClientSecretBasic } from '../../../../src/server/auth/client-secret-basic.js';
import type { CredentialRecord } from '../../../../src/server/domain/records.js';
import { basic, requestOf } from './login-bench.js';

vi.mock('../../../../src/core/bytes.js', async (importOriginal) => {
  const original = await importOriginal<typeof import('../../../../src/core/bytes.js')>();
  return { ...original, equalBytes: vi.fn(original.equalBytes) };
});

const credentialOf = (id: string, secret: string): CredentialRecord => ({
  id,
  client: 'mail',
  authMethod: 'client_secret_basic',
  algorithm: null,
  secretHash: createHash('sha256').update(secret).digest('base64url'),
  publicKey: null,
  binding: null,
  ips: [],
  createdAtMs: 0,
  retiredAtMs: null,
});
const accountOf = (...live: readonly CredentialRecord[]): LoginAccount => ({
  state: 'active',
  authPolicy: [['client_secret_basic']],
  ips: [],
  live,
});
const accounts: Readonly<Record<string, LoginAccount>> = {
  none: accountOf(),
  one: accountOf(credentialOf('c1', 'first')),
  two: accountOf(credentialOf('c1', 'first'), credentialOf('c2', 'second')),
};
const authenticator = createClientSecretBasic({ credentialsForLogin: async (client) => accounts[client] });
const requestBy = (id: string, secret: string) => requestOf({ headers: { authorization: basic(id, secret) } });
const attempt = (id: string, secret: string) => authenticator.authenticate(requestBy(id, secret));

describe('client_secret_basic', () => {
  beforeEach(() => {
    vi.mocked(equalBytes).mockClear();
  });

  it.each([
    ['an unknown client', 'nobody', 'x'],
    ['a name that is none', 'NOBODY', 'x'],
    ['a client without credentials', 'none', 'x'],
    ['a wrong secret', 'one', 'x'],
    ['the right secret', 'one', 'first'],
    ['the first of two', 'two', 'first'],
    ['the second of two', 'two', 'second'],
    ['an empty secret', 'one', ''],
  ])('compares two hashes in constant time for %s', async (_, id, secret) => {
    await attempt(id, secret);
    expect(vi.mocked(equalBytes).mock.calls.map(([a, b]) => [a.length, b.length])).toEqual([
      [32, 32],
      [32, 32],
    ]);
  });

  it('lets nobody in by the stand-in credential', async () => {
    for (const secret of ['', '\0'.repeat(32), 'A'.repeat(43)]) {
      expect(await attempt('none', secret)).toMatchObject({ ok: false, reason: 'secret_wrong' });
      expect(await attempt('nobody', secret)).toMatchObject({ ok: false, reason: 'client_unknown' });
    }
  });

  it('ignores credentials of another method', async () => {
    const foreign: CredentialRecord = JSON.parse(JSON.stringify({ ...credentialOf('c1', 'first'), authMethod: 'http_sig' }));
    const other = createClientSecretBasic({ credentialsForLogin: async () => accountOf(foreign) });
    expect(await other.authenticate(requestBy('mail', 'first'))).toMatchObject({ ok: false, reason: 'secret_wrong' });
  });
});
