/**
 * `cnf x5t#S256:<thumbprint>` holds when the peer showed the certificate with this SHA-256 in its TLS handshake; `cnf jkt:<thumbprint>` when the key
 * with this RFC 7638 thumbprint signed the request. The value says which of both must be there: a condition names one, several together both.
 */
import { decodeBase64url } from '../../core/index.js';
import type { CaveatType, CheckResult } from '../caveat-type.js';

/** Thumbprints, base64url of 32 bytes. At least one is there. */
export interface Confirmation {
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

const pattern = /^(x5t#S256|jkt):([\w-]{43})$/;

export const cnf: CaveatType<Confirmation> = Object.freeze<CaveatType<Confirmation>>({
  name: 'cnf',
  parse(argument) {
    const [, kind, thumbprint = ''] = pattern.exec(argument) ?? [];
    if (kind === undefined || !isDigest(thumbprint)) {
      return { ok: false, message: 'expected x5t#S256: or jkt: and a thumbprint, SHA-256 in base64url' };
    }
    return { ok: true, value: Object.freeze(kind === 'jkt' ? { key: thumbprint } : { certificate: thumbprint }) };
  },
  format: (value) => spellings(value).join(' '),
  check({ certificate, key }, context) {
    const shown = compare(certificate, context.certificateThumbprint, 'client certificate');
    return shown.holds ? compare(key, context.keyThumbprint, 'signature of a key (RFC 9421)') : shown;
  },
  describe: ({ certificate, key }) =>
    [
      ...(certificate === undefined ? [] : [`only from who shows the certificate ${certificate}`]),
      ...(key === undefined ? [] : [`only signed by the key ${key}`]),
    ].join(', '),
  narrows(inForce, added) {
    const both = { ...inForce, ...added };
    const isKept = (['certificate', 'key'] as const).every((kind) => inForce[kind] === undefined || inForce[kind] === both[kind]);
    if (!isKept) return { kind: 'contradiction' };
    return Object.keys(both).length > Object.keys(inForce).length ? { kind: 'narrower', value: both } : { kind: 'no-op' };
  },
});

function spellings({ certificate, key }: Confirmation): readonly string[] {
  return [...(certificate === undefined ? [] : [`x5t#S256:${certificate}`]), ...(key === undefined ? [] : [`jkt:${key}`])];
}

function compare(wanted: string | undefined, actual: unknown, needs: string): CheckResult {
  if (wanted === undefined || wanted === actual) return { holds: true };
  if (actual === undefined) return { holds: false, reason: 'missing-context', needs };
  return { holds: false, reason: 'denied', expected: `the ${needs} with the thumbprint ${wanted}`, actual: 'another' };
}

/** Whether `text` is the one base64url spelling of 32 bytes. */
function isDigest(text: string): boolean {
  try {
    return decodeBase64url(text).length === 32;
  } catch {
    return false;
  }
}
