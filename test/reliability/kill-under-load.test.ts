/**
 * SIGKILL under load: every answered token, client and revocation is there afterwards, with its audit row, and the chain holds.
 * Three times in the suite, 200 times in the long run.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type IssuerProcess, startIssuer } from '../support/issuer-process.js';

const cycles = process.env['MACAROOND_TEST_LONG'] === undefined ? 3 : 200;
let issuer: IssuerProcess | undefined;
afterAll(() => issuer?.dispose());

interface Acknowledged {
  readonly tokens: { readonly id: string; readonly text: string }[];
  readonly clients: string[];
  readonly revoked: string[];
}

/** Mints, adds clients and revokes until the connection breaks; keeps what was answered with success. */
async function load(
  server: IssuerProcess,
  worker: string,
  mail: { client: string; secret: string },
  seen: Acknowledged,
): Promise<void> {
  const admin = await server.adminToken();
  try {
    for (let i = 0; ; i++) {
      const minted = await server.api('POST', '/v1/tokens', { basic: mail, body: { audience: 'invoice' } });
      if (minted.status !== 201) throw new Error(`mint answered ${minted.status}`);
      seen.tokens.push({ id: minted.body.token_id, text: minted.body.token });
      if (i % 5 === 1) {
        const added = await server.api('POST', '/v1/clients', { macaroon: admin, body: { client: `c-${worker}-${i}` } });
        if (added.status === 201) seen.clients.push(`c-${worker}-${i}`);
      }
      if (i % 3 === 2) {
        const body = { kind: 'token', token_id: minted.body.token_id };
        const revoked = await server.api('POST', '/v1/revocations', { macaroon: admin, body });
        if (revoked.status === 201) seen.revoked.push(minted.body.token_id);
      }
    }
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('mint answered')) throw error;
    // The connection broke: what we wait for.
  }
}

async function auditIds(server: IssuerProcess, admin: string, event: string): Promise<Set<string>> {
  const ids = new Set<string>();
  let after = 0;
  for (;;) {
    const { body } = await server.api('GET', `/v1/audit?event=${event}&after=${after}&limit=1000`, { macaroon: admin });
    for (const entry of body.entries) ids.add(entry.token_id ?? entry.client);
    if (!body.more) return ids;
    after = body.cursor;
  }
}

describe('an issuer killed under load', () => {
  it(`loses nothing that it answered, ${cycles} times`, async () => {
    issuer = await startIssuer();
    await issuer.cliJson(['audience', 'add', 'invoice']);
    const [mail] = (await issuer.cliJson(['client', 'add', 'mail', '--grant', 'invoice=invoices:read'])).credentials;
    const invoiceFile = join(issuer.data, 'invoice.json');
    await issuer.cliJson(['client', 'add', 'invoice-server', '--verifier-of', 'invoice', '--out', invoiceFile]);
    const invoice = JSON.parse(readFileSync(invoiceFile, 'utf8'));

    for (let cycle = 0; cycle < cycles; cycle++) {
      const server: IssuerProcess = issuer;
      const seen: Acknowledged = { tokens: [], clients: [], revoked: [] };
      const workers = Promise.all([0, 1, 2, 3].map((n) => load(server, `${cycle}-${n}`, mail, seen)));
      // The moment of death comes with the work, not with the clock: after a number of answers that differs by the cycle.
      const enough = 20 + ((cycle * 37) % 60);
      await new Promise<void>((resolve) => {
        const timer = setInterval(() => {
          if (seen.tokens.length < enough) return;
          clearInterval(timer);
          resolve();
        }, 1);
      });
      await server.kill();
      await workers;
      expect(seen.revoked.length).toBeGreaterThan(0);

      issuer = await server.restart();
      const restarted = issuer;
      const admin = await restarted.adminToken();
      const minted = await auditIds(restarted, admin, 'token.minted');
      expect(seen.tokens.filter(({ id }) => !minted.has(id))).toEqual([]);
      const revoked = await auditIds(restarted, admin, 'revoked.token');
      expect(seen.revoked.filter((id) => !revoked.has(id))).toEqual([]);
      const created = await auditIds(restarted, admin, 'client.created');
      expect(seen.clients.filter((name) => !created.has(name))).toEqual([]);
      const { body: listed } = await restarted.api('GET', '/v1/clients', { macaroon: admin });
      const names = new Set(listed.clients.map((one: { client: string }) => one.client));
      expect(seen.clients.filter((name) => !names.has(name))).toEqual([]);

      for (const { id, text } of seen.tokens.slice(-20)) {
        const { body } = await restarted.api('POST', '/v1/verify', {
          basic: invoice,
          body: { token: text, audience: 'invoice', context: { action: 'invoices:read' } },
        });
        // A revocation may have been committed without its answer having arrived; an answered one must hold.
        if (seen.revoked.includes(id)) expect(body).toMatchObject({ authorized: false, code: 'ERR_REVOKED_TOKEN' });
        else if (!revoked.has(id)) expect(body).toMatchObject({ authorized: true, token_id: id });
      }
      expect((await restarted.cliJson(['audit', 'verify'])).ok).toBe(true);
    }
  }, 3_600_000);
});
