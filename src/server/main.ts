/**
 * The issuer as a running server: settings, master key, store, use cases, HTTPS, renewal, signals, a graceful end. The only place, with
 * `config.ts` and `maintenance.ts`, that sees all of the server.
 */
import { X509Certificate } from 'node:crypto';
import { join, resolve } from 'node:path';
import { MacaroonError } from '../core/index.js';
import { pinOf } from '../transport/pin.js';
import { createAuthenticators } from './auth/authenticators.js';
import { makeChallenge } from './auth/challenges.js';
import { createConnectionGate } from './auth/connection-gate.js';
import { createEnrol } from './auth/enrolments.js';
import type { FailureLimits } from './auth/failure-limiter.js';
import { createClientLogin } from './auth/registry.js';
import { type Config, type ConfigInput, loadConfig } from './config.js';
import { grantNewAdminActions } from './domain/bootstrap.js';
import { createIssuer } from './domain/create-issuer.js';
import type { Issuer } from './domain/issuer.js';
import { createLogger, type Logger } from './http/access-log.js';
import { createApp } from './http/app.js';
import { openListeners } from './listeners.js';
import { issuerHosts, setUp, writePublicFile } from './maintenance.js';
import { createCertificateTools } from './pki/certificate-tools.js';
import { ensureIssuerKeys, publishedKeys } from './pki/issuer-keys.js';
import { createPeerCertificates } from './pki/peer-certificate.js';
import { createRandomPool } from './random-pool.js';
import { openReplayStore } from './replay.js';
import { hasStore } from './store/data-files.js';
import { loadMasterKey } from './store/master-key.js';
import { openStore } from './store/open-store.js';
import type { IssuerStore } from './store/sqlite-store.js';
import { loadTls, readPem } from './tls-files.js';

export type { Config } from './config.js';
export { type DoctorFinding, runDoctor } from './doctor.js';
export { importCompanyAuthority } from './import-company-authority.js';
export {
  backupDatabase,
  initialise,
  migrateDatabase,
  recoveryToken,
  verifyAudit,
} from './maintenance.js';

const clock = Date.now;
const randomBytes = createRandomPool();
const drainDeadlineMs = 8_000;
const flushIntervalMs = 60_000;
const renewIntervalMs = 3_600_000;

/** What `serve` may be told by flags; everything else comes from file, environment and defaults. */
export interface ServeFlags {
  readonly data?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  /** Configuration file. */
  readonly config?: string | undefined;
  /** What clients call the issuer. */
  readonly url?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  /** File of further CAs that client certificates may come from. */
  readonly clientCa?: string | undefined;
  /** Port of the listener for clients with a certificate alone. */
  readonly mtlsPort?: number | undefined;
  readonly plainHttp?: boolean | undefined;
}

export interface RunningServer {
  readonly url: string;
  /** Of the listener for clients with a certificate alone; `undefined` without `mtls_port`. */
  readonly mtlsUrl?: string | undefined;
  readonly dataDirectory: string;
  /** Whether the data directory was made by this start. */
  readonly isNew: boolean;
  /** Resolves once the server has stopped; rejects when it had to stop because the store failed. */
  readonly closed: Promise<void>;
  /** Stops gracefully within ten seconds: no new connections, answers under way are finished, counts are written, the store is closed. */
  stop(): Promise<void>;
}

/**
 * Starts the issuer; makes its data directory on first use. Throws `ERR_CONFIG`, `ERR_MASTER_KEY`, `ERR_DATA_DIRECTORY`, `ERR_STORE_*` before
 * anything is touched.
 */
export async function serve(flags: ServeFlags, env: NodeJS.ProcessEnv): Promise<RunningServer> {
  const { url, tlsCert, tlsKey, clientCa, mtlsPort, plainHttp, config: configFile, ...same } = flags;
  const tls = { tls_cert: tlsCert, tls_key: tlsKey, client_ca: clientCa, mtls_port: mtlsPort, plain_http: plainHttp };
  const given: ConfigInput = { ...same, public_url: url, ...tls };
  const config = loadConfig({ ...given, config: configFile }, env);
  const isNew = !hasStore(config.data);
  if (isNew) await setUp(config, env);
  const masterKey = loadMasterKey({ dataDirectory: config.data, environment: env });
  // A secret in the environment is in every diagnostic report and in every child's environment.
  delete env['MACAROOND_MASTER_KEY'];
  let fail: (error: MacaroonError) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);
  const store = await openStore({
    dataDirectory: config.data,
    masterKey,
    clock,
    randomBytes,
    mode: 'serve',
    onFatal: (error) => fail(error),
  });
  try {
    return await serveStore(config, store, isNew, failed);
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function serveStore(config: Config, store: IssuerStore, isNew: boolean, failed: Promise<never>): Promise<RunningServer> {
  const logger = createLogger(config.log_level);
  const pki = { vault: store, clock, randomBytes };
  const certificates = createCertificateTools({ ...pki, trustDomain: config.trust_domain, issuerHosts: issuerHosts(config) });
  // On a full disk it waits for the next start; what is there is served.
  await grantNewAdminActions({ store, clock, randomBytes }).catch((error: unknown) => {
    if (!(error instanceof MacaroonError) || error.code !== 'ERR_STORE_FULL') throw error;
  });
  const issuer = createIssuer({ store, clock, randomBytes, certificates });
  const replayStore = openReplayStore(config, isNew);
  let isDraining = false;
  let url = '';
  let mtlsUrl: string | undefined;
  const keys = await ensureIssuerKeys(store, clock);
  const challengeKey = store.deriveKey('challenge');
  const tools = { issuer, clock, randomBytes, serverName: () => url, challengeKey, ...keys };
  const authenticators = createAuthenticators(tools);
  const clientLogin = createClientLogin({ issuer, authenticators, replayStore, failureLimits: failureLimitsOf(config) });
  let tls = await loadTls(config, pki);
  const peers = createPeerCertificates(() => tls.clientAuthorities, clock);
  const app = createApp({
    issuer,
    clock,
    randomBytes,
    logger,
    issuerUrl: () => url,
    mtlsUrl: () => mtlsUrl,
    checkReady: async () => {
      if (isDraining) throw new MacaroonError('ERR_STORE_UNAVAILABLE', 'the issuer is stopping');
      await store.checkHealth();
    },
    trustedProxies: config.trusted_proxies,
    rememberedTokens: config.remembered_tokens,
    clientLogin,
    replayStore,
    enrol: createEnrol({ ...tools, limiter: clientLogin.limiter }),
    makeChallenge: (request) => makeChallenge(tools, request),
    jwks: publishedKeys(keys),
    certificateOf: peers.ofRequest,
  });
  const gate = createConnectionGate({ issuer, authenticators });
  const listeners = await openListeners({ config, app, peers, gate, tls, clock, randomBytes, logger });
  url = listeners.url;
  mtlsUrl = listeners.mtlsUrl;
  const announce = () => tellCommandLine(config, url, logger);
  announce();
  logger.info({ url, mtls_url: mtlsUrl }, 'listening');
  const timers = startTimers(issuer, logger, async () => {
    tls = await loadTls(config, pki);
    listeners.setTls(tls);
    announce();
  });
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      isDraining = true;
      for (const timer of timers) clearInterval(timer);
      await listeners.drain(drainDeadlineMs);
      await issuer.flushFailures();
      await replayStore.close();
      await store.close();
      logger.info('stopped');
    })();
    return stopping;
  };
  const closed = new Promise<void>((resolve, reject) => {
    listeners.closed.then(stop).then(resolve, reject);
    failed.catch(async (error: unknown) => {
      logger.error({ code: error instanceof MacaroonError ? error.code : 'unknown' }, 'the store failed');
      await stop();
      reject(error);
    });
  });
  return { url, mtlsUrl, dataDirectory: config.data, isNew, closed, stop };
}

function failureLimitsOf(config: Config): FailureLimits {
  const { failed_logins_per_client_address: perClientAndAddress, failed_logins_per_address: perAddress } = config;
  return { perClientAndAddress, perAddress, windowSeconds: 60, maxKeys: 50_000 };
}

/**
 * Writes where the issuer is, and what the command line on this machine trusts instead of `ca.crt` when the certificate is one's own. An issuer
 * that cannot write it, on a full disk, still serves and revokes.
 */
function tellCommandLine({ data, tls_cert: certFile }: Config, url: string, logger: Logger): void {
  try {
    const own =
      certFile === undefined
        ? {}
        : { pin_sha256: pinOf(new X509Certificate(readPem(certFile, 'tls_cert'))), tls_cert: resolve(certFile) };
    writePublicFile(join(data, 'endpoint.json'), `${JSON.stringify({ url, ...own })}\n`);
  } catch {
    logger.warn('endpoint.json could not be written: the command line may not find this issuer');
  }
}

function startTimers(issuer: Issuer, logger: Logger, renewCertificate: () => Promise<void>): readonly NodeJS.Timeout[] {
  const flush = setInterval(() => void issuer.flushFailures(), flushIntervalMs);
  const renew = setInterval(() => {
    // A failure is tried again in an hour; two thirds of the certificate's life leave a month for it.
    renewCertificate().catch(() => logger.warn('the server certificate could not be renewed'));
  }, renewIntervalMs);
  flush.unref();
  renew.unref();
  return [flush, renew];
}
