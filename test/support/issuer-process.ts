/** A real issuer for tests: the built CLI as a subprocess, its own data directory, a free port, real TLS. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';

const cliPath = new URL('../../dist/cli/main.js', import.meta.url).pathname;

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever the server answered
  readonly body: any;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface ApiOptions {
  readonly body?: unknown;
  readonly basic?: { readonly client: string; readonly secret: string };
  readonly macaroon?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface IssuerProcess {
  readonly url: string;
  readonly data: string;
  readonly child: ChildProcess;
  /** What the process wrote so far. */
  output(): { readonly stdout: string; readonly stderr: string };
  cli(args: readonly string[], options?: CliOptions): Promise<Finished>;
  /** Runs the CLI with `--json`, expects exit code 0 and gives what it printed. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever the CLI printed
  cliJson(args: readonly string[], options?: CliOptions): Promise<any>;
  api(method: string, path: string, options?: ApiOptions): Promise<Answer>;
  /** A fresh administration token. */
  adminToken(): Promise<string>;
  /** SIGTERM, and waits. */
  stop(): Promise<number>;
  /** SIGKILL, and waits. */
  kill(): Promise<void>;
  /** Starts again on the same data directory. */
  restart(extraArgs?: readonly string[]): Promise<IssuerProcess>;
  /** Kills what runs and removes the data directory. */
  dispose(): Promise<void>;
}

export interface CliOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** The environment of a test process without anything of our family. */
export function cleanEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('MACAROOND_') && name !== 'NODE_OPTIONS');
  return { ...Object.fromEntries(kept), ...extra };
}

export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<Finished> {
  const child = spawn(process.execPath, [cliPath, ...args], {
    env: cleanEnvironment(options.env),
    cwd: options.cwd ?? tmpdir(),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const code = await exitOf(child);
  return { code, stdout: stdout(), stderr: stderr() };
}

export interface StartOptions {
  readonly data?: string;
  /** A free one when absent. */
  readonly port?: number;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts `macaroond serve` and waits until it listens. */
export async function startIssuer(options: StartOptions = {}): Promise<IssuerProcess> {
  const data = options.data ?? join(mkdtempSync(join(tmpdir(), 'issuer-')), 'data');
  const port = String(options.port ?? 0);
  const child = spawn(process.execPath, [cliPath, 'serve', '--json', '--data', data, '--port', port, ...(options.args ?? [])], {
    env: cleanEnvironment(options.env),
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const url = await listeningUrl(child, stdout, stderr);
  const agent = new Agent({ connect: { ca: url.startsWith('https') ? readFileSync(join(data, 'ca.crt'), 'utf8') : undefined } });

  const api = async (method: string, path: string, { body, basic, macaroon, headers = {} }: ApiOptions = {}): Promise<Answer> => {
    const sent: Record<string, string> = { ...headers };
    if (basic !== undefined) sent['authorization'] = `Basic ${Buffer.from(`${basic.client}:${basic.secret}`).toString('base64')}`;
    if (macaroon !== undefined) sent['authorization'] = `Macaroon ${macaroon}`;
    if (body !== undefined) sent['content-type'] ??= 'application/json';
    const response = await request(url + path, {
      method: method as 'GET',
      dispatcher: agent,
      headers: sent,
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.body.text();
    const isJson = String(response.headers['content-type'] ?? '').includes('json');
    return { status: response.statusCode, body: isJson ? JSON.parse(text) : text, headers: response.headers };
  };

  const cli = (args: readonly string[], cliOptions: CliOptions = {}) =>
    runCli(args, { ...cliOptions, env: { MACAROOND_DATA: data, ...cliOptions.env } });

  const end = async (signal: NodeJS.Signals): Promise<number> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    const code = await exitOf(child);
    await agent.destroy();
    return code;
  };

  return {
    url,
    data,
    child,
    output: () => ({ stdout: stdout(), stderr: stderr() }),
    cli,
    cliJson: async (args, cliOptions) => {
      const finished = await cli([...args, '--json'], cliOptions);
      if (finished.code !== 0) throw new Error(`macaroond ${args.join(' ')} ended with ${finished.code}: ${finished.stderr}`);
      return JSON.parse(finished.stdout);
    },
    api,
    adminToken: async () => {
      const admin = JSON.parse(readFileSync(join(data, 'admin.json'), 'utf8')) as { client: string; secret: string };
      const minted = await api('POST', '/v1/tokens', { basic: admin, body: { audience: 'macaroond' } });
      if (minted.status !== 201) throw new Error(`no administration token: ${minted.status} ${JSON.stringify(minted.body)}`);
      return minted.body.token as string;
    },
    stop: () => end('SIGTERM'),
    kill: async () => {
      await end('SIGKILL');
    },
    restart: (extraArgs) => startIssuer({ ...options, data, ...(extraArgs === undefined ? {} : { args: extraArgs }) }),
    dispose: async () => {
      await end('SIGKILL');
      rmSync(data, { recursive: true, force: true });
    },
  };
}

async function listeningUrl(child: ChildProcess, stdout: () => string, stderr: () => string): Promise<string> {
  return await new Promise((resolve, reject) => {
    const look = () => {
      if (!stdout().trimEnd().endsWith('}')) return;
      resolve((JSON.parse(stdout()) as { url: string }).url);
    };
    child.stdout?.on('data', look);
    child.on('exit', (code) => reject(new Error(`the issuer ended with ${code}: ${stderr()}`)));
  });
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text;
}

async function exitOf(child: ChildProcess): Promise<number> {
  if (child.exitCode !== null) return child.exitCode;
  if (child.signalCode !== null) return -1;
  return await new Promise((resolve) => child.on('close', (code) => resolve(code ?? -1)));
}
