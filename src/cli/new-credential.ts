/** What becomes of a secret that the issuer shows once: a credential file with `--out`, or the terminal. Loads the network layer. */
import { readFile } from 'node:fs/promises';
import type { WireNewCredential } from '../protocol/wire.js';
import { reserveCredentialFile } from '../transport/credential-file.js';
import type { IssuerEndpoint } from '../transport/issuer-http.js';
import { pathOf } from './environment.js';
import type { AdminOptions } from './options.js';
import type { Session } from './session.js';

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
    await file.write({
      issuer: endpoint.issuer,
      ca,
      pinSha256: endpoint.pinSha256,
      client: made.client,
      authMethod: made.auth_method,
      credentialId: made.credential_id,
      secret: made.secret,
    });
    return made;
  } catch (error) {
    await file.discard();
    throw error;
  }
}

function printSecret(session: Session, made: WireNewCredential): void {
  session.printFields([
    ['client', made.client],
    ['credential_id', made.credential_id],
    ['auth_method', made.auth_method],
    ['secret', made.secret],
  ]);
}
