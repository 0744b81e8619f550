/** Looks at everything that an issuer stands on, and changes nothing. What hangs on a part that is broken is not looked at. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { MacaroonError } from '../core/index.js';
import { policyDetails } from './domain/clients.js';
import type { AuditRecord } from './domain/records.js';
import { issueStepMs } from './domain/tokens.js';
import { configOf, requireStore, withStore } from './maintenance.js';
import { loadMasterKey } from './store/master-key.js';
import type { IssuerStore } from './store/sqlite-store.js';
import { issueTimeOf } from './store/token-entries.js';

const clock = Date.now;
const pageRows = 1000;

/** One thing that `doctor` looked at. */
export interface DoctorFinding {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Examines the issuer of `dataDirectory`, part by part. Never throws. */
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
  await look('rows', inStore(examineRows));
  const hasAudit = await look('audit log', inStore(examineAudit));
  if (hasAudit) await look('what was taken away', inStore(examineTakenAway));
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

/** Reads every row that decides something, and with it its MAC, and opens every key. */
async function examineRows({ read }: IssuerStore): Promise<string> {
  const clients = await read.clients();
  for (const { name } of clients) {
    await Promise.all([read.grants(name), read.verifierAudiences(name)]);
    for (const { id } of await read.credentials(name)) await read.credentialSecret(id);
    for (const rootKey of await read.rootKeys(name)) if (rootKey.state !== 'destroyed') await read.rootKeySecret(rootKey.id);
  }
  for (const { id } of await read.invitations()) await read.invitationKey(id);
  await read.certificates();
  const audiences = (await read.audiences()).map(({ name }) => name);
  for (const name of audiences) await read.audienceGenerations(name);
  for (let after = 0; ; ) {
    const page = await read.revocationsAfter(after, audiences, 0, pageRows);
    after = page.at(-1)?.seq ?? after;
    if (page.length < pageRows) break;
  }
  return `${clients.length} clients, ${audiences.length} audiences, and all that belongs to them`;
}

/** Whether what the audit log says was revoked, disabled, removed, retired, destroyed or made narrower still is: an older copy of a row would pass its MAC. */
async function examineTakenAway(store: IssuerStore): Promise<string> {
  await examineFeed(store);
  let count = (await examineTokens(store)) + (await examineLast(store));
  for (const [event, isStillSo] of Object.entries(takenAway)) {
    for await (const entry of entriesOf(store, event)) {
      count++;
      if (await isStillSo(store, entry)) continue;
      throw notSo(entry);
    }
  }
  return `${count} entries hold`;
}

function notSo({ seq, event }: AuditRecord): MacaroonError {
  return new MacaroonError('ERR_STORE_CORRUPT', `audit entry ${seq} (${event}) is not so any more: restore a backup`);
}

/** One after another the entries of `event`. */
async function* entriesOf({ read }: IssuerStore, event: string): AsyncGenerator<AuditRecord> {
  for (let after = 0; ; ) {
    const page = await read.audit({ event, after, limit: pageRows });
    yield* page;
    after = page.at(-1)?.seq ?? after;
    if (page.length < pageRows) return;
  }
}

/**
 * Whether tokens and clients fit together. A chain does not tell that its end was cut off; clients do, where tokens went with it: each that has live ones has
 * one of its issue time or of a step before. And none of its tokens is newer than that time, up to which it is revoked. How many tokens there are.
 */
async function examineTokens(store: IssuerStore): Promise<number> {
  const { read } = store;
  // Clients before and after the entries, which may come meanwhile.
  const issued = (await read.clients()).filter((client) => client.lastIssuedAtMs > client.revokedUntilMs);
  await read.latestIssue();
  const newest = new Map<string, number>();
  let count = 0;
  for await (const { client = '', tokenId = '' } of entriesOf(store, 'token.minted')) {
    count++;
    newest.set(client, Math.max(newest.get(client) ?? 0, issueTimeOf(tokenId)));
  }
  const missing = issued.find(({ name, lastIssuedAtMs }) => lastIssuedAtMs - issueStepMs > (newest.get(name) ?? 0));
  if (missing !== undefined) {
    throw new MacaroonError(
      'ERR_STORE_CORRUPT',
      `the audit log was cut off: the newest token of client ${missing.name} is not in it`,
    );
  }
  for (const { name, lastIssuedAtMs } of await read.clients()) {
    if (lastIssuedAtMs >= (newest.get(name) ?? 0)) continue;
    throw new MacaroonError('ERR_STORE_CORRUPT', `client ${name} is as it was before its newest token: restore a backup`);
  }
  return count;
}

/** Whether what can be put anew is as it was put last: an older copy may allow more. How many times it was put. */
async function examineLast(store: IssuerStore): Promise<number> {
  let count = 0;
  for (const [event, isSo] of Object.entries(putAnew)) {
    const last = new Map<string, AuditRecord>();
    for await (const entry of entriesOf(store, event)) {
      count++;
      last.set(`${entry.client} ${entry.audience}`, entry);
    }
    // Another one may have been put meanwhile.
    for (const entry of last.values())
      if (!(await isSo(store, entry)) && !(await isFollowed(store, entry, event))) throw notSo(entry);
  }
  return count;
}

const putAnew: Readonly<Record<string, (store: IssuerStore, entry: AuditRecord) => Promise<boolean>>> = {
  'grant.put': async ({ read }, { atMs, client = '', audience = '' }) =>
    (await read.grant(client, audience))?.createdAtMs === atMs,
  'client.policy_changed': async ({ read }, { client = '', details }) => {
    const found = await read.client(client);
    if (found === undefined) return false;
    return Object.entries(policyDetails(found)).every(([name, value]) => JSON.stringify(details[name]) === JSON.stringify(value));
  },
};

/** Whether an entry of `event` about the same comes after this one. */
async function isFollowed({ read }: IssuerStore, { seq, client, audience }: AuditRecord, event: string): Promise<boolean> {
  return (await read.audit({ event, client, audience, after: seq, limit: 1 })).length > 0;
}

/** Verifiers learn of what was revoked from its row in the feed alone. */
async function examineFeed({ read }: IssuerStore): Promise<void> {
  for (const { name, revokedUntilMs } of await read.clients()) {
    const target = (await read.findRevocation({ kind: 'client', client: name }))?.target;
    if (revokedUntilMs > (target?.kind === 'client' ? target.untilMs : 0)) throw notInFeed(`client ${name}`);
  }
  for (const { name: audience } of await read.audiences()) {
    for (const { generation, revokedAtMs } of await read.audienceGenerations(audience)) {
      const isTold = (await read.findRevocation({ kind: 'audience_key', audience, generation })) !== undefined;
      if (revokedAtMs !== null && !isTold) throw notInFeed(`key generation ${generation} of audience ${audience}`);
    }
  }
}

function notInFeed(what: string): MacaroonError {
  return new MacaroonError('ERR_STORE_CORRUPT', `verifiers are not told any more that ${what} was revoked: restore a backup`);
}

const takenAway: Readonly<Record<string, (store: IssuerStore, entry: AuditRecord) => Promise<boolean>>> = {
  'revoked.token': async ({ read }, { tokenId = '' }) => (await read.findRevocation({ kind: 'token', tokenId })) !== undefined,
  'revoked.client': async ({ read }, { client = '', details }) =>
    ((await read.client(client))?.revokedUntilMs ?? 0) >= Number(details['untilMs']),
  'revoked.root_key': async ({ read }, { details }) =>
    (await read.findRevocation({ kind: 'root_key', rootKeyId: String(details['rootKeyId']) })) !== undefined,
  'revoked.audience_key': ({ read }, { audience = '', details }) => isRevoked(read, audience, Number(details['generation'])),
  'audience.rotated': async ({ read }, { audience = '', details }) =>
    details['previous_kept'] === true || (await isRevoked(read, audience, Number(details['generation']) - 1)),
  'client.disabled': async ({ read }, { client = '' }) => (await read.client(client))?.state === 'disabled',
  'grant.removed': async (store, entry) =>
    ((await store.read.grant(entry.client ?? '', entry.audience ?? ''))?.removedAtMs ?? null) !== null ||
    (await isFollowed(store, entry, 'grant.put')),
  'invitation.revoked': async ({ read }, { atMs, details }) => {
    const expiresAtMs = (await read.invitation(String(details['invitation'])))?.expiresAtMs ?? 0;
    // Older issuers noted the time as it was.
    return expiresAtMs < 0 || expiresAtMs === atMs;
  },
  'credential.retired': async ({ read }, { details }) =>
    ((await read.credential(String(details['credential_id'])))?.retiredAtMs ?? null) !== null,
  'certificate.revoked': async ({ read }, { details }) =>
    ((await read.certificate(String(details['thumbprint'])))?.revokedAtMs ?? null) !== null,
  'root_key.destroyed': async ({ read }, { details }) =>
    (await read.rootKey(String(details['root_key_id'])))?.state === 'destroyed',
};

async function isRevoked(read: IssuerStore['read'], audience: string, generation: number): Promise<boolean> {
  const found = (await read.audienceGenerations(audience)).find((one) => one.generation === generation);
  return (found?.revokedAtMs ?? null) !== null;
}
