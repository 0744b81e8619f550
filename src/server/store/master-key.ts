/**
 * Where the master key comes from: `MACAROOND_MASTER_KEY`, the file that `MACAROOND_MASTER_KEY_FILE` names, or `master.key` in the
 * data directory. Everything secret at rest hangs on it, so whatever looks wrong is refused before anything else is touched.
 */
import { createSecretKey, type KeyObject } from 'node:crypto';
import { closeSync, existsSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { decodeBase64url, encodeBase64url, MacaroonError, type RandomBytes } from '../../core/index.js';
import { dataFiles, ensureDataDirectory, syncDirectory, writeOwnerFile } from './data-files.js';

const keyBytes = 32;
const maxFileBytes = 1024;

export interface MasterKeyOptions {
  readonly dataDirectory: string;
  /** Usually `process.env`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The master key as a key object, which prints nothing of itself. Throws `ERR_MASTER_KEY` with a sentence how to mend it. */
export function loadMasterKey(options: MasterKeyOptions): KeyObject {
  const { MACAROOND_MASTER_KEY: text, MACAROOND_MASTER_KEY_FILE: file } = options.environment;
  if (text !== undefined && file !== undefined) {
    throw refusal('MACAROOND_MASTER_KEY and MACAROOND_MASTER_KEY_FILE are both set: unset one of them');
  }
  if (text !== undefined) return parseMasterKey(text, 'MACAROOND_MASTER_KEY');
  if (file !== undefined) return readMasterKeyFile(file, 'the file of MACAROOND_MASTER_KEY_FILE');
  return readMasterKeyFile(dataFiles(options.dataDirectory).masterKey, 'master.key in the data directory');
}

/** For `init`: the key that is there already, or a fresh one in `master.key` (0600). Throws `ERR_MASTER_KEY`, `ERR_DATA_DIRECTORY`. */
export function loadOrCreateMasterKey(options: MasterKeyOptions, randomBytes: RandomBytes): KeyObject {
  const { MACAROOND_MASTER_KEY: text, MACAROOND_MASTER_KEY_FILE: file } = options.environment;
  const path = dataFiles(options.dataDirectory).masterKey;
  if (text === undefined && file === undefined && !existsSync(path)) {
    ensureDataDirectory(options.dataDirectory);
    writeOwnerFile(path, `${encodeBase64url(randomBytes(keyBytes))}\n`);
    syncDirectory(dirname(path));
  }
  return loadMasterKey(options);
}

/**
 * A master key from its text: base64url or hexadecimal of 32 bytes, white space around it ignored. `origin` names it in messages.
 * Throws `ERR_MASTER_KEY`.
 */
export function parseMasterKey(text: string, origin: string): KeyObject {
  const bytes = decodeKeyText(text.trim());
  if (bytes === undefined || bytes.length !== keyBytes) {
    throw refusal(`${origin} must be ${keyBytes} bytes as base64url (43 characters) or hexadecimal (64 characters)`);
  }
  if (bytes.every((byte) => byte === bytes[0])) {
    throw refusal(`${origin} is one byte repeated, not a random key: make one with "openssl rand -hex 32"`);
  }
  return createSecretKey(bytes);
}

function decodeKeyText(text: string): Uint8Array | undefined {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Uint8Array.from(Buffer.from(text, 'hex'));
  try {
    return decodeBase64url(text);
  } catch {
    return undefined;
  }
}

function readMasterKeyFile(path: string, origin: string): KeyObject {
  const descriptor = openKeyFile(path, origin);
  try {
    const { mode, size, uid } = fstatSync(descriptor);
    if ((mode & 0o170000) !== 0o100000) throw refusal(`${origin} is not a regular file`);
    if ((mode & 0o077) !== 0) throw refusal(`${origin} can be used by others than its owner: run "chmod 600" on it`);
    if (uid !== 0 && uid !== process.geteuid?.()) throw refusal(`${origin} belongs to another user, who then knows the key`);
    if (size > maxFileBytes) throw refusal(`${origin} is too large to be a master key`);
    return parseMasterKey(readFileSync(descriptor, 'utf8'), origin);
  } finally {
    closeSync(descriptor);
  }
}

function openKeyFile(path: string, origin: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw new MacaroonError(
      'ERR_MASTER_KEY',
      `${origin} cannot be read: restore it, or set MACAROOND_MASTER_KEY_FILE or MACAROOND_MASTER_KEY`,
      { cause },
    );
  }
}

function refusal(message: string): MacaroonError {
  return new MacaroonError('ERR_MASTER_KEY', message);
}
