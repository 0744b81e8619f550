/** `macaroond/client`: get tokens from the issuer, narrow them offline, and exchange them with npm `macaroon`. */
export type { AttenuateOptions, Restrictions } from '../caveats/attenuate.js';
export { MacaroonError, type MacaroonErrorCode } from '../core/index.js';
export { Credential, type CredentialParts } from '../transport/credential.js';
export { type CredentialOverrides, loadCredential } from '../transport/credential-file.js';
export { attenuate } from './attenuate.js';
export {
  type IssuerClient,
  type IssuerClientOptions,
  issuerClient,
  type MintOptions,
  type RevokeTarget,
} from './issuer-client.js';
export type { MintedToken } from './mint-answer.js';
export { fromMacaroon, type NpmMacaroon, type NpmMacaroonImporter, type NpmToken, toMacaroon } from './npm-macaroon.js';
