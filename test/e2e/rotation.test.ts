/** Secrets are exchanged under load, with a real issuer: nobody is refused; and no secret goes over plain HTTP beyond this machine, on either side. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issuerClient, loadCredential } from '../../src/client/index.js';
import { type IssuerProcess, runCli, startIssuer } from '../support/issuer-process.js';

const audience = 'invoice';
let issuer: IssuerProcess;
let folder: string;
let admin: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rotation-'));
  issuer = await startIssuer();
  admin = await issuer.adminToken();
  await issuer.api('POST', '/v1/audiences', { macaroon: admin, body: { audience } });
});
afterAll(async () => {
  await issuer?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** Mints one token after the other, with whatever credential is the current one, until told to stop. */
function keepMinting(current: () => ReturnType<typeof issuerClient>) {
  const outcomes: string[] = [];
  let isStopped = false;
  const worker = async () => {
    while (!isStopped) {
      outcomes.push(
        await current()
          .mint({ audience })
          .then(
            () => 'ok',
            (error: { readonly code?: string; readonly problem?: string }) => `${error.code} ${error.problem}`,
          ),
      );
    }
  };
  const work = Promise.all([worker(), worker(), worker()]);
  return {
    outcomes,
    /** Resolves once `count` more were minted. */
    more: async (count: number) => {
      const target = outcomes.length + count;
      while (outcomes.length < target) await new Promise((resolve) => setImmediate(resolve));
    },
    stop: async () => {
      isStopped = true;
      await work;
    },
  };
}

describe.each([
  ['client_secret_basic', []],
  ['http_sig', ['--hmac']],
  ['encrypted_time', []],
] as const)('the secret of %s', (method, flags) => {
  it('is exchanged while requests run: two live ones, the old one retired, none refused', async () => {
    const client = `rotating-${method.replaceAll('_', '-')}`;
    const grants = [{ audience, actions: ['invoices:read'] }];
    const body = { client, auth: [[method]], grants };
    const made = await issuer.api('POST', '/v1/clients', { macaroon: admin, body });
    for (const { credential_id } of made.body.credentials) {
      await issuer.api('POST', `/v1/credentials/${credential_id}/retire`, { macaroon: admin, body: {} });
    }
    const add = async (name: string) => {
      const file = join(folder, `${client}-${name}.json`);
      await issuer.cliJson(['credential', 'add', client, method, ...flags, '--out', file]);
      return await loadCredential(file);
    };
    const old = await add('old');
    const oldClient = issuerClient(old);
    let current = oldClient;
    const minting = keepMinting(() => current);
    await minting.more(10);
    const next = await add('new');
    const newClient = issuerClient(next);
    // Both are good while the new one is handed out.
    await newClient.mint({ audience });
    await minting.more(10);
    const third = await runCli(['credential', 'add', client, method, ...flags, '--json'], {
      env: { MACAROOND_DATA: issuer.data },
    });
    expect(third.code).toBe(1);
    expect(third.stderr).toContain('conflict');
    current = newClient;
    // Those under way with the old secret end before it is retired.
    await minting.more(10);
    const retired = await issuer.cliJson(['credential', 'retire', client, old.credentialId]);
    expect(retired).toMatchObject({ state: 'retired' });
    await minting.more(20);
    await minting.stop();
    expect(minting.outcomes.filter((outcome) => outcome !== 'ok')).toEqual([]);
    await expect(oldClient.mint({ audience })).rejects.toMatchObject({ code: 'ERR_ISSUER_REFUSED', problem: 'invalid_client' });
    await Promise.all([oldClient.close(), newClient.close()]);
  });
});

describe('plain HTTP', () => {
  it('is not served beyond this machine', async () => {
    const data = join(folder, 'plain');
    for (const host of ['0.0.0.0', '::']) {
      const { code, stderr } = await runCli(['serve', '--json', '--data', data, '--plain-http', '--host', host, '--port', '0']);
      expect([host, code]).toEqual([host, 2]);
      expect(stderr).toContain('ERR_CONFIG');
    }
  });

  it.each(['http://issuer.test', 'http://10.0.0.1:8443', 'http://127.0.0.1.evil.test', 'http://localhost.evil.test'])(
    'is not spoken by a client: %s',
    async (url) => {
      const client = () => issuerClient({ issuer: url, client: 'mail', secret: 'mcs_x' });
      expect(client).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT', argument: 'issuer' }));
    },
  );
});
