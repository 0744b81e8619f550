/** The registry of proofs: which file proves a client by which auth method. */
import { MacaroonError } from '../../core/index.js';
import type { CredentialParts } from '../credential.js';
import { parseIssuerUrl } from '../issuer-url.js';
import { basicProver } from './basic.js';
import { challengeProver } from './challenge-response.js';
import { encryptedTimeProver } from './encrypted-time.js';
import { httpSigProver } from './http-sig.js';
import type { ProverTools, RequestProver } from './prover.js';
import { sharedKeyProver } from './shared-key-hmac.js';
import { tlsProver } from './tls.js';

/** The prover of `credential`. Throws `ERR_ARGUMENT` for one that cannot be used. */
export function proverOf(credential: CredentialParts, tools: ProverTools): RequestProver {
  const { client, credentialId, proof, tls } = credential;
  switch (proof.kind) {
    case 'client_secret_basic':
      return basicProver({ client, secret: proof.secret });
    case 'challenge_response':
      return challengeProver({ ...proof, issuer: issuerName(credential.issuer), client, credentialId }, tools);
    case 'encrypted_time':
      return encryptedTimeProver({ ...proof, client }, tools);
    case 'shared_key_hmac':
      return sharedKeyProver({ ...proof, client, credentialId }, tools);
    case 'tls_client_auth':
    case 'self_signed_tls_client_auth':
      return tlsProver(tls);
    case 'http_sig':
      return httpSigProver({ credentialId, proof }, tools);
    default:
      throw new MacaroonError('ERR_ARGUMENT', 'proof must be of an auth method that this version knows', { argument: 'proof' });
  }
}

/** The URL of an issuer in the one spelling that issuers call themselves by. */
function issuerName(issuer: string): string {
  const { origin, basePath } = parseIssuerUrl(issuer);
  return `${origin}${basePath}`;
}
