/** The registry of proofs: which file proves a client by which auth method. */
import { MacaroonError } from '../../core/index.js';
import type { CredentialParts } from '../credential.js';
import { basicProver } from './basic.js';
import type { ProverTools, RequestProver } from './prover.js';
import { tlsProver } from './tls.js';

/** The prover of `credential`. Throws `ERR_ARGUMENT` for one that cannot be used. */
export function proverOf(credential: CredentialParts, _tools: ProverTools): RequestProver {
  const { client, proof, tls } = credential;
  switch (proof.kind) {
    case 'client_secret_basic':
      return basicProver({ client, secret: proof.secret });
    case 'tls_client_auth':
    case 'self_signed_tls_client_auth':
      return tlsProver(tls);
    default:
      throw new MacaroonError('ERR_ARGUMENT', 'proof must be of an auth method that this version knows', { argument: 'proof' });
  }
}
