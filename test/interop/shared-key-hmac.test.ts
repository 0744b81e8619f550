/** The client of `docs/shared-key-hmac.md`, in bash, openssl and curl, run as it stands there against a real issuer and against somebody in between. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, request as httpsRequest, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ServerAtHand, serverAtHand } from '../support/server-at-hand.js';

const page = readFileSync(new URL('../../docs/shared-key-hmac.md', import.meta.url), 'utf8');
const [functions = '', enrolling = '', minting = '', ...others] = [...page.matchAll(/^```bash\n([\s\S]*?)^```$/gm)].map(
  ([, code]) => code,
);

let server: ServerAtHand;
let folder: string;
const closing: Server[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'shared-key-'));
  server = await serverAtHand();
  await server.issuer.createAudience(server.admin(), 'invoice');
});
afterAll(async () => {
  for (const one of closing) one.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(code: string, env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const options = { cwd: folder, env: { PATH: process.env['PATH'], ISSUER: server.url, CA: server.caFile, ...env } };
  return new Promise((resolve) =>
    execFile('bash', ['--norc', '-c', `${functions}\n${code}`], options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    ),
  );
}

async function invited(name: string): Promise<Readonly<Record<string, string>>> {
  const { invitation, shared_key } = await server.issuer.createInvitation(server.admin(), { name });
  return { INVITATION: invitation, SHARED_KEY: shared_key };
}

type Tamper = (answer: { status: number; body: string; mac: string | undefined }) => {
  readonly status?: number;
  readonly body?: string;
  readonly mac?: string | undefined;
};

/** Somebody with a certificate that the client accepts, who passes requests on and changes answers. */
async function inBetween(tamper: Tamper): Promise<string> {
  const proxy = createServer(server.identity, (incoming, outgoing) => {
    const { method, url, headers } = incoming;
    const passed = httpsRequest(`${server.url}${url}`, { method, headers, ca: readFileSync(server.caFile) }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const mac = answer.headers['macaroond-mac'] as string | undefined;
        const told = { status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString(), mac };
        const changed = { ...told, ...tamper(told) };
        if (changed.mac !== undefined) outgoing.setHeader('Macaroond-Mac', changed.mac);
        outgoing.writeHead(changed.status).end(changed.body);
      });
    });
    incoming.pipe(passed);
  });
  closing.push(proxy);
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return `https://localhost:${(proxy.address() as AddressInfo).port}`;
}

describe('the shell client of the documentation', () => {
  it('is all of the page', () => {
    expect(others).toEqual([]);
    expect(enrolling).toContain('enrol ');
    expect(minting).toContain('request mail POST /v1/tokens');
  });

  it('enrols, is refused without a grant in a proved answer, and mints once it has one', async () => {
    const enrolled = await run(enrolling, await invited('mail'));
    expect(enrolled, enrolled.stderr).toMatchObject({ code: 0 });
    expect(JSON.parse(enrolled.stdout)).toEqual({ client: 'mail', credential_id: expect.stringMatching(/^crd_/) });
    expect(statSync(join(folder, 'mail.key')).mode & 0o777).toBe(0o600);

    const refused = await run(minting);
    expect(refused).toMatchObject({ code: 1, stderr: '' });
    expect(JSON.parse(refused.stdout)).toMatchObject({ code: 'grant_exceeded' });

    await server.issuer.putGrant(server.admin(), 'mail', { audience: 'invoice', actions: ['invoices:read'] });
    const minted = await run(minting);
    expect(minted, minted.stderr).toMatchObject({ code: 0 });
    expect(JSON.parse(minted.stdout)).toMatchObject({
      client: 'mail',
      audience: 'invoice',
      token: expect.stringMatching(/^mcr_/),
    });
  });
});

describe('the shell client, with somebody in between', () => {
  const mintingAsRelay = minting.replace('request mail', 'request relay');

  beforeAll(async () => {
    await run(enrolling.replace(' mail', ' relay'), await invited('relay'));
    await server.issuer.putGrant(server.admin(), 'relay', { audience: 'invoice', actions: ['invoices:read'] });
  });

  it.each<[string, Tamper]>([
    ['with another body', ({ body }) => ({ body: body.replace('"client":"relay"', '"client":"mail"') })],
    ['with one byte more', ({ body }) => ({ body: `${body}\n` })],
    ['with another status', () => ({ status: 200 })],
    ['with a proof of another time', ({ mac }) => ({ mac: mac?.replace(/sent=\d/, 'sent=2') })],
    ['without a proof', () => ({ mac: undefined })],
  ])('notices an answer %s', async (_, tamper) => {
    const ISSUER = await inBetween(tamper);
    const forged = await run(mintingAsRelay, { ISSUER });
    expect(forged).toMatchObject({ code: 3, stdout: '' });
    expect(forged.stderr).toContain('INTERFERENCE');
  });

  it('gets through somebody who changes nothing', async () => {
    const minted = await run(mintingAsRelay, { ISSUER: await inBetween(() => ({})) });
    expect(minted, minted.stderr).toMatchObject({ code: 0, stderr: '' });
  });

  it('notices that it was not the issuer who enrolled it', async () => {
    const forged = await run(enrolling.replace(' mail', ' shop'), {
      ...(await invited('shop')),
      ISSUER: await inBetween(({ body }) => ({ body: body.replace('crd_', 'crd-') })),
    });
    expect(forged).toMatchObject({ code: 3, stdout: '' });
  });

  it('is refused with a shared key that is not the invitation’s, by an answer that nobody could have proved', async () => {
    const { INVITATION = '' } = await invited('other');
    const wrong = await run(enrolling.replace(' mail', ' other'), { INVITATION, SHARED_KEY: 'A'.repeat(43) });
    expect(wrong).toMatchObject({ code: 3, stdout: '' });
    expect(wrong.stderr).toContain('status 401');
  });
});
