/** Where an issuer is and how it is recognised, as callers tell it; checked before anything is sent. */
import { readFile } from 'node:fs/promises';
import { MacaroonError, requireKnownNames } from '../core/index.js';
import { type IssuerUrl, parseIssuerUrl } from './issuer-url.js';
import { parsePin } from './pin.js';

/** Where an issuer is and how it is recognised; a `Credential` is one. */
export interface IssuerEndpoint {
  /** `https` URL; `http` on loopback only. */
  readonly issuer: string;
  /** CA certificates, PEM. */
  readonly ca?: string | undefined;
  /** File with the CA certificates, read at the first request. */
  readonly caFile?: string | undefined;
  /** Pin of the issuer's public key, as curl's `--pinnedpubkey`; alone, or on top of a CA. */
  readonly pinSha256?: string | undefined;
}

/** What an endpoint may hold: its own members, and those of the credentials that are endpoints too. */
const endpointNames = ['issuer', 'ca', 'caFile', 'pinSha256', 'client', 'secret', 'authMethod', 'credentialId', 'proof', 'tls'];

/** The URL of `endpoint`. Throws `ERR_ARGUMENT` for a URL or a pin that cannot be one, for both `ca` and `caFile`, and for an unknown name. */
export function checkEndpoint(endpoint: IssuerEndpoint): IssuerUrl {
  requireKnownNames(endpoint, endpointNames, 'endpoint');
  const url = parseIssuerUrl(endpoint.issuer);
  requireText(endpoint.ca, 'ca');
  requireText(endpoint.caFile, 'caFile');
  if (endpoint.pinSha256 !== undefined) parsePin(endpoint.pinSha256);
  if (endpoint.ca !== undefined && endpoint.caFile !== undefined) {
    throw new MacaroonError('ERR_ARGUMENT', 'give either ca or caFile', { argument: 'caFile' });
  }
  return url;
}

/** Text of a CA file. Throws `ERR_ARGUMENT` (`caFile`) when it cannot be read. */
export async function readCaFile(path: string): Promise<string> {
  // A number would be read as an open file descriptor.
  requireText(path, 'caFile');
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new MacaroonError('ERR_ARGUMENT', `the CA file ${path} cannot be read`, { argument: 'caFile', cause });
  }
}

function requireText(value: unknown, argument: string): void {
  if (value === undefined || typeof value === 'string') return;
  throw new MacaroonError('ERR_ARGUMENT', `${argument} must be text`, { argument });
}
