/** A real issuer that serves with a certificate of one's own: what it prints, and the administration beside it, work all the same. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serve } from '../../../src/server/main.js';
import {
  type CertificateAuthority,
  createAuthority,
  createFolder,
  type KeyPair,
  opensslPin,
  selfSigned,
} from '../transport/certificates.js';
import { type CliResult, cli } from './cli-harness.js';

const names = 'DNS:localhost,IP:127.0.0.1';
const shell = promisify(execFile);
let authority: CertificateAuthority;

beforeAll(async () => {
  authority = await createAuthority();
});

interface Issuer {
  readonly cwd: string;
  /** The lines that `serve` printed as what to type next. */
  readonly commands: readonly string[];
  stop(): Promise<CliResult>;
}

/** `macaroond serve` on a free port beside `./data`. */
async function start(pair: KeyPair): Promise<Issuer> {
  const cwd = await createFolder();
  const flags = ['--port', '0', '--tls-cert', pair.certificateFile, '--tls-key', pair.certificateFile.replace('.crt', '.key')];
  let stderr = '';
  let running: Promise<CliResult> | undefined;
  const stop = await new Promise<() => void>((resolve, reject) => {
    running = cli(['serve', '--data', join(cwd, 'data'), ...flags], {
      cwd,
      env: { MACAROOND_LOG_LEVEL: 'silent' },
      server: { serve },
      onStderr: (text) => {
        stderr = text;
      },
      onStopSignal: resolve,
    });
    running.then(({ stderr: told }) => reject(new Error(told)), reject);
  });
  const commands = stderr.split('\n').flatMap((line) => (line.startsWith('  ') ? [line.trim()] : []));
  return {
    cwd,
    commands,
    stop: async () => {
      stop();
      if (running === undefined) throw new Error('it never ran');
      return await running;
    },
  };
}

/** Runs a printed command where the user would: ours in this process, others in a shell. */
async function run(line: string, cwd: string): Promise<number> {
  const [command = '', file] = line.split(' > ');
  const [program, ...argv] = command.split(' ');
  if (program !== 'macaroond') return await shell('sh', ['-c', `exec ${line} --silent --fail`], { cwd }).then(() => 0);
  const { code, stdout, stderr } = await cli(argv, { cwd, clock: Date.now });
  if (file !== undefined) await writeFile(join(cwd, file), stdout);
  if (code !== 0) throw new Error(`${line} ended with ${code}: ${stderr}`);
  return code;
}

describe.each<[string, () => Promise<KeyPair>, (pair: KeyPair) => KeyPair]>([
  ['self-signed', () => selfSigned(names), (pair) => pair],
  ['issued by another CA', () => authority.issue(names), () => authority],
])('with a certificate that is %s', (_, make, issuedBy) => {
  let pair: KeyPair;
  let issuer: Issuer;

  beforeAll(async () => {
    pair = await make();
    issuer = await start(pair);
  });
  afterAll(() => issuer.stop());

  it('every printed command works', async () => {
    expect(issuer.commands.length).toBeGreaterThan(7);
    for (const line of issuer.commands) expect(await run(line, issuer.cwd)).toBe(0);
    expect(issuer.commands.at(-1)).toContain(`curl --cacert ${pair.certificateFile} https://`);
  });

  it.each(['client rotate mail', 'credential add invoice-server'])('%s --out writes the pin', async (line) => {
    const file = `${line.replaceAll(' ', '-')}.json`;
    expect(await cli([...line.split(' '), '--out', file], { cwd: issuer.cwd })).toMatchObject({ code: 0 });
    const written = JSON.parse(await readFile(join(issuer.cwd, file), 'utf8'));
    expect(written.pin_sha256).toBe(await opensslPin(pair));
    expect(written).not.toHaveProperty('ca');
  });

  it('MACAROOND_CA_FILE goes before the pin, and into what --out writes', async () => {
    const ca = issuedBy(pair);
    const env = { MACAROOND_CA_FILE: ca.certificateFile };
    expect(await cli(['client', 'add', 'ca-user', '--out', 'ca.json'], { cwd: issuer.cwd, env })).toMatchObject({ code: 0 });
    const written = JSON.parse(await readFile(join(issuer.cwd, 'ca.json'), 'utf8'));
    expect(written.ca).toBe(ca.certificate);
    expect(written).not.toHaveProperty('pin_sha256');
    const other = (await selfSigned(names)).certificateFile;
    expect((await cli(['client', 'list'], { cwd: issuer.cwd, env: { MACAROOND_CA_FILE: other } })).code).toBe(4);
  });

  it('an administration token is enough to reach it', async () => {
    const minted = await cli(['mint', '--audience', 'macaroond'], { cwd: issuer.cwd });
    const env = { MACAROOND_TOKEN: minted.stdout.trim() };
    expect(await cli(['client', 'list'], { cwd: issuer.cwd, env })).toMatchObject({ code: 0 });
  });
});
