/** Enrolling from the client's side: against a real issuer, against a server that forges, and what is refused before anything is sent. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Enrolment, enrol, InterferenceError, issuerClient } from '../../../src/client/index.js';
import { encodeUtf8 } from '../../../src/core/index.js';
import { answerMac, derivePrivateKey, formatMacFields } from '../../../src/protocol/shared-key-hmac.js';
import { loadInvitation, reserveInvitationFile } from '../../../src/transport/invitation-file.js';
import { type ServerAtHand, serverAtHand } from '../../support/server-at-hand.js';
import { cli } from '../cli/cli-harness.js';

let server: ServerAtHand;
let folder: string;
const forgers: Server[] = [];

beforeAll(async () => {
  server = await serverAtHand();
  folder = mkdtempSync(join(tmpdir(), 'enrol-'));
  await server.issuer.createAudience(server.admin(), 'invoice');
});
afterEach(() => {
  for (const one of forgers.splice(0)) one.close();
});
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

async function invitedAs(name: string): Promise<Enrolment> {
  const { invitation, shared_key: sharedKey } = await server.issuer.createInvitation(server.admin(), { name });
  return { issuer: server.url, caFile: server.caFile, invitation, sharedKey, name };
}

const sharedKey = Buffer.alloc(32, 9);

/** A server with a genuine certificate that answers enrolments by itself. */
async function forger(
  answer: (nonce: Uint8Array) => { status?: number; body?: string; mac?: string | undefined },
): Promise<Enrolment> {
  const forging = createServer(server.identity, async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const { status = 201, body = accepted, mac } = answer(Buffer.from(JSON.parse(text).nonce, 'base64url'));
    if (mac !== undefined) response.setHeader('Macaroond-Mac', mac);
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  forgers.push(forging);
  await new Promise<void>((resolve) => forging.listen(0, '127.0.0.1', resolve));
  const issuer = `https://localhost:${(forging.address() as AddressInfo).port}`;
  return { issuer, caFile: server.caFile, invitation: 'inv_x', sharedKey: sharedKey.toString('base64url'), name: 'mail' };
}

const accepted = JSON.stringify({ client: 'mail', credential_id: 'crd_1' });

function macOf(key: Uint8Array, requestNonce: Uint8Array, body = accepted, status = 201): string {
  const fields = { nonce: new Uint8Array(32).fill(1), sentAtMs: Date.now() };
  return formatMacFields({ ...fields, mac: answerMac(key, { ...fields, requestNonce, status, packet: encodeUtf8(body) }) });
}

describe('enrolling', () => {
  it('makes a credential that mints', async () => {
    const credential = await enrol(await invitedAs('mail'));
    expect(credential).toMatchObject({ client: 'mail', authMethod: 'shared_key_hmac', issuer: server.url });
    expect(credential.ca).toBe(readFileSync(server.caFile, 'utf8'));
    await server.issuer.putGrant(server.admin(), 'mail', { audience: 'invoice', actions: ['invoices:read'] });
    const client = issuerClient(credential);
    expect(await client.mint({ audience: 'invoice' })).toMatchObject({ client: 'mail' });
    await client.close();
  });

  it('is refused for a name that is taken, and with an invitation that was used', async () => {
    const invitation = await invitedAs('shop');
    await enrol(invitation);
    await expect(enrol(invitation)).rejects.toMatchObject({ code: 'ERR_ISSUER_REFUSED', problem: 'invalid_client' });
    const group = await server.issuer.createInvitation(server.admin(), { uses: 2 });
    const byGroup = { ...invitation, invitation: group.invitation, sharedKey: group.shared_key };
    await expect(enrol(byGroup)).rejects.toMatchObject({ code: 'ERR_ISSUER_REFUSED', problem: 'conflict' });
  });

  it('with another shared key finds no answer that it can believe', async () => {
    const invitation = { ...(await invitedAs('other')), sharedKey: 'A'.repeat(43) };
    await expect(enrol(invitation)).rejects.toMatchObject({ code: 'ERR_INTERFERENCE', kind: 'wrong' });
  });

  it.each<[string, 'missing' | 'wrong', Parameters<typeof forger>[0]]>([
    ['no proof', 'missing', () => ({})],
    ['a refusal without a proof', 'missing', () => ({ status: 401, body: '{"code":"invalid_client"}' })],
    ['a proof under the shared key', 'wrong', (nonce) => ({ mac: macOf(sharedKey, nonce) })],
    [
      'a proof for another enrolment',
      'wrong',
      (nonce) => ({ mac: macOf(derivePrivateKey(sharedKey, nonce), new Uint8Array(32)) }),
    ],
    ['a proof of another answer', 'wrong', (nonce) => ({ mac: macOf(derivePrivateKey(sharedKey, nonce), nonce, '{}') })],
    ['a proof of another status', 'wrong', (nonce) => ({ mac: macOf(derivePrivateKey(sharedKey, nonce), nonce, accepted, 409) })],
  ])('by a server that answers with %s is interference', async (_, kind, answer) => {
    const error = await enrol(await forger(answer)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InterferenceError);
    expect(error).toMatchObject({ kind, outcome: 'unknown' });
  });

  it('as another than was asked for is no answer', async () => {
    const body = JSON.stringify({ client: 'other', credential_id: 'crd_1' });
    const enrolment = await forger((nonce) => ({ body, mac: macOf(derivePrivateKey(sharedKey, nonce), nonce, body) }));
    await expect(enrol(enrolment)).rejects.toMatchObject({ code: 'ERR_ISSUER_ANSWER' });
  });

  it.each<[string, object, string]>([
    ['without TLS', { issuer: 'http://localhost:1', caFile: undefined }, 'issuer'],
    ['with a key of 31 bytes', { sharedKey: 'A'.repeat(42) }, 'sharedKey'],
    ['without a key', { sharedKey: undefined }, 'sharedKey'],
    ['without an invitation', { invitation: '' }, 'invitation'],
    ['as what is no name', { name: 'Mail' }, 'name'],
    ['with a misspelt member', { shared_key: 'A'.repeat(43) }, 'shared_key'],
  ])('%s is refused before anything is sent', async (_, members, argument) => {
    let isAsked = false;
    const enrolment = await forger(() => {
      isAsked = true;
      return {};
    });
    await expect(enrol({ ...enrolment, ...members })).rejects.toMatchObject({ code: 'ERR_ARGUMENT', argument });
    expect(isAsked).toBe(false);
  });
});

describe('an invitation file', () => {
  const invitation = {
    issuer: 'https://issuer.test',
    invitation: 'inv_1',
    sharedKey: sharedKey.toString('base64url'),
    name: 'mail',
  };
  const written = { version: 1, issuer: invitation.issuer, invitation: 'inv_1', shared_key: invitation.sharedKey, name: 'mail' };

  it('is read back as it was written, and nobody else can read it', async () => {
    const path = join(folder, 'kept.invitation');
    await (await reserveInvitationFile(path)).write(invitation);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(written);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await loadInvitation(path)).toEqual({ ...invitation, ca: undefined, pinSha256: undefined });
    await expect(reserveInvitationFile(path)).rejects.toMatchObject({ code: 'ERR_CREDENTIAL_FILE' });
  });

  it.each<[string, string, number]>([
    ['that others can read', JSON.stringify(written), 0o644],
    ['that is no JSON', `{"shared_key": ${invitation.sharedKey}`, 0o600],
    ['of another version', JSON.stringify({ ...written, version: 2 }), 0o600],
    ['with a member that is not known', JSON.stringify({ ...written, more: 1 }), 0o600],
    ['without its key', JSON.stringify({ ...written, shared_key: undefined }), 0o600],
    ['with half a key', JSON.stringify({ ...written, shared_key: invitation.sharedKey.slice(1) }), 0o600],
    ['with a name that is none', JSON.stringify({ ...written, name: 'Mail' }), 0o600],
    ['of an issuer that is none', JSON.stringify({ ...written, issuer: 'http://issuer.test' }), 0o600],
    ['with a pin that is none', JSON.stringify({ ...written, pin_sha256: 'x' }), 0o600],
  ])('%s is refused, and nothing of it is quoted', async (name, text, mode) => {
    const path = join(folder, `${name.replaceAll(' ', '-')}.invitation`);
    writeFileSync(path, text, { mode });
    const error = await loadInvitation(path).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ERR_CREDENTIAL_FILE' });
    expect(String(error)).not.toContain(invitation.sharedKey.slice(1));
  });
});

describe('the command line', () => {
  let env: NodeJS.ProcessEnv;

  beforeAll(async () => {
    const { credentials } = await server.issuer.createClient(server.admin(), {
      client: 'boss',
      grants: [{ audience: 'macaroond', actions: ['clients:read', 'clients:write'] }],
    });
    const [made] = credentials;
    const admin = { version: 1, issuer: server.url, ca: readFileSync(server.caFile, 'utf8'), client: 'boss', ...made };
    writeFileSync(join(folder, 'boss.json'), JSON.stringify(admin), { mode: 0o600 });
    env = { MACAROOND_CREDENTIAL: join(folder, 'boss.json') };
  });
  const run = (line: string, stdin?: string) =>
    cli(line.split(' '), { env, cwd: folder, clock: Date.now, ...(stdin === undefined ? {} : { stdin }) });

  it('invites, enrols, and mints with the file that it wrote', async () => {
    expect(await run('invite cli --out cli.invitation')).toMatchObject({ code: 0, stderr: '' });
    const enrolled = await run('enrol --invitation cli.invitation --out cli.json');
    expect(enrolled).toMatchObject({ code: 0, stderr: '' });
    expect(statSync(join(folder, 'cli.json')).mode & 0o777).toBe(0o600);
    await server.issuer.putGrant(server.admin(), 'cli', { audience: 'invoice', actions: ['invoices:read'] });
    expect(await run('mint --audience invoice --credential cli.json')).toMatchObject({ code: 0 });
    const again = await run('enrol --invitation cli.invitation --out again.json --json');
    expect(again.code).toBe(3);
    expect(JSON.parse(again.stderr).error).toMatchObject({
      problem: 'invalid_client',
      hint: expect.stringContaining('invitation list'),
    });
    expect(() => statSync(join(folder, 'again.json'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });

  it('shows a shared key once, lists and revokes', async () => {
    const made = JSON.parse((await run('invite --group --uses 2 --expires 2h --json')).stdout);
    expect(made).toMatchObject({ uses_left: 2, state: 'live', shared_key: expect.stringMatching(/^[\w-]{43}$/) });
    const listed = await run('invitation list');
    expect(listed.stdout).toContain(made.invitation);
    expect(listed.stdout).not.toContain(made.shared_key);
    expect(await run(`invitation revoke ${made.invitation}`)).toMatchObject({
      code: 0,
      stdout: `invitation ${made.invitation}: ended\n`,
    });
  });

  it('takes a group’s invitation from standard input, and the name from a flag', async () => {
    await run('invite --group --uses 2 --out group.invitation');
    const text = readFileSync(join(folder, 'group.invitation'), 'utf8');
    expect(await run('enrol --invitation - --name member --out member.json', text)).toMatchObject({ code: 0 });
    expect(await run('enrol --invitation - --out nameless.json', text)).toMatchObject({ code: 2 });
  });

  it.each([
    ['invite'],
    ['invite mail --group --uses 2'],
    ['invite mail --uses 2'],
    ['invite --group'],
    ['invite --group --uses 1001'],
    ['enrol --invitation none.invitation --out x.json'],
    ['enrol --out x.json'],
  ])('%s is wrong use', async (line) => {
    expect((await run(line)).code).toBe(2);
    expect(() => statSync(join(folder, 'x.json'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });
});
