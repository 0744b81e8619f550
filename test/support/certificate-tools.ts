/** Stands in for the company CA where a test is about something else: names as typed, and nothing issued. */
import { createHash } from 'node:crypto';
import type { CertificateTools } from '../../src/server/domain/certificate-tools.js';

const refuse = (): never => {
  throw new Error('no certificates here');
};

/** `Certificate of NAME until MS` is a certificate here. */
export const certificateTools: CertificateTools = {
  trustDomain: 'example.com',
  authorityPem: async () => refuse(),
  canonicalSubject: (text) => (/^[A-Z]+=[\w ]+(?:, ?[A-Z]+=[\w ]+)*$/.test(text) ? text.replaceAll(', ', ',') : undefined),
  readCertificate: (pem) => {
    const [, notAfter] = /^Certificate of \w+ until (\d+)$/.exec(pem) ?? [];
    if (notAfter === undefined) return undefined;
    const thumbprint = createHash('sha256').update(pem).digest('base64url');
    return { thumbprint, notBeforeMs: 0, notAfterMs: Number(notAfter), isSelfSigned: true };
  },
  readSigningRequest: async () => refuse(),
  issue: async () => refuse(),
  revocationList: async () => refuse(),
};
