/** What becomes of a secret that the issuer shows once: a credential file with `--out`, or the terminal. Loads the network layer. */
import { readFile } from 'node:fs/promises';
import { MacaroonError } from '../core/index.js';
import type { WireNewCredential } from '../protocol/wire.js';
import { reserveCredentialFile } from '../transport/credential-file.js';
import type { IssuerEndpoint } from '../transport/issuer-endpoint.js';
import { pathOf } from './environment.js';
import { fileFault } from './file-fault.js';
import type { AdminOptions } from './options.js';
import { CliError, exitCodes, type Session } from './session.js';

export interface OutOptions extends AdminOptions {
  readonly out?: string | undefined;
}

/**
 * Asks for a credential with `request` and keeps it. The file comes first, so that no credential is made that cannot be stored: a name is
 * never given twice.
 */
export async function keepNewCredential(
  session: Session,
  options: OutOptions,
  endpoint: IssuerEndpoint,
  request: () => Promise<WireNewCredential>,
): Promise<void> {
  const path = options.out === undefined ? undefined : pathOf(session.io, options.out);
  const made = path === undefined ? await request() : await requestInto(path, endpoint, request);
  if (path === undefined) session.lostOutput = lostSecret(made);
  if (options.json) session.printJson(made);
  else if (path === undefined) printSecret(session, made);
  else session.print(`credential ${made.credential_id} of ${made.client}: ${path}`);
  if (path === undefined)
    session.note('Keep the secret now: it is not shown again. --out FILE writes a credential file instead.');
}

async function requestInto(
  path: string,
  endpoint: IssuerEndpoint,
  request: () => Promise<WireNewCredential>,
): Promise<WireNewCredential> {
  const file = await reserveCredentialFile(path);
  try {
    const ca = endpoint.caFile === undefined ? endpoint.ca : await readFile(endpoint.caFile, 'utf8');
    const made = await request();
    const { client, auth_method: authMethod, credential_id: credentialId, secret } = made;
    const { issuer, pinSha256 } = endpoint;
    await file.write({ issuer, ca, pinSha256, client, authMethod, credentialId, secret }).catch((cause: unknown) => {
      const { message, hint } = lostSecret(made);
      if (!(cause instanceof MacaroonError)) throw cause;
      const told = `${cause.message} (${fileFault(cause.cause) ?? 'the system does not say why'}): ${message}`;
      throw new CliError(exitCodes.failure, told, { hint, cause });
    });
    return made;
  } catch (error) {
    await file.discard();
    throw error;
  }
}

/** What a person is told when the issuer made `made` and its secret could not be kept. */
function lostSecret({ client, credential_id: id }: WireNewCredential): { readonly message: string; readonly hint: string } {
  return {
    message: `the secret of credential ${id} was not written, and is not shown again`,
    hint: `"macaroond credential retire ${client} ${id}" ends it, then "macaroond credential add ${client} --out FILE" makes another one`,
  };
}

function printSecret(session: Session, made: WireNewCredential): void {
  session.printFields([
    ['client', made.client],
    ['credential_id', made.credential_id],
    ['auth_method', made.auth_method],
    ['secret', made.secret],
  ]);
}
