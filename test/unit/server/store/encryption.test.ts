import { createCipheriv, createSecretKey, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { decodeBase64url, encodeBase64url, lengthPrefixed } from '../../../../src/core/index.js';
import {
  decryptSecret,
  deriveStoreKey,
  deriveStoreKeys,
  encryptSecret,
  type SecretPlace,
} from '../../../../src/server/store/encryption.js';

const masterKey = createSecretKey(Uint8Array.from({ length: 32 }, (_, i) => i));
const keys = deriveStoreKeys(masterKey, 'installation');
const place: SecretPlace = { table: 'root_keys', rowId: 'row', purpose: 'root-key', owner: 'mail', generation: 3 };
const secret = new Uint8Array(32).fill(0x5a);
const random = (length: number) => new Uint8Array(randomBytes(length));
const corrupt = expect.objectContaining({ code: 'ERR_STORE_CORRUPT' });
const opened =
  (text: string, at = place) =>
  () =>
    decryptSecret(keys, at, text);

/** The text form with its ciphertext changed. */
function withCiphertext(text: string, change: (bytes: Uint8Array) => Uint8Array): string {
  const [version, keyId, nonce, ciphertext] = text.split('.');
  return [version, keyId, nonce, encodeBase64url(change(decodeBase64url(ciphertext ?? '')))].join('.');
}

describe('sub-keys of the master key', () => {
  it('differ by purpose, installation and master key', () => {
    const purposes = ['kek', 'audit-hmac', 'row-mac', 'key-id', 'key-check', 'challenge'] as const;
    const derived = [
      ...purposes.map((purpose) => deriveStoreKey(masterKey, 'installation', purpose)),
      deriveStoreKey(masterKey, 'another', 'kek'),
      deriveStoreKey(createSecretKey(new Uint8Array(32).fill(9)), 'installation', 'kek'),
    ].map(encodeBase64url);
    expect(new Set(derived).size).toBe(derived.length);
  });

  // Computed from two HMACs, as RFC 5869 has it, without the code under test.
  it.each([
    ['kek', '9yndQ3z8bgSFtOWmur3MUgt-VitWBNBBlB7u25Efizo'],
    ['audit-hmac', 'zMblekdXBiibW9pM1HXevwgV9UbS0q5egDCqOZkXtRs'],
    ['row-mac', 'xXQDL7ZLEOUS_P9xeX8fsb-ugOB9kw62Z7BZdqx92FY'],
    ['key-id', 'TuQ8qRbtUFVD1FdsxquVjw1iekONWkFJrGxL_JwHQLo'],
    ['key-check', 'BsSFEX7tnaLcOy27OlcC8Avu1uygV04ME1oZpqW6qj8'],
    ['challenge', 'Py-TMzYQzU9N4rrToYBh_E5XoUs7oTpJXWerb1sdb5g'],
  ] as const)('%s is what it always was', (purpose, expected) => {
    expect(encodeBase64url(deriveStoreKey(masterKey, 'installation', purpose))).toBe(expected);
  });

  it('do not print themselves', () => {
    const kek = deriveStoreKey(masterKey, 'installation', 'kek');
    const shown = inspect(keys, { depth: 9 }) + JSON.stringify(keys);
    expect(shown).not.toContain(Buffer.from(kek).toString('hex'));
    expect(shown).not.toContain(encodeBase64url(kek));
  });
});

describe('a secret at rest', () => {
  it('opens where it was written, and is another text each time', () => {
    const text = encryptSecret(keys, place, secret, random);
    expect(text).toMatch(/^v1\.[A-Za-z0-9_-]{12}\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]{64}$/);
    expect(decryptSecret(keys, place, text)).toEqual(secret);
    expect(encryptSecret(keys, place, secret, random)).not.toBe(text);
  });

  it.each<Partial<SecretPlace>>([
    { table: 'pki' },
    { rowId: 'another row' },
    { purpose: 'private-key' },
    { purpose: 'credential-secret' },
    { purpose: 'invitation-key' },
    { owner: 'batch' },
    { generation: 4 },
    { table: 'root_keysr', rowId: 'ow' },
  ])('does not open at another place: %o', (other) => {
    const text = encryptSecret(keys, place, secret, random);
    expect(opened(text, { ...place, ...other })).toThrow(corrupt);
  });

  it('does not open with any bit flipped', () => {
    const text = encryptSecret(keys, place, secret, random);
    const [version, keyId, nonce = '', ciphertext = ''] = text.split('.');
    const flipped = (part: string, bit: number) => {
      const bytes = decodeBase64url(part);
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return encodeBase64url(bytes);
    };
    for (let bit = 0; bit < 12 * 8; bit++) {
      expect(opened([version, keyId, flipped(nonce, bit), ciphertext].join('.'))).toThrow(corrupt);
    }
    for (let bit = 0; bit < (32 + 16) * 8; bit++) {
      expect(opened([version, keyId, nonce, flipped(ciphertext, bit)].join('.'))).toThrow(corrupt);
    }
  });

  it('does not open with a tag that was cut, at any length', () => {
    const text = encryptSecret(keys, place, secret, random);
    for (let length = 0; length < 48; length++) {
      expect(opened(withCiphertext(text, (bytes) => bytes.subarray(0, length)))).toThrow(corrupt);
    }
  });

  it('does not open with a genuine tag of 4 bytes, which Node.js would accept', () => {
    const kek = deriveStoreKey(masterKey, 'installation', 'kek');
    const nonce = random(12);
    const cipher = createCipheriv('aes-256-gcm', kek, nonce, { authTagLength: 4 });
    const { table, rowId, purpose, owner, generation } = place;
    cipher.setAAD(lengthPrefixed('macaroond/v1/secret', table, rowId, purpose, owner, String(generation), keys.keyId));
    const ciphertext = Buffer.concat([cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
    expect(opened(['v1', keys.keyId, encodeBase64url(nonce), encodeBase64url(ciphertext)].join('.'))).toThrow(corrupt);
  });

  it('has one spelling', () => {
    const text = encryptSecret(keys, place, secret, random);
    const [version, keyId, nonce, ciphertext] = text.split('.');
    const spellings = [
      '',
      'v1',
      `${text}.`,
      `${text}=`,
      ` ${text}`,
      `${text}\n`,
      text.replace('v1.', 'v2.'),
      [version, keyId, `${nonce}AAAA`, ciphertext].join('.'),
      [version, keyId, nonce?.slice(0, 12), ciphertext].join('.'),
      [version, keyId, '', ciphertext].join('.'),
      [version, keyId, nonce, '*'].join('.'),
      [version, keyId, nonce].join('.'),
    ];
    for (const spelling of spellings) expect(opened(spelling)).toThrow(corrupt);
  });

  it('is opened by the key that it names alone', () => {
    const others = deriveStoreKeys(createSecretKey(new Uint8Array(32).fill(9)), 'installation');
    const text = encryptSecret(others, place, secret, random);
    expect(opened(text)).toThrow(corrupt);
    const both = { ...keys, encryptionKeys: new Map([...keys.encryptionKeys, ...others.encryptionKeys]) };
    expect(decryptSecret(both, place, text)).toEqual(secret);
    expect(() => decryptSecret(both, place, text.replace(others.keyId, keys.keyId))).toThrow(corrupt);
  });
});
