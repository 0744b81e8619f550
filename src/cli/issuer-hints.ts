/** How to mend what went wrong between the command line and an issuer: by what happened to the connection, not by its error code alone. */
import type { MacaroonError } from '../core/index.js';
import { systemCode } from './file-fault.js';

const checkUrl = 'MACAROOND_URL sets it, else endpoint.json of the data directory, else the credential file';
const checkPort = `check scheme (https, or http for --plain-http) and port of the issuer URL: ${checkUrl}`;
const checkCa =
  'name the right CA certificate with MACAROOND_CA_FILE: ca.crt of the data directory, or the CA of the certificate that the issuer was given';

const endedHint = `something listens there, and ended the connection; a port that is for client certificates alone ends those without a good one, and the audit log of the issuer says why; else ${checkPort}`;

/** By the code of what broke the connection. */
const connectionHints: Readonly<Record<string, string>> = {
  ERR_PIN_MISMATCH:
    'check the issuer URL; when the issuer has a new key, replace pin_sha256 of the credential file, or start the issuer again when the pin is of endpoint.json',
  ERR_TLS_CERT_ALTNAME_INVALID: 'set MACAROOND_URL to a URL with a host name of the certificate of the issuer',
  CERT_HAS_EXPIRED: 'give the issuer a new certificate, or check the clock of this machine',
  CERT_NOT_YET_VALID: 'check the clocks of this machine and of the issuer',
  EPROTO: checkPort,
  UND_ERR_SOCKET: endedHint,
  ECONNRESET: endedHint,
  ENOTFOUND: `check the host name of the issuer URL: ${checkUrl}`,
};

const timeoutHint = `it may be busy, or something on the way drops what is sent: try again, and check host and port of the issuer URL: ${checkUrl}`;

const codeHints: Readonly<Record<string, string>> = {
  ERR_ISSUER_UNREACHABLE: 'start the issuer with "macaroond serve", or say where it is with MACAROOND_URL',
  ERR_ISSUER_IDENTITY: checkCa,
  ERR_ISSUER_REFUSED: 'the credential file holds the certificate to show: certificate, certificate_key',
  ERR_INTERFERENCE: `whether the issuer did what was asked is not known; a proxy on the way that answers by itself or changes answers looks like this too: ${checkUrl}`,
  ERR_ISSUER_ANSWER: `check the issuer URL: ${checkUrl}`,
};

/** A hint for `error`, when it is about an issuer. `url` is the value of `MACAROOND_URL`. */
export function issuerHint({ code, problem, cause }: MacaroonError, url: string | undefined): string | undefined {
  if (code === 'ERR_ISSUER_ANSWER' || problem === 'not_found') {
    const path = pathOfUrl(url);
    if (path !== '') return `MACAROOND_URL ends in the path ${path}, which goes before every path of the API: leave it out`;
  }
  // A refusal that has no problem is one of the handshake.
  if (codeHints[code] === undefined || problem !== undefined) return undefined;
  const fault = systemCode(cause) ?? '';
  if ((cause instanceof Error && cause.name === 'TimeoutError') || fault === 'ETIMEDOUT' || fault.endsWith('_TIMEOUT'))
    return timeoutHint;
  if (code !== 'ERR_ISSUER_REFUSED' && (fault.startsWith('HPE_') || fault.startsWith('ERR_SSL_'))) return checkPort;
  return connectionHints[fault] ?? codeHints[code];
}

function pathOfUrl(url: string | undefined): string {
  return url !== undefined && URL.canParse(url) ? new URL(url).pathname.replace(/\/+$/, '') : '';
}
