import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dataFiles } from '../../../../src/server/store/data-files.js';
import { loadDriver, openConnection, type SqliteConnection } from '../../../../src/server/store/open-sqlite.js';
import { prepareReads } from '../../../../src/server/store/sqlite-queries.js';
import { type TemporaryData, temporaryData } from './temporary-store.js';

let data: TemporaryData;
let connection: SqliteConnection;
beforeEach(async () => {
  data = temporaryData();
  await (await data.create()).close();
  connection = openConnection(await loadDriver(), dataFiles(data.directory).database, 'read');
});
afterEach(async () => {
  connection.close();
  await data.dispose();
});

/** What a login, a mint and a verification ask. */
const hot = [
  'client',
  'credential',
  'credentials',
  'credentialByBinding',
  'certificate',
  'grant',
  'audience',
  'audienceGenerations',
  'rootKey',
  'rootKeys',
  'verifiers',
  'revocationOfToken',
  'revocationOfRootKey',
  'revokedTokensAfter',
  'lastAudit',
  // What a revocation asks.
  'firstAuditOfToken',
  'newestTokenNote',
  'auditOfNewestToken',
  'auditMac',
] as const;

describe('what a request asks the database', () => {
  it.each(hot)('takes as long however many clients, tokens and revocations there are: %s', (name) => {
    const { sql, params } = prepareReads(connection.db)[name].getQuery();
    const plan = connection.sqlite
      .prepare<unknown[], { detail: string }>(`explain query plan ${sql}`)
      .all(params.map(() => null));
    const details = plan.map(({ detail }) => detail);
    // The end of a table is found without going through it, and what is put in order are the rows of one client.
    const cheap = name === 'lastAudit' ? /^SCAN audit$/ : /^(SEARCH |USE TEMP B-TREE FOR ORDER BY$)/;
    expect(details.filter((detail) => !cheap.test(detail))).toEqual([]);
  });
});
