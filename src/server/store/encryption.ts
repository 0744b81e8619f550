/**
 * Encryption at rest: sub-keys of the master key, and AES-256-GCM that ties a ciphertext to the one place it was written for.
 *
 * Text form: `v1.<key id>.<nonce>.<ciphertext>`, base64url, the 16-byte tag at the end of the ciphertext. The key is chosen by the
 * stored key id alone, never by trial: GCM does not commit to its key.
 */
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import {
  concatBytes,
  decodeBase64url,
  encodeBase64url,
  encodeUtf8,
  lengthPrefixed,
  MacaroonError,
  type RandomBytes,
} from '../../core/index.js';

const cipherName = 'aes-256-gcm';
const version = 'v1';
const nonceBytes = 12;
const tagBytes = 16;
const keyIdBytes = 9;

/** What the sub-keys of the master key are for. Each label gives an independent key. */
export type StoreKeyPurpose = 'kek' | 'audit-hmac' | 'row-mac' | 'key-id' | 'key-check' | 'challenge';

/** The keys of one installation, all derived from its master key. */
export interface StoreKeys {
  /** Names the key that encrypts: part of every text form. */
  readonly keyId: string;
  /** Keys that decrypt, by key id. */
  readonly encryptionKeys: ReadonlyMap<string, KeyObject>;
  readonly auditKey: KeyObject;
  readonly rowKey: KeyObject;
  /** What challenges are made and known again by. */
  readonly challengeKey: KeyObject;
  /** base64url; tells the right master key from a wrong one and nothing else. */
  readonly keyCheck: string;
}

/** Where a secret is kept. A ciphertext opens nowhere else. */
export interface SecretPlace {
  readonly table: string;
  readonly rowId: string;
  readonly purpose: 'root-key' | 'private-key' | 'credential-secret' | 'invitation-key';
  readonly owner: string;
  readonly generation: number;
}

/** 32 bytes: HKDF-SHA-256 of `masterKey` with the install id as salt and info `macaroond/v1/<purpose>`. */
export function deriveStoreKey(masterKey: KeyObject, installId: string, purpose: StoreKeyPurpose): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', masterKey, encodeUtf8(installId), encodeUtf8(`macaroond/v1/${purpose}`), 32));
}

/** All sub-keys of `masterKey` (32 bytes) for the installation `installId`. */
export function deriveStoreKeys(masterKey: KeyObject, installId: string): StoreKeys {
  const derive = (purpose: StoreKeyPurpose) => deriveStoreKey(masterKey, installId, purpose);
  const keyId = encodeBase64url(derive('key-id').subarray(0, keyIdBytes));
  return {
    keyId,
    encryptionKeys: new Map([[keyId, createSecretKey(derive('kek'))]]),
    auditKey: createSecretKey(derive('audit-hmac')),
    rowKey: createSecretKey(derive('row-mac')),
    challengeKey: createSecretKey(derive('challenge')),
    keyCheck: encodeBase64url(derive('key-check')),
  };
}

/** The text form of `secret`, tied to `place`. */
export function encryptSecret(keys: StoreKeys, place: SecretPlace, secret: Uint8Array, randomBytes: RandomBytes): string {
  const key = encryptionKey(keys, keys.keyId);
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(cipherName, key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(associatedData(place, keys.keyId));
  const ciphertext = concatBytes(cipher.update(secret), cipher.final(), cipher.getAuthTag());
  return [version, keys.keyId, encodeBase64url(nonce), encodeBase64url(ciphertext)].join('.');
}

/** The secret in `text`. Throws `ERR_STORE_CORRUPT` when it is not of this place, was altered, or is under another master key. */
export function decryptSecret(keys: StoreKeys, place: SecretPlace, text: string): Uint8Array {
  const [form, keyId, nonceText, ciphertextText, ...rest] = text.split('.');
  if (form !== version || keyId === undefined || nonceText === undefined || ciphertextText === undefined || rest.length > 0) {
    throw corrupt(place);
  }
  const key = encryptionKey(keys, keyId);
  const nonce = decodePart(place, nonceText);
  const ciphertext = decodePart(place, ciphertextText);
  if (nonce.length !== nonceBytes || ciphertext.length < tagBytes) throw corrupt(place);
  const tagStart = ciphertext.length - tagBytes;
  // Without authTagLength Node accepts a tag of 4 bytes.
  const decipher = createDecipheriv(cipherName, key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(associatedData(place, keyId));
  decipher.setAuthTag(ciphertext.subarray(tagStart));
  const head = decipher.update(ciphertext.subarray(0, tagStart));
  try {
    return concatBytes(head, decipher.final());
  } catch {
    throw corrupt(place);
  }
}

function encryptionKey(keys: StoreKeys, keyId: string): KeyObject {
  const key = keys.encryptionKeys.get(keyId);
  if (key === undefined) throw new MacaroonError('ERR_STORE_CORRUPT', 'a stored secret is encrypted under another master key');
  return key;
}

function associatedData(place: SecretPlace, keyId: string): Uint8Array {
  const { table, rowId, purpose, owner, generation } = place;
  return lengthPrefixed('macaroond/v1/secret', table, rowId, purpose, owner, String(generation), keyId);
}

function decodePart(place: SecretPlace, text: string): Uint8Array {
  try {
    return decodeBase64url(text);
  } catch {
    throw corrupt(place);
  }
}

function corrupt(place: SecretPlace): MacaroonError {
  return new MacaroonError('ERR_STORE_CORRUPT', `a secret of table ${place.table} does not open: it was altered or moved`);
}
