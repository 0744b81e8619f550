/** What the command line tells when a proof fails that is not a password: an answer without one, and a client certificate that is refused. */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { mintedAnswer } from '../client/minted-answer.js';
import { createAuthority, createFolder, type KeyPair, selfSigned } from '../transport/certificates.js';
import { sendJson, startServer } from '../transport/servers.js';
import { cli } from './cli-harness.js';

const ends: (() => unknown)[] = [];

afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
});

async function keepCredential(members: object): Promise<string> {
  const path = join(await createFolder(), 'mail.json');
  await writeFile(path, JSON.stringify({ version: 1, client: 'mail', credential_id: 'c1', ...members }), { mode: 0o600 });
  return path;
}

/**
 * TLS of openssl that takes no client certificates but those of `authority`, and says so by an alert; with TLS 1.3
 * the end of the connection may overtake it. Resolves to its port.
 */
function strictServer(pair: KeyPair, keyFile: string, caFile: string): Promise<number> {
  const strict = ['-tls1_2', '-Verify', '1', '-verify_return_error', '-CAfile', caFile];
  const server = spawn('openssl', [
    's_server',
    '-accept',
    '0',
    '-www',
    '-cert',
    pair.certificateFile,
    '-key',
    keyFile,
    ...strict,
  ]);
  const ended = new Promise((resolve) => server.once('close', resolve));
  ends.push(async () => {
    server.kill();
    await ended;
  });
  return new Promise((resolve, reject) => {
    let text = '';
    server.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      const port = /ACCEPT \S+:(\d+)/.exec(text)?.[1];
      if (port !== undefined) resolve(Number(port));
    });
    server.once('exit', () => reject(new Error(`openssl ended: ${text}`)));
  });
}

describe('mint', () => {
  it('tells of an answer that does not prove itself, and that nobody knows what became of the request', async () => {
    const answer = mintedAnswer({ client: 'mail', audience: 'invoice', actions: ['invoices:read'], lifeMs: 600_000 });
    const server = await startServer((_, response) => sendJson(response, 201, answer));
    ends.push(() => server.close());
    const key = Buffer.alloc(32, 7).toString('base64url');
    const file = await keepCredential({ issuer: server.url, auth_method: 'shared_key_hmac', key });
    const { code, stdout, stderr } = await cli(['mint', '--audience', 'invoice', '--credential', file, '--json']);
    expect([code, stdout]).toEqual([4, '']);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'ERR_INTERFERENCE', hint: expect.stringContaining('not known') } });
  });

  it('tells of a client certificate that the issuer refuses', async () => {
    const authority = await createAuthority();
    const genuine = await authority.issue('DNS:localhost');
    const mail = await selfSigned('URI:spiffe://macaroond/client/mail');
    const port = await strictServer(genuine, genuine.certificateFile.replace(/crt$/, 'key'), authority.certificateFile);
    const side = { certificate: mail.certificate, certificate_key: mail.key, ca: authority.certificate };
    const file = await keepCredential({ issuer: `https://localhost:${port}`, auth_method: 'tls_client_auth', ...side });
    const { code, stderr } = await cli(['mint', '--audience', 'invoice', '--credential', file, '--json']);
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'ERR_ISSUER_REFUSED', hint: expect.stringContaining('certificate_key') },
    });
    expect(code).toBe(3);
  });
});
