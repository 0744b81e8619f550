import { spawn } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeBase64url } from '../../src/core/index.js';
import type { IssuerStore } from '../../src/server/store/sqlite-store.js';
import { auditEvent, fillStore } from '../contract/store-fixtures.js';
import { type TemporaryData, temporaryData } from '../unit/server/store/temporary-store.js';

const writer = new URL('store-kill-writer.ts', import.meta.url).pathname;
const root = new URL('../..', import.meta.url).pathname;
const cycles = process.env['MACAROOND_TEST_LONG'] ? 200 : 3;

let data: TemporaryData;
beforeEach(async () => {
  data = temporaryData();
  const store = await data.create();
  await store.transaction('grow', fillStore);
  await store.close();
});
afterEach(() => data.dispose());

interface Killed {
  readonly acknowledged: readonly string[];
  readonly signal: NodeJS.Signals | null;
}

/** Runs a writer, does `amid` once it has acknowledged `count` transactions, and kills it. */
async function writeAndKill(run: string, count: number, manner = 'honest', amid = async () => {}): Promise<Killed> {
  const key = encodeBase64url(data.options.masterKey.export());
  const child = spawn(process.execPath, ['--import', 'tsx', writer, data.directory, key, run, manner], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  let isReached = () => {};
  const reached = new Promise<void>((resolve) => {
    isReached = resolve;
  });
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
    if (text.split('\n').length > count) isReached();
  });
  const closed = new Promise<NodeJS.Signals | null>((resolve) => child.on('close', (_, signal) => resolve(signal)));
  await Promise.race([reached, closed]);
  try {
    await amid();
  } finally {
    child.kill('SIGKILL');
  }
  return { signal: await closed, acknowledged: text.split('\n').slice(0, -1) };
}

/** What was acknowledged but is not there. */
async function lost(store: IssuerStore, acknowledged: readonly string[]): Promise<readonly string[]> {
  const missing: string[] = [];
  for (const tokenId of acknowledged) {
    const entries = await store.read.audit({ tokenId, limit: 2 });
    if ((await store.read.token(tokenId)) === undefined || entries.length !== 1) missing.push(tokenId);
  }
  return missing;
}

describe('a writer that is killed', () => {
  it(`loses nothing that it acknowledged, ${cycles} times in a row`, async () => {
    const all: string[] = [];
    for (let cycle = 0; cycle < cycles; cycle++) {
      const { acknowledged, signal } = await writeAndKill(String(cycle), 20 + ((cycle * 97) % 400));
      expect(signal).toBe('SIGKILL');
      expect(acknowledged.length).toBeGreaterThanOrEqual(20);
      all.push(...acknowledged);
      // The lock died with the writer.
      const store = await data.open();
      expect(await lost(store, acknowledged)).toEqual([]);
      const chain = await store.verifyAuditChain();
      expect(chain).toMatchObject({ ok: true });
      // One transaction of each that writes at once may be committed and not acknowledged any more.
      const issued = (await store.read.client('mail'))?.lastIssuedAtMs ?? 0;
      expect(issued).toBe(chain.entries - 1);
      expect(issued - all.length).toBeGreaterThanOrEqual(0);
      expect(issued - all.length).toBeLessThanOrEqual((cycle + 1) * 16);
      await store.close();
    }
  });

  it('that acknowledges before it commits is found out', async () => {
    const { acknowledged } = await writeAndKill('x', 11, 'early');
    expect(acknowledged).toHaveLength(11);
    const store = await data.open();
    expect(await lost(store, acknowledged)).toEqual(['token-x-10']);
    expect(await store.verifyAuditChain()).toMatchObject({ ok: true, entries: 11 });
  });

  it('shuts a second server out while it lives, and lets readers and a short-lived writer in', async () => {
    const { acknowledged } = await writeAndKill('y', 5, 'honest', async () => {
      await expect(data.open()).rejects.toMatchObject({ code: 'ERR_DATA_DIRECTORY' });
      const reader = await data.open({ mode: 'read' });
      expect(await reader.verifyAuditChain()).toMatchObject({ ok: true });
      await reader.close();
      const local = await data.open({ mode: 'local' });
      for (let i = 0; i < 20; i++) await local.transaction('grow', (tx) => tx.appendAudit(auditEvent('beside')));
      await local.close();
    });
    const store = await data.open();
    expect(await lost(store, acknowledged)).toEqual([]);
    expect(await store.read.audit({ event: 'beside', limit: 100 })).toHaveLength(20);
    expect(await store.verifyAuditChain()).toMatchObject({ ok: true });
  });
});
