/** Transport: HTTPS to an issuer, and the credential files that say where it is. Imports core and protocol alone. */
export { type BasicProof, basicAuthorization } from './basic-authorization.js';
export { Credential, type CredentialParts } from './credential.js';
export {
  type CredentialOverrides,
  loadCredential,
  type ReservedCredentialFile,
  reserveCredentialFile,
  writeCredential,
} from './credential-file.js';
export { type HttpMethod, type IssuerEndpoint, IssuerHttp, type IssuerHttpOptions, type IssuerRequest } from './issuer-http.js';
