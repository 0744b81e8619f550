/** HTTP message signatures (RFC 9421) and digest fields (RFC 9530). Pure but for WebCrypto; no clock, no policy, no Node API. */
export * from './algorithms.js';
export { decodeBase64, encodeBase64 } from './base64.js';
export { contentDigest, verifyContentDigest } from './content-digest.js';
export {
  type ParsedSignature,
  parseComponent,
  parseSignatures,
  type SignatureParameters,
  type SignedMessage,
  type SignedRequest,
  type SignedResponse,
} from './message.js';
export { jwkThumbprint, type PublicJwk, readPublicJwk } from './public-jwk.js';
export { privateKeyDer, publicKeyOf, spkiPublicJwk } from './public-key.js';
export { signMessage, verifyMessage } from './sign-message.js';
export { type AsymmetricAlgorithm, algorithmsOf, type SignatureAlgorithm, signatureAlgorithms } from './signature-algorithm.js';
export { signatureBase } from './signature-base.js';
export { formatSignatureKey, parseSignatureKey } from './signature-key.js';
export { formatDictionary, parseDictionary } from './structured-fields.js';
