/** Client certificates, made by openssl as in the documents of those who come from there, read and judged. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { concatBytes } from '../../../../src/core/index.js';
import {
  certificateFaultOf,
  judgeClientCertificate,
  presentCertificate,
  readClientCertificate,
} from '../../../../src/server/pki/client-certificate.js';
import { type Openssl, opensslFolder } from '../../../support/openssl.js';

/** A while after all certificates here were made. */
const startMs = Date.now() + 3_600_000;
const dayMs = 86_400_000;
const newKey = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';
const isLong = process.env['MACAROOND_TEST_LONG'] !== undefined;

let openssl: Openssl;
const removals: (() => void)[] = [];
afterAll(() => {
  for (const remove of removals) remove();
});

beforeAll(() => {
  openssl = opensslFolder((remove) => removals.push(remove));
  openssl.run("req -x509 -sha256 -nodes -days 365 -newkey rsa:2048 -subj '/O=ABC Inc.' -keyout ca.key -out ca.pem");
  openssl.run('req -out mail.csr -newkey rsa:2048 -nodes -keyout mail.key -subj /CN=localhost/O=MailServer');
  sign('mail', 'ca');
  openssl.run(`req -x509 -days 365 ${newKey} -subj '/O=ZXC Inc./CN=zxc.com' -keyout wrong.key -out wrong.pem`);
  sign('mail', 'wrong', 'mail-wrong');
  openssl.run(`req -x509 -days 365 ${newKey} -subj '/O=ABC Inc.' -keyout twin.key -out twin.pem`);
  sign('mail', 'twin', 'mail-twin');
});

/** The signing of the documents: no extensions, so a version 1 certificate with the serial number 0. */
function sign(request: string, authority: string, out: string = request, extra = ''): Uint8Array {
  const ca = `-CA ${authority}.pem -CAkey ${authority}.key -set_serial 0`;
  openssl.run(`x509 -req -sha256 -days 365 ${ca} -in ${request}.csr -out ${out}.crt ${extra}`);
  return openssl.der(`${out}.crt`);
}

function signWith(extensions: string, out: string): Uint8Array {
  openssl.write(`${out}.ext`, extensions);
  return sign('mail', 'ca', out, `-extfile ${out}.ext`);
}

function judge(der: Uint8Array, { isChainVerified = false, nowMs = startMs, authority = 'ca' } = {}) {
  const certificate = readClientCertificate(der);
  return judgeClientCertificate({ certificate, authorities: [openssl.text(`${authority}.pem`)], isChainVerified, nowMs });
}

describe('what a certificate says', () => {
  it('reads a version 1 certificate that has but a common name and an organisation', () => {
    const der = openssl.der('mail.crt');
    const certificate = readClientCertificate(der);
    expect(certificate).toMatchObject({ subject: 'O=MailServer,CN=localhost', uris: [], dnsNames: [], isWellFormed: true });
    expect(certificate.thumbprint).toBe(createHash('sha256').update(der).digest('base64url'));
    const endMs = Date.parse(openssl.run('x509 -noout -enddate -in mail.crt').slice('notAfter='.length));
    expect(certificate.notAfterMs).toBe(endMs);
    expect(certificate.notAfterMs - certificate.notBeforeMs).toBe(365 * dayMs);
  });

  it('reads alternative names, DNS names in lower case and each name once', () => {
    const san = 'subjectAltName=URI:spiffe://corp/client/mail,DNS:Mail.Example,DNS:mail.example,IP:10.0.0.1,email:a@b.example';
    expect(readClientCertificate(signWith(san, 'san'))).toMatchObject({
      uris: ['spiffe://corp/client/mail'],
      dnsNames: ['mail.example'],
    });
  });

  it.each([
    ['a NUL in a DNS name', 'DER:300e820c6d61696c00612e62632e6465'],
    ['a space in a DNS name', 'DER:30068204612062 63'.replace(' ', '')],
    ['an empty DNS name', 'DER:30028200'],
    ['a NUL in a URI', 'DER:30068604613a0062'],
    ['a byte that is not ASCII in a DNS name', 'DER:30058203e9e9e9'],
    ['a length that is not in its one spelling', 'DER:3081048202 6161'.replace(' ', '')],
    ['bytes after the names', 'DER:30048202616100'],
  ])('takes %s for malformed, even when the chain holds', (_what, san) => {
    const der = signWith(`subjectAltName=${san}`, 'odd');
    expect(readClientCertificate(der)).toMatchObject({ isWellFormed: false, dnsNames: [], uris: [], subject: '' });
    expect(judge(der, { isChainVerified: true })).toBe('malformed');
  });

  it('takes two extensions of one kind for malformed', () => {
    const hex = Buffer.from(signWith('1.2.3.4=ASN1:NULL\n1.2.3.5=ASN1:NULL', 'two')).toString('hex');
    const withSecond = (oid: string) => readClientCertificate(new Uint8Array(Buffer.from(hex.replace('06032a0305', oid), 'hex')));
    expect(withSecond('06032a0306').isWellFormed).toBe(true);
    expect(withSecond('06032a0304').isWellFormed).toBe(false);
  });

  it('takes bytes after the certificate, a cut one and anything else for malformed', () => {
    const der = openssl.der('mail.crt');
    for (const bytes of [concatBytes(der, new Uint8Array(1)), der.subarray(0, -1), new Uint8Array(), new Uint8Array(20_000)]) {
      expect(judge(bytes, { isChainVerified: true })).toBe('malformed');
    }
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(readClientCertificate(bytes).isWellFormed).toBe(false);
      }),
    );
  });

  it('does not read another name out of a certificate with a flipped bit that openssl still verifies', () => {
    const der = openssl.der('mail.crt');
    const step = isLong ? 1 : 7;
    for (let bit = 0; bit < der.length * 8; bit += step) {
      const flipped = der.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(judge(flipped), `bit ${bit}`).toMatch(/^(?:malformed|untrusted|expired|not_yet_valid|wrong_purpose)$/);
    }
  });
});

describe('subjects', () => {
  it.each([
    ["'/CN=localhost/O=MailServer'", 'O=MailServer,CN=localhost'],
    ["'/C=PL/O=A, B/CN=x=y'", 'CN=x=y,O=A\\, B,C=PL'],
    ["'/O=x/CN=#abc'", 'CN=\\#abc,O=x'],
    ["'/O=x/CN=a\\+OU=root'", 'CN=a\\+OU=root,O=x'],
    ["'/O=x/OU=z+CN=a'", 'CN=a+OU=z,O=x'],
    ["'/O=Zażółć/emailAddress=a@b.example'", 'emailAddress=a@b.example,O=Zażółć'],
    ["'/O=x/businessCategory=y'", '2.5.4.15=#0C0179,O=x'],
  ])('of openssl %s is %s', (subject, expected) => {
    openssl.run(`req -x509 ${newKey} -keyout s.key -out s.pem -utf8 -subj ${subject}`);
    const { subject: text } = readClientCertificate(openssl.der('s.pem'));
    expect(text).toBe(expected);
  });

  it('escapes what could end a name early', () => {
    openssl.write('nul.cnf', '[req]\ndistinguished_name=dn\nprompt=no\n[dn]\nCN=admin\\n,O=y\n');
    openssl.run(`req -x509 ${newKey} -keyout s.key -out s.pem -config nul.cnf`);
    expect(readClientCertificate(openssl.der('s.pem')).subject).toBe('CN=admin\\0A\\,O=y');
  });
});

describe('judging without TLS', () => {
  it('accepts a certificate that a trusted CA issued directly', () => {
    expect(judge(openssl.der('mail.crt'))).toBeUndefined();
  });

  it('accepts one among several trusted CAs, in files of their own or in one', () => {
    const certificate = readClientCertificate(openssl.der('mail-wrong.crt'));
    const files = [openssl.text('ca.pem'), `a comment\n${openssl.text('twin.pem')}${openssl.text('wrong.pem')}`];
    const judged = (authorities: readonly string[]) =>
      judgeClientCertificate({ certificate, authorities, isChainVerified: false, nowMs: startMs });
    expect(judged(files)).toBeUndefined();
    expect(judged(files.slice(0, 1))).toBe('untrusted');
    expect(judged([])).toBe('untrusted');
  });

  it('does not trust another CA, nor one that bears the same name', () => {
    expect(judge(openssl.der('mail-wrong.crt'))).toBe('untrusted');
    expect(judge(openssl.der('mail-twin.crt'))).toBe('untrusted');
  });

  it('does not trust what another client signed', () => {
    openssl.run(`req ${newKey} -keyout evil.key -out evil.csr -subj /CN=admin`);
    openssl.run('x509 -req -days 9 -CA mail.crt -CAkey mail.key -set_serial 1 -in evil.csr -out evil.crt');
    expect(judge(openssl.der('evil.crt'))).toBe('untrusted');
    openssl.write('both.pem', openssl.text('mail.crt') + openssl.text('ca.pem'));
    // Not even when that client's certificate lies among the CAs: it is none.
    expect(judge(openssl.der('evil.crt'), { authority: 'both' })).toBe('untrusted');
  });

  it('does not trust a CA that has ended, though the certificate goes on', () => {
    const nowMs = startMs + 400 * dayMs;
    const der = sign('mail', 'ca', 'late', '-days 800');
    expect(judge(der, { nowMs })).toBe('untrusted');
    expect(judge(der)).toBeUndefined();
  });

  it.each([
    ['may not sign certificates', 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign'],
    ['is none', 'basicConstraints=critical,CA:FALSE'],
    ['is for servers alone', 'basicConstraints=critical,CA:TRUE\nextendedKeyUsage=serverAuth'],
    ['is bound to some names', 'basicConstraints=critical,CA:TRUE\nnameConstraints=permitted;DNS:example.com'],
  ])('does not trust a CA that %s', (_what, extensions) => {
    openssl.write('bad.cnf', `[req]\ndistinguished_name=dn\nprompt=no\nx509_extensions=ext\n[dn]\nO=Bad\n[ext]\n${extensions}\n`);
    openssl.run(`req -x509 -days 9 ${newKey} -keyout bad.key -out bad.pem -config bad.cnf`);
    expect(judge(sign('mail', 'bad', 'mail-bad'), { authority: 'bad' })).toBe('untrusted');
  });

  it('does not trust SHA-1', () => {
    expect(judge(sign('mail', 'ca', 'sha1', '-sha1'))).toBe('untrusted');
  });

  it('does not trust what carries a critical extension that it does not understand', () => {
    const der = signWith('1.2.3.4=critical,ASN1:NULL', 'critical');
    expect(judge(der)).toBe('untrusted');
    expect(judge(signWith('1.2.3.4=ASN1:NULL', 'uncritical'))).toBeUndefined();
  });
});

describe('judging', () => {
  it.each([true, false])('holds to the dates, the ends included (chain verified: %s)', (isChainVerified) => {
    const der = openssl.der('mail.crt');
    const { notBeforeMs, notAfterMs } = readClientCertificate(der);
    expect(judge(der, { isChainVerified, nowMs: notBeforeMs - 1 })).toBe('not_yet_valid');
    expect(judge(der, { isChainVerified: true, nowMs: notBeforeMs })).toBeUndefined();
    expect(judge(der, { isChainVerified: true, nowMs: notAfterMs - 1 })).toBeUndefined();
    expect(judge(der, { isChainVerified, nowMs: notAfterMs })).toBe('expired');
  });

  it.each([
    ['a server certificate', 'extendedKeyUsage=serverAuth', 'wrong_purpose'],
    ['any purpose', 'extendedKeyUsage=anyExtendedKeyUsage', 'wrong_purpose'],
    ['a key that may not sign', 'keyUsage=critical,keyEncipherment', 'wrong_purpose'],
    ['a CA certificate', 'basicConstraints=CA:TRUE', 'wrong_purpose'],
    ['a client certificate', 'extendedKeyUsage=clientAuth,serverAuth\nkeyUsage=critical,digitalSignature', undefined],
  ] as const)('looks at the purpose: %s', (_what, extensions, expected) => {
    const der = signWith(extensions, 'purpose');
    expect(judge(der)).toBe(expected);
    expect(judge(der, { isChainVerified: true })).toBe(expected);
  });

  it('tells a self-signed certificate, with all else in order, from a CA that is shown for a client', () => {
    openssl.run(`req -x509 -days 9 ${newKey} -subj /CN=pinned -keyout pinned.key -out pinned.pem`);
    const der = openssl.der('pinned.pem');
    expect(readClientCertificate(der).isSelfSigned).toBe(true);
    expect(judge(der)).toBe('self_signed');
    expect(judge(der, { nowMs: startMs + 10 * dayMs })).toBe('expired');
    expect(judge(openssl.der('ca.pem'), { isChainVerified: true })).toBe('wrong_purpose');
  });

  it('does not take a certificate for self-signed that only names itself as its issuer', () => {
    openssl.run(`req ${newKey} -keyout fake.key -out fake.csr -subj '/O=ABC Inc.'`);
    const der = sign('fake', 'ca');
    expect(readClientCertificate(der).isSelfSigned).toBe(false);
    expect(judge(der)).toBeUndefined();
    expect(judge(der, { authority: 'twin' })).toBe('untrusted');
  });
});

describe('presenting', () => {
  it('never lets a certificate pass that TLS refused, though its CA is trusted', () => {
    const present = (tlsError: string | undefined) =>
      presentCertificate({ via: 'tls', der: openssl.der('mail.crt'), tlsError }, [openssl.text('ca.pem')], startMs).fault;
    expect(present('CERT_REVOKED')).toBe('untrusted');
    expect(present('DEPTH_ZERO_SELF_SIGNED_CERT')).toBe('untrusted');
    expect(present('CERT_HAS_EXPIRED')).toBe('expired');
    expect(present('some new error')).toBe('untrusted');
    expect(present(undefined)).toBeUndefined();
  });

  it('checks by itself what a proxy tells of', () => {
    const present = (file: string) =>
      presentCertificate({ via: 'proxy', der: openssl.der(file) }, [openssl.text('ca.pem')], startMs);
    expect(present('mail.crt')).toMatchObject({ fault: undefined, via: 'proxy', subject: 'O=MailServer,CN=localhost' });
    expect(present('mail-twin.crt').fault).toBe('untrusted');
  });

  it.each([
    [undefined, undefined],
    ['CERT_HAS_EXPIRED', 'expired'],
    ['CERT_NOT_YET_VALID', 'not_yet_valid'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self_signed'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'untrusted'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'untrusted'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'untrusted'],
    ['INVALID_PURPOSE', 'wrong_purpose'],
    ['ERR_SSL_EVP_LIB', 'untrusted'],
    ['', 'untrusted'],
  ])('reads the TLS error %s as %s', (error, fault) => {
    expect(certificateFaultOf(error)).toBe(fault);
  });
});
