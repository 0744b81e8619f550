/** What is judged in place of a client or a credential that is not there, so that it takes the same work and looks alike. */
import type { CredentialRecord } from '../domain/records.js';
import type { LoginAccount } from './client-authenticator.js';

/** Nobody's credential. 32 zero bytes are the SHA-256 of nothing that anyone knows. */
export const standInCredential: CredentialRecord = Object.freeze({
  id: '',
  client: '',
  authMethod: 'client_secret_basic',
  algorithm: null,
  secretHash: 'A'.repeat(43),
  publicKey: null,
  binding: null,
  ips: [],
  createdAtMs: 0,
  retiredAtMs: null,
});

/** Nobody's account; its address is one that nobody has (RFC 5737). */
export const standInAccount: LoginAccount = Object.freeze({
  state: 'active',
  authPolicy: [['client_secret_basic', 'ip']],
  ips: ['192.0.2.1'],
  live: [],
});
