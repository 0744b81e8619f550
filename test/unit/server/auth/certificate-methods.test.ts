import { describe, expect, it } from 'vitest';
import { createConnectionGate } from '../../../../src/server/auth/connection-gate.js';
import { createSelfSignedTlsClientAuth } from '../../../../src/server/auth/self-signed-tls-client-auth.js';
import { createTlsClientAuth } from '../../../../src/server/auth/tls-client-auth.js';
import type { FailureNote } from '../../../../src/server/domain/issuer.js';
import type { PresentedCertificate } from '../../../../src/server/domain/presented-certificate.js';
import type { CertificateRecord, CredentialRecord } from '../../../../src/server/domain/records.js';

const shown: PresentedCertificate = {
  der: new Uint8Array(1),
  thumbprint: 'T'.repeat(43),
  subject: 'CN=mail',
  uris: ['spiffe://macaroond/client/mail'],
  dnsNames: ['mail.example'],
  notBeforeMs: 0,
  notAfterMs: 1,
  isSelfSigned: false,
  fault: undefined,
  via: 'tls',
};
const alone: PresentedCertificate = { ...shown, isSelfSigned: true, fault: 'self_signed' };

interface Registered {
  /** Client, and whether the credential was retired, by binding. */
  readonly bindings?: Readonly<Record<string, readonly [client: string, isRetired?: boolean]>>;
  readonly record?: Partial<CertificateRecord>;
  readonly state?: 'active' | 'disabled';
}

function setUp({ bindings = {}, record, state = 'active' }: Registered = {}) {
  const asked: string[] = [];
  const notes: FailureNote[] = [];
  const credentialOf = (binding: string, client: string, isRetired = false): CredentialRecord => ({
    ...{ id: `crd_${binding}`, client, authMethod: 'tls_client_auth', algorithm: null, secretHash: null, publicKey: null },
    ...{ binding, ips: [], createdAtMs: 0, retiredAtMs: isRetired ? 1 : null },
  });
  const row = { thumbprint: shown.thumbprint, serial: '01', client: null, notBeforeMs: 0, notAfterMs: 1, issuedAtMs: 0 };
  const registry = {
    credentialByBinding: async (binding: string) => {
      asked.push(binding);
      const found = bindings[binding];
      return found === undefined ? undefined : credentialOf(binding, ...found);
    },
    credentialsForLogin: async () => ({ state, authPolicy: [['tls_client_auth']], ips: [], live: [] }),
    certificate: async () => (record === undefined ? undefined : { ...row, revokedAtMs: null, ...record }),
    noteFailure: async (note: FailureNote) => {
      notes.push(note);
    },
  };
  const methods = [createTlsClientAuth(registry), createSelfSignedTlsClientAuth(registry)];
  const gate = createConnectionGate({ issuer: registry, authenticators: methods });
  const authenticate = async (certificate: PresentedCertificate) => {
    const request = { method: 'GET', target: '/', targetUri: '/', headers: new Map(), address: '192.0.2.1', certificate };
    const recognising = methods.filter((one) => one.recognises({ ...request, body: async () => new Uint8Array() }));
    expect(recognising).toHaveLength(1);
    const result = await recognising[0]?.authenticate({ ...request, body: async () => new Uint8Array() });
    return { method: recognising[0]?.method, result };
  };
  return { asked, notes, gate, authenticate };
}

describe('tls_client_auth', () => {
  it.each([
    ['a URI', 'uri:spiffe://macaroond/client/mail'],
    ['a DNS name', 'dns:mail.example'],
    ['the subject', 'dn:CN=mail'],
  ])('knows a client by %s of the certificate', async (_, binding) => {
    const { method, result } = await setUp({ bindings: { [binding]: ['mail'] } }).authenticate(shown);
    expect([method, result]).toMatchObject([
      'tls_client_auth',
      { ok: true, client: 'mail', credential: { binding }, certificateThumbprint: shown.thumbprint },
    ]);
  });

  it("refuses a foreign certificate whose names are those of two clients, unless all credentials but one client's are retired", async () => {
    const outcomeOf = async (isRetired: boolean) =>
      (await setUp({ bindings: { 'dns:mail.example': ['mail'], 'dn:CN=mail': ['shop', isRetired] } }).authenticate(shown)).result;
    expect(await outcomeOf(false)).toMatchObject({ ok: false, reason: 'credentials_conflict' });
    expect(await outcomeOf(true)).toMatchObject({ ok: true, client: 'mail' });
  });

  it('takes a certificate of our CA for that of the client it was issued to, whoever registered a name of it since', async () => {
    const names = { 'dns:mail.example': ['shop'], 'dn:CN=mail': ['shop'] } as const;
    const bindings = { ...names, 'uri:spiffe://macaroond/client/mail': ['mail'] } as const;
    const { result } = await setUp({ bindings, record: { client: 'mail' } }).authenticate(shown);
    expect(result).toMatchObject({ ok: true, client: 'mail', credential: { client: 'mail' } });
    const others = await setUp({ bindings: names, record: { client: 'mail' } }).authenticate(shown);
    expect(others.result).toMatchObject({ ok: false, client: 'mail', reason: 'certificate_unknown' });
  });

  it.each([
    ['nobody registered a name of it', {}, 'certificate_unknown'],
    ['its credential is retired', { bindings: { 'dn:CN=mail': ['mail', true] } }, 'credential_retired'],
    [
      'it was revoked',
      { bindings: { 'dn:CN=mail': ['mail'] }, record: { client: 'mail', revokedAtMs: 1 } },
      'certificate_revoked',
    ],
    ['it was revoked, though foreign', { record: { serial: null, revokedAtMs: 1 } }, 'certificate_revoked'],
  ] as const)('refuses one when %s', async (_, registered, reason) => {
    expect((await setUp(registered).authenticate(shown)).result).toMatchObject({ ok: false, reason });
  });

  it.each(['malformed', 'wrong_purpose', 'not_yet_valid', 'expired', 'untrusted'] as const)(
    'looks up no name of a certificate that is %s',
    async (fault) => {
      const { authenticate, asked } = setUp({ bindings: { 'dn:CN=mail': ['mail'] } });
      expect((await authenticate({ ...shown, fault })).result).toMatchObject({ ok: false, reason: `certificate_${fault}` });
      expect(asked).toEqual([]);
    },
  );
});

describe('self_signed_tls_client_auth', () => {
  const bindings = { [`x5t:${alone.thumbprint}`]: ['mail'], 'dn:CN=mail': ['shop'] } as const;

  it('knows a client by the thumbprint alone', async () => {
    const { authenticate, asked } = setUp({ bindings });
    expect(await authenticate(alone)).toMatchObject({
      method: 'self_signed_tls_client_auth',
      result: { ok: true, client: 'mail' },
    });
    expect(asked).toEqual([`x5t:${alone.thumbprint}`]);
  });

  it('refuses a stranger, whatever the certificate names, and one whose dates or purpose are wrong', async () => {
    const stranger = setUp({ bindings: { 'dn:CN=mail': ['shop'] } });
    expect((await stranger.authenticate(alone)).result).toMatchObject({ ok: false, reason: 'certificate_self_signed' });
    for (const fault of ['expired', 'not_yet_valid', 'wrong_purpose', 'malformed', 'untrusted', undefined] as const) {
      const { result } = await setUp({ bindings }).authenticate({ ...alone, fault });
      expect(result).toMatchObject({ ok: false, reason: `certificate_${fault ?? 'unknown'}` });
    }
  });

  it('refuses one that was revoked', async () => {
    const revoked = setUp({ bindings, record: { serial: null, revokedAtMs: 1 } });
    expect((await revoked.authenticate(alone)).result).toMatchObject({ ok: false, reason: 'certificate_revoked' });
  });
});

describe('the gate of connections', () => {
  const address = '192.0.2.1';

  it('lets in who would be let in by a login, and notes nothing', async () => {
    const { gate, notes } = setUp({ bindings: { 'dn:CN=mail': ['mail'] } });
    expect(await gate.admits({ address, certificate: shown })).toBe(true);
    expect(notes).toEqual([]);
  });

  it.each([
    ['none', undefined, {}, 'certificate_missing', undefined],
    ['one with a fault', { ...shown, fault: 'expired' }, {}, 'certificate_expired', undefined],
    ['that of a disabled client', shown, { state: 'disabled' }, 'client_disabled', 'mail'],
  ] as const)('refuses a connection with %s, and notes why', async (_, certificate, registered, reason, client) => {
    const { gate, notes } = setUp({ bindings: { 'dn:CN=mail': ['mail'] }, ...registered });
    expect(await gate.admits({ address, certificate })).toBe(false);
    expect(notes).toEqual([{ event: 'connection.refused', address, client, reason }]);
  });

  it("notes what TLS broke off by the certificate's fault, or by the code of the error", async () => {
    const { gate, notes } = setUp();
    await gate.noteTlsFailure({ address, certificate: { ...shown, fault: 'untrusted' } }, 'ERR_SSL_EVP_LIB');
    await gate.noteTlsFailure({ address, certificate: undefined }, 'ERR_SSL_NO_SHARED_CIPHER');
    expect(notes.map(({ reason }) => reason)).toEqual(['certificate_untrusted', 'ERR_SSL_NO_SHARED_CIPHER']);
  });
});
