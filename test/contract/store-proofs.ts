/** The part of the store contract about what proves a client: credentials, invitations, certificates and the names they hold. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store, StoreTransaction } from '../../src/server/domain/ports.js';
import type { CredentialRecord } from '../../src/server/domain/records.js';
import type { StoreUnderTest } from './store-contract.js';
import { atMs, certificate, client, credential, grant, hmacCredential, invitation, tlsCredential } from './store-fixtures.js';

const publicKey = 'MCowBQYDK2VwAyEA';
const secret = Uint8Array.from({ length: 47 }, (_, i) => 255 - i);
const sharedKey = Uint8Array.from({ length: 32 }, (_, i) => i);

interface Proof {
  readonly proof: Pick<CredentialRecord, 'authMethod' | 'algorithm' | 'secretHash' | 'publicKey' | 'binding'>;
  readonly secret?: Uint8Array;
}

const none = { algorithm: null, secretHash: null, publicKey: null, binding: null } as const;
const proofs: readonly Proof[] = [
  { proof: { ...none, authMethod: 'client_secret_basic', secretHash: 'h'.repeat(43) } },
  { proof: { ...none, authMethod: 'http_sig', algorithm: 'hmac-sha256' }, secret },
  { proof: { ...none, authMethod: 'http_sig', algorithm: 'ed25519', publicKey } },
  { proof: { ...none, authMethod: 'http_sig', algorithm: 'ecdsa-p256-sha256', publicKey } },
  { proof: { ...none, authMethod: 'http_sig', algorithm: 'rsa-pss-sha512', publicKey } },
  { proof: { ...none, authMethod: 'challenge_response', algorithm: 'sign-ed25519', publicKey } },
  { proof: { ...none, authMethod: 'challenge_response', algorithm: 'sign-ecdsa-p256-sha256', publicKey } },
  { proof: { ...none, authMethod: 'challenge_response', algorithm: 'sign-rsa-pss-sha256', publicKey } },
  { proof: { ...none, authMethod: 'challenge_response', algorithm: 'decrypt-rsa-oaep-256', publicKey } },
  { proof: { ...none, authMethod: 'encrypted_time' }, secret },
  { proof: { ...none, authMethod: 'shared_key_hmac', binding: `enrolment:${'n'.repeat(43)}` }, secret },
  { proof: { ...none, authMethod: 'tls_client_auth', binding: 'uri:spiffe://example.com/client/mail' } },
  { proof: { ...none, authMethod: 'tls_client_auth', binding: 'dns:mail.example.com' } },
  { proof: { ...none, authMethod: 'tls_client_auth', binding: 'dn:CN=mail,O=Example' } },
  { proof: { ...none, authMethod: 'self_signed_tls_client_auth', binding: `x5t:${'t'.repeat(43)}` } },
];
const named = proofs.map((one) => {
  const { authMethod, algorithm, binding } = one.proof;
  return { ...one, name: [authMethod, algorithm ?? binding?.split(':')[0]].join(' ') };
});

export function describeProofContract(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`${name}: store contract, what proves a client`, () => {
    let subject: StoreUnderTest;
    let store: Store;
    const grow = <T>(work: (tx: StoreTransaction) => T | Promise<T>) => store.transaction('grow', work);
    const refused = (work: (tx: StoreTransaction) => Promise<unknown>) =>
      expect(grow(work)).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
    const corrupt = (read: Promise<unknown>) => expect(read).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' });

    beforeEach(async () => {
      subject = await make();
      store = subject.store;
      await grow(async (tx) => {
        await tx.insertClient(client('mail'));
        await tx.insertClient(client('batch'));
      });
    });
    afterEach(() => subject.dispose());

    describe('credentials', () => {
      it.each(named)('of $name come back with their secret, if any, and without it once retired', async (one) => {
        const record = credential('c', 'mail', { ...one.proof, ips: ['10.0.0.0/8', '2001:db8::1'] });
        await grow((tx) => tx.insertCredential(record, one.secret));
        store = await subject.reopen();
        expect(await store.read.credential('c')).toEqual(record);
        expect(await store.read.credentials('mail')).toEqual([record]);
        expect(await store.read.credentialSecret('c')).toEqual(one.secret);
        const retired = { ...record, retiredAtMs: atMs + 5 };
        await store.transaction('revoke', (tx) => tx.updateCredential(retired));
        store = await subject.reopen();
        expect(await store.read.credential('c')).toEqual(retired);
        expect(await store.read.credentialSecret('c')).toBeUndefined();
      });

      it.each(named)('of $name have just what their auth method needs', async (one) => {
        const record = credential('c', 'mail', one.proof);
        const { proof } = one;
        await refused((tx) =>
          tx.insertCredential({ ...record, algorithm: proof.algorithm === null ? 'ed25519' : null }, one.secret),
        );
        await refused((tx) => tx.insertCredential({ ...record, algorithm: one.secret ? 'ed25519' : 'hmac-sha256' }, one.secret));
        await refused((tx) =>
          tx.insertCredential({ ...record, secretHash: proof.secretHash === null ? 'h'.repeat(43) : null }, one.secret),
        );
        await refused((tx) => tx.insertCredential({ ...record, publicKey: proof.publicKey === null ? 'x' : null }, one.secret));
        await refused((tx) => tx.insertCredential({ ...record, binding: proof.binding === null ? 'uri:x' : null }, one.secret));
        await refused((tx) => tx.insertCredential({ ...record, binding: 'other:x' }, one.secret));
        await refused((tx) => tx.insertCredential(record, one.secret === undefined ? secret : undefined));
        await grow((tx) => tx.insertCredential(record, one.secret));
      });

      it('cannot be made live again when their secret is gone', async () => {
        const record = hmacCredential('c', 'mail');
        await grow((tx) => tx.insertCredential(record, secret));
        await grow((tx) => tx.updateCredential({ ...record, retiredAtMs: atMs }));
        await refused((tx) => tx.updateCredential(record));
      });

      it('change in nothing but their end', async () => {
        const record = tlsCredential('c', 'mail', 'dns:mail.example.com');
        await grow((tx) => tx.insertCredential(record));
        await grow((tx) => tx.updateCredential({ ...record, client: 'batch', binding: 'dns:other', ips: ['10.0.0.1'] }));
        expect(await store.read.credential('c')).toEqual(record);
      });

      it('are found by their binding, which nobody can have again, also when they are retired', async () => {
        const record = tlsCredential('c', 'mail', 'dns:mail.example.com');
        const again = (owner: string) => (tx: StoreTransaction) => tx.insertCredential({ ...record, id: 'd', client: owner });
        expect(await store.read.credentialByBinding('dns:mail.example.com')).toBeUndefined();
        await grow((tx) => tx.insertCredential(record));
        await grow((tx) => tx.insertCredential(tlsCredential('e', 'batch', 'dns:mail.example.co')));
        expect(await store.read.credentialByBinding('dns:mail.example.com')).toEqual(record);
        await refused(again('batch'));
        await refused(again('mail'));
        const retired = { ...record, retiredAtMs: atMs };
        await grow((tx) => tx.updateCredential(retired));
        expect(await store.read.credentialByBinding('dns:mail.example.com')).toEqual(retired);
        await refused(again('batch'));
        await refused(again('mail'));
      });

      it('without a binding may be many', async () => {
        await grow(async (tx) => {
          for (const id of ['a', 'b', 'c']) await tx.insertCredential(credential(id, 'mail'));
        });
        expect(await store.read.credentials('mail')).toHaveLength(3);
      });
    });

    describe('hosts of clients and what grants bind', () => {
      it('come back, and clients are found by a whole host', async () => {
        await grow(async (tx) => {
          await tx.updateClient(client('mail', { hosts: ['mail.example.com', '192.0.2.1'] }));
          await tx.insertClient(client('another', { hosts: ['mail.example.com'] }));
        });
        store = await subject.reopen();
        expect((await store.read.client('mail'))?.hosts).toEqual(['mail.example.com', '192.0.2.1']);
        expect((await store.read.client('batch'))?.hosts).toEqual([]);
        expect(await store.read.clientsOfHost('mail.example.com')).toEqual(['another', 'mail']);
        expect(await store.read.clientsOfHost('192.0.2.1')).toEqual(['mail']);
        for (const host of ['example.com', 'mail.example.co', 'MAIL.example.com', '192.0.2', '%', '"', '']) {
          expect(await store.read.clientsOfHost(host)).toEqual([]);
        }
        await grow((tx) => tx.updateClient(client('mail')));
        expect(await store.read.clientsOfHost('mail.example.com')).toEqual(['another']);
      });

      it('are kept in a grant, and can be taken out of it', async () => {
        const bound = grant('mail', 'invoice', { bind: ['ip', 'certificate', 'key'] });
        await grow(async (tx) => {
          await tx.insertAudience({ name: 'invoice', generation: 0, createdAtMs: atMs, changeSeq: 1 });
          await tx.putGrant(bound);
        });
        store = await subject.reopen();
        expect(await store.read.grant('mail', 'invoice')).toEqual(bound);
        await grow((tx) => tx.putGrant({ ...bound, bind: [] }));
        expect((await store.read.grants('mail'))[0]?.bind).toEqual([]);
      });
    });

    describe('invitations', () => {
      it('come back, oldest first, and apart from them their shared key', async () => {
        const first = invitation('inv_b');
        const group = invitation('inv_a', { client: null, usesLeft: 20, createdAtMs: atMs + 1 });
        await grow(async (tx) => {
          await tx.insertInvitation(group, sharedKey.toReversed());
          await tx.insertInvitation(first, sharedKey);
        });
        store = await subject.reopen();
        expect(await store.read.invitations()).toEqual([first, group]);
        expect(await store.read.invitation('inv_a')).toEqual(group);
        expect(await store.read.invitationKey('inv_b')).toEqual(sharedKey);
        expect(await store.read.invitationKey('inv_a')).toEqual(sharedKey.toReversed());
        expect(await store.read.invitation('inv_c')).toBeUndefined();
        expect(await store.read.invitationKey('inv_c')).toBeUndefined();
      });

      it('are used up and ended early, and nothing else of them changes', async () => {
        const one = invitation('inv_a');
        await grow((tx) => tx.insertInvitation(one, sharedKey));
        await grow((tx) => tx.updateInvitation({ ...one, client: null, usesLeft: 0, expiresAtMs: atMs }));
        expect(await store.read.invitation('inv_a')).toEqual({ ...one, usesLeft: 0, expiresAtMs: atMs });
        expect(await store.read.invitationKey('inv_a')).toEqual(sharedKey);
        await refused((tx) => tx.updateInvitation({ ...one, usesLeft: -1 }));
        await refused((tx) => tx.updateInvitation(invitation('inv_none')));
        await refused((tx) => tx.insertInvitation(one, sharedKey));
      });
    });

    describe('certificates', () => {
      const thumbprints = async (found: Promise<readonly { readonly thumbprint: string }[]>) =>
        (await found).map((one) => one.thumbprint.replace(/_+$/, ''));

      it('come back, newest first, of one client or all', async () => {
        const foreign = certificate('foreign', { serial: null, client: null, revokedAtMs: atMs + 3, issuedAtMs: atMs + 3 });
        await grow(async (tx) => {
          await tx.insertCertificate(certificate('1'));
          await tx.insertCertificate(certificate('2', { client: 'batch', issuedAtMs: atMs + 1 }));
          await tx.insertCertificate(certificate('3', { issuedAtMs: atMs + 2 }));
          await tx.insertCertificate(foreign);
        });
        store = await subject.reopen();
        expect(await store.read.certificate(certificate('1').thumbprint)).toEqual(certificate('1'));
        expect(await store.read.certificate(foreign.thumbprint)).toEqual(foreign);
        expect(await store.read.certificate('none')).toBeUndefined();
        expect(await thumbprints(store.read.certificates())).toEqual(['foreign', '3', '2', '1']);
        expect(await thumbprints(store.read.certificates('mail'))).toEqual(['3', '1']);
        expect(await store.read.certificates('nobody')).toEqual([]);
      });

      it('are listed as revoked when they have a serial, until they have expired', async () => {
        const expiring = certificate('expiring', { notAfterMs: atMs + 10 });
        const list = [
          expiring,
          certificate('live'),
          certificate('other'),
          certificate('foreign', { serial: null, client: null }),
        ];
        await grow(async (tx) => {
          for (const one of list) await tx.insertCertificate(one);
        });
        expect(await store.read.revokedCertificates(0)).toEqual([]);
        await grow(async (tx) => {
          for (const one of list) if (one.serial !== '00live') await tx.updateCertificate({ ...one, revokedAtMs: atMs + 1 });
        });
        expect(await store.read.certificate(expiring.thumbprint)).toEqual({ ...expiring, revokedAtMs: atMs + 1 });
        expect(await thumbprints(store.read.revokedCertificates(atMs + 10))).toEqual(['expiring', 'other']);
        expect(await thumbprints(store.read.revokedCertificates(atMs + 11))).toEqual(['other']);
      });

      it('change in nothing but their revocation, and are never written twice', async () => {
        const one = certificate('1');
        await grow((tx) => tx.insertCertificate(one));
        await grow((tx) => tx.updateCertificate({ ...one, client: 'batch', serial: 'ff', notAfterMs: 0, revokedAtMs: atMs }));
        expect(await store.read.certificate(one.thumbprint)).toEqual({ ...one, revokedAtMs: atMs });
        await refused((tx) => tx.insertCertificate(certificate('1', { serial: 'ff' })));
        await refused((tx) => tx.insertCertificate(certificate('2', { serial: '001' })));
        await refused((tx) => tx.insertCertificate(certificate('2', { client: 'nobody' })));
        await refused((tx) => tx.updateCertificate(certificate('2')));
      });
    });

    it('leaves nothing of a transaction that fails, and the names in it free', async () => {
      const write = async (tx: StoreTransaction) => {
        await tx.insertCredential(tlsCredential('c', 'mail', 'dns:mail.example.com'));
        await tx.insertCredential(hmacCredential('d', 'mail'), secret);
        await tx.insertInvitation(invitation('inv_a'), sharedKey);
        await tx.insertCertificate(certificate('1'));
        await tx.updateClient(client('mail', { hosts: ['mail.example.com'] }));
      };
      const failing = grow(async (tx) => {
        await write(tx);
        throw new RangeError('at the end');
      });
      await expect(failing).rejects.toThrow(RangeError);
      expect(await store.read.credentials('mail')).toEqual([]);
      expect(await store.read.credentialByBinding('dns:mail.example.com')).toBeUndefined();
      expect(await store.read.credentialSecret('d')).toBeUndefined();
      expect(await store.read.invitations()).toEqual([]);
      expect(await store.read.certificates()).toEqual([]);
      expect(await store.read.clientsOfHost('mail.example.com')).toEqual([]);
      await grow(write);
    });

    it('keeps the secret of a credential whose retirement was rolled back', async () => {
      await grow((tx) => tx.insertCredential(hmacCredential('c', 'mail'), secret));
      const failing = grow(async (tx) => {
        await tx.updateCredential(hmacCredential('c', 'mail', { retiredAtMs: atMs }));
        expect(await tx.credentialSecret('c')).toBeUndefined();
        throw new RangeError('after it');
      });
      await expect(failing).rejects.toThrow(RangeError);
      expect(await store.read.credentialSecret('c')).toEqual(secret);
    });

    describe('what another hand changed is noticed', () => {
      beforeEach(async () => {
        await grow(fillStoreBesides);
      });

      it('in a secret that was moved to another credential', async () => {
        await subject.tamper(
          "update credentials set encrypted_secret = (select encrypted_secret from credentials where id = 'd') where id = 'c'",
        );
        await corrupt(store.read.credentialSecret('c'));
        await corrupt(Promise.resolve().then(() => store.read.credential('c')));
        expect(await store.read.credentialSecret('d')).toEqual(secret.toReversed());
      });

      it('in a shared key that was moved to another invitation', async () => {
        await subject.tamper(
          "update invitations set encrypted_key = (select encrypted_key from invitations where id = 'inv_b') where id = 'inv_a'",
        );
        await corrupt(store.read.invitationKey('inv_a'));
        await corrupt(store.read.invitation('inv_a'));
        expect(await store.read.invitationKey('inv_b')).toEqual(sharedKey.toReversed());
      });

      it('in a binding, before somebody else is found by it', async () => {
        await subject.tamper("update credentials set binding = 'dns:admin.example.com' where id = 'e'");
        await corrupt(store.read.credentialByBinding('dns:admin.example.com'));
      });

      it('in a certificate that was made good again, and before a change would cover it', async () => {
        await subject.tamper('update certificates set revoked_at_ms = null');
        await corrupt(store.read.certificate(certificate('1').thumbprint));
        await corrupt(grow((tx) => tx.updateCertificate(certificate('1', { revokedAtMs: atMs }))));
      });

      it('in a credential that was made live again, and before a change would cover it', async () => {
        await subject.tamper("update credentials set retired_at_ms = null where id = 'f'");
        await corrupt(Promise.resolve().then(() => store.read.credential('f')));
        await corrupt(grow((tx) => tx.updateCredential(credential('f', 'mail', { retiredAtMs: atMs }))));
      });

      it('in the uses of an invitation, and before a change would cover it', async () => {
        await subject.tamper('update invitations set uses_left = 1000');
        await corrupt(store.read.invitation('inv_a'));
        await corrupt(grow((tx) => tx.updateInvitation(invitation('inv_a', { usesLeft: 0 }))));
      });
    });
  });
}

/** Two of each, so that one can be put in the place of the other. */
async function fillStoreBesides(tx: StoreTransaction): Promise<void> {
  await tx.insertCredential(hmacCredential('c', 'mail'), secret);
  await tx.insertCredential(hmacCredential('d', 'mail'), secret.toReversed());
  await tx.insertCredential(tlsCredential('e', 'batch', 'dns:mail.example.com'));
  await tx.insertCredential(credential('f', 'mail', { retiredAtMs: atMs }));
  await tx.insertInvitation(invitation('inv_a'), sharedKey);
  await tx.insertInvitation(invitation('inv_b'), sharedKey.toReversed());
  await tx.insertCertificate(certificate('1', { revokedAtMs: atMs }));
}
