/**
 * Finds the issuer: its URL, its CA and a credential. With a data directory beside it the command line needs nothing told; elsewhere
 * the credential file says it all, and the environment overrides both.
 */
import { access, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MacaroonError } from '../core/index.js';
import type { Credential } from '../transport/credential.js';
import type { CredentialOverrides } from '../transport/credential-file.js';
import type { IssuerEndpoint } from '../transport/issuer-endpoint.js';
import type { CliIo } from './cli-io.js';
import { fileFault, systemCode } from './file-fault.js';
import { usageError } from './session.js';

const findHint =
  'run this beside the data directory of the issuer, or set MACAROOND_DATA; elsewhere name a credential file with MACAROOND_CREDENTIAL';

const adminHint =
  '"macaroond init" makes it; when it was lost, "macaroond mint --data DIR" on the machine of the issuer mints a token for MACAROOND_TOKEN';

/** What of the environment this module reads. */
export type Surroundings = Pick<CliIo, 'env' | 'cwd'>;

/** The data directory to talk to: `flag`, `MACAROOND_DATA`, or `./data` when it is one; `undefined` when there is none. */
export async function findDataDirectory(io: Surroundings, flag?: string): Promise<string | undefined> {
  const told = flag ?? variable(io, 'MACAROOND_DATA');
  if (told !== undefined) return resolve(io.cwd, told);
  const beside = join(io.cwd, 'data');
  return (await exists(join(beside, 'ca.crt'))) ? beside : undefined;
}

/** The data directory to work in: `flag`, `MACAROOND_DATA`, or `./data`, whether it is there or not. */
export function ownDataDirectory(io: Surroundings, flag?: string): string {
  return resolve(io.cwd, flag ?? variable(io, 'MACAROOND_DATA') ?? 'data');
}

/** A path from the environment or a flag, seen from where the user is. */
export function pathOf(io: Surroundings, path: string): string {
  return resolve(io.cwd, path);
}

/**
 * The credential of the client that a command speaks for: the file `flag` or `MACAROOND_CREDENTIAL`, else the data directory's `admin.json`.
 * `MACAROOND_URL` and `MACAROOND_CA_FILE` override what it says. Throws `ERR_CREDENTIAL_FILE`, `ERR_ARGUMENT`, or a usage error when there is none.
 */
export async function findCredential(io: Surroundings, flag?: string): Promise<Credential> {
  const told = flag ?? variable(io, 'MACAROOND_CREDENTIAL');
  if (told !== undefined) return loadToldCredential(io, told);
  return findAdminCredential(io);
}

/**
 * The credential to administer with: the data directory's `admin.json`, else the file `MACAROOND_CREDENTIAL`. `dataFlag` names the data directory.
 * Throws as `findCredential` does.
 */
export async function findAdminCredential(io: Surroundings, dataFlag?: string): Promise<Credential> {
  const data = await findDataDirectory(io, dataFlag);
  const told = variable(io, 'MACAROOND_CREDENTIAL');
  if (data === undefined && told !== undefined) return loadToldCredential(io, told);
  if (data === undefined) throw usageError('no issuer was found from here', findHint);
  const file = await existing(join(data, 'admin.json'));
  if (file === undefined) throw usageError(`there is no admin.json in ${data}`, adminHint);
  const { loadCredential } = await import('../transport/credential-file.js');
  return loadCredential(file, await issuerOf(io, data));
}

/** Where the issuer is, for who has a token instead of a credential. Throws a usage error when nothing says it. */
export async function findIssuer(io: Surroundings, dataFlag?: string): Promise<IssuerEndpoint> {
  const data = await findDataDirectory(io, dataFlag);
  const told = data === undefined ? toldIssuer(io) : await issuerOf(io, data);
  const needsCredential = data === undefined && told.caFile === undefined && variable(io, 'MACAROOND_CREDENTIAL') !== undefined;
  if (told.issuer !== undefined && !needsCredential) return { ...told, issuer: told.issuer };
  const { issuer, ca, pinSha256 } = await findAdminCredential(io, dataFlag);
  return { issuer, ca, pinSha256 };
}

async function loadToldCredential(io: Surroundings, path: string): Promise<Credential> {
  const { loadCredential } = await import('../transport/credential-file.js');
  return loadCredential(resolve(io.cwd, path), toldIssuer(io));
}

/** What the environment says about the issuer. */
function toldIssuer(io: Surroundings): Pick<CredentialOverrides, 'issuer' | 'caFile'> {
  const caFile = variable(io, 'MACAROOND_CA_FILE');
  return { issuer: variable(io, 'MACAROOND_URL'), caFile: caFile === undefined ? undefined : resolve(io.cwd, caFile) };
}

/** Where the issuer of the data directory `data` is and how it is recognised, as far as anything says so. */
async function issuerOf(io: Surroundings, data: string): Promise<CredentialOverrides> {
  const told = toldIssuer(io);
  if (told.issuer !== undefined && told.caFile !== undefined) return told;
  const running = await readEndpoint(data);
  const issuer = told.issuer ?? running?.url;
  if (told.caFile !== undefined) return { issuer, caFile: told.caFile };
  // A certificate of one's own does not come from the CA in the data directory.
  if (running?.pinSha256 !== undefined) return { issuer, pinSha256: running.pinSha256 };
  return { issuer, caFile: await existing(join(data, 'ca.crt')) };
}

/** What a running server wrote about itself into its data directory. */
export interface RunningEndpoint {
  readonly url: string;
  /** Pin of a certificate of one's own; absent when the issuer's CA made the certificate. */
  readonly pinSha256?: string | undefined;
  /** Absolute path of that certificate. */
  readonly tlsCert?: string | undefined;
}

/** `endpoint.json` of the data directory `data`; `undefined` when no server has run there yet. Throws `ERR_DATA_DIRECTORY`. */
export async function readEndpoint(data: string): Promise<RunningEndpoint | undefined> {
  const path = join(data, 'endpoint.json');
  let endpoint: unknown;
  try {
    endpoint = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw endpointError(path, cause);
  }
  const members: Readonly<Record<string, unknown>> = typeof endpoint === 'object' ? { ...endpoint } : {};
  const { url, pin_sha256: pinSha256, tls_cert: tlsCert } = members;
  if (typeof url !== 'string' || !isTextOrAbsent(pinSha256) || !isTextOrAbsent(tlsCert)) throw endpointError(path);
  return { url, pinSha256, tlsCert };
}

function isTextOrAbsent(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

function endpointError(path: string, cause?: unknown): MacaroonError {
  const message = `${path} cannot be read: start the issuer again, or set MACAROOND_URL and MACAROOND_CA_FILE`;
  return new MacaroonError('ERR_DATA_DIRECTORY', message, { cause });
}

/** A variable that is set to something. */
export function variable(io: Pick<CliIo, 'env'>, name: string): string | undefined {
  const value = io.env[name];
  return value === '' ? undefined : value;
}

async function existing(path: string): Promise<string | undefined> {
  return (await exists(path)) ? path : undefined;
}

/** Whether there is something at `path`. Throws a usage error when that cannot be seen: what is hidden is not absent. */
async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw usageError(`${path} cannot be read (${fileFault(error) ?? code ?? 'the system does not say why'})`);
  }
}
