/**
 * An issuer to attack: an installation with two clients for every scheme that proves requests, served by the real program over plain HTTP on a port
 * that the attacker knows, under whatever URL clients call it by.
 */
import { generateKeyPair } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { request } from 'undici';
import { enrol } from '../../src/client/index.js';
import { encodeUtf8 } from '../../src/core/index.js';
import { loadMasterKey } from '../../src/server/store/master-key.js';
import { openStore } from '../../src/server/store/open-store.js';
import type { CredentialParts, CredentialProof, PublicJwkText } from '../../src/transport/credential.js';
import type { ProverTools } from '../../src/transport/proofs/prover.js';
import { proverOf } from '../../src/transport/proofs/prover-of.js';
import { type IssuerProcess, type StartOptions, startIssuer } from '../support/issuer-process.js';
import type { Intercepted } from '../support/man-in-the-middle.js';

/** The schemes, each by the name of its first client. */
export const schemes = [
  'sig-hmac',
  'sig-ed25519',
  'challenge-sign',
  'challenge-decrypt',
  'encrypted-time',
  'shared-key',
] as const;
export type Scheme = (typeof schemes)[number];

export const audience = 'invoice';
export const otherAudience = 'billing';
/** What clients ask for unless a test says otherwise, as the client library writes it. */
export const mintBody = encodeUtf8(JSON.stringify({ audience }));

/** Failures are counted as ever, but no test waits for a minute. */
export const attackedEnvironment = {
  MACAROOND_FAILED_LOGINS_PER_CLIENT_ADDRESS: '1000000',
  MACAROOND_FAILED_LOGINS_PER_ADDRESS: '1000000',
  MACAROOND_LOG_LEVEL: 'silent',
};

export interface Installation {
  /** Holds `data`, the data directory, and whatever else a test puts there. */
  readonly folder: string;
  readonly data: string;
  /** Of every client, by its name: `<scheme>` and `<scheme>-other`. */
  credential(client: string): CredentialParts;
  remove(): void;
}

/** Sets everything up over TLS, as administrators and clients do, and stops the server again. */
export async function createInstallation(): Promise<Installation> {
  const folder = mkdtempSync(join(tmpdir(), 'attacked-'));
  const data = join(folder, 'data');
  const issuer = await startIssuer({ data, env: attackedEnvironment });
  const credentials = new Map<string, CredentialParts>();
  try {
    const administrator = await administratorOf(issuer);
    for (const name of [audience, otherAudience]) await administrator('POST', '/v1/audiences', { audience: name });
    const { body: discovery } = await issuer.api('GET', '/.well-known/macaroond');
    for (const scheme of schemes) {
      for (const client of [scheme, `${scheme}-other`]) {
        credentials.set(client, await addClient(issuer, administrator, scheme, client, discovery.jwks.keys));
      }
    }
  } finally {
    await issuer.stop();
  }
  return {
    folder,
    data,
    credential: (client) => {
      const credential = credentials.get(client);
      if (credential === undefined) throw new Error(`there is no client ${client}`);
      return credential;
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}

/** Calls of an administrator that must succeed; resolves to the answer's body. */
// biome-ignore lint/suspicious/noExplicitAny: tests read whatever the server answered
export type Administrator = (method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown) => Promise<any>;

export async function administratorOf(issuer: IssuerProcess): Promise<Administrator> {
  const macaroon = await issuer.adminToken();
  return async (method, path, body) => {
    const answer = await issuer.api(method, path, { macaroon, ...(body === undefined ? {} : { body }) });
    if (answer.status >= 300) throw new Error(`${path} was answered with ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
}

type Jwk = PublicJwkText & { readonly use: string };

/** Adds `client` with a credential of `scheme` and a grant for both audiences. */
export async function addClient(
  issuer: IssuerProcess,
  administrator: Administrator,
  scheme: Scheme,
  client: string,
  keys: readonly Jwk[],
): Promise<CredentialParts> {
  const common = { issuer: issuer.url, client };
  const grants = [audience, otherAudience].map((one) => ({ audience: one, actions: ['invoices:read', 'invoices:list'] }));
  if (scheme === 'shared-key') {
    const invited = await administrator('POST', '/v1/invitations', { name: client });
    const ca = readFileSync(join(issuer.data, 'ca.crt'), 'utf8');
    const enrolment = { issuer: issuer.url, ca, invitation: invited.invitation, sharedKey: invited.shared_key, name: client };
    const { credentialId, proof } = await enrol(enrolment);
    for (const grant of grants) await administrator('PUT', `/v1/clients/${client}/grants/${grant.audience}`, grant);
    return { ...common, credentialId, proof };
  }
  const { method, body, proofOf } = await credentialPlan(scheme, keys);
  const added = await administrator('POST', '/v1/clients', { client, auth: [[method]], grants });
  const credentials = `/v1/clients/${client}/credentials`;
  const made = added.credentials[0] ?? (await administrator('POST', credentials, { auth_method: method, ...body }));
  return { ...common, credentialId: made.credential_id, proof: proofOf(made.secret) };
}

/** What is registered for a credential of `scheme`, and the proof that it becomes with the secret that the issuer made. */
async function credentialPlan(scheme: Exclude<Scheme, 'shared-key'>, keys: readonly Jwk[]) {
  const keyFor = (use: string) => {
    const jwk = keys.find((one) => one.use === use);
    if (jwk === undefined) throw new Error(`the issuer publishes no key for ${use}`);
    return jwk;
  };
  // Not at once: while this process works, servers end the connections that it keeps open, and it does not see that.
  const pem = async () => {
    const rsa = () => promisify(generateKeyPair)('rsa', { modulusLength: 3072 });
    const { publicKey, privateKey } = await (scheme === 'challenge-decrypt' ? rsa() : promisify(generateKeyPair)('ed25519'));
    return {
      publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
  };
  const plan = (method: string, body: object, proofOf: (secret: string) => CredentialProof) => ({ method, body, proofOf });
  const issuerKey = scheme.startsWith('sig-') ? keyFor('sig') : undefined;
  switch (scheme) {
    case 'sig-hmac':
      return plan('http_sig', { algorithm: 'hmac-sha256' }, (secret) => {
        return { kind: 'http_sig', algorithm: 'hmac-sha256', secret, issuerKey };
      });
    case 'sig-ed25519': {
      const { publicKey, privateKey } = await pem();
      return plan('http_sig', { public_key: publicKey }, () => {
        return { kind: 'http_sig', algorithm: 'ed25519', privateKey, issuerKey };
      });
    }
    case 'challenge-sign':
    case 'challenge-decrypt': {
      const mode = scheme === 'challenge-sign' ? 'sign' : 'decrypt';
      const algorithm = mode === 'sign' ? 'sign-ed25519' : 'decrypt-rsa-oaep-256';
      const { publicKey, privateKey } = await pem();
      return plan('challenge_response', { mode, public_key: publicKey }, () => {
        return { kind: 'challenge_response', algorithm, privateKey };
      });
    }
    case 'encrypted-time':
      return plan('encrypted_time', {}, (secret) => ({ kind: 'encrypted_time', secret, timeKey: keyFor('enc') }));
  }
}

export interface AttackedIssuer {
  readonly port: number;
  readonly process: IssuerProcess;
}

/** Serves `data` over plain HTTP; clients call the server by `url`, wherever that leads. */
export async function serveAttacked(data: string, url: string, env: StartOptions['env'] = {}): Promise<AttackedIssuer> {
  for (let attempts = 1; ; attempts++) {
    const port = await freePort();
    const args = ['--plain-http', '--url', url];
    try {
      return { port, process: await startIssuer({ data, port, args, env: { ...attackedEnvironment, ...env } }) };
    } catch (error) {
      // Somebody may have taken the port meanwhile.
      if (attempts === 5) throw error;
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

export interface ProvedRequestOptions {
  readonly body?: Uint8Array;
  readonly target?: string;
  /** What is added to the time that the proof tells. */
  readonly aheadMs?: number;
}

/** Asks an issuer something that needs no proof, such as for a challenge. */
export type Ask = ProverTools['ask'];

/** Asks the issuer that listens on `port`, over plain HTTP. */
export function askAt(port: number): Ask {
  return async (method, path, asked) => {
    const headers = asked === undefined ? {} : { 'content-type': 'application/json' };
    const answer = await request(`http://127.0.0.1:${port}${path}`, { method, headers, body: JSON.stringify(asked) ?? null });
    return await answer.body.json();
  };
}

/** A request to mint, proved by `credential` as our client does it, ready to be sent by anybody. */
export async function provedRequest(
  credential: CredentialParts,
  ask: Ask,
  { body = mintBody, target = '/v1/tokens', aheadMs = 0 }: ProvedRequestOptions = {},
): Promise<Intercepted> {
  const prover = proverOf(credential, {
    clock: () => Date.now() + aheadMs,
    randomBytes: (length) => globalThis.crypto.getRandomValues(new Uint8Array(length)),
    ask,
  });
  const { headers } = await prover.prove({
    method: 'POST',
    target,
    targetUri: `${credential.issuer}${target}`,
    headers: {},
    body,
  });
  const host = new URL(credential.issuer).host;
  const length = String(body.length);
  const sent = { host, accept: 'application/json', 'content-type': 'application/json', 'content-length': length, ...headers };
  return { method: 'POST', target, headers: Object.entries(sent).flat(), body };
}

/** How often each reason stands in the audit log of `data` for failed logins of `client`. */
export async function failuresOf(data: string, client: string): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (const { details } of await auditOf(data, { event: 'login.failed', client })) {
    const reason = String(details['reason']);
    counts[reason] = (counts[reason] ?? 0) + Number(details['count']);
  }
  return counts;
}

/** How many tokens the audit log of `data` knows of that were minted for `client`. */
export async function mintedIn(data: string, client: string): Promise<number> {
  return (await auditOf(data, { event: 'token.minted', client })).length;
}

/** Entries of the audit log, read from the database itself, beside a server or without one. */
export async function auditOf(data: string, filter: { readonly event: string; readonly client?: string }) {
  const store = await openStore({
    dataDirectory: data,
    masterKey: loadMasterKey({ dataDirectory: data, environment: {} }),
    clock: Date.now,
    randomBytes: (length) => globalThis.crypto.getRandomValues(new Uint8Array(length)),
    mode: 'read',
  });
  try {
    return await store.read.audit({ ...filter, limit: 1000 });
  } finally {
    await store.close();
  }
}
