/**
 * The whole story on one machine, with real processes, sockets and files: `npm run demo`. It starts an issuer in a fresh folder, sets it up
 * through the command line, starts the invoice server, and plays the mail server. Each step prints what happened; the exit code is 0 only
 * when every step went as told. Nothing stays behind.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { attenuate } from 'macaroond/client';
import { type Answer, askInvoiceServer, mintForInvoices, narrowForJob } from './mail-server.js';

const cliFile = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const invoiceServerFile = fileURLToPath(new URL('./invoice-server.ts', import.meta.url));
const startTimeoutMs = 30_000;
/** How long a revocation may take to reach the invoice server, which asks every second. */
const revocationTimeoutMs = 10_000;

const children: ChildProcess[] = [];
let failures = 0;

function step(title: string, asTold: boolean, detail: string): void {
  if (!asTold) failures += 1;
  console.log(`${asTold ? '✓' : '✗'} ${title}\n    ${detail}`);
}

function answered(title: string, answer: Answer, status: number, reason = ''): void {
  step(title, answer.status === status && answer.text.includes(reason), `${answer.status} ${answer.text}`);
}

/** Starts a server and waits for the line in which it says its URL. */
async function start(name: string, args: readonly string[], url: RegExp, env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  return await new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => reject(new Error(`${name} did not start in time:\n${output}`)), startTimeoutMs);
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      const found = url.exec(output);
      if (found === null) return;
      clearTimeout(timer);
      resolve(found[0]);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`${name} stopped with exit code ${code}:\n${output}`));
    });
  });
}

async function stopAll(): Promise<void> {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const killer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await gone;
    clearTimeout(killer);
  }
}

/** Asks again until `status` comes or time is up. */
async function askUntil(status: number, timeoutMs: number, ask: () => Promise<Answer>): Promise<Answer> {
  const deadlineMs = Date.now() + timeoutMs;
  let answer = await ask();
  while (answer.status !== status && Date.now() < deadlineMs) {
    await sleep(100);
    answer = await ask();
  }
  return answer;
}

async function play(folder: string): Promise<void> {
  const env = { ...process.env, MACAROOND_DATA: join(folder, 'data') };
  const issuerUrl = await start('the issuer', [cliFile, 'serve', '--port', '0'], /https:\/\/127\.0\.0\.1:[1-9]\d*/, env);
  step('an issuer runs, set up from nothing', true, issuerUrl);

  const macaroond = async (...args: readonly string[]): Promise<string> => {
    const cliEnv = { ...env, MACAROOND_URL: issuerUrl };
    const { stdout } = await promisify(execFile)(process.execPath, [cliFile, ...args], { env: cliEnv, cwd: folder });
    console.log(`✓ macaroond ${args.join(' ')}`);
    return stdout;
  };
  const mailFile = join(folder, 'mail.json');
  const invoiceFile = join(folder, 'invoice-server.json');
  await macaroond('audience', 'add', 'invoice');
  await macaroond('client', 'add', 'mail', '--grant', 'invoice=invoices:read,invoices:list', '--out', 'mail.json');
  await macaroond('client', 'add', 'invoice-server', '--verifier-of', 'invoice', '--out', 'invoice-server.json');

  const invoiceEnv = { ...process.env, INVOICE_CREDENTIAL: invoiceFile, INVOICE_PORT: '0' };
  const invoiceArgs = [...process.execArgv, invoiceServerFile];
  const url = await start('the invoice server', invoiceArgs, /http:\/\/127\.0\.0\.1:[1-9]\d*/, invoiceEnv);
  step('the invoice server runs', true, url);

  const { token, tokenId } = await mintForInvoices(mailFile);
  step('the mail server mints a token', true, tokenId);
  answered('it fetches an invoice', await askInvoiceServer(url, '/invoices/1', token), 200, '"readBy":"mail"');
  answered('it lists the invoices', await askInvoiceServer(url, '/invoices', token), 200);

  const narrow = narrowForJob(token, '127.0.0.1');
  answered('a job fetches an invoice with a narrower token', await askInvoiceServer(url, '/invoices/1', narrow), 200);
  answered('for another action it is denied', await askInvoiceServer(url, '/invoices', narrow), 403, 'invoices:list');

  const elsewhere = narrowForJob(token, '192.0.2.7');
  answered('made for another address it is denied', await askInvoiceServer(url, '/invoices/1', elsewhere), 403, '192.0.2.7');

  const brief = attenuate(narrow, { expiresIn: '2s' });
  answered('one for two seconds works', await askInvoiceServer(url, '/invoices/1', brief), 200);
  const late = await askUntil(403, 4_000, () => askInvoiceServer(url, '/invoices/1', brief));
  answered('after that it is denied', late, 403, 'caveat_denied');

  await macaroond('revoke', 'token', tokenId);
  const revoked = await askUntil(401, revocationTimeoutMs, () => askInvoiceServer(url, '/invoices/1', narrow));
  answered('after the revocation the narrower token is denied', revoked, 401, 'invalid_token');
  answered('and so is the one it was made from', await askInvoiceServer(url, '/invoices/1', token), 401, 'invalid_token');
}

const folder = await mkdtemp(join(tmpdir(), 'macaroond-demo-'));
const killAll = (): void => {
  for (const child of children) child.kill('SIGKILL');
};
process.once('exit', killAll);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
try {
  await play(folder);
} catch (error) {
  step('the demo stopped early', false, error instanceof Error ? error.message : String(error));
} finally {
  await stopAll();
  await rm(folder, { recursive: true, force: true });
}
console.log(failures === 0 ? 'Every step went as told.' : `${failures} steps did not go as told.`);
process.exitCode = failures === 0 ? 0 : 1;
