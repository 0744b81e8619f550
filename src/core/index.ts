/** Core: bytes, the HMAC chain, formats, identifier, minting and signature verification. Pure: no I/O, clock and randomness passed in. */
export { are32BytesAt, base64urlOf32, decodeBase64url, encodeBase64url } from './base64url.js';
export * from './bytes.js';
export * from './errors.js';
export { type FlatMacaroon, type FlatToken, readFlat, textsRead } from './format/flat.js';
export { importToken } from './format/import.js';
export { asciiAt, beginsWith, decode, encode, textPrefix } from './format/text.js';
export { decodeV1Token } from './format/v1.js';
export { decodeV2Token, encodeV2, encodeV2Token } from './format/v2.js';
export { decodeV2Json, exportV2Json, type V2Json } from './format/v2-json.js';
export { encodeHex } from './hex.js';
export { hmacSha256 } from './hmac.js';
export { IdFilter } from './id-filter.js';
export * from './identifier.js';
export { type Clock, deriveAudienceKey, MacaroonKey, type RandomBytes, RootKey, SecretBytes } from './keys.js';
export { nearest, requireKnownNames } from './known-names.js';
export { limits } from './limits.js';
export * from './macaroon.js';
export * from './names.js';
export { narrowText } from './narrow-text.js';
export { printable } from './printable.js';
export { RecentReadings } from './recent-readings.js';
export { sha256 } from './sha256.js';
export { createUuidV7, formatUuid, isUuidText, isUuidV7, uuidTimeMs } from './token-id.js';
export { conditionAfter, type FlatCondition, type Opening, openingOf } from './verify-ending.js';
export {
  type ChainPosition,
  chainBeforeLastCaveat,
  chainOfSignature,
  flatSignatureFault,
  signatureOfChain,
  usedDischarges,
} from './verify-flat.js';
export { type PendingCondition, type SignatureResult, signatureBeforeLastCaveat, verifySignature } from './verify-signature.js';
export { isPromise, whenFailed, whenKnown } from './when-known.js';
