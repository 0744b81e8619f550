/**
 * `macaroond`: tokens and caveats. Decode, attenuate and inspect a token, mint and verify the signature of a macaroon, define caveat
 * types. Runs in browsers: nothing of Node behind it. The client is `macaroond/client`, the verifier `macaroond/verifier`.
 */
export { type AttenuateOptions, attenuateAt, type Restrictions } from './caveats/attenuate.js';
export type {
  CaveatSetting,
  CaveatType,
  CheckResult,
  Narrowing,
  ParseResult,
  RequestContext,
  RequestFacts,
} from './caveats/caveat-type.js';
export { type CaveatPlace, type CheckedCaveat, type ClearResult, checkCaveats, clearCaveats } from './caveats/clear-caveats.js';
export { parseDurationMs } from './caveats/duration.js';
export { type EffectiveLimits, effectiveLimits } from './caveats/effective-limits.js';
export {
  type InspectedCaveat,
  type InspectedDischarge,
  type InspectedFinding,
  type InspectedIdentifier,
  type Inspection,
  type InspectOptions,
  inspect,
} from './caveats/inspect.js';
export { inspectToWire, type WireInspection } from './caveats/inspection-json.js';
export {
  formatAddress,
  formatRange,
  type IpAddress,
  type IpRange,
  parseAddress,
  parseRange,
  rangeContains,
} from './caveats/ip-address.js';
export { type LintFinding, lintConditions } from './caveats/lint.js';
export { isCanonicalPath } from './caveats/path.js';
export { type CaveatRegistry, type ConditionResult, createCaveatRegistry, type ParsedCaveat } from './caveats/registry.js';
export { formatRfc3339, parseRfc3339 } from './caveats/rfc3339.js';
export { standardCaveats, standardRegistry } from './caveats/standard.js';
export { attenuate } from './client/attenuate.js';
export {
  addFirstPartyCaveat,
  addThirdPartyCaveat,
  bindForRequest,
  type Caveat,
  decode,
  decodeIdentifier,
  deriveAudienceKey,
  encode,
  encodeIdentifier,
  type FirstPartyCaveat,
  type IdentifierFacts,
  type IdentifierParts,
  importToken,
  type KeyReference,
  limits,
  type Macaroon,
  MacaroonError,
  type MacaroonErrorCode,
  type MacaroonErrorDetails,
  MacaroonKey,
  mint,
  type PendingCondition,
  type RandomBytes,
  RootKey,
  readKeyReference,
  type Signature,
  type SignatureResult,
  type ThirdPartyCaveat,
  type ThirdPartyCaveatParts,
  type UnverifiedMacaroon,
  verifySignature,
} from './core/index.js';
