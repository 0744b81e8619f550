/** Credentials of every auth method: what is kept, what is shown once, and what can never be had twice. */
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NewCredentialRequest } from '../../../../src/protocol/wire.js';
import { createAuthority } from '../../../../src/server/pki/certificate-authority.js';
import { type IssuerAtHand, issuerAtHand, refusal } from '../../../support/issuer-at-hand.js';

let at: IssuerAtHand;
beforeEach(async () => {
  at = await issuerAtHand();
  await at.issuer.createClient(at.admin(), { client: 'mail', auth: [['http_sig']] });
  await at.issuer.createClient(at.admin(), { client: 'other', auth: [['http_sig']] });
});
afterEach(() => at.close());

const add = (request: NewCredentialRequest, client = 'mail') => at.issuer.addCredential(at.admin(), client, request);
const pem = (key: KeyObject) => key.export({ type: 'spki', format: 'pem' }).toString();
const keys = {
  ed25519: pem(generateKeyPairSync('ed25519').publicKey),
  p256: pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey),
  rsa: rsaOf(3072),
};

/** A public key that looks like RSA: an odd number of `bits` bits, whose factors nobody knows. */
function rsaOf(bits: number): string {
  const modulus = new Uint8Array(bits / 8).fill(0xa5);
  const key = { kty: 'RSA', n: Buffer.from(modulus).toString('base64url'), e: 'AQAB' };
  return pem(createPublicKey({ format: 'jwk', key }));
}
const text = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : new TextDecoder().decode(bytes));

describe('a secret', () => {
  it.each([
    [{}, { auth_method: 'client_secret_basic' }],
    [{ auth_method: 'encrypted_time' }, { auth_method: 'encrypted_time' }],
    [
      { auth_method: 'http_sig', algorithm: 'hmac-sha256' },
      { auth_method: 'http_sig', algorithm: 'hmac-sha256' },
    ],
  ] as const)('of %j has 256 bits, is shown once, and serves one credential', async (request, made) => {
    const first = await add(request);
    const second = await add(request);
    expect(first).toMatchObject({ client: 'mail', ...made, secret: expect.stringMatching(/^mcs_[\w-]{43}$/) });
    expect(second.secret).not.toBe(first.secret);
    const shown = JSON.stringify([
      await at.issuer.credentials('mail'),
      await at.issuer.credential(first.credential_id),
      await at.issuer.audit({ limit: 100 }),
    ]);
    expect(shown).not.toContain(first.secret);
  });

  it('that is only compared is kept as its hash; one that proofs are computed with can be read back', async () => {
    const basic = await add({});
    expect(await at.issuer.credentialSecret(basic.credential_id)).toBeUndefined();
    const hash = createHash('sha256')
      .update(basic.secret ?? '')
      .digest('base64url');
    expect(await at.issuer.credential(basic.credential_id)).toMatchObject({ secretHash: hash, algorithm: null });
    for (const request of [{ auth_method: 'encrypted_time' }, { auth_method: 'http_sig', algorithm: 'hmac-sha256' }] as const) {
      const made = await add(request);
      expect(text(await at.issuer.credentialSecret(made.credential_id))).toBe(made.secret);
      expect(await at.issuer.credential(made.credential_id)).toMatchObject({ secretHash: null });
    }
  });
});

describe('a public key', () => {
  it.each([
    ['http_sig', 'ed25519', 'ed25519'],
    ['http_sig', 'p256', 'ecdsa-p256-sha256'],
    ['http_sig', 'rsa', 'rsa-pss-sha512'],
    ['sign', 'ed25519', 'sign-ed25519'],
    ['sign', 'p256', 'sign-ecdsa-p256-sha256'],
    ['sign', 'rsa', 'sign-rsa-pss-sha256'],
    ['decrypt', 'rsa', 'decrypt-rsa-oaep-256'],
  ] as const)('for %s has the one algorithm of its kind, and no secret: %s', async (use, kind, algorithm) => {
    const public_key = keys[kind];
    const made = await add(
      use === 'http_sig' ? { auth_method: 'http_sig', public_key } : { auth_method: 'challenge_response', mode: use, public_key },
    );
    expect(made).toEqual({ client: 'mail', credential_id: made.credential_id, auth_method: made.auth_method, algorithm });
    const [listed] = await at.issuer.credentials('mail');
    expect(listed).toMatchObject({ algorithm, key_thumbprint: expect.stringMatching(/^[\w-]{43}$/), state: 'live' });
    const der = Buffer.from(public_key.split('\n').slice(1, -2).join(''), 'base64');
    expect(await at.issuer.credential(made.credential_id)).toMatchObject({ publicKey: der.toString('base64url') });
  });

  it('serves one credential of its client, once: not a second method, and not again after it was retired', async () => {
    const public_key = keys.rsa;
    const first = await add({ auth_method: 'http_sig', public_key });
    expect(await refusal(add({ auth_method: 'http_sig', public_key }))).toBe('conflict');
    expect(await refusal(add({ auth_method: 'challenge_response', mode: 'decrypt', public_key }))).toBe('conflict');
    expect(await refusal(at.issuer.retireCredential(at.admin(), first.credential_id, 'admin'))).toBe('not_found');
    await at.issuer.retireCredential(at.admin(), first.credential_id);
    expect(await refusal(add({ auth_method: 'http_sig', public_key }))).toBe('conflict');
  });
});

describe('a certificate', () => {
  it('is known by the URI of its client when nothing else is said', async () => {
    const made = await add({ auth_method: 'tls_client_auth' });
    expect(made).toMatchObject({ auth_method: 'tls_client_auth', binding: 'uri:spiffe://example.com/client/mail' });
    expect(made.secret).toBeUndefined();
    expect(await at.issuer.credentialByBinding('uri:spiffe://example.com/client/mail')).toMatchObject({ client: 'mail' });
  });

  it.each<[NewCredentialRequest, string]>([
    [{ auth_method: 'tls_client_auth', san: 'uri:spiffe://partner.org/ns/a/b.c_D-1' }, 'uri:spiffe://partner.org/ns/a/b.c_D-1'],
    [{ auth_method: 'tls_client_auth', san: 'uri:urn:uuid:7c1a' }, 'uri:urn:uuid:7c1a'],
    [{ auth_method: 'tls_client_auth', san: 'dns:mail.example.com' }, 'dns:mail.example.com'],
    [{ auth_method: 'tls_client_auth', subject: '/O=Example/CN=mail' }, 'dn:CN=mail,O=Example'],
  ])('is registered by %j', async (request, binding) => {
    expect(await add(request)).toMatchObject({ binding });
    expect(await at.issuer.credentials('mail')).toMatchObject([{ binding, auth_method: 'tls_client_auth' }]);
  });

  it('of its own is registered by its thumbprint until it expires', async () => {
    const selfSigned = async (madeAtMs: number) => (await createAuthority('mail', () => madeAtMs, randomBytes)).certificatePem;
    const certificate = await selfSigned(at.time.nowMs);
    const made = await add({ auth_method: 'self_signed_tls_client_auth', certificate });
    expect(made.binding).toBe(`x5t:${createHash('sha256').update(new X509Certificate(certificate).raw).digest('base64url')}`);
    const [expired, other] = await Promise.all([selfSigned(0), selfSigned(at.time.nowMs)]);
    for (const wrong of [expired, 'none', certificate + other, certificate.replace('MII', 'MIA')]) {
      const request = { auth_method: 'self_signed_tls_client_auth', certificate: wrong } as const;
      expect(await refusal(add(request))).toBe('invalid_request');
    }
  });
});

describe('what a certificate is known by', () => {
  it('belongs to one client for ever, also when the credential was retired', async () => {
    const san = { auth_method: 'tls_client_auth', san: 'dns:mail.example.com' } as const;
    const made = await add(san);
    expect(await refusal(add(san, 'other'))).toBe('conflict');
    await at.issuer.retireCredential(at.admin(), made.credential_id, 'mail');
    expect(await refusal(add(san, 'other'))).toBe('conflict');
    expect(await refusal(add(san))).toBe('conflict');
  });

  it('cannot be the URI of another client, there or still to come', async () => {
    const uriOf = (name: string) => ({ auth_method: 'tls_client_auth', san: `uri:spiffe://example.com/client/${name}` }) as const;
    expect(await refusal(add(uriOf('other')))).toBe('conflict');
    expect(await refusal(add(uriOf('future')))).toBe('conflict');
    expect(await refusal(add(uriOf('admin')))).toBe('conflict');
    expect((await add(uriOf('mail'))).binding).toBe('uri:spiffe://example.com/client/mail');
  });

  it('cannot be the subject that our CA gives to another client', async () => {
    const subject = (text: string) => ({ auth_method: 'tls_client_auth', subject: text }) as const;
    for (const text of ['CN=other', '/CN=other', 'CN=admin']) expect(await refusal(add(subject(text)))).toBe('conflict');
    expect((await add(subject('CN=mail'))).binding).toBe('dn:CN=mail');
    expect((await add(subject('CN=other,O=Partner'))).binding).toBe('dn:CN=other,O=Partner');
  });

  it('cannot be a host of another client, nor a host become what proves another', async () => {
    const san = { auth_method: 'tls_client_auth', san: 'dns:mail.example.com' } as const;
    await at.issuer.createClient(at.admin(), { client: 'server', hosts: ['mail.example.com', '10.1.2.3'] });
    expect(await refusal(add(san))).toBe('conflict');
    await at.issuer.changePolicy(at.admin(), 'server', { hosts: [] });
    await add(san);
    const hosts = ['mail.example.com'];
    expect(await refusal(at.issuer.changePolicy(at.admin(), 'server', { hosts }))).toBe('conflict');
    expect(await refusal(at.issuer.createClient(at.admin(), { client: 'third', hosts }))).toBe('conflict');
    expect(await refusal(at.issuer.client('third'))).toBe('not_found');
    expect((await at.issuer.changePolicy(at.admin(), 'mail', { hosts })).hosts).toEqual(hosts);
  });
});

describe('hosts', () => {
  it('are names and addresses, each once', async () => {
    const hosts = ['localhost', 'mail.example.com', '10.1.2.3', '2001:db8::1'];
    expect((await at.issuer.createClient(at.admin(), { client: 'server', hosts })).hosts).toEqual(hosts);
    const twice = { client: 'third', hosts: ['localhost', 'localhost'] };
    expect(await refusal(at.issuer.createClient(at.admin(), twice))).toBe('invalid_request');
    const many = { client: 'third', hosts: Array.from({ length: 33 }, (_, i) => `h${i}`) };
    expect(await refusal(at.issuer.createClient(at.admin(), many))).toBe('invalid_request');
  });
});

describe('a new client', () => {
  it('gets what its policy asks for and nothing of it is needed for, each once', async () => {
    const auth = [
      ['client_secret_basic', 'tls_client_auth'],
      ['encrypted_time'],
      ['http_sig'],
      ['encrypted_time', 'tls_client_auth'],
    ];
    const made = await at.issuer.createClient(at.admin(), { client: 'new', auth });
    expect(made).toMatchObject({ client: 'new', state: 'active', auth });
    expect(made.credentials.map(({ auth_method, binding, secret }) => [auth_method, binding, secret !== undefined])).toEqual([
      ['client_secret_basic', undefined, true],
      ['tls_client_auth', 'uri:spiffe://example.com/client/new', false],
      ['encrypted_time', undefined, true],
    ]);
    expect(new Set(made.credentials.map(({ secret }) => secret)).size).toBe(3);
  });
});

describe('credentials', () => {
  it('are two of each method', async () => {
    for (const request of [{}, { auth_method: 'encrypted_time' }, { auth_method: 'tls_client_auth' }] as const)
      await add(request);
    for (const request of [{}, { auth_method: 'encrypted_time' }] as const) {
      await add(request);
      expect(await refusal(add(request))).toBe('conflict');
    }
  });

  it('work from their own addresses, told with each', async () => {
    const made = await add({ auth_method: 'encrypted_time', ips: ['10.0.0.0/8'] });
    expect(await at.issuer.credential(made.credential_id)).toMatchObject({ ips: ['10.0.0.0/8'] });
    expect(await at.issuer.credentials('mail')).toMatchObject([{ ips: ['10.0.0.0/8'] }]);
    expect(await refusal(add({ ips: ['10.0.0.1/8'] }))).toBe('invalid_request');
  });

  it('of a disabled client are not called live, and it gets no more', async () => {
    const first = await add({});
    at.time.nowMs += 1;
    await add({});
    await at.issuer.retireCredential(at.admin(), first.credential_id, 'mail');
    await at.issuer.disableClient(at.admin(), 'mail');
    expect((await at.issuer.credentials('mail')).map(({ state }) => state)).toEqual(['retired', 'disabled']);
    expect(await refusal(add({ auth_method: 'encrypted_time' }))).toBe('conflict');
  });

  it('of a client that administrates are added by who could grant as much, whatever the method', async () => {
    await at.issuer.putGrant(at.admin(), 'mail', { audience: 'macaroond', actions: ['audit:read'] });
    const requests: readonly NewCredentialRequest[] = [
      { auth_method: 'http_sig', public_key: keys.ed25519 },
      { auth_method: 'tls_client_auth' },
      { auth_method: 'encrypted_time' },
    ];
    for (const request of requests) {
      const caller = at.admin(['clients:write']);
      expect(await refusal(at.issuer.addCredential(caller, 'mail', request))).toBe('forbidden');
      expect(await refusal(at.issuer.addCredential({ ...at.admin(), isConfined: true }, 'mail', request))).toBe('forbidden');
    }
  });

  it('are told in the audit log by what tells them apart', async () => {
    const made = await add({ auth_method: 'http_sig', public_key: keys.ed25519, ips: ['10.0.0.0/8'] });
    const [listed] = await at.issuer.credentials('mail');
    const { entries } = await at.issuer.audit({ event: 'credential.added', limit: 10 });
    expect(entries).toMatchObject([
      {
        actor: 'admin',
        client: 'mail',
        details: {
          credential_id: made.credential_id,
          auth_method: 'http_sig',
          algorithm: 'ed25519',
          key_thumbprint: listed?.key_thumbprint,
          ips_count: 1,
        },
      },
    ]);
  });
});
