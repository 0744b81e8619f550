/**
 * Claims nonces in the file that it is told, as a process of its own. `together`: for each line on stdin, `<round> <count>`, that many nonces of
 * that round, and prints which it won, or the code of what was thrown. `careless` does the same by looking before it writes: the test must find that out. `kill`: nonce after
 * nonce, each printed once the claim was answered.
 */

import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { MacaroonError } from '../../src/core/index.js';
import { sqliteReplayStore } from '../../src/verifier/sqlite.js';

const [path = '', manner = '', run = ''] = process.argv.slice(2);
const store = sqliteReplayStore(path);
const expiresAtMs = Date.now() + 3_600_000;

type Claim = (nonce: string) => Promise<boolean>;

const claim: Claim = async (nonce) => await store.claim('mail', nonce, expiresAtMs);

function carelessClaim(): Claim {
  const database = new Database(path, { timeout: 5000 });
  const find = database.prepare("select 1 from replay where scope = 'mail' and nonce = ?");
  const insert = database.prepare("insert or ignore into replay values ('mail', ?, ?)");
  return async (nonce) => {
    const isNew = find.get(nonce) === undefined;
    await sleep(50);
    insert.run(nonce, expiresAtMs);
    return isNew;
  };
}

const print = (line: string) => new Promise((resolve) => process.stdout.write(`${line}\n`, resolve));

if (manner === 'kill') {
  for (let i = 0; ; i++) {
    const nonce = `${run}-${i}`;
    if (await claim(nonce)) await print(nonce);
  }
}

const use = manner === 'careless' ? carelessClaim() : claim;
await print(`born ${store.bornAtMs}`);
for await (const line of createInterface({ input: process.stdin })) {
  const [round = '', count = ''] = line.split(' ');
  const nonces = Array.from({ length: Number(count) }, (_, i) => `${round}-${i}`);
  try {
    const outcomes = await Promise.all(nonces.map(use));
    await print(JSON.stringify(nonces.filter((_, i) => outcomes[i])));
  } catch (error) {
    await print(error instanceof MacaroonError ? error.code : String(error));
  }
}
await store.close();
process.exit();
