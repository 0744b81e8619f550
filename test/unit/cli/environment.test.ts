import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  findAdminCredential,
  findCredential,
  findDataDirectory,
  findIssuer,
  ownDataDirectory,
} from '../../../src/cli/environment.js';
import { createFolder } from '../transport/certificates.js';

let cwd: string;

beforeEach(async () => {
  cwd = await createFolder();
});

function credential(client: string, issuer: string): string {
  const ca = `CA of ${client}`;
  return JSON.stringify({ version: 1, issuer, ca, client, auth_method: 'client_secret_basic', credential_id: 'c', secret: 's' });
}

interface DataOptions {
  readonly endpoint?: string;
  readonly pin?: string;
  readonly admin?: boolean;
  readonly ca?: boolean;
}

const pin = Buffer.alloc(32, 7).toString('base64');

async function createData(name = 'data', options: DataOptions = {}): Promise<string> {
  const data = join(cwd, name);
  await mkdir(data);
  if (options.ca !== false) await writeFile(join(data, 'ca.crt'), `CA of ${name}`);
  if (options.admin !== false)
    await writeFile(join(data, 'admin.json'), credential('admin', 'https://localhost:8443'), { mode: 0o600 });
  const { endpoint: url, pin: pin_sha256 } = options;
  if (url !== undefined) await writeFile(join(data, 'endpoint.json'), JSON.stringify({ url, pin_sha256 }));
  return data;
}

async function createMail(): Promise<string> {
  const path = join(cwd, 'mail.json');
  await writeFile(path, credential('mail', 'https://issuer.example'), { mode: 0o600 });
  return path;
}

describe('the data directory', () => {
  it('is the flag, then MACAROOND_DATA, then ./data when that holds ca.crt', async () => {
    const env = { MACAROOND_DATA: 'told' };
    expect(await findDataDirectory({ env: {}, cwd })).toBeUndefined();
    await createData('data', { ca: false });
    expect(await findDataDirectory({ env: {}, cwd })).toBeUndefined();
    await writeFile(join(cwd, 'data', 'ca.crt'), '');
    expect(await findDataDirectory({ env: {}, cwd })).toBe(join(cwd, 'data'));
    expect(await findDataDirectory({ env, cwd })).toBe(join(cwd, 'told'));
    expect(await findDataDirectory({ env, cwd }, '/flag')).toBe('/flag');
    expect(await findDataDirectory({ env: { MACAROOND_DATA: '' }, cwd })).toBe(join(cwd, 'data'));
  });

  it('is not taken for missing when it cannot be looked at', async () => {
    await symlink('data', join(cwd, 'data'));
    await expect(findDataDirectory({ env: {}, cwd })).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('ELOOP'),
    });
  });

  it('of a server need not be there yet', () => {
    expect(ownDataDirectory({ env: {}, cwd })).toBe(join(cwd, 'data'));
    expect(ownDataDirectory({ env: { MACAROOND_DATA: '/x' }, cwd })).toBe('/x');
    expect(ownDataDirectory({ env: { MACAROOND_DATA: '/x' }, cwd }, 'y')).toBe(join(cwd, 'y'));
  });
});

describe('the administrator', () => {
  it('is admin.json with the CA of the data directory and the issuer that it names', async () => {
    await createData();
    const found = await findAdminCredential({ env: {}, cwd });
    expect(found).toMatchObject({ client: 'admin', issuer: 'https://localhost:8443', ca: 'CA of data' });
  });

  it('reaches the running server by endpoint.json, and by MACAROOND_URL before that', async () => {
    await createData('data', { endpoint: 'https://localhost:9999' });
    expect((await findAdminCredential({ env: {}, cwd })).issuer).toBe('https://localhost:9999');
    const env = { MACAROOND_URL: 'https://localhost:7777' };
    expect((await findAdminCredential({ env, cwd })).issuer).toBe('https://localhost:7777');
  });

  it('trusts MACAROOND_CA_FILE before ca.crt, and without both what admin.json says', async () => {
    await writeFile(join(cwd, 'other.crt'), 'other CA');
    await createData('told', { ca: false });
    expect((await findAdminCredential({ env: { MACAROOND_DATA: 'told' }, cwd })).ca).toBe('CA of admin');
    const env = { MACAROOND_DATA: 'told', MACAROOND_CA_FILE: 'other.crt' };
    expect((await findAdminCredential({ env, cwd })).ca).toBe('other CA');
  });

  it('trusts the pin of endpoint.json before ca.crt, also at MACAROOND_URL, and MACAROOND_CA_FILE before the pin', async () => {
    await createData('data', { endpoint: 'https://localhost:9999', pin });
    await writeFile(join(cwd, 'other.crt'), 'other CA');
    expect(await findAdminCredential({ env: {}, cwd })).toMatchObject({ pinSha256: pin, ca: undefined });
    const url = { MACAROOND_URL: 'https://localhost:7777' };
    const issuer = url.MACAROOND_URL;
    expect(await findAdminCredential({ env: url, cwd })).toMatchObject({ issuer, pinSha256: pin, ca: undefined });
    const env = { MACAROOND_CA_FILE: 'other.crt' };
    expect(await findAdminCredential({ env, cwd })).toMatchObject({ pinSha256: undefined, ca: 'other CA' });
  });

  it('is MACAROOND_CREDENTIAL where there is no data directory', async () => {
    const env = { MACAROOND_CREDENTIAL: await createMail() };
    expect((await findAdminCredential({ env, cwd })).client).toBe('mail');
    await createData();
    expect((await findAdminCredential({ env, cwd })).client).toBe('admin');
  });

  it('is missed with a usage error', async () => {
    await expect(findAdminCredential({ env: {}, cwd })).rejects.toMatchObject({ exitCode: 2 });
    await createData('data', { admin: false });
    await expect(findAdminCredential({ env: {}, cwd })).rejects.toMatchObject({ exitCode: 2 });
  });

  it('is not looked for by a broken endpoint.json', async () => {
    const data = await createData();
    const env = { MACAROOND_URL: 'https://a.example', MACAROOND_CA_FILE: join(data, 'ca.crt') };
    for (const text of ['{', '[]', 'null', '{"url": 7}', '{"url": "https://a.example", "pin_sha256": 7}']) {
      await writeFile(join(data, 'endpoint.json'), text);
      await expect(findAdminCredential({ env: {}, cwd })).rejects.toMatchObject({ code: 'ERR_DATA_DIRECTORY' });
      expect((await findAdminCredential({ env, cwd })).issuer).toBe('https://a.example');
    }
  });
});

describe('a client', () => {
  it('is the flag, then MACAROOND_CREDENTIAL, then the administrator; a told file keeps its own issuer and CA', async () => {
    const mail = await createMail();
    await createData('data', { endpoint: 'https://localhost:9999' });
    expect((await findCredential({ env: {}, cwd })).client).toBe('admin');
    expect(await findCredential({ env: { MACAROOND_CREDENTIAL: mail }, cwd })).toMatchObject({
      client: 'mail',
      issuer: 'https://issuer.example',
      ca: 'CA of mail',
    });
    expect((await findCredential({ env: { MACAROOND_CREDENTIAL: 'none.json' }, cwd }, 'mail.json')).client).toBe('mail');
  });

  it('follows MACAROOND_URL and MACAROOND_CA_FILE', async () => {
    await createMail();
    await writeFile(join(cwd, 'other.crt'), 'other CA');
    const env = { MACAROOND_URL: 'https://127.0.0.1:1', MACAROOND_CA_FILE: 'other.crt' };
    expect(await findCredential({ env, cwd }, 'mail.json')).toMatchObject({ issuer: 'https://127.0.0.1:1', ca: 'other CA' });
  });
});

describe('the issuer, for who has a token', () => {
  it('is found without admin.json', async () => {
    const data = await createData('data', { admin: false, endpoint: 'https://localhost:9999' });
    expect(await findIssuer({ env: {}, cwd })).toEqual({ issuer: 'https://localhost:9999', caFile: join(data, 'ca.crt') });
    await createData('own', { admin: false, endpoint: 'https://localhost:9998', pin });
    expect(await findIssuer({ env: {}, cwd }, 'own')).toEqual({ issuer: 'https://localhost:9998', pinSha256: pin });
    const env = { MACAROOND_CA_FILE: '/ca.crt' };
    expect(await findIssuer({ env, cwd }, 'own')).toEqual({ issuer: 'https://localhost:9998', caFile: '/ca.crt' });
  });

  it('is found by the environment alone', async () => {
    expect(await findIssuer({ env: { MACAROOND_URL: 'https://a.example' }, cwd })).toEqual({ issuer: 'https://a.example' });
    const env = { MACAROOND_URL: 'https://a.example', MACAROOND_CA_FILE: '/ca.crt' };
    expect(await findIssuer({ env, cwd })).toEqual({ issuer: 'https://a.example', caFile: '/ca.crt' });
  });

  it('is found by a credential, whose CA then goes with MACAROOND_URL', async () => {
    const env = { MACAROOND_CREDENTIAL: await createMail(), MACAROOND_URL: 'https://127.0.0.1:1' };
    expect(await findIssuer({ env, cwd })).toEqual({ issuer: 'https://127.0.0.1:1', ca: 'CA of mail', pinSha256: undefined });
    await expect(findIssuer({ env: {}, cwd })).rejects.toMatchObject({ exitCode: 2 });
  });
});
