/** `macaroond ca`: the company CA. `import` works on the files of the issuer, the others over its API. */
import type { Command } from 'commander';
import type { WireCertificate, WireNewCertificate } from '../../protocol/wire.js';
import type { AdminApi } from '../admin-api.js';
import { type AdminOptions, readInteger, withAdmin, withDataDirectory } from '../options.js';
import { type Session, usageError } from '../session.js';

interface SubjectOptions extends AdminOptions {
  readonly client?: string;
  readonly credential?: string;
  readonly days?: number;
}

interface IssueOptions extends SubjectOptions {
  readonly out: string;
  readonly credentialOut?: string;
}

interface SignOptions extends SubjectOptions {
  readonly csr: string;
  readonly out?: string;
  readonly credentialOut?: string;
  readonly privateKey?: string;
}

interface ImportOptions extends AdminOptions {
  readonly cert: string;
  readonly key: string;
}

const longestDays = 365;

export function register(program: Command, session: Session): void {
  const ca = program.command('ca').description('the company CA: certificates of clients');
  withSubject(ca.command('issue'))
    .description('make a key here and have it certified: NAME.key (mode 0600), NAME.crt with its chain, ca.crt')
    .requiredOption('--out <dir>', 'folder for the files; none is ever written over')
    .option('--credential-out <file>', 'write a credential file too, for a client that proves itself by its certificate')
    .action((options: IssueOptions) => issue(session, options));
  withSubject(ca.command('sign'))
    .description('have the key of a signing request certified; names are those of the registry, not of the request')
    .requiredOption('--csr <file>', 'signing request (PKCS #10, PEM)')
    .option('--out <file>', 'new file for the certificate and its chain; standard output when absent')
    .option('--credential-out <file>', 'write a credential file too, which names --out and --private-key')
    .option('--private-key <file>', 'the key of the request, for --credential-out: it stays where it is (PEM, PKCS #8)')
    .action((options: SignOptions) => sign(session, options));
  withAdmin(ca.command('list'))
    .description('certificates that did not end, newest first')
    .option('--client <name>', 'of this client alone')
    .action((options: AdminOptions & { readonly client?: string }) => list(session, options));
  withAdmin(ca.command('revoke [thumbprint]'))
    .description('end a certificate at once, by its thumbprint (base64url of its SHA-256) or its file; foreign ones too')
    .option('--cert <file>', 'the certificate (PEM)')
    .option('--credential <file>', 'as this client, which may end its own')
    .action((thumbprint: string | undefined, options: AdminOptions & RevokeOptions) => revoke(session, thumbprint, options));
  withAdmin(ca.command('crl'))
    .description('print the list of revoked certificates (PEM), for servers that do not ask the issuer')
    .action((options: AdminOptions) => printRevocationList(session, options));
  withDataDirectory(ca.command('import'), 'of the issuer, which must not be running')
    .description('sign with an existing CA from now on; the one before stays trusted until what it issued has ended')
    .requiredOption('--cert <file>', 'its certificate (PEM), then those of its own issuers')
    .requiredOption('--key <file>', 'its private key (PEM, not encrypted)')
    .action((options: ImportOptions) => importAuthority(session, options));
}

interface RevokeOptions {
  readonly cert?: string;
  readonly credential?: string;
}

function withSubject(command: Command): Command {
  return withAdmin(command)
    .option('--client <name>', 'for this client, as an administrator')
    .option('--credential <file>', 'as the client of this credential file, for itself: how a certificate is renewed')
    .option('--days <number>', 'how long it lives, 1 to 365; 1 when absent', readInteger(longestDays, 1));
}

async function issue(session: Session, options: IssueOptions): Promise<void> {
  const { pathOf } = await import('../environment.js');
  const { issueIntoFolder, issueWithCredential } = await import('../certificate-files.js');
  const { credentialOut, days } = options;
  if (credentialOut !== undefined && options.client === undefined) throw usageError('--credential-out goes with --client');
  const folder = pathOf(session.io, options.out);
  const { made, files } = await asSubject(session, options, (call, client, api) =>
    credentialOut === undefined || api === undefined
      ? issueIntoFolder(call, client, days, folder)
      : issueWithCredential(session, api, client, days, folder, pathOf(session.io, credentialOut)),
  );
  if (options.json) session.printJson({ ...made, files });
  else for (const path of Object.values(files)) session.print(path);
  session.note(`The certificate ends at ${made.not_after}.`);
}

async function sign(session: Session, options: SignOptions): Promise<void> {
  const { pathOf } = await import('../environment.js');
  const { readSigningRequest } = await import('../key-pair.js');
  const { requestCertificate, signInto } = await import('../certificate-files.js');
  const { out, days } = options;
  const isForFile = isForCredentialFile(options);
  const csr = await readSigningRequest(pathOf(session.io, options.csr), '--csr');
  const path = out === undefined ? undefined : pathOf(session.io, out);
  const keep = isForFile ? await keeperOf(session, options, csr) : undefined;
  const made = await asSubject(session, options, (call, client, api) => {
    const request = () => requestCertificate(call, { csr, client, days });
    if (keep !== undefined && api !== undefined) return keep(api, client, request);
    return path === undefined ? request() : signInto(path, request);
  });
  if (options.json) session.printJson(made);
  else if (path === undefined) session.write(made.chain);
  else session.print(path);
  session.note(`The certificate ends at ${made.not_after}.`);
}

function isForCredentialFile({ client, out, credentialOut, privateKey }: SignOptions): boolean {
  if (credentialOut === undefined && privateKey === undefined) return false;
  if (client !== undefined && out !== undefined && credentialOut !== undefined && privateKey !== undefined) return true;
  throw usageError('--credential-out FILE goes with --client NAME, --out FILE and --private-key FILE: it names both files');
}

/** Writes the certificate and the credential file. */
async function keeperOf(session: Session, { out = '', credentialOut = '', privateKey = '' }: SignOptions, csr: string) {
  const { pathOf } = await import('../environment.js');
  const { readRequestedKey } = await import('../key-pair.js');
  const { signWithCredential } = await import('../certificate-files.js');
  const files = { key: pathOf(session.io, privateKey), certificate: pathOf(session.io, out) };
  const pem = await readRequestedKey(files.key, '--private-key', csr);
  return (api: AdminApi, client: string, request: () => Promise<WireNewCertificate>) =>
    signWithCredential(session, api, client, request, files, pem, pathOf(session.io, credentialOut));
}

/** Runs `work` for a client as an administrator, or as the client itself. */
async function asSubject<Result>(
  session: Session,
  options: SubjectOptions,
  work: (call: AdminApi['call'], client: string, api?: AdminApi) => Promise<Result>,
): Promise<Result> {
  const { asAdmin, asClient } = await import('../admin-api.js');
  const { client, credential: file } = options;
  if (file === undefined) {
    if (client === undefined) throw usageError('say for which client: --client NAME, or --credential FILE as itself');
    return await asAdmin(session, options, (api) => work(api.call, client, api));
  }
  if (client !== undefined) throw usageError('--client is for an administrator, --credential for the client itself');
  const { findCredential } = await import('../environment.js');
  const credential = await findCredential(session.io, file);
  return await asClient(credential, (call) => work(call, credential.client));
}

async function list(session: Session, options: AdminOptions & { readonly client?: string }): Promise<void> {
  const { asAdmin } = await import('../admin-api.js');
  const query = { client: options.client };
  const answer = await asAdmin(session, options, (api) =>
    api.call<{ readonly certificates: readonly WireCertificate[] }>('GET', '/v1/ca/certificates', { query }, ['certificates']),
  );
  if (options.json) return session.printJson(answer);
  const rows = answer.certificates.map((one) => [
    one.thumbprint,
    one.client ?? '',
    one.state,
    one.not_after ?? '',
    one.serial ?? '',
  ]);
  session.printTable(['THUMBPRINT', 'CLIENT', 'STATE', 'ENDS', 'SERIAL'], rows);
}

async function revoke(session: Session, given: string | undefined, options: AdminOptions & RevokeOptions): Promise<void> {
  const { asAdmin, asClient, segment } = await import('../admin-api.js');
  const { findCredential } = await import('../environment.js');
  const thumbprint = await thumbprintOf(session, given, options.cert);
  const path = `/v1/ca/certificates/${segment(thumbprint)}/revoke`;
  const send = async (call: AdminApi['call']) => {
    await refuseAuthority(call, thumbprint);
    return await call<WireCertificate>('POST', path, {}, ['thumbprint', 'state']);
  };
  const one =
    options.credential === undefined
      ? await asAdmin(session, options, (api) => send(api.call))
      : await asClient(await findCredential(session.io, options.credential), send);
  if (options.json) session.printJson(one);
  else session.print(`certificate ${one.thumbprint}${one.client === undefined ? '' : ` of ${one.client}`}: ${one.state}`);
}

/** What is revoked is looked for among certificates that connections show: a revoked CA would go on being trusted. */
async function refuseAuthority(call: AdminApi['call'], thumbprint: string): Promise<void> {
  const pem = await call<string>('GET', '/v1/ca', {}, []);
  const authorities = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const { createHash, X509Certificate } = await import('node:crypto');
  const isOne = authorities.some(
    (one) => createHash('sha256').update(new X509Certificate(one).raw).digest('base64url') === thumbprint,
  );
  if (!isOne) return;
  const hint = 'name a certificate of a client, as "macaroond ca list" shows them; "macaroond ca import" replaces the CA';
  throw usageError("this is the certificate of the issuer's own CA, which cannot be revoked", hint);
}

async function thumbprintOf(session: Session, given: string | undefined, file: string | undefined): Promise<string> {
  if ((given === undefined) === (file === undefined)) throw usageError('name one certificate: its thumbprint, or --cert FILE');
  if (given !== undefined) return given;
  const { createHash, X509Certificate } = await import('node:crypto');
  const { pathOf } = await import('../environment.js');
  const { readKeyFile } = await import('../key-pair.js');
  const pem = await readKeyFile(pathOf(session.io, file ?? ''), '--cert', false);
  try {
    return createHash('sha256').update(new X509Certificate(pem).raw).digest('base64url');
  } catch {
    throw usageError('--cert: the file does not begin with a certificate, PEM');
  }
}

async function printRevocationList(session: Session, options: AdminOptions): Promise<void> {
  const { asNobody } = await import('../admin-api.js');
  const pem = await asNobody(session, options, (call) => call<string>('GET', '/v1/ca/crl', { query: { format: 'pem' } }, []));
  if (options.json) session.printJson({ crl: pem });
  else session.write(pem);
}

async function importAuthority(session: Session, options: ImportOptions): Promise<void> {
  const { ownDataDirectory, pathOf } = await import('../environment.js');
  const { readKeyFile } = await import('../key-pair.js');
  const certificate = await readKeyFile(pathOf(session.io, options.cert), '--cert', false);
  const privateKey = await readKeyFile(pathOf(session.io, options.key), '--key', true);
  const data = ownDataDirectory(session.io, options.data);
  const server = await session.io.loadServerSide();
  const { notAfter } = await server.importCompanyAuthority(data, session.io.env, { certificate, privateKey });
  if (options.json) session.printJson({ data, not_after: notAfter });
  else session.print(`the CA of ${data} is the imported one, until ${notAfter}`);
  session.note('Hand the new ca.crt out before the server certificate is renewed: it holds the CA before it too.');
}
