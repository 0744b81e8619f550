/** What a caller proves itself with: a `Credential`, or the name and the secret of a client told one by one. */
import { MacaroonError } from '../core/index.js';
import { Credential, type CredentialParts } from './credential.js';
import type { IssuerEndpoint } from './issuer-endpoint.js';
import { type BasicProof, basicAuthorization } from './proofs/basic.js';

/** Where the issuer is, and the name and secret of a client that proves itself by `client_secret_basic`. */
export interface SecretCredential extends IssuerEndpoint, BasicProof {}

/** An endpoint and what proves the client there. */
export interface ClientEndpoint extends IssuerEndpoint, CredentialParts {}

/**
 * `given` as one form. Throws `ERR_ARGUMENT` for anything that proves nothing: a copy of a credential leaves its secrets behind, and
 * requests without a proof would be sent for it.
 */
export function clientEndpoint(given: Credential | SecretCredential): ClientEndpoint {
  if (given instanceof Credential) return given;
  // Says which of the two is missing.
  basicAuthorization(given);
  const { secret, ...endpoint } = given;
  if ('authMethod' in given && given.authMethod !== 'client_secret_basic') {
    // The secret of a signature must not be shown to anybody.
    throw new MacaroonError('ERR_ARGUMENT', 'the secret is of another auth method: pass the credential itself, not a copy', {
      argument: 'authMethod',
    });
  }
  return { credentialId: '', ...endpoint, proof: { kind: 'client_secret_basic', secret } };
}
