/** One file of used nonces under several processes: raced for, and killed over. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sqliteReplayStore } from '../../src/verifier/sqlite.js';

const claimer = new URL('replay-claimer.ts', import.meta.url).pathname;
const root = new URL('../..', import.meta.url).pathname;
const isLong = process.env['MACAROOND_TEST_LONG'] !== undefined;
const processes = 4;
const expiresAtMs = Date.now() + 3_600_000;

let directory: string;
let path: string;
const children = new Set<ChildProcessWithoutNullStreams>();
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'macaroond-race-'));
  path = join(directory, 'replay.db');
});
afterEach(async () => {
  const ended = [...children].map((child) => new Promise((resolve) => child.once('close', resolve)));
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(ended);
  rmSync(directory, { recursive: true });
});

interface Claimer {
  /** Its next line; fails when it ends without one. */
  readonly nextLine: () => Promise<string>;
  readonly tell: (line: string) => void;
  /** Lets it end in order. */
  readonly end: () => Promise<void>;
  /** Kills it; resolves to what it had printed and nobody had asked for. */
  readonly kill: () => Promise<readonly string[]>;
}

function start(manner: 'together' | 'careless' | 'kill', run = ''): Claimer {
  const child = spawn(process.execPath, ['--import', 'tsx', claimer, path, manner, run], { cwd: root });
  children.add(child);
  child.stderr.pipe(process.stderr);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const closed = new Promise<void>((resolve) =>
    child.once('close', () => {
      children.delete(child);
      resolve();
    }),
  );
  return {
    nextLine: async () => {
      const line = await lines.next();
      if (line.done) throw new Error('the claimer ended');
      return line.value;
    },
    tell: (line) => child.stdin.write(`${line}\n`),
    end: async () => {
      child.stdin.end();
      await closed;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await closed;
      const rest: string[] = [];
      for (let line = await lines.next(); !line.done; line = await lines.next()) rest.push(line.value);
      return rest;
    },
  };
}

/** How many processes won each nonce of `rounds` rounds, all processes beginning each round together. */
async function race(manner: 'together' | 'careless', rounds: number, noncesPerRound: number) {
  const claimers = Array.from({ length: processes }, () => start(manner));
  const births = new Set(await Promise.all(claimers.map((one) => one.nextLine())));
  const winners = new Map<string, number>();
  for (let round = 0; round < rounds; round++) {
    for (const one of claimers) one.tell(`${round} ${noncesPerRound}`);
    for (const one of claimers) {
      for (const nonce of JSON.parse(await one.nextLine()) as string[]) winners.set(nonce, (winners.get(nonce) ?? 0) + 1);
    }
  }
  const times = [...winners.values()];
  return { births: births.size, won: times.length, wonTwice: times.filter((count) => count > 1).length };
}

describe(`${processes} processes over one file`, () => {
  const rounds = isLong ? 200 : 10;
  const noncesPerRound = isLong ? 500 : 50;

  it(`win each of ${rounds * noncesPerRound} nonces exactly once, and make the file exactly once`, async () => {
    expect(await race('together', rounds, noncesPerRound)).toEqual({ births: 1, won: rounds * noncesPerRound, wonTwice: 0 });
    const database = new Database(path, { readonly: true });
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(database.prepare('select count(*) from replay').pluck().get()).toBe(rounds * noncesPerRound);
    database.close();
  });

  it('that look before they write are found out', async () => {
    expect((await race('careless', 2, 5)).wonTwice).toBeGreaterThan(0);
  });
});

describe('a process that is killed while it claims', () => {
  const cycles = isLong ? 200 : 3;

  it(`has forgotten no claim that it answered, ${cycles} times in a row`, async () => {
    for (let cycle = 0; cycle < cycles; cycle++) {
      const one = start('kill', String(cycle));
      const answered: string[] = [];
      while (answered.length < 20 + ((cycle * 37) % 200)) answered.push(await one.nextLine());
      answered.push(...(await one.kill()));
      const store = sqliteReplayStore(path);
      const outcomes = await Promise.all(answered.map((nonce) => store.claim('mail', nonce, expiresAtMs)));
      expect(answered.filter((_, i) => outcomes[i])).toEqual([]);
      expect(await store.claim('mail', `after ${cycle}`, expiresAtMs)).toBe(true);
      await store.close();
    }
  });

  it('leaves no lock behind for the others', async () => {
    const store = sqliteReplayStore(path);
    const one = start('kill', 'x');
    const answered = [await one.nextLine(), await one.nextLine()];
    answered.push(...(await one.kill()));
    for (const nonce of answered) expect(await store.claim('mail', nonce, expiresAtMs)).toBe(false);
    expect(await store.claim('mail', 'n', expiresAtMs)).toBe(true);
    await store.close();
  });
});

describe('a file that is deleted under a running process', () => {
  it('is made anew by the next one, and neither of the two harms it', async () => {
    const claimer = start('together');
    await claimer.nextLine();
    claimer.tell('before 300');
    expect(JSON.parse(await claimer.nextLine())).toHaveLength(300);
    rmSync(path);
    const beforeMs = Date.now();
    const store = sqliteReplayStore(path);
    expect(store.bornAtMs).toBeGreaterThanOrEqual(beforeMs);
    for (let i = 0; i < 300; i++) expect(await store.claim('mail', `mine-${i}`, expiresAtMs)).toBe(true);
    // It has the old file open and notices.
    claimer.tell('after 1');
    expect(await claimer.nextLine()).toBe('ERR_STORE_UNAVAILABLE');
    claimer.tell('mine 300');
    expect(JSON.parse(await claimer.nextLine())).toEqual([]);
    claimer.tell('after 1');
    expect(JSON.parse(await claimer.nextLine())).toEqual(['after-0']);
    expect(await store.claim('mail', 'after-0', expiresAtMs)).toBe(false);
    await claimer.end();
    expect(existsSync(`${path}-wal`)).toBe(true);
    await store.close();
    const database = new Database(path, { readonly: true });
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok');
    expect(database.prepare('select count(*) from replay').pluck().get()).toBe(301);
    database.close();
  });
});
