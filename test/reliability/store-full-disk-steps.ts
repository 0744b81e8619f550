/**
 * What the store does on a file system without room, step by step; run as a process of its own in a directory on a small file
 * system. Prints what happened as one line of JSON. The test beside it expects it.
 */
import { createSecretKey, randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { MacaroonError } from '../../src/core/index.js';
import { dataFiles } from '../../src/server/store/data-files.js';
import { createStore, type OpenStoreOptions, openStore } from '../../src/server/store/open-store.js';
import { defaultReserveBytes } from '../../src/server/store/reserve.js';
import type { IssuerStore } from '../../src/server/store/sqlite-store.js';
import { atMs, auditEvent, fillStore, token, tokenMinted } from '../contract/store-fixtures.js';

const directory = join(process.argv[2] ?? '', 'data');
const ballast = join(process.argv[2] ?? '', 'ballast');
const { reserve } = dataFiles(directory);

let nowMs = atMs;
const fatal: string[] = [];
const options: OpenStoreOptions = {
  dataDirectory: directory,
  masterKey: createSecretKey(randomBytes(32)),
  clock: () => nowMs,
  randomBytes: (length) => new Uint8Array(randomBytes(length)),
  mode: 'serve',
  onFatal: (error) => fatal.push(error.message),
};

const minted: string[] = [];
let revoked = 0;

async function outcomeOf(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return 'ok';
  } catch (error) {
    return error instanceof MacaroonError ? error.code : String(error);
  }
}

async function mint(store: IssuerStore): Promise<void> {
  const tokenId = `token-${minted.length}`;
  await store.transaction('grow', async (tx) => {
    await tx.appendAudit(tokenMinted(token(tokenId), { padding: 'x'.repeat(2000) }));
  });
  minted.push(tokenId);
}

async function revoke(store: IssuerStore): Promise<void> {
  await store.transaction('revoke', async (tx) => {
    const target = { kind: 'token', tokenId: `token-${revoked}`, audience: 'invoice' } as const;
    await tx.insertRevocation({ target, revokedAtMs: nowMs, expiresAtMs: nowMs + 1, reason: null });
    await tx.appendAudit(auditEvent('revoked.token', { details: { padding: 'x'.repeat(2000) } }));
  });
  revoked++;
}

/** Takes every byte that the file system still has. */
function fillDisk(): void {
  const descriptor = openSync(ballast, 'a');
  for (let chunk = 1 << 20; chunk >= 1; ) {
    try {
      writeSync(descriptor, new Uint8Array(chunk));
    } catch {
      chunk >>= 1;
    }
  }
  closeSync(descriptor);
}

async function mintUntilFull(store: IssuerStore): Promise<string> {
  for (let i = 0; i < 20_000; i++) {
    const outcome = await outcomeOf(() => mint(store));
    if (outcome !== 'ok') return outcome;
  }
  return 'never full';
}

async function main(): Promise<Record<string, unknown>> {
  const report: Record<string, unknown> = {};
  const note = async (name: string, work: () => Promise<unknown>) => {
    report[name] = await outcomeOf(work);
  };
  let store = await createStore(options);
  await store.transaction('grow', fillStore);
  for (let i = 0; i < 20; i++) await mint(store);
  await note('healthy with room', () => store.checkHealth());
  await store.close();

  fillDisk();
  await note('start on a disk that was filled while it was down', async () => {
    store = await openStore(options);
  });
  report['reserve was given up to start'] = !existsSync(reserve);
  await note('minting after that start', () => mint(store));
  await note('revoking after that start', () => revoke(store));
  rmSync(ballast);
  nowMs += 1000;
  await note('minting with room again', () => mint(store));
  report['reserve is whole again'] = statSync(reserve, { throwIfNoEntry: false })?.size === defaultReserveBytes;

  fillDisk();
  report['minting until the disk is full'] = await mintUntilFull(store);
  report['reserve is held while only minting failed'] = existsSync(reserve);
  await note('healthy on a full disk', () => store.checkHealth());
  const atOnce = [mint, revoke, mint, revoke].map((write) => outcomeOf(() => write(store)));
  report['minting and revoking at once on a full disk'] = await Promise.all(atOnce);
  const outcomes = new Set<string>();
  for (let i = 0; i < 1000; i++) outcomes.add(await outcomeOf(() => revoke(store)));
  report['revoking on a full disk'] = [...outcomes];
  report['reserve was given up to revoke'] = !existsSync(reserve);
  nowMs += 1000;
  await note('minting without a reserve', () => mint(store));
  await note('healthy without a reserve', () => store.checkHealth());
  await note('reading on a full disk', () => store.read.token('token-0'));

  await store.close();
  await note('start without a reserve', async () => {
    store = await openStore(options);
  });
  await note('revoking after the start without a reserve', () => revoke(store));
  rmSync(ballast);
  await note('minting within the second after the last try', () => mint(store));
  nowMs += 1000;
  await note('minting with room once more', () => mint(store));
  await note('healthy with room once more', () => store.checkHealth());
  report['audit chain holds'] = (await store.verifyAuditChain()).ok;
  const found = await Promise.all(minted.map((tokenId) => store.read.token(tokenId)));
  report['minted tokens lost'] = found.filter((one) => one === undefined).length;
  report['revocations lost'] = revoked - (await store.read.latestRevocationSeq());
  report['fatal'] = fatal;
  await store.close();
  return report;
}

process.stdout.write(`${JSON.stringify(await main())}\n`);
