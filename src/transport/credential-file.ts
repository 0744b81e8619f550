/**
 * Credential files: what a client is handed. JSON, readable by its owner alone (mode 0600), written once and never overwritten, because
 * the secret in it is shown a single time.
 */
import { type FileHandle, open, rm } from 'node:fs/promises';
import { isName, MacaroonError, requireKnownNames } from '../core/index.js';
import { Credential, type CredentialParts } from './credential.js';
import { readCaFile } from './issuer-http.js';
import { parseIssuerUrl } from './issuer-url.js';
import { parsePin } from './pin.js';

const maxFileBytes = 256 * 1024;
const requiredMembers = ['version', 'issuer', 'client', 'auth_method', 'credential_id', 'secret'] as const;
const optionalMembers = ['ca', 'pin_sha256'] as const;
const overrideNames = ['caFile', 'pinSha256', 'issuer'] as const satisfies readonly (keyof CredentialOverrides)[];

/** What to use instead of what the file says. Naming `caFile` or `pinSha256` replaces both the file's CA and its pin. */
export interface CredentialOverrides {
  readonly caFile?: string | undefined;
  readonly pinSha256?: string | undefined;
  readonly issuer?: string | undefined;
}

/**
 * The credential in the file at `path`.
 * Throws `ERR_CREDENTIAL_FILE` when the file is missing, readable by others than its owner, or not a version 1 credential, and
 * `ERR_ARGUMENT` for an override that is unknown or cannot be used. No message quotes what the file holds.
 */
export async function loadCredential(path: string, overrides: CredentialOverrides = {}): Promise<Credential> {
  if (typeof path !== 'string' || path === '') {
    throw new MacaroonError('ERR_ARGUMENT', 'path must be the path of a credential file', { argument: 'path' });
  }
  requireKnownNames(overrides, overrideNames, 'overrides');
  const parts = parseCredential(path, await readPrivateFile(path));
  const replacesTrust = overrides.caFile !== undefined || overrides.pinSha256 !== undefined;
  if (overrides.issuer !== undefined) parseIssuerUrl(overrides.issuer);
  return new Credential({
    ...parts,
    ...(overrides.issuer === undefined ? {} : { issuer: overrides.issuer }),
    ...(replacesTrust
      ? {
          ca: overrides.caFile === undefined ? undefined : await readCaFile(overrides.caFile),
          pinSha256: overrides.pinSha256 === undefined ? undefined : parsePin(overrides.pinSha256),
        }
      : {}),
  });
}

/**
 * Writes `credential` to a new file at `path` with mode 0600, and returns once it is on the disk.
 * Throws `ERR_CREDENTIAL_FILE` when something is there already or it cannot be written.
 */
export async function writeCredential(path: string, credential: CredentialParts): Promise<void> {
  const file = await reserveCredentialFile(path);
  await file.write(credential);
}

/** A new, empty credential file that is still to be filled. */
export interface ReservedCredentialFile {
  /** Fills the file and syncs it to the disk. Removes it again when that fails. */
  write(credential: CredentialParts): Promise<void>;
  /** Removes the file, because there will be nothing to write. */
  discard(): Promise<void>;
}

/**
 * Creates the file at `path`, so that a secret is only asked for once there is a place to keep it.
 * Throws `ERR_CREDENTIAL_FILE` when something is there already or it cannot be made.
 */
export async function reserveCredentialFile(path: string): Promise<ReservedCredentialFile> {
  const handle = await open(path, 'wx', 0o600).catch((cause: unknown) => {
    const exists = cause instanceof Error && 'code' in cause && cause.code === 'EEXIST';
    throw fileError(path, exists ? 'exists already and is not overwritten: name another file' : 'cannot be written', cause);
  });
  const discard = async (): Promise<void> => {
    await handle.close().catch(() => undefined);
    await rm(path, { force: true });
  };
  return {
    discard,
    write: async (credential) => {
      try {
        await handle.writeFile(`${JSON.stringify(toFile(credential), null, 2)}\n`);
        await handle.sync();
      } catch (cause) {
        await discard();
        throw fileError(path, 'could not be written', cause);
      }
      await handle.close();
    },
  };
}

function toFile(credential: CredentialParts): Readonly<Record<string, unknown>> {
  return {
    version: 1,
    issuer: credential.issuer,
    ca: credential.ca,
    pin_sha256: credential.pinSha256,
    client: credential.client,
    auth_method: credential.authMethod,
    credential_id: credential.credentialId,
    secret: credential.secret,
  };
}

async function readPrivateFile(path: string): Promise<string> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    const { mode, size } = await handle.stat();
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw fileError(path, `can be read by others: run chmod 600 ${quoted(path)}`);
    }
    if (size > maxFileBytes) throw fileError(path, 'is too large to be a credential file');
    return await handle.readFile('utf8');
  } catch (cause) {
    if (cause instanceof MacaroonError) throw cause;
    throw fileError(path, 'cannot be read', cause);
  } finally {
    await handle?.close();
  }
}

function parseCredential(path: string, text: string): CredentialParts {
  const file = parseObject(path, text);
  for (const name of requiredMembers) if (!(name in file)) throw fileError(path, `lacks the member "${name}"`);
  const known: readonly string[] = [...requiredMembers, ...optionalMembers];
  if (Object.keys(file).some((name) => !known.includes(name))) {
    throw fileError(path, `has a member that is none of ${known.join(', ')}`);
  }
  if (file['version'] !== 1) throw fileError(path, 'has another version than 1: it needs a newer macaroond');
  const read = (name: string): string => {
    const value = file[name];
    if (typeof value === 'string' && value !== '') return value;
    throw fileError(path, `needs text as its member "${name}"`);
  };
  const parts: CredentialParts = {
    issuer: read('issuer'),
    ca: 'ca' in file ? read('ca') : undefined,
    pinSha256: 'pin_sha256' in file ? read('pin_sha256') : undefined,
    client: read('client'),
    authMethod: 'client_secret_basic',
    credentialId: read('credential_id'),
    secret: read('secret'),
  };
  if (read('auth_method') !== 'client_secret_basic') throw fileError(path, 'has another auth_method than client_secret_basic');
  if (!isName(parts.client)) throw fileError(path, 'holds a "client" that is no name');
  return checkTrust(path, parts);
}

function checkTrust(path: string, parts: CredentialParts): CredentialParts {
  try {
    parseIssuerUrl(parts.issuer);
    return parts.pinSha256 === undefined ? parts : { ...parts, pinSha256: parsePin(parts.pinSha256) };
  } catch (cause) {
    throw fileError(path, cause instanceof MacaroonError ? `cannot be used: ${cause.message}` : 'cannot be used', cause);
  }
}

function parseObject(path: string, text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, secret included, so it is not kept as a cause.
    throw fileError(path, 'is not JSON');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw fileError(path, 'does not hold a JSON object');
}

function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

function fileError(path: string, fault: string, cause?: unknown): MacaroonError {
  return new MacaroonError('ERR_CREDENTIAL_FILE', `the credential file ${path} ${fault}`, { cause });
}
