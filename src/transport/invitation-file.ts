/**
 * Invitation files: what an administrator hands over in person, as its holder's command line reads it. JSON, readable by its owner alone. Faults
 * are told without quoting the file, which holds the shared key.
 */
import { isName, MacaroonError } from '../core/index.js';
import { isMacKeyText } from '../protocol/shared-key-hmac.js';
import { parseIssuerUrl } from './issuer-url.js';
import { parsePin } from './pin.js';
import { FileFault, readOwnFile, reserveOwnFile } from './private-file.js';

/** An invitation, and where it is good. */
export interface Invitation {
  readonly issuer: string;
  /** CA certificates that the issuer's certificate comes from, PEM. */
  readonly ca?: string | undefined;
  readonly pinSha256?: string | undefined;
  /** `inv_…` */
  readonly invitation: string;
  /** base64url of 32 bytes. */
  readonly sharedKey: string;
  /** The name that it is for; absent for a group's. */
  readonly name?: string | undefined;
}

/** A new, empty invitation file that is still to be filled. */
export interface ReservedInvitationFile {
  write(invitation: Invitation): Promise<void>;
  /** Removes the file, because there will be nothing to write. */
  discard(): Promise<void>;
}

/** Creates the file at `path`. Throws `ERR_CREDENTIAL_FILE` when something is there already or it cannot be made; so does its `write`. */
export async function reserveInvitationFile(path: string): Promise<ReservedInvitationFile> {
  const told = (error: unknown) => {
    throw error instanceof FileFault ? fault(`the invitation file ${path}`, error.message, error.cause) : error;
  };
  const file = await reserveOwnFile(path).catch(told);
  return {
    discard: () => file.discard(),
    write: (invitation) => file.write(`${JSON.stringify(membersOf(invitation), null, 2)}\n`).catch(told),
  };
}

/** The invitation in the file at `path`. Throws `ERR_CREDENTIAL_FILE` when it is missing, open to others, or none. */
export async function loadInvitation(path: string): Promise<Invitation> {
  const text = await readOwnFile(path, true).catch((error: unknown) => {
    throw error instanceof FileFault ? fault(`the invitation file ${path}`, error.message, error.cause) : error;
  });
  return parseInvitation(text, `the invitation file ${path}`);
}

/** The invitation that `text` is; `from` says where it comes from. Throws `ERR_CREDENTIAL_FILE`. */
export function parseInvitation(text: string, from: string): Invitation {
  const { version, issuer, ca, pin_sha256: pinSha256, invitation, shared_key: sharedKey, name, ...others } = objectOf(text, from);
  const isInvitation =
    version === 1 &&
    Object.keys(others).length === 0 &&
    isText(issuer) &&
    isTextOrAbsent(ca) &&
    isTextOrAbsent(pinSha256) &&
    isText(invitation) &&
    isText(sharedKey) &&
    isMacKeyText(sharedKey) &&
    (name === undefined || (isText(name) && isName(name)));
  if (!isInvitation) throw fault(from, 'is no invitation of version 1: it must come, unchanged, from "macaroond invite --out"');
  try {
    parseIssuerUrl(issuer);
    if (pinSha256 !== undefined) parsePin(pinSha256);
  } catch (error) {
    throw error instanceof MacaroonError ? fault(from, `cannot be used: ${error.message}`) : error;
  }
  return { issuer, ca, pinSha256, invitation, sharedKey, name };
}

function membersOf({ issuer, ca, pinSha256, invitation, sharedKey, name }: Invitation): Readonly<Record<string, unknown>> {
  return { version: 1, issuer, ca, pin_sha256: pinSha256, invitation, shared_key: sharedKey, name };
}

function objectOf(text: string, from: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, the shared key included, so it is not kept as a cause.
    throw fault(from, 'is not JSON');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw fault(from, 'does not hold a JSON object');
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isTextOrAbsent(value: unknown): value is string | undefined {
  return value === undefined || isText(value);
}

function fault(from: string, what: string, cause?: unknown): MacaroonError {
  return new MacaroonError('ERR_CREDENTIAL_FILE', `${from} ${what}`, { cause });
}
