/** Work on the issuer's own files, without its HTTP API: first set-up, the way back in, audit and database care, examination. */
import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeHex, MacaroonError } from '../core/index.js';
import type { MintResponse } from '../protocol/wire.js';
import { writeCredential } from '../transport/credential-file.js';
import { type Config, defaultPort, loadConfig } from './config.js';
import { createFirstAdmin, mintRecoveryToken } from './domain/bootstrap.js';
import { adminClient } from './domain/issuer.js';
import { ensureAuthority, ensureServerIdentity } from './pki/server-identity.js';
import { openReplayStore } from './replay.js';
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
export function configOf(dataDirectory: string, env: NodeJS.ProcessEnv): Config {
  return loadConfig({ data: dataDirectory }, env);
}

/** DNS names and addresses that the server's own certificate must hold. */
export function certificateNames(config: Config): readonly string[] {
  return [...localNames, ...issuerHosts(config)];
}

/** Those of them by which the issuer is reached from elsewhere, in lower case. */
export function issuerHosts(config: Config): readonly string[] {
  const names = allAddresses.includes(config.host) ? [] : [config.host.toLowerCase()];
  if (config.public_url !== undefined) names.push(new URL(config.public_url).hostname.replace(/^\[|\]$/g, ''));
  return [...new Set(names)].filter((name) => !localNames.includes(name));
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
  const isWhole =
    hasStore(data) && (await withStore(data, env, 'read', async (store) => store.read.client(adminClient))) !== undefined;
  if (isWhole) throw new MacaroonError('ERR_DATA_DIRECTORY', `${data} holds an issuer already: nothing was changed`);
  const adminFile = join(data, 'admin.json');
  if (lstatSync(adminFile, { throwIfNoEntry: false }) !== undefined)
    throw new MacaroonError('ERR_DATA_DIRECTORY', `${adminFile} is in the way: move it first`);
  // Whatever is missing is said before anything is made.
  await loadDriver();
  ensureDataDirectory(data);
  requireOwnDirectory(data);
  const madeMasterKey = !existsSync(join(data, 'master.key'));
  const masterKey = loadOrCreateMasterKey({ dataDirectory: data, environment: env }, randomBytes);
  const options = { dataDirectory: data, masterKey, clock, randomBytes, mode: 'serve' } as const;
  // A database without client `admin` is what a set-up that was interrupted leaves: it is finished here.
  const store = await (hasStore(data) ? openStore(options) : createStore(options));
  try {
    // Before there is a client: the first `serve` may come long after `init`, and nothing sent until then was used.
    await openReplayStore(config, true).close();
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
      credentialId: credential.credential_id,
      proof: { kind: 'client_secret_basic', secret: credential.secret },
    });
  } finally {
    await store.close();
  }
  const masterKeyFile = madeMasterKey && existsSync(join(data, 'master.key')) ? ['master.key'] : [];
  return { dataDirectory: data, created: [...masterKeyFile, 'macaroond.db', 'ca.crt', 'admin.json'] };
}

/** Whoever else may write to the directory could put a master key of its own there, or take the files away. */
function requireOwnDirectory(path: string): void {
  const { uid, mode } = statSync(path);
  if (uid !== process.geteuid?.())
    throw new MacaroonError('ERR_DATA_DIRECTORY', `${path} belongs to another user: choose one of your own`);
  if ((mode & 0o022) !== 0) throw new MacaroonError('ERR_DATA_DIRECTORY', `others may write to ${path}: run "chmod 700 ${path}"`);
}

/** Writes a file that anyone may read, whole or not at all. Throws `ERR_DATA_DIRECTORY`. */
export function writePublicFile(path: string, text: string): void {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
  const temporary = `${path}.${encodeHex(randomBytes(6))}.new`;
  try {
    // Exclusive, so that a link which somebody put there is not followed.
    writeFileSync(temporary, text, { mode: 0o644, flag: 'wx' });
    renameSync(temporary, path);
  } catch (cause) {
    throw new MacaroonError('ERR_DATA_DIRECTORY', `${path} cannot be written: is its directory writable, with room left?`, {
      cause,
    });
  }
}

/** Opens the store of `dataDirectory` for `work`. Throws `ERR_DATA_DIRECTORY` when there is none, `ERR_MASTER_KEY`. */
export async function withStore<T>(
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
export function requireStore(dataDirectory: string): void {
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
