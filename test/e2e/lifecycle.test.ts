/** Starting and stopping: refusals that touch nothing, one writer, signals, a graceful end. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { type IssuerProcess, runCli, startIssuer } from '../support/issuer-process.js';

const running: IssuerProcess[] = [];
const folders: string[] = [];
afterEach(async () => {
  for (const issuer of running.splice(0)) await issuer.dispose();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

async function started(...args: Parameters<typeof startIssuer>): Promise<IssuerProcess> {
  const issuer = await startIssuer(...args);
  running.push(issuer);
  return issuer;
}

/** Content and modification time of every file below `folder`. */
function pictureOf(folder: string): Record<string, string> {
  const picture: Record<string, string> = {};
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const { mtimeMs, mode, isDirectory } = { ...statSync(path), isDirectory: statSync(path).isDirectory() };
    const content = isDirectory ? '' : createHash('sha256').update(readFileSync(path)).digest('hex');
    picture[name] = `${mtimeMs} ${mode} ${content}`;
  }
  return picture;
}

async function stoppedData(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'life-'));
  folders.push(folder);
  const data = join(folder, 'data');
  expect((await runCli(['init', '--data', data])).code).toBe(0);
  return data;
}

describe('the master key', () => {
  const key = (fill: number) => Buffer.from(Array.from({ length: 32 }, (_, i) => fill ^ i)).toString('base64url');

  it.each([
    ['wrong', (file: string) => writeFileSync(file, key(7))],
    ['missing', (file: string) => rmSync(file)],
    ['short', (file: string) => writeFileSync(file, Buffer.alloc(16, 3).toString('base64url'))],
    ['readable by others', (file: string) => chmodSync(file, 0o644)],
  ])('%s: a clear refusal to start, nothing touched', async (_, spoil) => {
    const data = await stoppedData();
    spoil(join(data, 'master.key'));
    const before = pictureOf(data);
    const { code, stderr } = await runCli(['serve', '--data', data, '--port', '0']);
    expect(code).toBe(1);
    expect(stderr.toLowerCase()).toContain('master');
    expect(stderr).not.toContain('    at ');
    expect(pictureOf(data)).toEqual(before);
  });

  it('comes from a file of its own or from the environment', async () => {
    const data = await stoppedData();
    const text = readFileSync(join(data, 'master.key'), 'utf8').trim();
    const elsewhere = join(data, '..', 'elsewhere.key');
    writeFileSync(elsewhere, text, { mode: 0o600 });
    rmSync(join(data, 'master.key'));
    const fromFile = await started({ data, env: { MACAROOND_MASTER_KEY_FILE: elsewhere } });
    expect((await fromFile.api('GET', '/readyz')).status).toBe(200);
    await fromFile.stop();
    const fromEnvironment = await started({ data, env: { MACAROOND_MASTER_KEY: text } });
    expect((await fromEnvironment.api('GET', '/readyz')).status).toBe(200);
  });

  it('both given: refused', async () => {
    const data = await stoppedData();
    const env = { MACAROOND_MASTER_KEY: key(1), MACAROOND_MASTER_KEY_FILE: join(data, 'master.key') };
    expect((await runCli(['serve', '--data', data, '--port', '0'], { env })).code).toBe(1);
  });
});

describe('a running issuer', () => {
  it('refuses a second server on the same data, and frees it when killed', async () => {
    const issuer = await started();
    const second = await runCli(['serve', '--data', issuer.data, '--port', '0']);
    expect(second.code).toBe(1);
    await issuer.kill();
    const again = await started({ data: issuer.data });
    expect((await again.api('GET', '/readyz')).status).toBe(200);
  });

  it('does not open an inspector on SIGUSR1', async () => {
    const issuer = await started();
    issuer.child.kill('SIGUSR1');
    expect((await issuer.api('GET', '/livez')).status).toBe(200);
    expect(issuer.output().stderr).not.toContain('Debugger listening');
  });

  it('ends within ten seconds on SIGTERM, with busy keep-alive clients and no broken answer', async () => {
    const issuer = await started();
    const agent = new Agent({
      connect: { ca: readFileSync(join(issuer.data, 'ca.crt'), 'utf8') },
      pipelining: 1,
      connections: 20,
    });
    let answered = 0;
    const broken: string[] = [];
    let stopping = false;
    const client = async () => {
      for (;;) {
        try {
          const response = await request(`${issuer.url}/livez`, { dispatcher: agent });
          await response.body.text();
          answered++;
          if (stopping && response.headers['connection'] === 'close') return;
        } catch (error) {
          const code = (error as NodeJS.ErrnoException).code ?? String(error);
          // A connection refused after the listener closed is no broken request; one cut in the middle would be.
          if (!(stopping && ['ECONNREFUSED', 'ECONNRESET', 'UND_ERR_SOCKET'].includes(code))) broken.push(code);
          return;
        }
      }
    };
    const clients = Promise.all(Array.from({ length: 20 }, client));
    while (answered < 200) await new Promise((resolve) => setImmediate(resolve));
    stopping = true;
    const begin = Date.now();
    expect(await issuer.stop()).toBe(0);
    expect(Date.now() - begin).toBeLessThan(10_000);
    await clients;
    expect(broken).toEqual([]);
    await agent.destroy();
  });

  it('refuses plain HTTP beyond loopback and serves it on loopback', async () => {
    const data = await stoppedData();
    expect((await runCli(['serve', '--data', data, '--port', '0', '--host', '0.0.0.0', '--plain-http'])).code).toBe(2);
    const issuer = await started({ data, args: ['--plain-http'] });
    expect(issuer.url).toMatch(/^http:\/\/127\.0\.0\.1:/);
    expect((await issuer.api('GET', '/livez')).status).toBe(200);
  });

  it('refuses a certificate and a key that do not belong together', async () => {
    const data = await stoppedData();
    const pair = (name: string) => {
      const files = { cert: join(data, '..', `${name}.crt`), key: join(data, '..', `${name}.key`) };
      const request = [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-days',
        '2',
        '-subj',
        '/CN=localhost',
      ];
      execFileSync('openssl', [...request, '-keyout', files.key, '-out', files.cert], { stdio: 'ignore' });
      return files;
    };
    const own = pair('own');
    const args = ['serve', '--data', data, '--port', '0', '--tls-cert', own.cert, '--tls-key', pair('other').key];
    const { code, stderr } = await runCli(args);
    expect(code).toBe(2);
    expect(stderr).toContain('own.crt');
  });

  it('refuses an unknown setting and names the nearest', async () => {
    const data = await stoppedData();
    writeFileSync(join(data, 'config.json'), '{"trusted_proxy":["10.0.0.0/8"]}');
    const { code, stderr } = await runCli(['serve', '--data', data, '--port', '0']);
    expect(code).toBe(2);
    expect(stderr).toContain('trusted_proxies');
  });
});
