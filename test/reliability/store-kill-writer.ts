/**
 * Writes transactions as fast as it can, many at once, and acknowledges each on stdout once it is committed, until it is killed. With `early`
 * it writes one at a time, and acknowledges one that it then never commits: the test must find that out.
 */

import { randomBytes } from 'node:crypto';
import { parseMasterKey } from '../../src/server/store/master-key.js';
import { openStore } from '../../src/server/store/open-store.js';
import { token, tokenMinted } from '../contract/store-fixtures.js';

const [dataDirectory = '', keyText = '', run = '', manner = ''] = process.argv.slice(2);

const store = await openStore({
  dataDirectory,
  masterKey: parseMasterKey(keyText, 'the test key'),
  clock: Date.now,
  randomBytes: (length) => new Uint8Array(randomBytes(length)),
  mode: 'serve',
  reserveBytes: 64 * 1024,
});

/** As many transactions are committed at most that are not acknowledged when it is killed. */
const writersAtOnce = 16;

const acknowledge = (tokenId: string) => new Promise((resolve) => process.stdout.write(`${tokenId}\n`, resolve));

async function write(tokenId: string, isEarly: boolean): Promise<void> {
  await store.transaction('grow', async (tx) => {
    await tx.appendAudit(tokenMinted(token(tokenId)));
    const known = await tx.client('mail');
    if (known !== undefined) await tx.updateClient({ ...known, lastIssuedAtMs: known.lastIssuedAtMs + 1 });
    if (isEarly) {
      await acknowledge(tokenId);
      await new Promise((resolve) => setTimeout(resolve, 600_000));
    }
  });
  await acknowledge(tokenId);
}

async function writeForEver(writer: number, count: number): Promise<never> {
  for (let i = writer; ; i += count) await write(`token-${run}-${i}`, manner === 'early' && i === 10);
}

const writers = manner === 'early' ? 1 : writersAtOnce;
await Promise.all(Array.from({ length: writers }, (_, i) => writeForEver(i, writers)));
