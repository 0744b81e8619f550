/** What becomes of a credential that the issuer made: a credential file with `--out`, or the terminal. Loads the network layer. */
import { readFile } from 'node:fs/promises';
import { MacaroonError } from '../core/index.js';
import type { WireNewCredential } from '../protocol/wire.js';
import { reserveCredentialFile } from '../transport/credential-file.js';
import type { IssuerEndpoint } from '../transport/issuer-endpoint.js';
import type { FileParts } from './credential-plan.js';
import { pathOf } from './environment.js';
import { fileFault } from './file-fault.js';
import type { OutOptions } from './options.js';
import { CliError, exitCodes, type Session } from './session.js';

/** What of an answer goes into the credential file. */
export interface FileContent {
  readonly made: WireNewCredential;
  /** Throws `ERR_ISSUER_ANSWER`. */
  parts(): FileParts;
}

/**
 * Asks the issuer with `request` and, with `--out`, writes the credential of its answer. The file comes first, so that no credential is made
 * that cannot be kept: a name is never given twice.
 */
export async function requestCredential<Answer>(
  session: Session,
  options: OutOptions,
  endpoint: IssuerEndpoint,
  request: () => Promise<Answer>,
  contentOf: (answer: Answer) => FileContent,
): Promise<Answer> {
  if (options.out === undefined) return await request();
  const file = await reserveCredentialFile(pathOf(session.io, options.out));
  try {
    const ca = endpoint.caFile === undefined ? endpoint.ca : await readFile(endpoint.caFile, 'utf8');
    const answer = await request();
    const { made, parts } = contentOf(answer);
    try {
      const { proof, tls, files } = parts();
      const { issuer, pinSha256 } = endpoint;
      await file.write({ issuer, ca, pinSha256, client: made.client, credentialId: made.credential_id, proof, tls }, files);
    } catch (cause) {
      throw notKept(made, cause);
    }
    return answer;
  } catch (error) {
    await file.discard();
    throw error;
  }
}

function notKept(made: WireNewCredential, cause: unknown): unknown {
  if (!(cause instanceof MacaroonError)) return cause;
  const { message, hint } = lostCredentials([made]);
  const fault = cause.code === 'ERR_CREDENTIAL_FILE' ? ` (${fileFault(cause.cause) ?? 'the system does not say why'})` : '';
  return new CliError(exitCodes.failure, `${cause.message}${fault}: ${message}`, { hint, cause });
}

/** Prints what was made: `answer` with `--json`, the file that it went into, or the credentials with their secrets. */
export function printCredentials(
  session: Session,
  options: OutOptions,
  answer: unknown,
  credentials: readonly WireNewCredential[],
): void {
  const secrets = credentials.filter(({ secret }) => secret !== undefined);
  const isShown = options.out === undefined && secrets.length > 0;
  if (isShown) session.lostOutput = lostCredentials(secrets);
  if (options.json) session.printJson(answer);
  else for (const made of credentials) printCredential(session, made, options.out);
  if (isShown) session.note('Keep the secret now: it is not shown again. --out FILE writes a credential file instead.');
}

function printCredential(session: Session, made: WireNewCredential, out: string | undefined): void {
  if (out !== undefined) {
    session.print(`credential ${made.credential_id} of ${made.client}: ${pathOf(session.io, out)}`);
    return;
  }
  session.printFields([
    ['client', made.client],
    ['credential_id', made.credential_id],
    ['auth_method', made.auth_method],
    ['algorithm', made.algorithm],
    ['binding', made.binding],
    ['secret', made.secret],
  ]);
}

/** What a person is told when the issuer made `credentials` and they could not be kept. */
function lostCredentials(credentials: readonly WireNewCredential[]): { readonly message: string; readonly hint: string } {
  const ids = credentials.map(({ credential_id: id }) => id).join(' and ');
  const hasSecret = credentials.some(({ secret }) => secret !== undefined);
  const [first] = credentials;
  const method = first === undefined || first.auth_method === 'client_secret_basic' ? '' : ` ${first.auth_method}`;
  const client = first?.client ?? 'NAME';
  return {
    message: hasSecret
      ? `the secret of credential ${ids} was not written, and is not shown again`
      : `what proves credential ${ids} was not written`,
    hint: `"macaroond credential retire ${client} ${first?.credential_id ?? 'ID'}" ends it, then "macaroond credential add ${client}${method} --out FILE" makes another one`,
  };
}
