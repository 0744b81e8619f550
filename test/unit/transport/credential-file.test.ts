import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { beforeEach, describe, expect, it } from 'vitest';
import { Credential } from '../../../src/transport/credential.js';
import {
  type CredentialOverrides,
  loadCredential,
  reserveCredentialFile,
  writeCredential,
} from '../../../src/transport/credential-file.js';
import { createFolder } from './certificates.js';

const secret = 'mcs_dont-print-me';
const pin = Buffer.alloc(32, 7).toString('base64');
const file = {
  version: 1,
  issuer: 'https://localhost:8443',
  ca: '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n',
  client: 'mail',
  auth_method: 'client_secret_basic',
  credential_id: 'c1',
  secret,
};
let folder: string;

beforeEach(async () => {
  folder = await createFolder();
});

async function save(content: unknown, mode = 0o600): Promise<string> {
  const path = join(folder, 'mail.json');
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  await chmod(path, mode);
  return path;
}

async function expectRefusal(path: string): Promise<Error> {
  const error: unknown = await loadCredential(path).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'ERR_CREDENTIAL_FILE' });
  expect(inspect(error, { depth: 9 })).not.toContain(secret);
  return error as Error;
}

describe('loadCredential', () => {
  it('reads every member', async () => {
    const credential = await loadCredential(await save(file));
    const { issuer, ca, client } = file;
    expect(credential).toMatchObject({ issuer, ca, client, authMethod: 'client_secret_basic', credentialId: 'c1' });
    expect(credential.proof).toEqual({ kind: 'client_secret_basic', secret });
    expect(credential.tls).toBeUndefined();
    expect(credential.pinSha256).toBeUndefined();
  });

  it('refuses a file that others can read, and says which chmod mends it', async () => {
    for (const mode of [0o640, 0o604, 0o620, 0o601]) {
      const path = await save(file, mode);
      expect((await expectRefusal(path)).message).toContain(`chmod 600 ${path}`);
    }
  });

  it.each<[string, unknown]>([
    ['broken JSON', `{"secret": "${secret}"`],
    ['a list', [secret]],
    ['an unknown member', { ...file, colour: 'red' }],
    ['another version', { ...file, version: 2 }],
    ['an auth method that is not known', { ...file, auth_method: 'telepathy' }],
    ['a name of every object as the auth method', { ...file, auth_method: 'constructor' }],
    ['a number for the secret', { ...file, secret: 7 }],
    ['an empty secret', { ...file, secret: '' }],
    ['a client that is no name', { ...file, client: 'Mail Server' }],
    ['plain http to a far host', { ...file, issuer: 'http://issuer.example' }],
    ['a pin that is none', { ...file, pin_sha256: 'x' }],
    ['a file beyond its size', `${JSON.stringify(file)}${' '.repeat(300_000)}`],
  ])('refuses %s', async (_, content) => {
    await expectRefusal(await save(content));
  });

  it.each(['version', 'issuer', 'client', 'auth_method', 'credential_id', 'secret'])(
    'refuses a file without %s',
    async (name) => {
      await expectRefusal(await save({ ...file, [name]: undefined }));
    },
  );

  it('refuses a missing file', async () => {
    await expectRefusal(join(folder, 'none.json'));
  });

  it('replaces CA and pin together by an override, and the issuer by its own', async () => {
    const path = await save({ ...file, pin_sha256: pin });
    const caFile = join(folder, 'other.crt');
    await writeFile(caFile, 'other CA');
    expect(await loadCredential(path, { caFile })).toMatchObject({ ca: 'other CA', pinSha256: undefined });
    const otherPin = Buffer.alloc(32, 9).toString('base64');
    const pinned = await loadCredential(path, { pinSha256: otherPin, issuer: 'https://127.0.0.1:1' });
    expect(pinned).toMatchObject({ ca: undefined, pinSha256: otherPin, issuer: 'https://127.0.0.1:1' });
    await expect(loadCredential(path, { issuer: 'http://far.example' })).rejects.toMatchObject({ code: 'ERR_ARGUMENT' });
  });
});

describe('overrides', () => {
  it.each<[string, unknown, string]>([
    ['null', null, 'overrides'],
    ['a text', 'ca.crt', 'overrides'],
    ['a misspelt CA file', { cafile: 'ca.crt' }, 'cafile'],
    ['a file descriptor for the CA file', { caFile: 0 }, 'caFile'],
    ['null for the CA file', { caFile: null }, 'caFile'],
    ['null for the pin', { pinSha256: null }, 'pinSha256'],
    ['null for the issuer', { issuer: null }, 'issuer'],
  ])('are refused when they are %s', async (_, overrides, argument) => {
    const loading = loadCredential(await save(file), overrides as CredentialOverrides);
    await expect(loading).rejects.toMatchObject({ code: 'ERR_ARGUMENT', argument });
  });

  it('that are undefined leave the file as it is', async () => {
    const overrides = { caFile: undefined, pinSha256: undefined, issuer: undefined };
    expect(await loadCredential(await save(file), overrides)).toMatchObject({ ca: file.ca, issuer: file.issuer });
  });

  it.each<unknown>([undefined, null, 0, ''])('come with a path that is text, not %j', async (path) => {
    const loading = loadCredential(path as string);
    await expect(loading).rejects.toMatchObject({ code: 'ERR_ARGUMENT', argument: 'path' });
  });
});

describe('writeCredential', () => {
  it('writes what loadCredential reads, for the owner alone', async () => {
    const path = join(folder, 'new.json');
    const before = await loadCredential(await save({ ...file, pin_sha256: pin }));
    await writeCredential(path, before);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const after = await loadCredential(path);
    expect(after.toJSON()).toEqual(before.toJSON());
    expect(after.proof).toEqual({ kind: 'client_secret_basic', secret });
  });

  it('never overwrites', async () => {
    const path = await save(file);
    await expect(writeCredential(path, await loadCredential(path))).rejects.toMatchObject({ code: 'ERR_CREDENTIAL_FILE' });
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(file);
  });

  it('leaves nothing behind when a reserved file is given up', async () => {
    const path = join(folder, 'reserved.json');
    const reserved = await reserveCredentialFile(path);
    await reserved.discard();
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('Credential', () => {
  it('does not print its secret', () => {
    const credential = new Credential({
      issuer: file.issuer,
      client: 'mail',
      credentialId: 'c',
      proof: { kind: 'client_secret_basic', secret },
      tls: { certificate: 'public', privateKey: secret },
    });
    const printed = [
      JSON.stringify(credential),
      inspect(credential, { showHidden: true }),
      String(credential),
      JSON.stringify({ ...credential }),
    ];
    for (const text of printed) expect(text).not.toContain(secret);
    expect(credential.proof).toEqual({ kind: 'client_secret_basic', secret });
  });
});
