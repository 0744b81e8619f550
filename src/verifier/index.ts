/** `macaroond/verifier`: what a service needs to verify tokens. Loads no server code, no database driver and no HTTP framework. */

export type { AnswerSigner, PlainAnswer } from '../protocol/answer-signer.js';
export { type HeaderFields, headerFields } from '../protocol/header-fields.js';
export { type MemoryReplayStoreOptions, memoryReplayStore } from '../protocol/memory-replay-store.js';
export type { ReplayStore } from '../protocol/replay-store.js';
export { requestDigest } from '../protocol/sealed-request.js';
export { type AuthorizationFault, type AuthorizationResult, readAuthorization } from './authorization.js';
export { clientAddress, parseTrustedProxies } from './client-address.js';
export { type RefusalCause, type RefusalResponse, type RequestFault, refusalResponse } from './denial-response.js';
export * from './key-sources/index.js';
export type {
  AudienceKey,
  Denial,
  DenialCode,
  ExplainedCaveat,
  ExplainedStep,
  Explanation,
  KeyLookup,
  KeySource,
  RemoteSource,
  RevocationCode,
  RevocationSubject,
  VerifiedMacaroon,
  VerifyContext,
  VerifyResult,
} from './result.js';
export type { SentRequest, ToldRequest } from './sent-request.js';
export { createVerifier, type Verifier, type VerifierOptions } from './verifier.js';
