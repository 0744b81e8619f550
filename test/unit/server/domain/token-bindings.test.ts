/** Grants that bind: a token is worth nothing without the addresses, the certificate or the key of the client that it was minted for. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decode } from '../../../../src/core/index.js';
import type { GrantBinding } from '../../../../src/protocol/wire.js';
import { mintRecoveryToken } from '../../../../src/server/domain/bootstrap.js';
import type { ClientCaller } from '../../../../src/server/domain/issuer.js';
import { type IssuerAtHand, issuerAtHand, refusal } from '../../../support/issuer-at-hand.js';

let at: IssuerAtHand;
let mail: ClientCaller;
beforeEach(async () => {
  at = await issuerAtHand();
  mail = await at.clientFor('invoice', 'mail');
});
afterEach(() => at.close());

const thumbprint = 'A'.repeat(43);
const bind = (...bindings: readonly GrantBinding[]) =>
  at.issuer.putGrant(at.admin(), 'mail', { audience: 'invoice', actions: ['invoices:read'], bind: bindings });
const mint = (proof: Partial<ClientCaller>, caveats: readonly string[] = []) =>
  at.issuer.mint({ ...mail, ...proof }, { audience: 'invoice', caveats });

describe('a grant that binds', () => {
  it('to addresses takes those of the client, else the one that it calls from', async () => {
    await bind('ip');
    expect((await mint({ address: '::ffff:10.1.2.3' })).caveats).toEqual(['ip 10.1.2.3']);
    expect((await mint({ address: '2001:db8:0::1' })).caveats).toEqual(['ip 2001:db8::1']);
    expect(await refusal(mint({}))).toBe('grant_exceeded');
    expect(await refusal(mint({ address: 'unix:' }))).toBe('grant_exceeded');
    const policy = { auth: [['client_secret_basic', 'ip']], ips: ['10.0.0.0/8', '2001:db8::/32'] };
    await at.issuer.changePolicy(at.admin(), 'mail', policy);
    expect((await mint({ address: '10.1.2.3' })).caveats).toEqual(['ip 10.0.0.0/8,2001:db8::/32']);
  });

  it('to more addresses than a caveat holds mints nothing, rather than something wider or narrower', async () => {
    await bind('ip');
    const ips = Array.from({ length: 60 }, (_, i) => `2001:db8:1234:5678:9abc:def0:1234:${(0x1000 + i).toString(16)}`);
    await at.issuer.changePolicy(at.admin(), 'mail', { auth: [['client_secret_basic', 'ip']], ips });
    expect(await refusal(mint({ address: '10.1.2.3' }))).toBe('grant_exceeded');
  });

  it('to a certificate takes that of the proof, and mints nothing without', async () => {
    await bind('certificate');
    expect((await mint({ certificateThumbprint: thumbprint })).caveats).toEqual([`cnf x5t#S256:${thumbprint}`]);
    expect(await refusal(mint({}))).toBe('grant_exceeded');
    expect(await refusal(mint({ keyThumbprint: thumbprint }))).toBe('grant_exceeded');
  });

  it('to a key takes that of the proof, and mints nothing for a shared secret', async () => {
    await bind('key');
    expect((await mint({ keyThumbprint: thumbprint })).caveats).toEqual([`cnf jkt:${thumbprint}`]);
    expect(await refusal(mint({}))).toBe('grant_exceeded');
    expect(await refusal(mint({ certificateThumbprint: thumbprint }))).toBe('grant_exceeded');
  });

  it('to all of them puts each into the token, before what was asked for and once', async () => {
    await bind('key', 'certificate', 'ip');
    const proof = { keyThumbprint: thumbprint, certificateThumbprint: thumbprint, address: '10.1.2.3' };
    const minted = await mint(proof, ['ip 10.1.2.3', 'method GET']);
    expect(minted.caveats).toEqual([`cnf jkt:${thumbprint}`, `cnf x5t#S256:${thumbprint}`, 'ip 10.1.2.3', 'method GET']);
    const inToken = decode(minted.token).root.caveats.map((caveat) =>
      caveat.kind === 'first-party' ? new TextDecoder().decode(caveat.condition) : '',
    );
    expect(inToken).toEqual(minted.caveats);
  });

  it('is told in lists, and refused with a repetition', async () => {
    await bind('ip', 'key');
    expect(await at.issuer.grants('mail')).toMatchObject([{ bind: ['ip', 'key'] }]);
    expect(await refusal(bind('ip', 'ip'))).toBe('invalid_request');
  });

  it('leaves what proved the client and what it was bound to in the audit log', async () => {
    await bind('key');
    const { token_id: tokenId } = await mint({ authMethods: ['http_sig', 'tls_client_auth'], keyThumbprint: thumbprint });
    const { entries } = await at.issuer.audit({ tokenId, limit: 10 });
    expect(entries).toMatchObject([
      {
        event: 'token.minted',
        details: {
          auth_methods: ['http_sig', 'tls_client_auth'],
          key_thumbprint: thumbprint,
          bindings: [`cnf jkt:${thumbprint}`],
        },
      },
    ]);
  });
});

describe('the way back in', () => {
  it('is not shut by a grant of admin that binds', async () => {
    const grant = { audience: 'macaroond', actions: ['clients:*'], bind: ['key'] } as const;
    await at.issuer.putGrant(at.admin(['clients:*', ...at.admin().actions]), 'admin', grant);
    expect((await mintRecoveryToken(at.deps)).caveats).toEqual([]);
  });
});

it('nothing is minted for a proof of two credentials once one of them is retired', async () => {
  const second = await at.issuer.addCredential(at.admin(), 'mail', { auth_method: 'tls_client_auth' });
  const proof = { secondCredentialId: second.credential_id };
  expect((await mint(proof)).client).toBe('mail');
  await at.issuer.retireCredential(at.admin(), second.credential_id, 'mail');
  expect(await refusal(mint(proof))).toBe('invalid_client');
});
