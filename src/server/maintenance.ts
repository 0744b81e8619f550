/** Work on the issuer's own files, without its HTTP API: first set-up, the way back in, audit and database care, examination. */
import { randomBytes } from 'node:crypto';
import { existsSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MacaroonError } from '../core/index.js';
import type { MintResponse } from '../protocol/wire.js';
import { writeCredential } from '../transport/credential-file.js';
import { type Config, defaultPort, loadConfig } from './config.js';
import { createFirstAdmin, mintRecoveryToken } from './domain/bootstrap.js';
import { adminClient } from './domain/issuer.js';
import { ensureAuthority, ensureServerIdentity } from './pki/server-identity.js';
import type { AuditChainResult } from './store/audit-chain.js';
import { ensureDataDirectory, hasStore } from './store/data-files.js';
import { loadMasterKey, loadOrCreateMasterKey } from './store/master-key.js';
import { loadDriver } from './store/open-sqlite.js';
import { createStore, type OpenStoreOptions, openStore } from './store/open-store.js';
import type { IssuerStore } from './store/sqlite-store.js';

const clock = Date.now;
const localNames: readonly string[] = ['localhost', '127.0.0.1', '::1'];
const allAddresses: readonly string[] = ['0.0.0.0', '::'];

/** Settings of the data directory `dataDirectory`, as `serve` would read them. */
function configOf(dataDirectory: string, env: NodeJS.ProcessEnv): Config {
  return loadConfig({ data: dataDirectory }, env);
}

/** DNS names and addresses that the server's own certificate must hold. */
export function certificateNames(config: Config): readonly string[] {
  const names = [...localNames];
  if (!allAddresses.includes(config.host)) names.push(config.host);
  if (config.public_url !== undefined) names.push(new URL(config.public_url).hostname.replace(/^\[|\]$/g, ''));
  return [...new Set(names)];
}

/** The URL that clients reach the issuer by when it listens on `port`. */
export function issuerUrl(config: Config, port: number): string {
  if (config.public_url !== undefined) return config.public_url;
  const host = allAddresses.includes(config.host) ? '127.0.0.1' : config.host;
  return `${config.plain_http ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/**
 * Makes a new issuer in `dataDirectory`: master key, database, CA, server certificate, client `admin` and its credential file. Says what it
 * made. Throws `ERR_DATA_DIRECTORY` when there is one already, and `ERR_MASTER_KEY`.
 */
export async function initialise(
  dataDirectory: string,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly dataDirectory: string; readonly created: readonly string[] }> {
  return await setUp(configOf(dataDirectory, env), env);
}

/** The same with settings at hand. */
export async function setUp(
  config: Config,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly dataDirectory: string; readonly created: readonly string[] }> {
  const { data } = config;
  const isWhole = hasStore(data) && (await withStore(data, env, 'read', (store) => store.read.client(adminClient))) !== undefined;
  if (isWhole) throw new MacaroonError('ERR_DATA_DIRECTORY', `${data} holds an issuer already: nothing was changed`);
  const adminFile = join(data, 'admin.json');
  if (existsSync(adminFile)) throw new MacaroonError('ERR_DATA_DIRECTORY', `${adminFile} is in the way: move it first`);
  // Whatever is missing is said before anything is made.
  await loadDriver();
  ensureDataDirectory(data);
  const madeMasterKey = !existsSync(join(data, 'master.key'));
  const masterKey = loadOrCreateMasterKey({ dataDirectory: data, environment: env }, randomBytes);
  const options = { dataDirectory: data, masterKey, clock, randomBytes, mode: 'serve' } as const;
  // A database without client `admin` is what a set-up that was interrupted leaves: it is finished here.
  const store = await (hasStore(data) ? openStore(options) : createStore(options));
  try {
    const pki = { vault: store, clock, randomBytes };
    const authority = await ensureAuthority(pki);
    await ensureServerIdentity({ ...pki, names: certificateNames(config) });
    writePublicFile(join(data, 'ca.crt'), authority.certificatePem);
    const credential = await createFirstAdmin({ store, clock, randomBytes });
    await writeCredential(adminFile, {
      // Any free port is not known yet; the running server's is in endpoint.json.
      issuer: issuerUrl(config, config.port === 0 ? defaultPort : config.port),
      ca: authority.certificatePem,
      client: adminClient,
      authMethod: 'client_secret_basic',
      credentialId: credential.credential_id,
      secret: credential.secret,
    });
  } finally {
    await store.close();
  }
  const masterKeyFile = madeMasterKey && existsSync(join(data, 'master.key')) ? ['master.key'] : [];
  return { dataDirectory: data, created: [...masterKeyFile, 'macaroond.db', 'ca.crt', 'admin.json'] };
}

/** Writes a file that anyone may read, whole or not at all. Throws `ERR_DATA_DIRECTORY`. */
export function writePublicFile(path: string, text: string): void {
  const temporary = `${path}.new`;
  try {
    writeFileSync(temporary, text, { mode: 0o644 });
    renameSync(temporary, path);
  } catch (cause) {
    throw new MacaroonError('ERR_DATA_DIRECTORY', `${path} cannot be written: is its directory writable, with room left?`, {
      cause,
    });
  }
}

/** Opens the store of `dataDirectory` for `work`. Throws `ERR_DATA_DIRECTORY` when there is none, `ERR_MASTER_KEY`. */
async function withStore<T>(
  dataDirectory: string,
  env: NodeJS.ProcessEnv,
  mode: OpenStoreOptions['mode'],
  work: (store: IssuerStore) => Promise<T>,
): Promise<T> {
  requireStore(dataDirectory);
  const masterKey = loadMasterKey({ dataDirectory, environment: env });
  const store = await openStore({ dataDirectory, masterKey, clock, randomBytes, mode });
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** Throws `ERR_DATA_DIRECTORY` when `dataDirectory` holds no issuer. */
function requireStore(dataDirectory: string): void {
  if (hasStore(dataDirectory)) return;
  throw new MacaroonError('ERR_DATA_DIRECTORY', `${dataDirectory} holds no issuer: make one with "macaroond init --data DIR"`);
}

/** A ten-minute administration token from the files alone: for who lost `admin.json`. It is audited like any other. */
export async function recoveryToken(dataDirectory: string, env: NodeJS.ProcessEnv): Promise<MintResponse> {
  const mint = (store: IssuerStore) => mintRecoveryToken({ store, clock, randomBytes });
  return await withStore(dataDirectory, env, 'local', mint);
}

/** Checks the whole audit log; `head` (`seq:mac`, from an earlier check) also finds a truncation. */
export async function verifyAudit(
  dataDirectory: string,
  env: NodeJS.ProcessEnv,
  options: { readonly head?: string | undefined } = {},
): Promise<AuditChainResult> {
  return await withStore(dataDirectory, env, 'read', (store) => store.verifyAuditChain(options));
}

/** Brings the database to the newest version; `serve` does so by itself. */
export async function migrateDatabase(dataDirectory: string, env: NodeJS.ProcessEnv): Promise<void> {
  await withStore(dataDirectory, env, 'serve', async () => undefined);
}

/** Writes a consistent copy of the database to `file`, also while the issuer runs. Without the master key the copy is useless. */
export async function backupDatabase(dataDirectory: string, env: NodeJS.ProcessEnv, file: string): Promise<void> {
  await withStore(dataDirectory, env, 'read', (store) => store.backupTo(file));
}

/** One thing that `doctor` looked at. */
export interface DoctorFinding {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Looks at everything that an issuer stands on; changes nothing. What hangs on a part that is broken is not looked at. */
export async function runDoctor(dataDirectory: string, env: NodeJS.ProcessEnv): Promise<readonly DoctorFinding[]> {
  const findings: DoctorFinding[] = [];
  const look = async (name: string, examine: () => Promise<string>): Promise<boolean> => {
    try {
      findings.push({ name, ok: true, detail: await examine() });
      return true;
    } catch (error) {
      findings.push({ name, ok: false, detail: error instanceof MacaroonError ? error.message : 'it could not be examined' });
      return false;
    }
  };
  await look('node', async () => `Node.js ${process.versions.node}`);
  await look('settings', async () => {
    const config = configOf(dataDirectory, env);
    return `listens on ${config.host} port ${config.port}`;
  });
  const hasData = await look('data directory', async () => examineDirectory(dataDirectory));
  if (!hasData) return findings;
  for (const name of ['admin.json', 'ca.crt']) await look(name, async () => examineFile(join(dataDirectory, name)));
  const hasMasterKey = await look('master key', async () => {
    loadMasterKey({ dataDirectory, environment: env });
    return 'present, 32 bytes, readable by its owner alone';
  });
  if (!hasMasterKey) return findings;
  const inStore = (examine: (store: IssuerStore) => Promise<string>) => () => withStore(dataDirectory, env, 'read', examine);
  const opens = await look(
    'database',
    inStore(async () => 'opens, with the settings that durability hangs on'),
  );
  if (!opens) return findings;
  await look('audit log', inStore(examineAudit));
  await look('server certificate', inStore(examineCertificate));
  return findings;
}

function examineDirectory(dataDirectory: string): string {
  requireStore(dataDirectory);
  if ((statSync(dataDirectory).mode & 0o022) === 0) return dataDirectory;
  throw new MacaroonError('ERR_DATA_DIRECTORY', `others may write to ${dataDirectory}: run "chmod 700 ${dataDirectory}"`);
}

function examineFile(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new MacaroonError('ERR_DATA_DIRECTORY', `${path} is not there: the command line needs it`);
  if (path.endsWith('.json') && (found.mode & 0o077) !== 0) {
    throw new MacaroonError('ERR_DATA_DIRECTORY', `others may read ${path}: run "chmod 600 ${path}"`);
  }
  return path;
}

async function examineAudit(store: IssuerStore): Promise<string> {
  const chain = await store.verifyAuditChain();
  if (chain.ok) return `${chain.entries} entries, head ${chain.head}`;
  throw new MacaroonError('ERR_STORE_CORRUPT', `the chain breaks at entry ${chain.brokenAt}: ${chain.reason}`);
}

async function examineCertificate(store: IssuerStore): Promise<string> {
  const server = await store.pkiEntry('server');
  if (server === undefined) throw new MacaroonError('ERR_DATA_DIRECTORY', 'there is none: "macaroond serve" makes it');
  if (server.notAfterMs <= clock()) throw new MacaroonError('ERR_DATA_DIRECTORY', 'it has expired: "macaroond serve" renews it');
  return `good until ${new Date(server.notAfterMs).toISOString()}`;
}
