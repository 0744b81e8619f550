/** `macaroond/client`: get tokens from the issuer, narrow them offline, and exchange them with npm `macaroon`. */
export type { AttenuateOptions, Restrictions } from '../caveats/attenuate.js';
export { MacaroonError, type MacaroonErrorCode } from '../core/index.js';
export { InterferenceError, type InterferenceKind } from '../protocol/interference-error.js';
export {
  type ClientCertificate,
  Credential,
  type CredentialParts,
  type CredentialProof,
  type PublicJwkText,
} from '../transport/credential.js';
export { type CredentialOverrides, loadCredential } from '../transport/credential-file.js';
export { type Enrolment, enrol } from '../transport/enrol.js';
export type { SecretCredential } from '../transport/given-credential.js';
export { attenuate } from './attenuate.js';
export {
  type IssuerClient,
  issuerClient,
  type MintOptions,
  type RevokeTarget,
} from './issuer-client.js';
export type { MintedToken } from './mint-answer.js';
export { fromMacaroon, type NpmMacaroon, type NpmMacaroonImporter, type NpmToken, toMacaroon } from './npm-macaroon.js';
export { type SealedAnswer, type SealedFetch, type SealedFetchOptions, type SealedInit, sealedFetch } from './sealed-fetch.js';
