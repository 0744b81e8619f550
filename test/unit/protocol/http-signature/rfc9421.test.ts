import { describe, expect, it } from 'vitest';
import { decodeUtf8, encodeUtf8 } from '../../../../src/core/index.js';
import { singleField } from '../../../../src/protocol/header-fields.js';
import {
  hmacSignatureKey,
  importSigningKey,
  type ParsedSignature,
  parseComponent,
  parseSignatures,
  privateKeyDer,
  type SignedMessage,
  type SigningKey,
  signatureBase,
  signMessage,
  verifyContentDigest,
  verifyMessage,
} from '../../../../src/protocol/http-signature/index.js';
import { keyText, messageOf, rfc9421, sharedSecret, verifyingKey } from './vectors.js';

function only(message: SignedMessage): ParsedSignature {
  const [signature, ...others] = parseSignatures(message.headers);
  if (signature === undefined || others.length > 0) throw new Error('not one signature');
  return signature;
}

describe.each(rfc9421.signatures)('RFC 9421 $section, $algorithm', ({ key, algorithm, label, message, base }) => {
  const signed = messageOf(message);

  it('is read, has the published signature base, and verifies', async () => {
    const parsed = only(signed);
    expect(parsed.label).toBe(label);
    expect(decodeUtf8(signatureBase(signed, parsed.components, parsed.inputText))).toBe(base.join('\n'));
    expect(await verifyMessage(signed, parsed, await verifyingKey(key, algorithm))).toBe(true);
  });

  it('does not verify when one bit of the signature differs', async () => {
    const parsed = only(signed);
    const signature = Uint8Array.from(parsed.signature, (byte, at) => (at === 7 ? byte ^ 1 : byte));
    expect(await verifyMessage(signed, { ...parsed, signature }, await verifyingKey(key, algorithm))).toBe(false);
  });
});

describe('RFC 9421, digests of bodies', () => {
  it.each(rfc9421.signatures.filter(({ body }) => body !== undefined))('$section', async ({ message, body }) => {
    const field = singleField(messageOf(message).headers, 'content-digest') ?? '';
    expect(await verifyContentDigest(field, encodeUtf8(body ?? ''))).toBe(true);
    expect(await verifyContentDigest(field, encodeUtf8(`${body} `))).toBe(false);
  });
});

describe('RFC 9421, what is deterministic', () => {
  it.each(['B.2.5', 'B.2.6'])('gives the published headers of %s again', async (section) => {
    const vector = rfc9421.signatures.find((each) => each.section === section);
    if (vector === undefined) throw new Error('no such vector');
    const message = messageOf(vector.message);
    const { components, parameters } = only(message);
    const key: SigningKey =
      vector.algorithm === 'hmac-sha256'
        ? hmacSignatureKey(sharedSecret())
        : await importSigningKey(privateKeyDer(keyText(vector.key, 'privateKey')), vector.algorithm);
    const order = { label: vector.label, components: components.map(({ text }) => text), parameters, key };
    const headers = await signMessage(message, order);
    expect(headers['signature-input']).toBe(singleField(message.headers, 'signature-input'));
    expect(headers.signature).toBe(singleField(message.headers, 'signature'));
  });
});

describe('RFC 9421 B.4, transformations', () => {
  it.each(rfc9421.transformations)('$about: $holds', async ({ holds, message }) => {
    const signed = messageOf(message);
    expect(await verifyMessage(signed, only(signed), await verifyingKey('test-key-ed25519', 'ed25519'))).toBe(holds);
  });
});

describe('RFC 9421 section 2, component values', () => {
  it.each(rfc9421.components)('$section: $lines', ({ message, lines }) => {
    const components = lines.map((line) => parseComponent(line.slice(0, line.indexOf(': '))));
    expect(decodeUtf8(signatureBase(messageOf(message), components, '()')).split('\n')).toEqual([
      ...lines,
      '"@signature-params": ()',
    ]);
  });
});
