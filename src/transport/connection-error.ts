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

/** `cause`, thrown while talking to an issuer, as `ERR_ISSUER_IDENTITY`, `ERR_ISSUER_REFUSED`, `ERR_ISSUER_ANSWER` or `ERR_ISSUER_UNREACHABLE`. */
export function connectionError(cause: unknown): MacaroonError {
  if (cause instanceof MacaroonError) return cause;
  const code = codeOf(cause);
  const fault = identityFaults.get(code);
  if (fault !== undefined) return new MacaroonError('ERR_ISSUER_IDENTITY', `the issuer was not recognised: ${fault}`, { cause });
  if (refusedCertificate.test(code)) {
    const message = 'the issuer refused the connection: it asks for a client certificate, another one than it was shown';
    return new MacaroonError('ERR_ISSUER_REFUSED', message, { cause });
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    const message = 'no TLS connection to the issuer: is https right for this port, and is it the issuer that listens there?';
    return new MacaroonError('ERR_ISSUER_IDENTITY', message, { cause });
  }
  if (code.startsWith('HPE_'))
    return new MacaroonError('ERR_ISSUER_ANSWER', 'the issuer answered something that is not HTTP', { cause });
  return new MacaroonError('ERR_ISSUER_UNREACHABLE', `the issuer could not be reached: ${reachFault(code)}`, { cause });
}

function codeOf(cause: unknown): string {
  if (!(cause instanceof Error)) return '';
  if (cause.name === 'TimeoutError') return 'ETIMEDOUT';
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
}

function reachFault(code: string): string {
  if (code === 'ECONNREFUSED') return 'nothing listens at its address; is it running?';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'its host name has no address';
  if (code === 'ETIMEDOUT' || code.endsWith('_TIMEOUT')) return 'it did not answer in time';
  return 'the connection broke';
}
