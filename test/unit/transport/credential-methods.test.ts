/** Credential files of every auth method: what they hold, what is refused, and that what is written is read back. */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encodeBase64url } from '../../../src/core/index.js';
import { Credential, type CredentialProof } from '../../../src/transport/credential.js';
import { loadCredential, reserveCredentialFile, writeCredential } from '../../../src/transport/credential-file.js';
import { createAuthority, createFolder, type KeyPair } from './certificates.js';

const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();
const ed25519 = generateKeyPairSync('ed25519');
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = { ed25519: pemOf(ed25519.privateKey), p256: pemOf(p256.privateKey), rsa: pemOf(rsa.privateKey) };
const issuerKey = ed25519.publicKey.export({ format: 'jwk' });
const timeKey = rsa.publicKey.export({ format: 'jwk' });
const key = encodeBase64url(randomBytes(32));
const common = { version: 1, issuer: 'https://localhost:8443', client: 'mail', credential_id: 'crd_1' };
const canary = 'dont-print-me';

let folder: string;
let tls: KeyPair;
let otherTls: KeyPair;

beforeAll(async () => {
  const authority = await createAuthority();
  [tls, otherTls] = await Promise.all([authority.issue('DNS:mail.example'), authority.issue('DNS:mail.example')]);
});
beforeEach(async () => {
  folder = await createFolder();
});

async function save(members: object): Promise<string> {
  const path = join(folder, 'mail.json');
  await writeFile(path, JSON.stringify({ ...common, ...members }), { mode: 0o600 });
  return path;
}

async function keep(name: string, text: string, mode = 0o600): Promise<string> {
  await writeFile(join(folder, name), text);
  await chmod(join(folder, name), mode);
  return name;
}

/** The message of the refusal, which quotes neither a key nor a secret. */
async function refusalOf(members: object): Promise<string> {
  const error: unknown = await loadCredential(await save(members)).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'ERR_CREDENTIAL_FILE' });
  const printed = inspect(error, { depth: 9, showHidden: true });
  for (const hidden of [canary, 'PRIVATE KEY-----', key]) expect(printed).not.toContain(hidden);
  return (error as Error).message;
}

const methods: readonly (readonly [string, object, CredentialProof])[] = [
  ['client_secret_basic', { secret: 's' }, { kind: 'client_secret_basic', secret: 's' }],
  [
    'http_sig',
    { algorithm: 'hmac-sha256', secret: 's' },
    { kind: 'http_sig', algorithm: 'hmac-sha256', secret: 's', issuerKey: undefined },
  ],
  [
    'http_sig',
    { algorithm: 'hmac-sha256', secret: 's', issuer_key: issuerKey },
    { kind: 'http_sig', algorithm: 'hmac-sha256', secret: 's', issuerKey: { ...issuerKey } as Record<string, string> },
  ],
  ...(
    [
      ['ed25519', pem.ed25519],
      ['ecdsa-p256-sha256', pem.p256],
      ['rsa-pss-sha512', pem.rsa],
    ] as const
  ).map(
    ([algorithm, privateKey]) =>
      [
        'http_sig',
        { algorithm, private_key: privateKey, issuer_key: issuerKey },
        { kind: 'http_sig', algorithm, privateKey, issuerKey: { ...issuerKey } as Record<string, string> },
      ] as const,
  ),
  ...(
    [
      ['sign-ed25519', pem.ed25519],
      ['sign-ecdsa-p256-sha256', pem.p256],
      ['sign-rsa-pss-sha256', pem.rsa],
      ['decrypt-rsa-oaep-256', pem.rsa],
    ] as const
  ).map(
    ([algorithm, privateKey]) =>
      [
        'challenge_response',
        { algorithm, private_key: privateKey },
        { kind: 'challenge_response', algorithm, privateKey },
      ] as const,
  ),
  ['encrypted_time', { secret: 's' }, { kind: 'encrypted_time', secret: 's', timeKey: undefined }],
  [
    'encrypted_time',
    { secret: 's', time_key: timeKey },
    { kind: 'encrypted_time', secret: 's', timeKey: { ...timeKey } as Record<string, string> },
  ],
  ['shared_key_hmac', { key }, { kind: 'shared_key_hmac', key }],
];

describe('a credential file', () => {
  it.each(methods)('of %s with %j is read, and written again as it was', async (method, members, proof) => {
    const path = await save({ auth_method: method, ...members });
    const credential = await loadCredential(path);
    expect(credential).toMatchObject({ client: 'mail', authMethod: method, credentialId: 'crd_1', tls: undefined });
    expect(credential.proof).toEqual(proof);
    await writeCredential(`${path}.copy`, credential);
    expect(JSON.parse(await readFile(`${path}.copy`, 'utf8'))).toEqual(JSON.parse(await readFile(path, 'utf8')));
  });

  it.each(methods)('of %s with %j may hold a client certificate too', async (method, members, proof) => {
    const side = { certificate: tls.certificate, certificate_key: tls.key };
    const path = await save({ auth_method: method, ...members, ...side });
    const credential = await loadCredential(path);
    expect([credential.proof, credential.tls]).toEqual([proof, { certificate: tls.certificate, privateKey: tls.key }]);
    await writeCredential(`${path}.copy`, credential);
    expect(JSON.parse(await readFile(`${path}.copy`, 'utf8'))).toEqual(JSON.parse(await readFile(path, 'utf8')));
  });

  it.each(['tls_client_auth', 'self_signed_tls_client_auth'] as const)('of %s is the certificate alone', async (method) => {
    const side = { certificate: tls.certificate, certificate_key: tls.key };
    const credential = await loadCredential(await save({ auth_method: method, ...side }));
    expect(credential.proof).toEqual({ kind: method });
    await writeCredential(join(folder, 'copy'), credential);
    const copy = await loadCredential(join(folder, 'copy'));
    expect([copy.proof, copy.tls]).toEqual([credential.proof, credential.tls]);
    expect(await refusalOf({ auth_method: method })).toContain('"certificate"');
    expect(await refusalOf({ auth_method: method, certificate: tls.certificate })).toContain('"certificate_key"');
    expect(await refusalOf({ auth_method: method, certificate_key: tls.key })).toContain('"certificate"');
  });

  it('keeps all of its secrets to itself', async () => {
    const secret = { kind: 'http_sig', algorithm: 'hmac-sha256', secret: canary } as const;
    const tlsKey = { certificate: tls.certificate, privateKey: canary };
    const credential = new Credential({ ...common, credentialId: 'c', proof: secret, tls: tlsKey });
    for (const text of [JSON.stringify(credential), inspect(credential, { showHidden: true }), JSON.stringify({ ...credential })])
      expect(text).not.toContain(canary);
  });

  it('leaves out what describes a public key of the issuer', async () => {
    const described = { ...issuerKey, kid: 'k', use: 'sig', alg: 'EdDSA' };
    const credential = await loadCredential(
      await save({ auth_method: 'http_sig', algorithm: 'hmac-sha256', secret: 's', issuer_key: described }),
    );
    expect(credential.proof).toMatchObject({ issuerKey });
    expect(Object.keys((credential.proof as { issuerKey: object }).issuerKey).toSorted()).toEqual(['crv', 'kty', 'x']);
  });
});

describe('a credential file is refused', () => {
  const signing = { auth_method: 'http_sig', algorithm: 'ed25519' };
  it.each<[string, object]>([
    ['with the secret of another method', { auth_method: 'shared_key_hmac', key, secret: canary }],
    ['with a private key beside a secret', { auth_method: 'client_secret_basic', secret: canary, private_key: pem.ed25519 }],
    ['with a secret beside a private key', { ...signing, private_key: pem.ed25519, secret: canary }],
    ['without its algorithm', { auth_method: 'http_sig', secret: canary }],
    ['with an algorithm that is not known', { auth_method: 'http_sig', algorithm: 'none', secret: canary }],
    ['with an algorithm of challenges for signatures', { ...signing, algorithm: 'sign-ed25519', private_key: pem.ed25519 }],
    ['with a key of another kind', { ...signing, private_key: pem.rsa }],
    [
      'with a key on another curve',
      {
        ...signing,
        algorithm: 'ecdsa-p256-sha256',
        private_key: pemOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey),
      },
    ],
    [
      'with a short RSA key',
      {
        ...signing,
        algorithm: 'rsa-pss-sha512',
        private_key: pemOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey),
      },
    ],
    ['without its private key', signing],
    ['with a text for its private key', { ...signing, private_key: canary }],
    ['with a broken private key', { ...signing, private_key: pem.ed25519.replace(/[A-Za-z]{10}/g, 'AAAAAAAAAA') }],
    ['with two private keys', { ...signing, private_key: pem.ed25519 + pem.ed25519 }],
    ['with a private key inline and in a file', { ...signing, private_key: pem.ed25519, private_key_file: 'mail.key' }],
    [
      'with an encrypted private key',
      {
        ...signing,
        private_key: ed25519.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'p' }),
      },
    ],
    ['with a shared key of 31 bytes', { auth_method: 'shared_key_hmac', key: encodeBase64url(randomBytes(31)) }],
    ['with a shared key in hex', { auth_method: 'shared_key_hmac', key: '00'.repeat(32) }],
    [
      'with a private key for the issuer key',
      {
        auth_method: 'http_sig',
        algorithm: 'hmac-sha256',
        secret: 's',
        issuer_key: ed25519.privateKey.export({ format: 'jwk' }),
      },
    ],
    [
      'with an RSA key for the issuer key',
      { auth_method: 'http_sig', algorithm: 'hmac-sha256', secret: 's', issuer_key: timeKey },
    ],
    ['with an Ed25519 key to encrypt to', { auth_method: 'encrypted_time', secret: 's', time_key: issuerKey }],
    ['with a text for the time key', { auth_method: 'encrypted_time', secret: 's', time_key: canary }],
  ])('%s', async (_, members) => {
    await refusalOf(members);
  });

  it('when certificate and key do not belong together, or are none', async () => {
    const side = { auth_method: 'tls_client_auth', certificate: tls.certificate, certificate_key: tls.key };
    await expect(loadCredential(await save(side))).resolves.toBeInstanceOf(Credential);
    expect(await refusalOf({ ...side, certificate_key: otherTls.key })).toContain('not that of the client certificate');
    await refusalOf({ ...side, certificate: canary });
    await refusalOf({ ...side, certificate: tls.certificate.replace(/[A-Za-z]{10}/g, 'AAAAAAAAAA') });
  });
});

describe('files that a credential file names', () => {
  const signing = { auth_method: 'http_sig', algorithm: 'ed25519' };

  it('are found beside it, wherever the process is, and elsewhere by their whole path', async () => {
    await keep('mail.key', pem.ed25519);
    await keep('tls.key', tls.key);
    await keep('tls.crt', tls.certificate, 0o644);
    const members = {
      ...signing,
      private_key_file: 'mail.key',
      certificate_file: './tls.crt',
      certificate_key_file: join(folder, 'tls.key'),
    };
    const credential = await loadCredential(await save(members));
    expect(credential.proof).toMatchObject({ privateKey: pem.ed25519 });
    expect(credential.tls).toEqual({ certificate: tls.certificate, privateKey: tls.key });
  });

  it('are named instead of copied when the file is written, and read back', async () => {
    await keep('mail.key', pem.ed25519);
    await keep('tls.key', tls.key);
    await keep('tls.crt', tls.certificate);
    const side = { certificate: tls.certificate, privateKey: tls.key };
    const proof: CredentialProof = { kind: 'challenge_response', algorithm: 'sign-ed25519', privateKey: pem.ed25519 };
    const file = await reserveCredentialFile(join(folder, 'mail.json'));
    const names = { privateKey: 'mail.key', certificate: 'tls.crt', certificateKey: 'tls.key' };
    await file.write({ issuer: common.issuer, client: 'mail', credentialId: 'c', proof, tls: side }, names);
    expect(await readFile(join(folder, 'mail.json'), 'utf8')).not.toContain('BEGIN');
    const credential = await loadCredential(join(folder, 'mail.json'));
    expect([credential.proof, credential.tls]).toEqual([proof, side]);
  });

  it('are for their owner alone where they hold a private key, and the refusal says how to mend it', async () => {
    await keep('tls.crt', tls.certificate, 0o644);
    for (const mode of [0o640, 0o604, 0o644]) {
      await keep('mail.key', pem.ed25519, mode);
      expect(await refusalOf({ ...signing, private_key_file: 'mail.key' })).toContain(`chmod 600 ${join(folder, 'mail.key')}`);
      const side = { auth_method: 'tls_client_auth', certificate_file: 'tls.crt', certificate_key_file: 'mail.key' };
      expect(await refusalOf(side)).toContain(`chmod 600 ${join(folder, 'mail.key')}`);
    }
  });

  it('are not quoted when they cannot be read, as a key may stand there by mistake', async () => {
    for (const text of [canary, pem.ed25519, '\0', 'x'.repeat(5000)]) {
      const message = await refusalOf({ ...signing, private_key_file: text });
      expect(message).toContain('names a "private_key_file" that cannot be read');
    }
    await mkdir(join(folder, 'directory'), { mode: 0o700 });
    await refusalOf({ ...signing, private_key_file: 'directory' });
  });

  it('are bounded', async () => {
    await keep('mail.key', `${pem.ed25519}${' '.repeat(300_000)}`);
    expect(await refusalOf({ ...signing, private_key_file: 'mail.key' })).toContain('larger than');
  });
});
