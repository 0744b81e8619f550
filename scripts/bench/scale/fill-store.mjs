/**
 * A data directory with many clients and many revocations, made through the issuer's own store, so that every row has its MAC and every secret is
 * encrypted. No audit rows: what is measured does not read them.
 */
import { createHash, randomBytes } from 'node:crypto';
import * as core from '../../../dist/core/index.js';
import { initialise } from '../../../dist/server/main.js';
import { loadMasterKey } from '../../../dist/server/store/master-key.js';
import { openStore } from '../../../dist/server/store/open-store.js';
import { newHolder } from '../library/tokens.mjs';

const audience = 'invoice';
/** Writes of one transaction. */
const batchSize = 5_000;
const hourMs = 3_600_000;
const policy = { authPolicy: [['client_secret_basic']], ips: [], hosts: [] };
const nothingElse = { algorithm: null, publicKey: null, binding: null, ips: [], retiredAtMs: null };

/**
 * Makes `folder`. All clients have the same secret, as hashing it is the same work for each. Gives the `secret`, the `holders` of audience keys, one a client,
 * and the name of the `verifier`.
 */
export async function fillStore(folder, { clients, revocations }) {
  await initialise(folder, {});
  const masterKey = loadMasterKey({ dataDirectory: folder, environment: {} });
  const store = await openStore({ dataDirectory: folder, masterKey, clock: Date.now, randomBytes, mode: 'serve' });
  const secret = randomBytes(32).toString('base64url');
  const secretHash = createHash('sha256').update(secret).digest('base64url');
  const holders = [];
  try {
    await store.transaction('grow', async (tx) => {
      await tx.insertAudience({ name: audience, generation: 1, createdAtMs: Date.now(), changeSeq: await tx.nextChangeSeq() });
      await insertClient(tx, 'verifier', secretHash);
      await tx.putVerifier('verifier', audience, Date.now());
    });
    await inBatches(store, clients, async (tx, i) => {
      const name = `client-${i}`;
      const rootKey = await insertClient(tx, name, secretHash);
      const grant = {
        actions: ['invoices:read', 'invoices:pay'],
        maxExpiresMs: hourMs,
        requiredCaveats: [],
        bind: [],
        removedAtMs: null,
      };
      await tx.putGrant({ client: name, audience, ...grant, createdAtMs: Date.now(), changeSeq: await tx.nextChangeSeq() });
      const audienceKey = core.deriveAudienceKey(rootKey.key, audience, 1);
      holders.push(newHolder(name, core.decodeBase64url(rootKey.id), audienceKey.reveal()));
    });
    await inBatches(store, revocations, async (tx) => {
      const tokenId = core.formatUuid(core.createUuidV7(Date.now(), randomBytes));
      const target = { kind: 'token', tokenId, audience };
      await tx.insertRevocation({ target, revokedAtMs: Date.now(), expiresAtMs: Date.now() + hourMs, reason: null });
    });
  } finally {
    await store.close();
  }
  return { secret, holders, verifier: 'verifier' };
}

async function inBatches(store, count, insert) {
  for (let from = 0; from < count; from += batchSize) {
    await store.transaction('grow', async (tx) => {
      for (let i = from; i < Math.min(count, from + batchSize); i++) await insert(tx, i);
    });
  }
}

/** A client with a root key and a credential; gives the root key. */
async function insertClient(tx, name, secretHash) {
  const createdAtMs = Date.now();
  await tx.insertClient({ name, state: 'active', ...policy, createdAtMs, lastIssuedAtMs: 0, revokedUntilMs: 0 });
  const id = core.encodeBase64url(core.createUuidV7(createdAtMs, randomBytes));
  const key = new core.RootKey(randomBytes(32));
  await tx.insertRootKey(
    { id, client: name, generation: 1, state: 'active', createdAtMs, changeSeq: await tx.nextChangeSeq() },
    key,
  );
  const credential = {
    id: `crd_${core.encodeBase64url(randomBytes(12))}`,
    client: name,
    authMethod: 'client_secret_basic',
    secretHash,
  };
  await tx.insertCredential({ ...credential, ...nothingElse, createdAtMs });
  return { id, key };
}
