/**
 * Credential files: what a client is handed. JSON, readable by its owner alone (mode 0600), written once and never overwritten, because
 * the secret in it is shown a single time.
 */
import { dirname, resolve } from 'node:path';
import { MacaroonError, requireKnownNames } from '../core/index.js';
import { Credential, type CredentialParts } from './credential.js';
import { MemberFault, membersOf, type NamedFiles, readMembers } from './credential-members.js';
import { readCaFile } from './issuer-endpoint.js';
import { parseIssuerUrl } from './issuer-url.js';
import { parsePin } from './pin.js';
import { FileFault, readOwnFile, reserveOwnFile } from './private-file.js';

const overrideNames = ['caFile', 'pinSha256', 'issuer'] as const satisfies readonly (keyof CredentialOverrides)[];

/** What to use instead of what the file says. Naming `caFile` or `pinSha256` replaces both the file's CA and its pin. */
export interface CredentialOverrides {
  readonly caFile?: string | undefined;
  readonly pinSha256?: string | undefined;
  readonly issuer?: string | undefined;
}

/**
 * The credential in the file at `path`, keys and certificates in files beside it included.
 * Throws `ERR_CREDENTIAL_FILE` when it or a private key is missing or readable by others than its owner, or when it is not a version 1
 * credential, and `ERR_ARGUMENT` for an override that is unknown or cannot be used. No message quotes a secret.
 */
export async function loadCredential(path: string, overrides: CredentialOverrides = {}): Promise<Credential> {
  if (typeof path !== 'string' || path === '') {
    throw new MacaroonError('ERR_ARGUMENT', 'path must be the path of a credential file', { argument: 'path' });
  }
  requireKnownNames(overrides, overrideNames, 'overrides');
  const parts = await readCredentialFile(path);
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
  /** Fills the file and syncs it to the disk; what is in `files` is named, not copied. Removes it again when that fails. */
  write(credential: CredentialParts, files?: NamedFiles): Promise<void>;
  /** Removes the file, because there will be nothing to write. */
  discard(): Promise<void>;
}

/**
 * Creates the file at `path`, so that a secret is only asked for once there is a place to keep it.
 * Throws `ERR_CREDENTIAL_FILE` when something is there already or it cannot be made.
 */
export async function reserveCredentialFile(path: string): Promise<ReservedCredentialFile> {
  const told = (error: unknown) => {
    throw error instanceof FileFault ? fileError(path, error.message, error.cause) : error;
  };
  const file = await reserveOwnFile(path).catch(told);
  return {
    discard: () => file.discard(),
    write: (credential, files) => file.write(`${JSON.stringify(membersOf(credential, files), null, 2)}\n`).catch(told),
  };
}

async function readCredentialFile(path: string): Promise<CredentialParts> {
  try {
    const members = parseObject(path, await readOwnFile(path, true));
    return await readMembers(members, (member, named, isPrivate) =>
      readNamedFile(resolve(dirname(path), named), member, isPrivate),
    );
  } catch (error) {
    if (error instanceof FileFault || error instanceof MemberFault) throw fileError(path, error.message, error.cause);
    throw error;
  }
}

/** Text of a file that the credential file names. What stands for its path may be a key by mistake, so errors of the system are not passed on. */
async function readNamedFile(path: string, member: string, isPrivate: boolean): Promise<string> {
  try {
    return await readOwnFile(path, isPrivate);
  } catch (error) {
    if (!(error instanceof FileFault)) throw error;
    throw new MemberFault(`names a "${member}" that ${error.message}`, { cause: withoutPath(error.cause) });
  }
}

function withoutPath(cause: unknown): Error | undefined {
  if (!(cause instanceof Error && 'code' in cause)) return undefined;
  return Object.assign(new Error('the file cannot be read'), { code: cause.code });
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

function fileError(path: string, fault: string, cause?: unknown): MacaroonError {
  return new MacaroonError('ERR_CREDENTIAL_FILE', `the credential file ${path} ${fault}`, { cause });
}
