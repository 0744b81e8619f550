/** Certificates for TLS tests, made by openssl when the test runs, so that none expires in the repository. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
  readonly certificateFile: string;
}

export interface CertificateAuthority extends KeyPair {
  /** A certificate for `names`, e.g. `DNS:localhost`, that is good for servers alone, or for `usage`; `days` may be negative for an expired one. */
  issue(names: string, days?: number, usage?: string): Promise<KeyPair>;
  /** A CA that this one vouches for. */
  subordinate(name: string): Promise<CertificateAuthority>;
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export async function createFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'macaroond-test-'));
}

async function readPair(folder: string, name: string): Promise<KeyPair> {
  const certificateFile = join(folder, `${name}.crt`);
  const [certificate, key] = await Promise.all([
    readFile(certificateFile, 'utf8'),
    readFile(join(folder, `${name}.key`), 'utf8'),
  ]);
  return { certificate, key, certificateFile };
}

/** A self-signed server certificate for `names`. `algorithm` is an argument list for `openssl req -newkey`. */
export async function selfSigned(names: string, algorithm: readonly string[] = newKey): Promise<KeyPair> {
  const folder = await createFolder();
  const request = ['req', '-x509', ...algorithm, '-keyout', 'server.key', '-out', 'server.crt', '-days', '2'];
  await run('openssl', [...request, '-subj', '/CN=server', '-addext', `subjectAltName=${names}`], { cwd: folder });
  return readPair(folder, 'server');
}

export async function createAuthority(name = 'test-ca'): Promise<CertificateAuthority> {
  const folder = await createFolder();
  const request = ['req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '2', '-subj', `/CN=${name}`];
  await run('openssl', request, { cwd: folder });
  return authorityIn(folder);
}

async function authorityIn(folder: string): Promise<CertificateAuthority> {
  let count = 0;
  const sign = async (subject: string, extensions: readonly string[], days: number, into = folder): Promise<string> => {
    count += 1;
    const name = into === folder ? `leaf${count}` : 'ca';
    const [key, request, certificate] = ['key', 'csr', 'crt'].map((kind) => join(into, `${name}.${kind}`));
    await run('openssl', ['req', ...newKey, '-keyout', `${key}`, '-out', `${request}`, '-subj', `/CN=${subject}`]);
    await writeFile(join(into, `${name}.ext`), extensions.join('\n'));
    // Not from a file, which certificates that are made at once would share.
    const serial = `0x${randomBytes(16).toString('hex')}`;
    const signer = ['x509', '-req', '-in', `${request}`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-set_serial', serial];
    const made = ['-out', `${certificate}`, '-days', String(days), '-extfile', join(into, `${name}.ext`)];
    await run('openssl', [...signer, ...made], { cwd: folder });
    return name;
  };
  const issue = async (names: string, days = 1, usage = 'serverAuth'): Promise<KeyPair> => {
    const extensions = [`subjectAltName=${names}`, `extendedKeyUsage=${usage}`, 'basicConstraints=CA:FALSE'];
    return readPair(folder, await sign('server', extensions, days));
  };
  const subordinate = async (name: string): Promise<CertificateAuthority> => {
    const below = await createFolder();
    await sign(name, ['basicConstraints=critical,CA:TRUE'], 2, below);
    return authorityIn(below);
  };
  return { ...(await readPair(folder, 'ca')), issue, subordinate };
}

/** The pin of `pair` as a shell user computes it, without any code of ours. */
export async function opensslPin(pair: KeyPair): Promise<string> {
  const command =
    'openssl x509 -in "$1" -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64';
  const { stdout } = await run('sh', ['-c', command, 'sh', pair.certificateFile]);
  return stdout.trim();
}
