/**
 * What the file of used nonces does on a file system without room, step by step; run as a process of its own in a directory on a small file
 * system. Prints what happened as one line of JSON. The test beside it expects it.
 */
import { closeSync, openSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { MacaroonError } from '../../src/core/index.js';
import type { ReplayStore } from '../../src/protocol/replay-store.js';
import { sqliteReplayStore } from '../../src/verifier/sqlite.js';

const directory = process.argv[2] ?? '';
const path = join(directory, 'replay.db');
const ballast = join(directory, 'ballast');
const expiresAtMs = Date.now() + 3_600_000;

async function outcomeOf(work: () => unknown): Promise<unknown> {
  try {
    return await work();
  } catch (error) {
    return error instanceof MacaroonError ? error.code : String(error);
  }
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

const accepted: string[] = [];

/** Claims until a claim is refused; says how. */
async function claimUntilRefused(store: ReplayStore): Promise<unknown> {
  for (let i = 0; i < 50_000; i++) {
    const nonce = `n${accepted.length}`;
    const outcome = await outcomeOf(() => store.claim(`scope ${i % 10}`, nonce, expiresAtMs));
    if (outcome !== true) return outcome;
    accepted.push(nonce);
  }
  return 'never refused';
}

async function acceptedAgain(store: ReplayStore): Promise<number> {
  const outcomes = await Promise.all(
    accepted.map((nonce, i) => outcomeOf(() => store.claim(`scope ${i % 10}`, nonce, expiresAtMs))),
  );
  return outcomes.filter((one) => one !== false).length;
}

async function main(): Promise<Record<string, unknown>> {
  const report: Record<string, unknown> = {};
  fillDisk();
  report['making the file'] = await outcomeOf(() => sqliteReplayStore(path));
  rmSync(ballast);
  let store = sqliteReplayStore(path);
  report['with room'] = await outcomeOf(() => store.claim('mail', 'with room', expiresAtMs));
  fillDisk();
  truncateSync(ballast, statSync(ballast).size - (1 << 20));
  report['until refused'] = await claimUntilRefused(store);
  report['accepted in the last mebibyte'] = accepted.length > 20;
  report['once more'] = await outcomeOf(() => store.claim('mail', 'once more', expiresAtMs));
  rmSync(ballast);
  report['with room again'] = await outcomeOf(() => store.claim('mail', 'again', expiresAtMs));
  report['accepted again'] = await acceptedAgain(store);
  store.close();
  store = sqliteReplayStore(path);
  report['accepted again after a restart'] = await acceptedAgain(store);
  report['with room, again'] = await outcomeOf(() => store.claim('mail', 'with room', expiresAtMs));
  store.close();
  return report;
}

process.stdout.write(`${JSON.stringify(await main())}\n`);
