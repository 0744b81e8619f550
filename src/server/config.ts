/**
 * The server's settings: defaults < file < environment < flags, one schema, unknown keys refused with the nearest known one.
 *
 * File: `<data>/config.json` or `--config`. Environment: `MACAROOND_` and the key in upper case; the master key also as `…_FILE`.
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { formatRange, parseRange } from '../caveats/ip-address.js';
import { MacaroonError, nearest } from '../core/index.js';

const range = z.string().refine((text) => {
  const parsed = parseRange(text);
  return parsed !== undefined && formatRange(parsed) === text;
}, 'must be an address or range such as 10.0.0.0/8, without host bits');

const originUrl = z.string().refine((text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && `${url.origin}` === text;
}, 'must be an origin such as https://issuer.example:8443, without a path');

const text = z.string({ error: 'must be text' }).min(1, { error: 'must not be empty' });

function wholeNumber(min: number, max: number) {
  const error = `must be a whole number from ${min} to ${max}`;
  return z.coerce.number({ error }).int({ error }).min(min, { error }).max(max, { error });
}

/** Port to listen on when nothing else is said. */
export const defaultPort = 8443;

/** Every setting. `docs/configuration.md` lists them; a test compares the two. */
export const configSchema = z.strictObject({
  data: text.default('./data'),
  /** Address to listen on. */
  host: text.default('127.0.0.1'),
  /** 0 lets the system choose. */
  port: wholeNumber(0, 65_535).default(defaultPort),
  /** What clients call the issuer, when that differs from host and port. */
  public_url: originUrl.optional(),
  /** PEM files of one's own certificate; both or neither. */
  tls_cert: text.optional(),
  tls_key: text.optional(),
  /** HTTP without TLS; on loopback only. */
  plain_http: z.stringbool().or(z.boolean()).default(false),
  /** File of used nonces; `replay.db` in the data directory when absent. */
  replay_db: text.optional(),
  /** Proxies whose X-Forwarded-For is believed. */
  trusted_proxies: z
    .union([z.array(range), z.string().transform((text) => text.split(',').filter((one) => one !== ''))])
    .pipe(z.array(range))
    .default([]),
  /** In the URI that certificates of our CA name a client by: `spiffe://<trust_domain>/client/<name>`. */
  trust_domain: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9._-]{0,253}[a-z0-9])?$/, { error: 'must be a name such as example.com, in lower case' })
    .default('macaroond'),
  /** PEM file of further CAs that client certificates may come from. */
  client_ca: text.optional(),
  /** Port of a second listener, for clients with a certificate alone; 0 lets the system choose. */
  mtls_port: wholeNumber(0, 65_535).optional(),
  log_level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
  /** Failed logins a minute before 429, for one client from one address and for one address. */
  failed_logins_per_client_address: wholeNumber(1, 1_000_000).default(10),
  failed_logins_per_address: wholeNumber(1, 1_000_000).default(100),
  /** Tokens that are remembered of each audience, of those that come to be verified. */
  remembered_tokens: wholeNumber(0, 1_000_000).default(10_000),
});

/** Every setting, checked. */
export type Config = Readonly<z.output<typeof configSchema>>;
/** Settings as given by flags. */
export type ConfigInput = Readonly<Partial<Record<keyof Config, unknown>>>;

/** Variables of the environment that are not settings of the server, but belong to the same family. */
const otherVariables = [
  'MACAROOND_URL',
  'MACAROOND_CA_FILE',
  'MACAROOND_CREDENTIAL',
  'MACAROOND_TOKEN',
  'MACAROOND_CONFIG',
  'MACAROOND_MASTER_KEY',
  'MACAROOND_MASTER_KEY_FILE',
];
const prefix = 'MACAROOND_';
const testPrefix = 'MACAROOND_TEST_';

/**
 * Settings from `flags`, `env` and the configuration file. Throws `ERR_CONFIG` that names the wrong setting and where it was given;
 * values are not quoted, as a secret may stand in the wrong place.
 */
export function loadConfig(flags: ConfigInput & { readonly config?: string | undefined }, env: NodeJS.ProcessEnv): Config {
  const { config: configFlag, ...settings } = flags;
  const fromFlags = withoutUndefined(settings);
  const fromEnvironment = readEnvironment(env);
  const data = String(fromFlags['data'] ?? fromEnvironment['data'] ?? './data');
  const namedFile = configFlag ?? (env['MACAROOND_CONFIG'] || undefined);
  const fromFile = readConfigFile(namedFile ?? join(data, 'config.json'), namedFile !== undefined);
  const parsed = configSchema.safeParse({ ...fromFile, ...fromEnvironment, ...fromFlags });
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const key = String(issue?.path[0] ?? '');
    const source =
      key in fromFlags ? 'on the command line' : key in fromEnvironment ? variableOf(key) : 'in the configuration file';
    throw configError(`${key} (${source}) ${issue?.message ?? 'is not valid'}`, key);
  }
  const config = { ...parsed.data, data: resolve(parsed.data.data) };
  if ((config.tls_cert === undefined) !== (config.tls_key === undefined)) {
    throw configError('tls_cert and tls_key go together: give both or neither', 'tls_cert');
  }
  if (config.plain_http && config.tls_cert !== undefined)
    throw configError('plain_http and tls_cert exclude each other', 'plain_http');
  if (config.plain_http && config.mtls_port !== undefined)
    throw configError('plain_http and mtls_port exclude each other', 'mtls_port');
  return Object.freeze(config);
}

function readEnvironment(env: NodeJS.ProcessEnv): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  const known = [...Object.keys(configSchema.shape).map(variableOf), ...otherVariables];
  for (const [variable, value] of Object.entries(env)) {
    // An empty variable is one that is not set, as it is for the command line.
    if (!variable.startsWith(prefix) || variable.startsWith(testPrefix) || value === undefined || value === '') continue;
    if (!known.includes(variable)) {
      throw configError(`the environment variable ${variable} is not known; did you mean ${nearest(variable, known)}?`, variable);
    }
    if (!otherVariables.includes(variable)) settings[variable.slice(prefix.length).toLowerCase()] = value;
  }
  return settings;
}

function variableOf(key: string): string {
  return prefix + key.toUpperCase();
}

function readConfigFile(path: string, mustExist: boolean): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if (!mustExist && isMissing(cause)) return {};
    throw configError(`the configuration file ${path} cannot be read`, 'config', cause);
  }
  const settings = parseObject(text, path);
  const known = Object.keys(configSchema.shape);
  for (const key of Object.keys(settings)) {
    if (!known.includes(key))
      throw configError(`${path}: the key ${key} is not known; did you mean ${nearest(key, known)}?`, key);
  }
  return settings;
}

function parseObject(text: string, path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw configError(`the configuration file ${path} is not JSON`, 'config');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw configError(`the configuration file ${path} must hold one JSON object`, 'config');
  }
  return { ...value };
}

function isMissing(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR');
}

function withoutUndefined(settings: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

function configError(message: string, argument: string, cause?: unknown): MacaroonError {
  return new MacaroonError('ERR_CONFIG', message, { argument, cause });
}
