/** `macaroond credential`: what clients prove themselves with. */
import type { Command } from 'commander';
import type { WireClient, WireCredential, WireNewCredential } from '../../protocol/wire.js';
import type { AdminApi } from '../admin-api.js';
import type { CredentialAddOptions } from '../credential-plan.js';
import { type AdminOptions, collectItems, readChoice, withAdmin } from '../options.js';
import type { Session } from '../session.js';

export function register(program: Command, session: Session): void {
  const credential = program.command('credential').description('what clients prove themselves with');
  withAdmin(credential.command('add <client> [method]'))
    .description('make a credential; two of each auth method may be live at once. Without a method: client_secret_basic')
    .option('--hmac', 'http_sig: with a secret that the issuer makes')
    .option('--public-key <file>', 'http_sig, challenge_response: with a key pair that is there (PEM)')
    .option('--private-key <file>', 'the private key, which stays where it is and is named in the credential file (PEM, PKCS #8)')
    .option('--generate [algorithm]', 'http_sig, challenge_response: make the key pair here, and put it into the credential file')
    .option(
      '--mode <mode>',
      'challenge_response: what the key does with a challenge, sign or decrypt; sign when absent',
      (value: string) => readChoice(value, modes),
    )
    .option(
      '--san <name>',
      'tls_client_auth: a URI, such as spiffe://…, or dns:… in the certificate; the URI of the client when absent',
    )
    .option('--subject <dn>', 'tls_client_auth: the subject of the certificate instead, e.g. CN=mail,O=Example')
    .option('--cert <file>', 'self_signed_tls_client_auth: the certificate (PEM)')
    .option('--certificate <file>', "the client's certificate, named in the credential file (PEM)")
    .option('--certificate-key <file>', 'its private key, where --private-key is another one')
    .option('--ip <cidr>', 'it works from these addresses only (repeatable)', collectItems)
    .option('--out <file>', 'write a credential file (mode 0600)')
    .action((client: string, method: string | undefined, options: CredentialAddOptions) =>
      add(session, client, method ?? 'client_secret_basic', options),
    );
  withAdmin(credential.command('list <client>'))
    .description('credentials of a client, without their secrets')
    .action((client: string, options: AdminOptions) => list(session, client, options));
  withAdmin(credential.command('retire <client-or-id> [id]'))
    .description('end a credential, by its id; with the client before it, only if it is one of that client')
    .action((first: string, second: string | undefined, options: AdminOptions) => retire(session, first, second, options));
}

const modes = ['sign', 'decrypt'] as const;
const newCredential = ['client', 'credential_id', 'auth_method'] as const;

async function add(session: Session, client: string, method: string, options: CredentialAddOptions): Promise<void> {
  const { asAdmin, segment } = await import('../admin-api.js');
  const { planCredential } = await import('../credential-plan.js');
  const { printCredentials, requestCredential } = await import('../new-credential.js');
  const { body, partsOf } = await planCredential(session, method, options);
  await asAdmin(session, options, async (api) => {
    const path = `/v1/clients/${segment(client)}/credentials`;
    const request = () => api.call<WireNewCredential>('POST', path, { body }, newCredential);
    const made = await requestCredential(session, options, api.endpoint, request, (answer) => ({
      made: answer,
      parts: () => partsOf(answer),
    }));
    printCredentials(session, options, made, [made]);
    if (!options.json) await noteUnnamed(session, api, made);
  });
}

/** Tells how a credential becomes of use whose method no alternative of the client's policy names. */
async function noteUnnamed(session: Session, api: AdminApi, { client, auth_method: method }: WireNewCredential): Promise<void> {
  const { segment } = await import('../admin-api.js');
  // Who may add a credential may perhaps not see the client.
  const one = await api.call<WireClient>('GET', `/v1/clients/${segment(client)}`, {}, ['auth']).catch(() => undefined);
  if (one === undefined || one.auth.some((clause) => clause.includes(method))) return;
  const flags = [...one.auth, [method]].map((clause) => `--auth ${clause.join('+')}`).join(' ');
  session.note(`${client} is not let in by ${method} yet: "macaroond client set ${client} ${flags}".`);
}

async function list(session: Session, client: string, options: AdminOptions): Promise<void> {
  const { asAdmin, segment } = await import('../admin-api.js');
  const answer = await asAdmin(session, options, (api) =>
    api.call<{ readonly credentials: readonly WireCredential[] }>('GET', `/v1/clients/${segment(client)}/credentials`, {}, [
      'credentials',
    ]),
  );
  if (options.json) return session.printJson(answer);
  const rows = answer.credentials.map((one) => [
    one.credential_id,
    one.auth_method,
    one.state,
    one.created_at,
    one.retired_at ?? '',
    detailsOf(one),
  ]);
  session.printTable(['CREDENTIAL', 'AUTH METHOD', 'STATE', 'CREATED', 'RETIRED', 'BY'], rows);
}

/** What tells a credential from others of its method. */
function detailsOf({ algorithm, binding, key_thumbprint: thumbprint, ips }: WireCredential): string {
  const addresses = ips.length === 0 ? undefined : `from ${ips.join(',')}`;
  return [algorithm, binding, thumbprint === undefined ? undefined : `jkt:${thumbprint}`, addresses]
    .filter((part) => part !== undefined)
    .join(' ');
}

async function retire(session: Session, first: string, second: string | undefined, options: AdminOptions): Promise<void> {
  const { asAdmin, segment } = await import('../admin-api.js');
  const { id, body } = second === undefined ? { id: first, body: {} } : { id: second, body: { client: first } };
  const path = `/v1/credentials/${segment(id)}/retire`;
  const members = ['credential_id', 'client', 'state'] as const;
  const one = await asAdmin(session, options, (api) => api.call<WireCredential>('POST', path, { body }, members));
  if (options.json) session.printJson(one);
  else session.print(`credential ${one.credential_id} of ${one.client}: ${one.state}`);
}
