/** `macaroond request`: one HTTP request, sealed with a token or proved by a credential, and its answer, which must prove itself. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { SealedAnswer, SealedFetchOptions, SealedInit } from '../../client/sealed-fetch.js';
import { decodeUtf8, encodeUtf8, MacaroonError, printable } from '../../core/index.js';
import type { Credential } from '../../transport/credential.js';
import { fileFault } from '../file-fault.js';
import { collectItems, collectWhole, type JsonOption, withJson } from '../options.js';
import { CliError, exitCodes, type Session, usageError } from '../session.js';
import { readToken, type TokenOptions, withTokenInput } from '../token-input.js';

interface RequestCommandOptions extends JsonOption, TokenOptions {
  readonly data?: string;
  readonly header?: readonly string[];
  readonly credential?: string;
  readonly audience?: string;
  readonly action?: readonly string[];
  readonly caFile?: string;
  readonly pin?: string;
  readonly include?: true;
}

/** What was asked for. */
interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly init: SealedInit;
}

export function register(program: Command, session: Session): void {
  withTokenInput(withJson(program.command('request').argument('<method>', 'GET, POST …').argument('<url>')))
    .description('send a request that is sealed with a token, and take only an answer that proves itself')
    .option('--data <data>', 'body: a text, or @ and the name of a file')
    .option('--header <header>', 'e.g. "Content-Type: application/json" (repeatable)', collectWhole)
    .option('--credential <file>', 'credential file: mints the token with --audience; alone, proves the client to its issuer')
    .option('--audience <audience>', 'mint a token for this service first')
    .option('--action <action>', 'with --audience: an action or pattern (repeatable); all of the grant when absent', collectItems)
    .option('--ca-file <file>', 'CA of the service; MACAROOND_CA_FILE, then that of the credential file when absent')
    .option('--pin <pin>', "pin of the service's public key, as curl's --pinnedpubkey")
    .option('--include', 'print status and headers before the body')
    .action((method: string, url: string, source: string | undefined, options: RequestCommandOptions) =>
      request(session, { method, url, source }, options),
    );
}

interface Words {
  readonly method: string;
  readonly url: string;
  readonly source: string | undefined;
}

async function request(session: Session, { method, url, source }: Words, options: RequestCommandOptions): Promise<void> {
  if (!URL.canParse(url)) throw usageError('the URL must be one such as https://invoice.example/invoices');
  const asked: Asked = { method, url: new URL(url), init: await initOf(session, method, options) };
  if (options.action !== undefined && options.audience === undefined) throw usageError('--action goes with --audience');
  const credential = await credentialOf(session, options);
  const isTokenGiven = source !== undefined || options.tokenFile !== undefined;
  if (isTokenGiven && options.audience !== undefined)
    throw usageError('give either a token or --audience, for which one is minted');
  if (options.audience !== undefined && credential !== undefined) {
    await sendSealed(session, asked, await mintFor(credential, options.audience, options.action), credential, options);
  } else if (!isTokenGiven && credential !== undefined && new URL(credential.issuer).origin === asked.url.origin) {
    await sendProved(session, asked, credential, options);
  } else {
    await sendSealed(session, asked, await readToken(session.io, source, options), credential, options);
  }
}

async function initOf({ io }: Session, method: string, options: RequestCommandOptions): Promise<SealedInit> {
  const headers = Object.fromEntries((options.header ?? []).map(headerOf));
  const { data } = options;
  if (data === undefined) return { method, headers };
  const body = data.startsWith('@') ? await readData(io.cwd, data.slice(1)) : encodeUtf8(data);
  const isTyped = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type');
  return { method, headers: isTyped ? headers : { ...headers, 'content-type': typeOf(body) }, body };
}

function headerOf(header: string): readonly [string, string] {
  const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([\x20-\x7e]*)$/.exec(header) ?? [];
  if (name === undefined || value === undefined) throw usageError('a header is a name, a colon and a value');
  return [name, value];
}

async function readData(cwd: string, path: string): Promise<Uint8Array> {
  const { pathOf } = await import('../environment.js');
  try {
    return await readFile(pathOf({ env: {}, cwd }, path));
  } catch (error) {
    throw usageError(`the file of --data cannot be read (${fileFault(error) ?? 'the system does not say why'})`);
  }
}

function typeOf(body: Uint8Array): string {
  try {
    JSON.parse(decodeUtf8(body));
    return 'application/json';
  } catch {
    return 'application/octet-stream';
  }
}

/** The credential that was named, or that minting needs. */
async function credentialOf({ io }: Session, { credential, audience }: RequestCommandOptions): Promise<Credential | undefined> {
  if (credential === undefined && audience === undefined) return undefined;
  const { findCredential } = await import('../environment.js');
  return await findCredential(io, credential);
}

async function mintFor(credential: Credential, audience: string, actions: readonly string[] | undefined): Promise<string> {
  const { issuerClient } = await import('../../client/issuer-client.js');
  const client = issuerClient(credential);
  try {
    return (await client.mint({ audience, ...(actions === undefined ? {} : { actions }) })).token;
  } finally {
    await client.close();
  }
}

/** To the issuer itself, whose API speaks JSON: the credential proves the client, by whatever it holds. */
async function sendProved(session: Session, asked: Asked, credential: Credential, options: RequestCommandOptions): Promise<void> {
  const { method, url, init } = asked;
  if (options.header !== undefined || options.include)
    throw usageError('--header and --include are of no use with a credential alone');
  if (method !== 'GET' && method !== 'POST' && method !== 'PUT' && method !== 'DELETE') {
    throw usageError('the API of the issuer knows GET, POST, PUT and DELETE');
  }
  const { IssuerHttp } = await import('../../transport/issuer-http.js');
  const http = new IssuerHttp(credential);
  const basePath = new URL(credential.issuer).pathname.replace(/\/+$/, '');
  try {
    const path = `${url.pathname.slice(basePath.length)}${url.search}`;
    const answer = await http.request(method, path, init.body === undefined ? {} : { body: jsonOf(init.body) });
    if (answer !== undefined) session.printJson(answer);
  } finally {
    await http.close();
  }
}

function jsonOf(body: string | Uint8Array): unknown {
  try {
    return JSON.parse(typeof body === 'string' ? body : decodeUtf8(body));
  } catch {
    throw usageError('the API of the issuer takes JSON alone: --data is none');
  }
}

async function sendSealed(
  session: Session,
  { method, url, init }: Asked,
  token: string,
  credential: Credential | undefined,
  options: RequestCommandOptions,
): Promise<void> {
  const { sealedFetch } = await import('../../client/sealed-fetch.js');
  const fetch = sealedFetch(token, { clock: session.io.clock, ...(await clientSideOf(session, url, credential, options)) });
  try {
    const answer = await fetch(url, { ...init, method });
    await show(session, answer, options);
    if (answer.outcome === 'unknown') {
      session.warn(
        'the refusal is genuine, but speaks for one copy of the request: whether another was carried out is not known',
      );
    }
    session.exitCode = exitCodeOf(answer.status);
  } catch (error) {
    throw error instanceof MacaroonError && error.code === 'ERR_INTERFERENCE' ? interference(error) : error;
  } finally {
    await fetch.close();
  }
}

/** How the service is recognised, and the certificate and key that the token may ask for. */
async function clientSideOf(
  { io }: Session,
  url: URL,
  credential: Credential | undefined,
  { caFile, pin }: RequestCommandOptions,
): Promise<SealedFetchOptions> {
  const proof = credential?.proof;
  const signingKey =
    proof?.kind === 'http_sig' && proof.algorithm !== 'hmac-sha256'
      ? { privateKey: proof.privateKey, algorithm: proof.algorithm }
      : undefined;
  if (url.protocol !== 'https:') {
    if (caFile !== undefined || pin !== undefined) throw usageError('--ca-file and --pin are for https URLs');
    return { signingKey };
  }
  const { pathOf, variable } = await import('../environment.js');
  const told = caFile ?? variable(io, 'MACAROOND_CA_FILE');
  const ca = told === undefined ? { ca: credential?.ca } : { caFile: pathOf(io, told) };
  return { signingKey, tls: credential?.tls, pinSha256: pin, ...ca };
}

async function show(session: Session, answer: SealedAnswer, { json, include }: RequestCommandOptions): Promise<void> {
  const body = new Uint8Array(await answer.arrayBuffer());
  const { status, outcome, headers } = answer;
  if (json) {
    session.printJson({ status, outcome, headers: Object.fromEntries(headers), ...bodyMember(body) });
    return;
  }
  session.note(`${status}, proved by the service`);
  if (include) {
    session.print(`HTTP/1.1 ${status}`);
    for (const [name, value] of headers) session.print(`${name}: ${value}`);
    session.print('');
  }
  if (!session.io.stdout.isTTY) session.writeBytes(body);
  // On a terminal nothing of it is obeyed.
  else for (const line of linesOf(body)) session.print(line);
}

function bodyMember(body: Uint8Array): Readonly<Record<string, string>> {
  try {
    return { body: decodeUtf8(body) };
  } catch {
    return { body_base64: Buffer.from(body).toString('base64') };
  }
}

function linesOf(body: Uint8Array): readonly string[] {
  const lines = new TextDecoder().decode(body).split(/\r?\n/);
  return (lines.at(-1) === '' ? lines.slice(0, -1) : lines).map(printable);
}

function exitCodeOf(status: number) {
  if (status < 400) return exitCodes.ok;
  return status === 401 || status === 403 ? exitCodes.denied : exitCodes.failure;
}

/** A service that cannot read the token at all answers without a proof, as it shares no secret with us. */
function interference(cause: MacaroonError): CliError {
  const status = cause.status === undefined ? '' : ` (status ${cause.status}, for which nothing vouches)`;
  const hint =
    'whether the request was carried out is not known. A proxy that changes answers looks like this, and so does a service that takes no sealed requests, or does not know the token: is it for this service, in force, and are the URL and the origins of the service the same?';
  return new CliError(exitCodes.unreachable, `${cause.message}${status}`, { hint, cause });
}
