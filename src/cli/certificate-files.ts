/** A certificate of the company CA on the disk of who asks: the key is made here and goes nowhere, and no file is ever written over. */
import { generateKeyPairSync } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { isName } from '../core/index.js';
import type { NewCertificateRequest, WireCredential, WireNewCertificate } from '../protocol/wire.js';
import { FileFault, type ReservedFile, reserveOwnFile } from '../transport/private-file.js';
import { createSigningRequest } from '../transport/signing-request.js';
import { type AdminApi, segment } from './admin-api.js';
import { fileFault, systemCode } from './file-fault.js';
import { requestCredential } from './new-credential.js';
import { CliError, exitCodes, type Session, usageError } from './session.js';

export interface IssuedFiles {
  readonly key: string;
  readonly certificate: string;
  readonly ca: string;
}

const certificateMembers = ['thumbprint', 'certificate', 'chain', 'not_after'] as const;

/** Asks for a certificate. */
export async function requestCertificate(call: AdminApi['call'], body: NewCertificateRequest): Promise<WireNewCertificate> {
  return await call<WireNewCertificate>('POST', '/v1/ca/certificates', { body }, certificateMembers);
}

/**
 * Makes a key pair (P-256), has it certified for `client`, and writes `client.key`, `client.crt` (with its chain) and `ca.crt` into `folder`, which
 * is made when it is not there. The places come first, so that nothing is issued that cannot be kept.
 */
export async function issueIntoFolder(
  call: AdminApi['call'],
  client: string,
  days: number | undefined,
  folder: string,
): Promise<{ readonly made: WireNewCertificate; readonly files: IssuedFiles }> {
  if (!isName(client)) throw usageError('a client is named by lower-case letters, digits and inner ".", "_", "-"');
  const files = { key: join(folder, `${client}.key`), certificate: join(folder, `${client}.crt`), ca: join(folder, 'ca.crt') };
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => refuse(folder, 'cannot be made', cause));
  const key = await reserve(files.key);
  const certificate = await reserve(files.certificate).catch(async (error: unknown) => {
    await key.discard();
    throw error;
  });
  try {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await writeAuthority(files.ca, await call<string>('GET', '/v1/ca', {}, []));
    const made = await requestCertificate(call, { csr: createSigningRequest(privateKey), client, days });
    await key.write(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    await certificate.write(made.chain);
    await chmod(files.certificate, 0o644);
    return { made, files };
  } catch (error) {
    await key.discard();
    await certificate.discard();
    throw error;
  }
}

/** Writes `text` into a new file at `path` that anybody may read. */
export async function writeNewFile(path: string, text: string): Promise<void> {
  await writeFile(path, text, { flag: 'wx', mode: 0o644 }).catch((cause: unknown) =>
    refuse(
      path,
      systemCode(cause) === 'EEXIST' ? 'exists already and is not overwritten: name another file' : 'cannot be written',
      cause,
    ),
  );
}

/** Writes the credential file of a client whose certificate is in `files`, for its live credential of the name that is in the certificate. */
export async function writeTlsCredential(
  session: Session,
  api: AdminApi,
  client: string,
  files: IssuedFiles,
  out: string,
): Promise<void> {
  const path = `/v1/clients/${segment(client)}/credentials`;
  const find = async (): Promise<WireCredential> => {
    const { credentials } = await api.call<{ readonly credentials: readonly WireCredential[] }>('GET', path, {}, ['credentials']);
    const live = credentials.filter(({ auth_method: method, state }) => method === 'tls_client_auth' && state === 'live');
    const found = live.find(({ binding }) => binding?.startsWith('dn:') === false);
    if (found !== undefined) return found;
    const hint = `"macaroond credential add ${client} tls_client_auth" makes one`;
    throw usageError(`client ${client} has no credential that its certificate would prove`, hint);
  };
  const tls = { certificate: await readFile(files.certificate, 'utf8'), privateKey: await readFile(files.key, 'utf8') };
  const folder = dirname(out);
  const named = { certificate: relative(folder, files.certificate), certificateKey: relative(folder, files.key) };
  await requestCredential(session, { out }, api.endpoint, find, ({ credential_id, auth_method }) => ({
    made: { client, credential_id, auth_method },
    parts: () => ({ proof: { kind: 'tls_client_auth' }, tls, files: named }),
  }));
}

/** A `ca.crt` that is there must be the same: another one would not go with the new certificate. */
async function writeAuthority(path: string, pem: string): Promise<void> {
  const present = await readFile(path, 'utf8').catch((cause: unknown) =>
    systemCode(cause) === 'ENOENT' ? undefined : refuse(path, 'cannot be read', cause),
  );
  if (present === pem) return;
  if (present !== undefined) throw usageError(`${path} is there already and holds another CA: name another folder`);
  await writeNewFile(path, pem);
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
