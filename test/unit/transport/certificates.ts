/** Certificates for TLS tests, made by openssl when the test runs, so that none expires in the repository. */
import { execFile } from 'node:child_process';
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
  /** A server certificate for `names`, e.g. `DNS:localhost`; `days` may be negative for an expired one. */
  issue(names: string, days?: number): Promise<KeyPair>;
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
  let count = 0;
  const issue = async (names: string, days = 1): Promise<KeyPair> => {
    count += 1;
    const leaf = `leaf${count}`;
    await run('openssl', ['req', ...newKey, '-keyout', `${leaf}.key`, '-out', `${leaf}.csr`, '-subj', '/CN=server'], {
      cwd: folder,
    });
    await writeFile(
      join(folder, `${leaf}.ext`),
      `subjectAltName=${names}\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n`,
    );
    const sign = ['x509', '-req', '-in', `${leaf}.csr`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial'];
    await run('openssl', [...sign, '-out', `${leaf}.crt`, '-days', String(days), '-extfile', `${leaf}.ext`], { cwd: folder });
    return readPair(folder, leaf);
  };
  return { ...(await readPair(folder, 'ca')), issue };
}

/** The pin of `pair` as a shell user computes it, without any code of ours. */
export async function opensslPin(pair: KeyPair): Promise<string> {
  const command =
    'openssl x509 -in "$1" -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64';
  const { stdout } = await run('sh', ['-c', command, 'sh', pair.certificateFile]);
  return stdout.trim();
}
