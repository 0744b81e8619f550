/** `macaroond client`: machines that obtain tokens. */
import type { Command } from 'commander';
import { MacaroonError } from '../../core/index.js';
import type {
  ClientPolicyRequest,
  NewClientRequest,
  WireClient,
  WireGrant,
  WireGrantRequest,
  WireNewClient,
  WireNewCredential,
} from '../../protocol/wire.js';
import { type AdminOptions, collectAlternative, collectGrant, collectItems, type OutOptions, withAdmin } from '../options.js';
import { type Session, usageError } from '../session.js';

interface PolicyOptions {
  readonly auth?: readonly (readonly string[])[];
  readonly ip?: readonly string[];
  readonly host?: readonly string[];
}

interface AddOptions extends OutOptions, PolicyOptions {
  readonly grant?: readonly WireGrantRequest[];
  readonly verifierOf?: readonly string[];
}

const newCredential = ['client', 'credential_id', 'auth_method'] as const;
/** Auth methods whose secret the issuer makes with the client. */
const methodsWithSecret: readonly string[] = ['client_secret_basic', 'encrypted_time'];
const clientMembers = ['client', 'state', 'auth', 'ips', 'hosts', 'verifier_of', 'grants', 'created_at'] as const;

export function register(program: Command, session: Session): void {
  const client = program.command('client').description('machines that obtain tokens');
  withPolicy(withAdmin(client.command('add <name>')))
    .description('create a client, and the credentials of its auth methods that need nothing of it')
    .option(
      '--grant <audience=actions>',
      'what it may obtain, e.g. invoice=invoices:read,invoices:list (repeatable)',
      collectGrant,
    )
    .option('--verifier-of <audience>', 'it may fetch the keys of this audience (repeatable)', collectItems)
    .option('--out <file>', 'write a credential file (mode 0600) that holds all the client needs')
    .action((name: string, options: AddOptions) => add(session, name, options));
  withAdmin(client.command('list'))
    .description('all clients')
    .action((options: AdminOptions) => list(session, options));
  withAdmin(client.command('show <name>'))
    .description('one client with its grants')
    .action((name: string, options: AdminOptions) => show(session, name, options));
  withPolicy(withAdmin(client.command('set <name>')))
    .description('change how a client proves itself, at once; what is not named stays. --ip any and --host none take all away')
    .action((name: string, options: PolicyOptions & AdminOptions) => set(session, name, options));
  withAdmin(client.command('rotate <name>'))
    .description(
      'make a new secret (client_secret_basic) beside the old one, which "macaroond credential retire" ends once the new one is in use',
    )
    .option('--out <file>', 'write a credential file (mode 0600)')
    .action((name: string, options: OutOptions) => rotate(session, name, options));
  withAdmin(client.command('disable <name>'))
    .description('end a client for good: its credentials and all its tokens')
    .action((name: string, options: AdminOptions) => disable(session, name, options));
}

function withPolicy(command: Command): Command {
  return command
    .option(
      '--auth <methods>',
      'auth methods, all of which prove it, e.g. http_sig+ip (repeatable: any one of them)',
      collectAlternative,
    )
    .option('--ip <cidr>', 'its addresses, for auth method ip (repeatable)', collectItems)
    .option('--host <name>', 'DNS name or address that it serves as, for its certificates (repeatable)', collectItems);
}

async function add(session: Session, name: string, options: AddOptions): Promise<void> {
  const { asAdmin } = await import('../admin-api.js');
  const { printCredentials, requestCredential } = await import('../new-credential.js');
  const { secretParts } = await import('../credential-plan.js');
  if (options.out !== undefined) checkOut(name, options.auth);
  const body: NewClientRequest = {
    client: name,
    auth: options.auth,
    ips: options.ip,
    hosts: options.host,
    grants: options.grant,
    verifier_of: options.verifierOf,
  };
  await asAdmin(session, options, async (api) => {
    const request = () => api.call<WireNewClient>('POST', '/v1/clients', { body }, [...clientMembers, 'credentials']);
    const made = await requestCredential(session, options, api.endpoint, request, ({ credentials }) => {
      const one = credentials.find(({ secret }) => secret !== undefined);
      if (one === undefined)
        throw new MacaroonError('ERR_ISSUER_ANSWER', "the issuer's answer cannot be used: it lacks the secret");
      return { made: one, parts: () => secretParts(one) };
    });
    const inFile = made.credentials.filter(({ secret }) => secret !== undefined);
    printCredentials(session, options, made, options.out === undefined ? made.credentials : inFile);
    if (options.json) return;
    if (made.credentials.length === 0) printClient(session, made, options);
    noteMissing(session, made);
    noteNowhere(session, made);
  });
}

/** A credential file holds one credential, and is there before anything is made. */
function checkOut(name: string, auth: PolicyOptions['auth']): void {
  if (auth === undefined) return;
  const methods = [...new Set(auth.flat())].filter((method) => methodsWithSecret.includes(method));
  if (methods.length === 1) return;
  const hint = `leave --out out, then "macaroond credential add ${name} METHOD … --out FILE"`;
  if (methods.length === 0) throw usageError('--out: no auth method of this client has a secret that is made with it', hint);
  throw usageError(`--out holds one credential, and this client gets ${methods.length}`, hint);
}

/** What `credential add` cannot do without, by auth method. */
const flagsOf: Readonly<Record<string, string>> = {
  http_sig: ' --generate --out FILE',
  challenge_response: ' --mode sign --generate --out FILE',
  tls_client_auth: ' --san URI',
  self_signed_tls_client_auth: ' --cert FILE',
};

/** Tells what is still to be done where an auth method has no credential. */
function noteMissing(session: Session, { client, auth, credentials }: WireNewClient): void {
  const made = new Set<string>(credentials.map(({ auth_method: method }) => method));
  const missing = [...new Set(auth.flat())].filter((method) => method !== 'ip' && !made.has(method));
  for (const method of missing) {
    session.note(`${method} needs a credential: "macaroond credential add ${client} ${method}${flagsOf[method] ?? ''}".`);
  }
}

/** Tells what is still to be done where an alternative asks for an address and there is none. */
function noteNowhere(session: Session, { client, auth, ips }: WireClient): void {
  if (ips.length > 0 || !auth.some((clause) => clause.includes('ip'))) return;
  session.note(`ip lets nobody in until it has addresses: "macaroond client set ${client} --ip CIDR".`);
}

async function set(session: Session, name: string, options: PolicyOptions & AdminOptions): Promise<void> {
  const { auth, ip, host } = options;
  if (auth === undefined && ip === undefined && host === undefined) {
    throw usageError('nothing to change: give --auth, --ip or --host');
  }
  const { asAdmin, segment } = await import('../admin-api.js');
  const body: ClientPolicyRequest = { auth, ips: unlessWord(ip, 'any'), hosts: unlessWord(host, 'none') };
  const one = await asAdmin(session, options, (api) =>
    api.call<WireClient>('POST', `/v1/clients/${segment(name)}/policy`, { body }, clientMembers),
  );
  printClient(session, one, options);
  if (!options.json) noteNowhere(session, one);
}

/** `list`, or an empty one where `word` alone stands for that. */
function unlessWord(list: readonly string[] | undefined, word: string): readonly string[] | undefined {
  return list?.length === 1 && list[0] === word ? [] : list;
}

async function list(session: Session, options: AdminOptions): Promise<void> {
  const { asAdmin } = await import('../admin-api.js');
  const answer = await asAdmin(session, options, (api) =>
    api.call<{ readonly clients: readonly WireClient[] }>('GET', '/v1/clients', {}, ['clients']),
  );
  if (options.json) return session.printJson(answer);
  const rows = answer.clients.map((one) => [
    one.client,
    one.state,
    one.grants.map(({ audience }) => audience).join(','),
    one.verifier_of.join(','),
  ]);
  session.printTable(['CLIENT', 'STATE', 'GRANTS FOR', 'VERIFIER OF'], rows);
}

async function show(session: Session, name: string, options: AdminOptions): Promise<void> {
  const { asAdmin, segment } = await import('../admin-api.js');
  const one = await asAdmin(session, options, (api) =>
    api.call<WireClient>('GET', `/v1/clients/${segment(name)}`, {}, clientMembers),
  );
  printClient(session, one, options);
}

async function rotate(session: Session, name: string, options: OutOptions): Promise<void> {
  const { asAdmin, segment } = await import('../admin-api.js');
  const { printCredentials, requestCredential } = await import('../new-credential.js');
  const { secretParts } = await import('../credential-plan.js');
  await asAdmin(session, options, async (api) => {
    const { auth } = await api.call<WireClient>('GET', `/v1/clients/${segment(name)}`, {}, clientMembers);
    if (!auth.flat().includes('client_secret_basic')) {
      const hint = `"macaroond credential add ${name} METHOD" makes one of its own method`;
      throw usageError(`${name} does not prove itself by client_secret_basic, which rotate is for`, hint);
    }
    const request = () =>
      api.call<WireNewCredential>('POST', `/v1/clients/${segment(name)}/credentials`, {}, [...newCredential, 'secret']);
    const contentOf = (made: WireNewCredential) => ({ made, parts: () => secretParts(made) });
    const made = await requestCredential(session, options, api.endpoint, request, contentOf);
    printCredentials(session, options, made, [made]);
  });
  session.note(
    `The old credential still works: "macaroond credential list ${name}", then "macaroond credential retire ${name} ID".`,
  );
}

async function disable(session: Session, name: string, options: AdminOptions): Promise<void> {
  const { asAdmin, segment } = await import('../admin-api.js');
  const one = await asAdmin(session, options, (api) =>
    api.call<WireClient>('POST', `/v1/clients/${segment(name)}/disable`, {}, clientMembers),
  );
  printClient(session, one, options);
}

function printClient(session: Session, one: WireClient, options: AdminOptions): void {
  if (options.json) {
    session.printJson(one);
    return;
  }
  session.printFields([
    ['client', one.client],
    ['state', one.state],
    ['auth', one.auth.map((methods) => methods.join('+')).join(' or ')],
    ['addresses', addressesText(one)],
    ['hosts', one.hosts.length === 0 ? undefined : one.hosts.join(', ')],
    ['verifier of', one.verifier_of.length === 0 ? undefined : one.verifier_of.join(', ')],
    ...one.grants.map((grant): [string, string] => ['grant', grantText(grant)]),
    ['created', one.created_at],
  ]);
}

function addressesText({ auth, ips }: WireClient): string {
  if (ips.length > 0) return ips.join(', ');
  return auth.some((clause) => clause.includes('ip')) ? 'none yet' : 'any';
}

/** A grant on one line. */
export function grantText(grant: WireGrant): string {
  const conditions = grant.required_caveats.map((condition) => ` [${condition}]`).join('');
  const bound = grant.bind.length === 0 ? '' : ` bound to ${grant.bind.join(', ')}`;
  return `${grant.audience}=${grant.actions.join(',')} up to ${grant.max_expires_in} s${conditions}${bound}`;
}
