/**
 * Requests that come again: many copies at once over four processes that share one file of used nonces, and copies after a restart, an end by force,
 * and the loss of that file.
 */
import { cpSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Intercepted, sendAsItStands } from '../support/man-in-the-middle.js';
import {
  type AttackedIssuer,
  createInstallation,
  failuresOf,
  type Installation,
  mintedIn,
  provedRequest,
  type Scheme,
  schemes,
  serveAttacked,
} from './attacked-issuer.js';

const url = 'http://localhost:8443';
const processes = 4;
const copies = 100;
const rounds = process.env['MACAROOND_TEST_LONG'] === undefined ? 10 : 200;

let installation: Installation;
const agent = new Agent({ keepAlive: true, maxSockets: copies / processes });

beforeAll(async () => {
  installation = await createInstallation();
});
afterAll(() => {
  agent.destroy();
  installation?.remove();
});

const partsOf = (scheme: Scheme) => ({ ...installation.credential(scheme), issuer: url });

describe(`${copies} copies of one request at once, to ${processes} processes`, () => {
  const servers: AttackedIssuer[] = [];
  const dataOf = (index: number) => join(installation.folder, `data-${index}`);

  beforeAll(async () => {
    const replayDb = join(installation.folder, 'replay.db');
    cpSync(join(installation.data, 'replay.db'), replayDb);
    const indices = Array.from({ length: processes }, (_, index) => index);
    for (const index of indices) cpSync(installation.data, dataOf(index), { recursive: true });
    const starts = indices.map((index) => serveAttacked(dataOf(index), url, { MACAROOND_REPLAY_DB: replayDb }));
    servers.push(...(await Promise.all(starts)));
  });
  afterAll(async () => {
    await Promise.all(servers.map(({ process: one }) => one.kill()));
  });

  const portOf = (copy: number) => servers[copy % processes]?.port ?? 0;

  it.each(schemes)(`%s: exactly one is accepted, ${rounds} times`, async (scheme) => {
    for (let round = 0; round < rounds; round++) {
      const request = await provedRequest(partsOf(scheme), portOf(round));
      const sent = Array.from({ length: copies }, (_, copy) => sendAsItStands(portOf(copy), request, agent));
      const statuses = (await Promise.all(sent)).map(({ status }) => status);
      expect(countOf(statuses)).toEqual({ 201: 1, 401: copies - 1 });
    }
  });

  it('the audit logs tell of every copy', async () => {
    await Promise.all(servers.map(({ process: one }) => one.stop()));
    const all = servers.map((_, index) => dataOf(index));
    for (const scheme of schemes) {
      const minted = await Promise.all(all.map((data) => mintedIn(data, scheme)));
      const failures = await Promise.all(all.map((data) => failuresOf(data, scheme)));
      expect({
        scheme,
        minted: sum(minted),
        reasons: [...new Set(failures.flatMap((one) => Object.keys(one)))],
        replayed: sum(failures.map((one) => one['replayed'] ?? 0)),
      }).toEqual({ scheme, minted: rounds, reasons: ['replayed'], replayed: rounds * (copies - 1) });
    }
  });
});

describe('a request that was accepted', () => {
  let server: AttackedIssuer | undefined;
  const serve = async (): Promise<AttackedIssuer> => {
    server = await serveAttacked(installation.data, url);
    return server;
  };
  afterAll(() => server?.process.kill());

  const ends: readonly (readonly [name: string, end: (server: AttackedIssuer) => Promise<unknown>, reason: string])[] = [
    ['a restart', ({ process: one }) => one.stop(), 'replayed'],
    ['an end by force', ({ process: one }) => one.kill(), 'replayed'],
    [
      'the loss of the used nonces',
      async ({ process: one }) => {
        await one.stop();
        for (const suffix of ['', '-wal', '-shm']) rmSync(join(installation.data, `replay.db${suffix}`), { force: true });
      },
      'sent_before_start',
    ],
  ];

  it.each(ends)('is refused after %s', async (_, end, reason) => {
    const before = await serve();
    const captured: (readonly [Scheme, Intercepted])[] = [];
    for (const scheme of schemes)
      captured.push([scheme, await provedRequest(partsOf(scheme), before.port, { aheadMs: aheadOf(scheme) })]);
    for (const [, request] of captured) expect((await sendAsItStands(before.port, request)).status).toBe(201);
    await end(before);
    const noted = await notes(reason);
    const after = await serve();
    for (const [, request] of captured) expect((await sendAsItStands(after.port, request)).status).toBe(401);
    expect(await notes(reason)).toEqual(noted.map(([scheme, count]) => [scheme, count + 1]));
    await after.process.stop();
  });

  const notes = async (reason: string) => {
    const counted: (readonly [Scheme, number])[] = [];
    for (const scheme of schemes) counted.push([scheme, (await failuresOf(installation.data, scheme))[reason] ?? 0]);
    return counted;
  };
});

/** Its window is five seconds, which a restart may take; a clock that is ahead of the issuer's makes it nearly ten. */
function aheadOf(scheme: Scheme): number {
  return scheme === 'shared-key' ? 4_500 : 0;
}

function countOf(statuses: readonly number[]): Readonly<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
