/**
 * `tls_client_auth` and `self_signed_tls_client_auth` (RFC 8705 §2): the connection proves the client, so a request needs no headers. The certificate
 * itself is shown by `tls.ts`.
 */
import { MacaroonError } from '../../core/index.js';
import type { ClientCertificate } from '../credential.js';
import type { RequestProver } from './prover.js';

/** Throws `ERR_ARGUMENT` (`tls`) when there is no certificate to show. */
export function tlsProver(tls: ClientCertificate | undefined): RequestProver {
  if (tls === undefined) {
    throw new MacaroonError('ERR_ARGUMENT', 'tls must hold the certificate and the private key that prove the client', {
      argument: 'tls',
    });
  }
  return { prove: async () => ({ headers: {} }) };
}
