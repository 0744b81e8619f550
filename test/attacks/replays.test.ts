/**
 * Requests that come again: many copies at once over four processes that share one file of used nonces, and copies after a restart, an end by force,
 * and the loss of that file.
 */
import { randomBytes } from 'node:crypto';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeUtf8, encodeUtf8 } from '../../src/core/index.js';
import { sealRequest } from '../../src/protocol/sealed-request.js';
import { type Intercepted, sendAsItStands } from '../support/man-in-the-middle.js';
import {
  type AttackedIssuer,
  askAt,
  auditOf,
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

  const startMs = Date.now();
  const portOf = (copy: number) => servers[copy % processes]?.port ?? 0;

  it.each(schemes)(`%s: exactly one is accepted, ${rounds} times`, async (scheme) => {
    for (let round = 0; round < rounds; round++) {
      const request = await provedRequest(partsOf(scheme), askAt(portOf(round)));
      const sent = Array.from({ length: copies }, (_, copy) => sendAsItStands(portOf(copy), request, agent));
      const statuses = (await Promise.all(sent)).map(({ status }) => status);
      expect(countOf(statuses)).toEqual({ 201: 1, 401: copies - 1 });
    }
  });

  it(`a sealed request of an administrator: exactly one is accepted, ${rounds} times`, async () => {
    const token = await administrationToken(portOf(0));
    for (let round = 0; round < rounds; round++) {
      const request = sealedList(token);
      const sent = Array.from({ length: copies }, (_, copy) => sendAsItStands(portOf(copy), request, agent));
      const statuses = (await Promise.all(sent)).map(({ status }) => status);
      expect(countOf(statuses)).toEqual({ 200: 1, 401: copies - 1 });
    }
  });

  it('the audit logs tell of every copy, in a few lines', async () => {
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
    const denials = (await Promise.all(all.map((data) => auditOf(data, { event: 'token.denied' })))).flat();
    expect(sum(denials.map(({ details }) => Number(details['count'])))).toBe(rounds * (copies - 1));
    expect(new Set(denials.map(({ details }) => details['reason']))).toEqual(new Set(['ERR_REQUEST_REPEATED']));
    // The first of each minute and process, and one that counts the others.
    const minutes = Math.ceil((Date.now() - startMs) / 60_000) + 1;
    expect(denials.length).toBeLessThanOrEqual(2 * processes * minutes);
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
    const before = server ?? (await serve());
    const noted = await notes(reason);
    const captured: (readonly [Scheme, Intercepted])[] = [];
    for (const scheme of schemes)
      captured.push([scheme, await provedRequest(partsOf(scheme), askAt(before.port), { aheadMs: aheadOf(scheme) })]);
    for (const [, request] of captured) expect((await sendAsItStands(before.port, request)).status).toBe(201);
    await end(before);
    const after = await serve();
    // The one with the shortest window was captured last.
    for (const [, request] of captured.toReversed()) expect((await sendAsItStands(after.port, request)).status).toBe(401);
    expect(await notes(reason)).toEqual(noted.map(([scheme, count]) => [scheme, count + 1]));
  });

  const notes = async (reason: string) => {
    const counted: (readonly [Scheme, number])[] = [];
    for (const scheme of schemes) counted.push([scheme, (await failuresOf(installation.data, scheme))[reason] ?? 0]);
    return counted;
  };
});

/** A token for administration, by the secret of the first administrator. */
async function administrationToken(port: number): Promise<string> {
  const { client, secret } = JSON.parse(readFileSync(join(installation.data, 'admin.json'), 'utf8'));
  const body = encodeUtf8('{"audience":"macaroond"}');
  const authorization = `Basic ${Buffer.from(`${client}:${secret}`).toString('base64')}`;
  const headers = [
    'host',
    'localhost',
    'content-type',
    'application/json',
    'content-length',
    '0',
    'authorization',
    authorization,
  ];
  const answer = await sendAsItStands(port, { method: 'POST', target: '/v1/tokens', headers, body });
  return JSON.parse(decodeUtf8(answer.body)).token;
}

/** A sealed request for the list of clients. */
function sealedList(token: string): Intercepted {
  const { host } = new URL(url);
  const request = { method: 'GET', authority: host, target: '/v1/clients', body: new Uint8Array() };
  const { text } = sealRequest(token, request, { clock: Date.now, randomBytes });
  return { ...request, headers: ['host', host, 'authorization', `Macaroon ${text}`] };
}

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
