import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAuthority } from '../transport/certificates.js';
import { cli } from './cli-harness.js';
import { credentialText, type FakeIssuer, problem, startFakeIssuer } from './fake-issuer.js';

let issuer: FakeIssuer;
let cwd = '';

beforeAll(async () => {
  issuer = await startFakeIssuer();
});
afterAll(() => issuer.close());
beforeEach(async () => {
  issuer.answers.clear();
  issuer.seen.length = 0;
  cwd = await issuer.createWorkplace();
  await writeFile(join(cwd, 'mail.json'), credentialText('mail', issuer.url, issuer.authority.certificate), { mode: 0o600 });
});

const told = async (argv: readonly string[], env: NodeJS.ProcessEnv = {}) => {
  const { code, stderr } = await cli([...argv, '--json'], { cwd, env });
  return { exitCode: code, ...(JSON.parse(stderr).error as { readonly message: string; readonly hint?: string }) };
};

describe('an issuer that is not reached', () => {
  it('is named by the URL that was tried', async () => {
    const env = { MACAROOND_URL: 'https://localhost:1' };
    const { exitCode, message } = await told(['client', 'list'], env);
    expect([exitCode, message]).toEqual([4, expect.stringContaining('https://localhost:1:')]);
  });

  it('is named too where another one answers', async () => {
    await writeFile(join(cwd, 'data', 'ca.crt'), (await createAuthority()).certificate);
    const { exitCode, message } = await told(['client', 'list']);
    expect([exitCode, message]).toEqual([4, expect.stringContaining(`at ${issuer.url} was not recognised`)]);
  });
});
