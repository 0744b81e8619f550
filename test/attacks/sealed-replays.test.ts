/** Sealed requests that come again: many copies at once over four processes of a service, and copies after its restart, its end by force, and the loss of its file. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keySigner } from '../../src/client/key-signer.js';
import { encodeUtf8 } from '../../src/core/index.js';
import { contentDigest, jwkThumbprint, spkiPublicJwk } from '../../src/protocol/http-signature/index.js';
import { sealRequest } from '../../src/protocol/sealed-request.js';
import { sqliteReplayStore } from '../../src/verifier/sqlite.js';
import { type Intercepted, sendAsItStands } from '../support/man-in-the-middle.js';
import { tokenOf } from '../unit/verifier/samples.js';

const steps = new URL('sealed-service-steps.ts', import.meta.url).pathname;
const root = new URL('../..', import.meta.url).pathname;
const origin = 'http://invoice.example';
const processes = 4;
const copies = 100;
const rounds = process.env['MACAROOND_TEST_LONG'] === undefined ? 10 : 200;

let folder: string;
let replayDb: string;
const agent = new Agent({ keepAlive: true, maxSockets: copies / processes });

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sealed-'));
  replayDb = join(folder, 'replay.db');
  // It was there before any request.
  sqliteReplayStore(replayDb, { bornAtMs: 0 }).close();
});
afterAll(() => {
  agent.destroy();
  rmSync(folder, { recursive: true });
});

interface Service {
  readonly port: number;
  readonly child: ChildProcessWithoutNullStreams;
}

async function serve(): Promise<Service> {
  const child = spawn(process.execPath, ['--import', 'tsx', steps, replayDb, origin], { cwd: root });
  child.stderr.pipe(process.stderr);
  for await (const line of createInterface({ input: child.stdout })) return { port: Number(line), child };
  throw new Error('the service did not start');
}

/** Ends the service in order, or by force. */
async function end({ child }: Service, byForce = false): Promise<void> {
  const ended = once(child, 'close');
  if (byForce) child.kill('SIGKILL');
  else child.stdin.end();
  await ended;
}

/** What proves a request to be made by who holds the token: a seal, or a signature by the key that the token names. */
const proofs: readonly (readonly [name: string, make: () => Promise<Intercepted>])[] = [
  ['sealed', async () => sealedPost()],
  ['signed by the key of the token', () => signedPost()],
];
const method = 'POST';
const target = '/invoices';
const body = encodeUtf8('{"sum":42}');
const lifetime = () => ({ issuedAtMs: Date.now() - 1_000, expiresAtMs: Date.now() + 3_600_000 });
const common = { host: new URL(origin).host, 'content-type': 'application/json', 'content-length': String(body.length) };

function sealedPost(): Intercepted {
  const request = { method, authority: new URL(origin).host, target, contentType: 'application/json', body };
  const { text } = sealRequest(tokenOf(lifetime()), request, { clock: Date.now, randomBytes });
  return { method, target, headers: Object.entries({ ...common, authorization: `Macaroon ${text}` }).flat(), body };
}

const key = generateKeyPairSync('ed25519');
const thumbprint = jwkThumbprint(spkiPublicJwk(new Uint8Array(key.publicKey.export({ type: 'spki', format: 'der' }))));
const pem = key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

async function signedPost(): Promise<Intercepted> {
  const sign = await keySigner({ privateKey: pem, algorithm: 'ed25519' });
  const token = tokenOf({ ...lifetime(), conditions: [`cnf jkt:${thumbprint}`] });
  const headers = { ...common, authorization: `Macaroon ${token}`, 'content-digest': contentDigest(body) };
  const signature = await sign({ origin, target, method, headers, body }, Date.now(), randomBytes);
  return { method, target, headers: Object.entries({ ...headers, ...signature }).flat(), body };
}

describe(`${copies} copies of one request at once, to ${processes} processes of a service`, () => {
  let services: readonly Service[] = [];
  beforeAll(async () => {
    services = await Promise.all(Array.from({ length: processes }, () => serve()));
  });
  afterAll(() => Promise.all(services.map((service) => end(service, true))));

  it.each(proofs)(`%s: exactly one is carried out, ${rounds} times`, async (_, make) => {
    for (let round = 0; round < rounds; round++) {
      const request = await make();
      const sent = Array.from({ length: copies }, async (_value, copy) => {
        const { status } = await sendAsItStands(services[copy % processes]?.port ?? 0, request, agent);
        return status;
      });
      const statuses = await Promise.all(sent);
      expect(statuses.filter((status) => status === 201)).toHaveLength(1);
      expect(statuses.filter((status) => status === 401)).toHaveLength(copies - 1);
    }
  });
});

describe('a request that was carried out', () => {
  let service: Service | undefined;
  afterAll(async () => {
    if (service !== undefined) await end(service, true);
  });

  const ends: readonly (readonly [name: string, stop: (service: Service) => Promise<void>])[] = [
    ['a restart', (service) => end(service)],
    ['an end by force', (service) => end(service, true)],
    [
      'the loss of the used nonces',
      async (service) => {
        await end(service);
        for (const suffix of ['', '-wal', '-shm']) rmSync(`${replayDb}${suffix}`, { force: true });
      },
    ],
  ];

  it.each(ends)('is refused after %s', async (_, stop) => {
    const before = service ?? (await serve());
    const captured: Intercepted[] = [];
    for (const [, make] of proofs) captured.push(await make());
    for (const request of captured) expect((await sendAsItStands(before.port, request)).status).toBe(201);
    await stop(before);
    service = undefined;
    const after = await serve();
    service = after;
    for (const request of captured) {
      const answer = await sendAsItStands(after.port, request);
      expect([answer.status, JSON.parse(new TextDecoder().decode(answer.body))]).toMatchObject([
        401,
        { code: 'request_repeated' },
      ]);
    }
  });
});
