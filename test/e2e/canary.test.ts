/**
 * Unique secrets are planted, every error path is driven with them, and none of them turns up in logs, audit log, answers or at rest.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type IssuerProcess, startIssuer } from '../support/issuer-process.js';

let issuer: IssuerProcess;
const secrets = new Map<string, string>();
const answers: string[] = [];

beforeAll(async () => {
  issuer = await startIssuer({ env: { MACAROOND_LOG_LEVEL: 'debug' } });
});
afterAll(() => issuer?.dispose());

/** Keeps an answer that must hold no secret. */
async function drive(promise: Promise<Answer>): Promise<Answer> {
  const answer = await promise;
  answers.push(JSON.stringify(answer.body), JSON.stringify(answer.headers));
  return answer;
}

/** Sends bytes as they are and keeps what comes back. */
async function driveRaw(text: string): Promise<void> {
  const { hostname, port } = new URL(issuer.url);
  const ca = readFileSync(join(issuer.data, 'ca.crt'), 'utf8');
  const answer = await new Promise<string>((resolve) => {
    let received = '';
    const socket = connect({ host: hostname, port: Number(port), ca, servername: 'localhost' }, () => socket.write(text));
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      received += chunk;
    });
    socket.on('error', () => resolve(received));
    socket.on('close', () => resolve(received));
  });
  answers.push(answer);
}

describe('secrets', () => {
  it('never turn up where they do not belong', async () => {
    const admin = JSON.parse(readFileSync(join(issuer.data, 'admin.json'), 'utf8'));
    secrets.set('admin secret', admin.secret);
    secrets.set('master key', readFileSync(join(issuer.data, 'master.key'), 'utf8').trim());
    const adminToken = await issuer.adminToken();
    secrets.set('admin token', adminToken);
    await issuer.cliJson(['audience', 'add', 'invoice']);
    const [mail] = (await issuer.cliJson(['client', 'add', 'mail', '--grant', 'invoice=invoices:read'])).credentials;
    secrets.set('client secret', mail.secret);
    const [verifier] = (await issuer.cliJson(['client', 'add', 'invoice-server', '--verifier-of', 'invoice'])).credentials;
    secrets.set('verifier secret', verifier.secret);
    const minted = await issuer.api('POST', '/v1/tokens', { basic: mail, body: { audience: 'invoice' } });
    const token: string = minted.body.token;
    secrets.set('token', token);
    const basic = (user: string, secret: string) => ({
      authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`,
    });
    const planted = 'mcs_PLANTEDplantedPLANTEDplantedPLANTEDplanted';
    secrets.set('planted secret', planted);
    const plantedCondition = 'account PLANTED-condition-of-a-stranger';
    secrets.set('planted condition', 'PLANTED-condition-of-a-stranger');

    // Logins
    await drive(issuer.api('POST', '/v1/tokens', { headers: basic('mail', planted), body: { audience: 'invoice' } }));
    await drive(issuer.api('POST', '/v1/tokens', { headers: basic(planted, mail.secret), body: { audience: 'invoice' } }));
    await drive(
      issuer.api('POST', '/v1/tokens', { headers: { authorization: `Basic ${planted}` }, body: { audience: 'invoice' } }),
    );
    await drive(issuer.api('POST', '/v1/tokens', { headers: { authorization: mail.secret }, body: { audience: 'invoice' } }));
    await drive(issuer.api('POST', '/v1/tokens', { macaroon: token, body: { audience: 'invoice' } }));
    // Bodies
    await drive(issuer.api('POST', '/v1/tokens', { basic: mail, body: { audience: mail.secret } }));
    await drive(issuer.api('POST', '/v1/tokens', { basic: mail, body: { audience: 'invoice', [planted]: planted } }));
    await drive(issuer.api('POST', '/v1/tokens', { basic: mail, body: `{"audience": "${planted}` }));
    await drive(issuer.api('POST', '/v1/tokens', { basic: mail, body: planted, headers: { 'content-type': 'text/plain' } }));
    await drive(issuer.api('POST', '/v1/tokens', { basic: mail, body: { audience: 'invoice', actions: [planted] } }));
    await drive(issuer.api('POST', '/v1/tokens', { basic: mail, body: { audience: 'invoice', expires_in: planted } }));
    // Tokens
    await drive(issuer.api('GET', '/v1/clients', { macaroon: token }));
    await drive(issuer.api('GET', '/v1/clients', { macaroon: adminToken.slice(0, -9) }));
    await drive(issuer.api('GET', '/v1/clients', { headers: { authorization: `Bearer ${planted}` } }));
    await drive(issuer.api('GET', `/v1/clients?token=${token}`, { macaroon: adminToken }));
    await drive(issuer.api('GET', `/v1/clients/${planted}`, { macaroon: adminToken }));
    await drive(issuer.api('GET', `/${token.slice(0, 1000)}`));
    await drive(issuer.api('GET', `/v1/audit?client=${planted}`, { macaroon: adminToken }));
    await drive(issuer.api('POST', '/v1/revocations', { macaroon: adminToken, body: { kind: 'token', token_id: token } }));
    const context = { action: 'invoices:read' };
    const forged = `${token.slice(0, 120)}${token[120] === 'A' ? 'B' : 'A'}${token.slice(121)}`;
    for (const presented of [forged, token.slice(0, 200), planted, `${planted}.${plantedCondition}`]) {
      await drive(
        issuer.api('POST', '/v1/verify', { basic: verifier, body: { token: presented, audience: 'invoice', context } }),
      );
    }
    const narrowed = await issuer.cli(['attenuate', '--caveat', plantedCondition], { input: token });
    const attenuated = narrowed.stdout.trim();
    secrets.set('attenuated token', attenuated);
    // The holder and the verifier may see a condition of a genuine token; the log and the audit log may not.
    const denied = await issuer.api('POST', '/v1/verify', {
      basic: verifier,
      body: { token: attenuated, audience: 'invoice', context },
    });
    expect(denied.body).toMatchObject({ authorized: false, code: 'ERR_CAVEAT_UNKNOWN' });
    // Below HTTP
    await driveRaw(
      `GET /livez HTTP/1.1\r\nhost: localhost\r\nauthorization: Basic ${planted}\r\nauthorization: Bearer ${token}\r\n\r\n`,
    );
    await driveRaw(`GET /livez HTTP/9.9\r\nauthorization: ${planted}\r\n\r\n`);
    await driveRaw(`GET http://evil.example/${planted} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
    await driveRaw(
      `POST /v1/tokens HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n${planted}`,
    );
    // The command line
    const cliRuns = await Promise.all([
      issuer.cli(['inspect'], { input: token.slice(0, 100) }),
      issuer.cli(['attenuate', '--caveat', `ip ${planted}`], { input: token }),
      issuer.cli(['attenuate', '--ip', planted], { input: token }),
      issuer.cli(['attenuate', '--expires', planted], { input: token }),
      issuer.cli([planted]),
      issuer.cli(['mint', planted]),
      issuer.cli(['client', 'show', planted]),
      issuer.cli(['verify', '--audience', 'invoice', '--action', 'invoices:read'], { input: token }),
      issuer.cli(['audit', 'list'], { env: { MACAROOND_TOKEN: token } }),
    ]);
    for (const { stderr } of cliRuns) answers.push(stderr);

    const audit = await issuer.api('GET', '/v1/audit?limit=1000', { macaroon: adminToken });
    expect(audit.body.entries.map((entry: { event: string }) => entry.event)).toContain('login.failed');
    expect(audit.body.entries.map((entry: { event: string }) => entry.event)).toContain('token.denied');
    await issuer.stop();
    const { stdout, stderr } = issuer.output();
    expect(stderr).toContain('/v1/tokens');

    const atRest = readdirSync(issuer.data)
      .filter((name) => name.startsWith('macaroond.db'))
      .map((name) => readFileSync(join(issuer.data, name)).toString('latin1'));
    const places: Record<string, string> = {
      log: stdout + stderr,
      'audit log': JSON.stringify(audit.body),
      answers: answers.join('\n'),
      database: atRest.join('\n'),
    };
    const hits: string[] = [];
    for (const [place, text] of Object.entries(places)) {
      for (const [name, secret] of secrets) if (text.includes(secret)) hits.push(`${name} in ${place}`);
    }
    expect(hits).toEqual([]);
  });
});
