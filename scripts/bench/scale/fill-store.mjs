/**
 * A data directory with many clients and many revocations: rows as the issuer's own store writes them, each with its MAC and its secret encrypted, but
 * inserted straight into the database, as a million transactions would take an hour. No audit rows: what is measured does not read them.
 */
import { createHash, randomBytes } from 'node:crypto';
import { getTableColumns, getTableName } from 'drizzle-orm';
import * as core from '../../../dist/core/index.js';
import { initialise } from '../../../dist/server/main.js';
import { dataFiles } from '../../../dist/server/store/data-files.js';
import { encryptSecret } from '../../../dist/server/store/encryption.js';
import { openInstallation } from '../../../dist/server/store/installation.js';
import { loadMasterKey } from '../../../dist/server/store/master-key.js';
import { loadDriver, openConnection } from '../../../dist/server/store/open-sqlite.js';
import { addRowMac } from '../../../dist/server/store/row-mac.js';
import { rootKeyPlace } from '../../../dist/server/store/secret-places.js';
import { toClientRow, toCredentialRow, toGrantRow, toRevocationRow } from '../../../dist/server/store/sqlite-records.js';
import * as schema from '../../../dist/server/store/sqlite-schema.js';
import { newHolder } from '../library/tokens.mjs';
import { clientName } from './client-name.mjs';

const audience = 'invoice';
/** Of each transaction; progress is told after each. */
const batchSize = 100_000;
const hourMs = 3_600_000;
const policy = { authPolicy: [['client_secret_basic']], ips: [], hosts: [] };
const nothingElse = { algorithm: null, publicKey: null, binding: null, ips: [], retiredAtMs: null };
const allowed = {
  actions: ['invoices:read', 'invoices:pay'],
  maxExpiresMs: hourMs,
  requiredCaveats: [],
  bind: [],
  removedAtMs: null,
};

/**
 * Makes `folder`. All clients have the same secret, as hashing it is the same work for each. Gives the `secret`, the `holders` of audience keys, one a client,
 * and the name of the `verifier`.
 */
export async function fillStore(folder, { clients, revocations }) {
  await initialise(folder, {});
  const connection = openConnection(await loadDriver(), dataFiles(folder).database, 'write');
  const keys = openInstallation(connection, loadMasterKey({ dataDirectory: folder, environment: {} }));
  const writer = newWriter(connection.sqlite, keys);
  const secret = randomBytes(32).toString('base64url');
  const secretHash = createHash('sha256').update(secret).digest('base64url');
  const holders = [];
  try {
    writer.inBatches('audience', 1, () => {
      const createdAtMs = Date.now();
      writer.insert(schema.audiences, { name: audience, generation: 1, createdAtMs, changeSeq: writer.nextChange() });
      writer.insert(schema.audienceGenerations, { audience, generation: 1, revokedAtMs: null });
      insertClient(writer, 'verifier', secretHash);
      writer.insert(schema.verifiers, { client: 'verifier', audience, createdAtMs });
    });
    writer.inBatches('clients', clients, (i) => {
      const client = clientName(i);
      const { id, key } = insertClient(writer, client, secretHash);
      const grant = { client, audience, ...allowed, createdAtMs: Date.now(), changeSeq: writer.nextChange() };
      writer.insert(schema.grants, toGrantRow(grant));
      holders.push(newHolder(client, core.decodeBase64url(id), core.deriveAudienceKey(key, audience, 1).reveal()));
    });
    writer.inBatches('revocations', revocations, (i) => {
      const tokenId = core.formatUuid(core.createUuidV7(Date.now(), randomBytes));
      const target = { kind: 'token', tokenId, audience };
      const nowMs = Date.now();
      const revocation = { seq: i + 1, target, revokedAtMs: nowMs, expiresAtMs: nowMs + hourMs, reason: null };
      writer.insert(schema.revocations, toRevocationRow(revocation));
    });
  } finally {
    connection.close();
  }
  return { secret, holders, verifier: 'verifier' };
}

function newWriter(sqlite, keys) {
  const inserts = new Map();
  const changeSeq = sqlite.prepare("select cast(value as integer) from settings where name = 'change_seq'").pluck().get();
  let lastChange = changeSeq;

  const insertInto = (table) => {
    const columns = Object.entries(getTableColumns(table));
    const names = columns.map(([, column]) => `"${column.name}"`).join();
    const places = columns.map(() => '?').join();
    const statement = sqlite.prepare(`insert into "${getTableName(table)}" (${names}) values (${places})`);
    return (row) => statement.run(columns.map(([property]) => row[property] ?? null));
  };

  return {
    keys,
    nextChange: () => ++lastChange,
    insert(table, row) {
      if (!inserts.has(table)) inserts.set(table, insertInto(table));
      inserts.get(table)(addRowMac(keys.rowKey, table, row));
    },
    inBatches(what, count, insert) {
      for (let from = 0; from < count; from += batchSize) {
        const end = Math.min(count, from + batchSize);
        sqlite.transaction(() => {
          for (let i = from; i < end; i++) insert(i);
          sqlite.prepare("update settings set value = ? where name = 'change_seq'").run(String(lastChange));
        })();
        if (count > batchSize) console.error(`  ${end} of ${count} ${what}`);
      }
    },
  };
}

/** A client with a root key and a credential; gives the root key. */
function insertClient(writer, name, secretHash) {
  const createdAtMs = Date.now();
  const client = { name, state: 'active', ...policy, createdAtMs, lastIssuedAtMs: 0, revokedUntilMs: 0 };
  writer.insert(schema.clients, toClientRow(client));
  const id = core.encodeBase64url(core.createUuidV7(createdAtMs, randomBytes));
  const key = new core.RootKey(randomBytes(32));
  const rootKey = { id, client: name, generation: 1, state: 'active', createdAtMs, changeSeq: writer.nextChange() };
  const encryptedKey = encryptSecret(writer.keys, rootKeyPlace(rootKey), key.reveal(), randomBytes);
  writer.insert(schema.rootKeys, { ...rootKey, encryptedKey });
  const credential = { id: `crd_${core.encodeBase64url(randomBytes(12))}`, client: name, authMethod: 'client_secret_basic' };
  const row = toCredentialRow({ ...credential, secretHash, ...nothingElse, createdAtMs });
  writer.insert(schema.credentials, { ...row, encryptedSecret: null });
  return { id, key };
}
