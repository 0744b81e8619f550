/** What a failed connection means to a caller: nobody there, somebody else there, or something that does not speak our API. */
import { MacaroonError } from '../core/index.js';

/** Codes by which Node and OpenSSL say that a certificate is not acceptable, and what to do about it. */
const identityFaults: ReadonlyMap<string, string> = new Map([
  ['ERR_PIN_MISMATCH', 'its public key is not the pinned one: another server answers, or its key was changed'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'its certificate is for another host name: check the issuer URL'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'its certificate is self-signed and not the expected one: check the CA file'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'its certificate comes from another CA: check the CA file'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'its certificate comes from an unknown CA: check the CA file'],
  ['UNABLE_TO_GET_ISSUER_CERT', 'its certificate comes from an unknown CA: check the CA file'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'its certificate comes from an unknown CA: check the CA file'],
  ['CERT_SIGNATURE_FAILURE', 'its certificate was not signed by the expected CA: check the CA file'],
  ['CERT_HAS_EXPIRED', 'its certificate has expired'],
  ['CERT_NOT_YET_VALID', 'its certificate is not valid yet: check the clocks'],
  ['CERT_REVOKED', 'its certificate was revoked'],
  ['INVALID_CA', 'its certificate was signed by a certificate that is no CA'],
  ['INVALID_PURPOSE', 'its certificate is not for servers'],
  ['CERT_REJECTED', 'its certificate was rejected'],
  ['CERT_UNTRUSTED', 'its certificate is not trusted'],
  ['PATH_LENGTH_EXCEEDED', 'its certificate chain is too long'],
]);

/** Codes of the alerts by which a server refuses what the client proves itself with (RFC 8446 §6.2). */
const refusedCertificate = /^ERR_SSL_.+_ALERT_(CERTIFICATE_|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/;

/** Whom we talk to. It names the codes: `ERR_ISSUER_*`, `ERR_SERVICE_*`. */
export type Party = 'issuer' | 'service';

/**
 * `cause`, thrown while talking to `party` at `origin` (scheme, host and port), as its `_IDENTITY`, `_REFUSED` (of the handshake), `_ANSWER` or
 * `_UNREACHABLE`.
 */
export function connectionError(cause: unknown, origin: string, party: Party = 'issuer'): MacaroonError {
  if (cause instanceof MacaroonError) return cause;
  const code = codeOf(cause);
  const fault = identityFaults.get(code);
  const error = (kind: 'IDENTITY' | 'REFUSED' | 'ANSWER' | 'UNREACHABLE', message: string): MacaroonError =>
    new MacaroonError(party === 'issuer' ? `ERR_ISSUER_${kind}` : `ERR_SERVICE_${kind}`, message, { cause });
  if (fault !== undefined) return error('IDENTITY', `the ${party} at ${origin} was not recognised: ${fault}`);
  if (refusedCertificate.test(code)) {
    return error(
      'REFUSED',
      `the ${party} at ${origin} refused the connection: it asks for a client certificate, another one than it was shown`,
    );
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    const question = `is https right for this port, and is it the ${party} that listens there?`;
    return error('IDENTITY', `no TLS connection to the ${party} at ${origin}: ${question}`);
  }
  if (code.startsWith('HPE_')) return error('ANSWER', `the ${party} at ${origin} answered something that is not HTTP`);
  return error('UNREACHABLE', `the ${party} could not be reached at ${origin}: ${reachFault(code)}`);
}

function codeOf(cause: unknown): string {
  if (!(cause instanceof Error)) return '';
  if (cause.name === 'TimeoutError') return 'ETIMEDOUT';
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
}

function reachFault(code: string): string {
  if (code === 'ECONNREFUSED') return 'nothing listens there; is it running?';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'its host name has no address';
  if (code === 'ETIMEDOUT' || code.endsWith('_TIMEOUT')) return 'it did not answer in time';
  return 'the connection broke';
}
