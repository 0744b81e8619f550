/**
 * The whole story on one machine, with real processes, sockets and files: `npm run demo`. It starts an issuer in a fresh folder, sets it up
 * through the command line, starts the invoice server, and plays the mail server. Each step prints what happened; the exit code is 0 only
 * when every step went as told. Nothing stays behind.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { attenuate } from 'macaroond/client';
import { type Answer, askInvoiceServer, mintForInvoices, narrowForJob } from './mail-server.js';

const cliFile = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const invoiceServerFile = fileURLToPath(new URL('./invoice-server.ts', import.meta.url));
const startTimeoutMs = 30_000;
/** How long a life of two seconds may take to end. */
const expiryTimeoutMs = 4_000;
/** How long a revocation may take to reach the invoice server, which asks every second. */
const revocationTimeoutMs = 10_000;
/** How long a line of the invoice server's log may take to arrive. */
const logTimeoutMs = 2_000;

const children: ChildProcess[] = [];
/** What the invoice server said last of a request that it refused. */
let lastRefusal = '';
let failures = 0;

function step(title: string, asTold: boolean, detail: string): void {
  if (!asTold) failures += 1;
  console.log(`${asTold ? '✓' : '✗'} ${title}\n    ${detail}`);
}

/** A step that is as told when the invoice server answered `status` with a text that holds `text`. */
function answered(title: string, answer: Answer, status: number, text = ''): void {
  step(title, answer.status === status && answer.text.includes(text), `${answer.status} ${answer.text}`);
}

interface ExpectedDenial {
  readonly status: number;
  /** What the answer says of the reason. */
  readonly text: string;
  /** The exact reason, which stands in the invoice server's log alone. */
  readonly code: string;
  /** How long it may take until the denial comes; at once when absent. */
  readonly timeoutMs?: number;
}

/** A step that is as told when the invoice server denies what `ask` asks for, by `expected`. */
async function denied(title: string, ask: () => Promise<Answer>, expected: ExpectedDenial): Promise<void> {
  lastRefusal = '';
  const deadlineMs = Date.now() + (expected.timeoutMs ?? 0);
  let answer = await ask();
  while (answer.status !== expected.status && Date.now() < deadlineMs) {
    await sleep(100);
    answer = await ask();
  }
  // The log comes through another pipe than the answer, and may come after it.
  for (const loggedByMs = Date.now() + logTimeoutMs; lastRefusal === '' && Date.now() < loggedByMs; ) await sleep(10);
  const asTold = answer.status === expected.status && answer.text.includes(expected.text) && lastRefusal === expected.code;
  step(title, asTold, `${answer.status} ${answer.text} (the invoice server's log: ${lastRefusal})`);
}

/** Starts a server and waits for the line in which it says its URL. */
async function start(name: string, args: readonly string[], url: RegExp, env: NodeJS.ProcessEnv): Promise<string> {
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  return await new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => reject(new Error(`${name} did not start in time:\n${output}`)), startTimeoutMs);
    const read = (line: string): void => {
      output += `${line}\n`;
      lastRefusal = /^refused: (.*)$/.exec(line)?.[1] ?? lastRefusal;
      const found = url.exec(line);
      if (found === null) return;
      clearTimeout(timer);
      resolve(found[0]);
    };
    for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', read);
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

async function play(folder: string): Promise<void> {
  // What is set for an issuer of one's own is not for this one.
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('MACAROOND_')));
  const env = { ...inherited, MACAROOND_DATA: join(folder, 'data') };
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

  const invoiceEnv = { ...inherited, INVOICE_CREDENTIAL: invoiceFile, INVOICE_PORT: '0' };
  const invoiceArgs = [...process.execArgv, invoiceServerFile];
  const url = await start('the invoice server', invoiceArgs, /http:\/\/127\.0\.0\.1:[1-9]\d*/, invoiceEnv);
  step('the invoice server runs', true, url);

  const { token, tokenId } = await mintForInvoices(mailFile);
  step('the mail server mints a token', true, tokenId);
  answered('it fetches an invoice', await askInvoiceServer(url, '/invoices/1', token), 200, '"readBy":"mail"');
  answered('it lists the invoices', await askInvoiceServer(url, '/invoices', token), 200);

  const narrow = narrowForJob(token, '127.0.0.1');
  answered('a job fetches an invoice with a narrower token', await askInvoiceServer(url, '/invoices/1', narrow), 200);
  const listWith = (used: string) => () => askInvoiceServer(url, '/invoices', used);
  const readWith = (used: string) => () => askInvoiceServer(url, '/invoices/1', used);
  const caveat = { status: 403, code: 'ERR_CAVEAT_DENIED' };
  await denied('for another action it is denied', listWith(narrow), { ...caveat, text: 'invoices:list' });
  const elsewhere = narrowForJob(token, '192.0.2.7');
  await denied('made for another address it is denied', readWith(elsewhere), { ...caveat, text: '192.0.2.7' });

  const brief = attenuate(narrow, { expiresIn: '2s' });
  answered('one for two seconds works', await askInvoiceServer(url, '/invoices/1', brief), 200);
  await denied('after that it is denied', readWith(brief), { ...caveat, text: 'time-before', timeoutMs: expiryTimeoutMs });

  await macaroond('revoke', 'token', tokenId);
  const gone = { status: 401, text: 'invalid_token', code: 'ERR_REVOKED_TOKEN', timeoutMs: revocationTimeoutMs };
  await denied('after the revocation the narrower token is denied', readWith(narrow), gone);
  await denied('and so is the one it was made from', readWith(token), gone);
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
