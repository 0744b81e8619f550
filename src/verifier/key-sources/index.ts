/** Where a verifier gets its keys: given in code, followed from the issuer, or not at all. */
export { Credential, type CredentialParts } from '../../transport/credential.js';
export { type CredentialOverrides, loadCredential } from '../../transport/credential-file.js';
export { type IssuerKeysOptions, issuerKeys } from './issuer-keys.js';
export { remoteVerification } from './remote.js';
export type { Revocation } from './revocation-set.js';
export { type StaticKey, type StaticKeysOptions, staticKeys } from './static-keys.js';
