/** A certificate of the company CA on the disk of who asks: the key is made here and goes nowhere, and no file is ever written over. */
import { generateKeyPairSync } from 'node:crypto';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { isName } from '../core/index.js';
import type { NewCertificateRequest, WireCredential, WireNewCertificate } from '../protocol/wire.js';
import type { ClientCertificate } from '../transport/credential.js';
import { FileFault, type ReservedFile, reserveOwnFile } from '../transport/private-file.js';
import { createSigningRequest } from '../transport/signing-request.js';
import { type AdminApi, segment } from './admin-api.js';
import { fileFault, systemCode } from './file-fault.js';
import { makeFolders, removeFolders } from './folders.js';
import { type FileContent, requestCredential } from './new-credential.js';
import { CliError, exitCodes, type Session, usageError } from './session.js';

export interface IssuedFiles {
  readonly key: string;
  readonly certificate: string;
  readonly ca: string;
}

export interface IssuedCertificate {
  readonly made: WireNewCertificate;
  readonly files: IssuedFiles;
  readonly tls: ClientCertificate;
}

const certificateMembers = ['thumbprint', 'certificate', 'chain', 'not_after'] as const;

/** Asks for a certificate. */
export async function requestCertificate(call: AdminApi['call'], body: NewCertificateRequest): Promise<WireNewCertificate> {
  return await call<WireNewCertificate>('POST', '/v1/ca/certificates', { body }, certificateMembers);
}

/**
 * Makes a key pair (P-256), has it certified for `client`, and writes `client.key`, `client.crt` (with its chain) and `ca.crt` into `folder`, which
 * is there. The places come first, so that nothing is issued that cannot be kept; no file is left behind when that fails.
 */
async function issueInto(
  folder: string,
  call: AdminApi['call'],
  client: string,
  days: number | undefined,
): Promise<IssuedCertificate> {
  const files = { key: join(folder, `${client}.key`), certificate: join(folder, `${client}.crt`), ca: join(folder, 'ca.crt') };
  const key = await reserve(files.key);
  const certificate = await reserve(files.certificate).catch(async (error: unknown) => {
    await key.discard();
    throw error;
  });
  let isOwnAuthority = false;
  try {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const privateKey = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    isOwnAuthority = await writeAuthority(files.ca, await call<string>('GET', '/v1/ca', {}, []));
    const made = await requestCertificate(call, { csr: createSigningRequest(pair.privateKey), client, days });
    await key.write(privateKey);
    await certificate.write(made.chain);
    await chmod(files.certificate, 0o644);
    return { made, files, tls: { certificate: made.chain, privateKey } };
  } catch (error) {
    await key.discard();
    await certificate.discard();
    if (isOwnAuthority) await rm(files.ca, { force: true });
    throw error;
  }
}

/** `issueInto` a `folder` that is made when it is not there. */
export async function issueIntoFolder(
  call: AdminApi['call'],
  client: string,
  days: number | undefined,
  folder: string,
): Promise<IssuedCertificate> {
  return await inFolder(client, folder, () => issueInto(folder, call, client, days));
}

/** The same, and writes the credential file `out` of the client's live credential for the name that is in the certificate. */
export async function issueWithCredential(
  session: Session,
  api: AdminApi,
  client: string,
  days: number | undefined,
  folder: string,
  out: string,
): Promise<IssuedCertificate> {
  return await inFolder(client, folder, async () => {
    const request = async () => {
      const credential = await findTlsCredential(api, client);
      return { credential, issued: await issueInto(folder, api.call, client, days) };
    };
    const { issued } = await requestCredential(
      session,
      { out },
      api.endpoint,
      request,
      ({ credential, issued: { files, tls } }) => contentOf(client, credential, tls, files, out),
    );
    return issued;
  });
}

/**
 * Writes the certificate of `request` into `files.certificate`, and the credential file `out`, which names it and its key, for the client's live
 * credential for the name that is in the certificate.
 */
export async function signWithCredential(
  session: Session,
  api: AdminApi,
  client: string,
  request: () => Promise<WireNewCertificate>,
  files: Pick<IssuedFiles, 'key' | 'certificate'>,
  privateKey: string,
  out: string,
): Promise<WireNewCertificate> {
  const both = async () => {
    const credential = await findTlsCredential(api, client);
    return { credential, made: await signInto(files.certificate, request) };
  };
  const { made } = await requestCredential(session, { out }, api.endpoint, both, ({ credential, made: { chain } }) =>
    contentOf(client, credential, { certificate: chain, privateKey }, files, out),
  );
  return made;
}

/** A credential file at `out` that names `files`, relative to itself. */
function contentOf(
  client: string,
  { credential_id, auth_method }: WireCredential,
  tls: ClientCertificate,
  files: Pick<IssuedFiles, 'key' | 'certificate'>,
  out: string,
): FileContent {
  const base = dirname(out);
  const named = { certificate: relative(base, files.certificate), certificateKey: relative(base, files.key) };
  return {
    made: { client, credential_id, auth_method },
    parts: () => ({ proof: { kind: 'tls_client_auth' }, tls, files: named }),
  };
}

/** Does `work` in `folder`; when that fails, folders that had to be made for it are removed. */
async function inFolder<Result>(client: string, folder: string, work: () => Promise<Result>): Promise<Result> {
  if (!isName(client)) throw usageError('a client is named by lower-case letters, digits and inner ".", "_", "-"');
  const folders = await makeFolders(folder).catch((cause: unknown) => {
    const isPresent = systemCode(cause) === 'EEXIST';
    return refuse(folder, isPresent ? 'is a file, and a folder is needed' : 'cannot be made', cause);
  });
  try {
    return await work();
  } catch (error) {
    await removeFolders(folders);
    throw error;
  }
}

/** Writes the certificate of `request` with its chain into a new file at `path`, which comes first, and which anybody may read. */
export async function signInto(path: string, request: () => Promise<WireNewCertificate>): Promise<WireNewCertificate> {
  const file = await reserve(path);
  try {
    const made = await request();
    await file.write(made.chain);
    await chmod(path, 0o644);
    return made;
  } catch (error) {
    await file.discard();
    throw error;
  }
}

/** The credential that a certificate of the company CA proves. */
async function findTlsCredential(api: AdminApi, client: string): Promise<WireCredential> {
  const path = `/v1/clients/${segment(client)}/credentials`;
  const { credentials } = await api.call<{ readonly credentials: readonly WireCredential[] }>('GET', path, {}, ['credentials']);
  const live = credentials.filter(({ auth_method: method, state }) => method === 'tls_client_auth' && state === 'live');
  const found = live.find(({ binding }) => binding?.startsWith('dn:') === false);
  if (found !== undefined) return found;
  const hint = `"macaroond credential add ${client} tls_client_auth" makes one; without --credential-out the certificate alone is issued`;
  throw usageError(`client ${client} has no credential that its certificate would prove`, hint);
}

/** Whether `ca.crt` had to be made. One that is there must be the same: another one would not go with the new certificate. */
async function writeAuthority(path: string, pem: string): Promise<boolean> {
  const present = await readFile(path, 'utf8').catch((cause: unknown) =>
    systemCode(cause) === 'ENOENT' ? undefined : refuse(path, 'cannot be read', cause),
  );
  if (present === pem) return false;
  if (present !== undefined) throw usageError(`${path} is there already and holds another CA: name another folder`);
  await writeFile(path, pem, { flag: 'wx', mode: 0o644 }).catch((cause: unknown) => refuse(path, 'cannot be written', cause));
  return true;
}

async function reserve(path: string): Promise<ReservedFile> {
  return await reserveOwnFile(path).catch((error: unknown) => {
    throw error instanceof FileFault ? usageError(`${path} ${error.message}${causeInWords(error.cause)}`) : error;
  });
}

function refuse(path: string, fault: string, cause: unknown): never {
  throw new CliError(exitCodes.usage, `${path} ${fault}${causeInWords(cause)}`, { code: 'ERR_USAGE' });
}

function causeInWords(cause: unknown): string {
  const told = fileFault(cause);
  return told === undefined ? '' : ` (${told})`;
}
