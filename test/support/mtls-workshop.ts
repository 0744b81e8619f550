/** A folder in which the scripts and commands of a company are run as its people would, and a TLS client that tells what became of a connection. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';

export interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Workshop {
  readonly folder: string;
  path(file: string): string;
  text(file: string): string;
  write(file: string, content: string): void;
  /** Runs a line of shell in the folder; throws when it fails. Returns what it prints. */
  sh(line: string): Promise<string>;
  /** The same, for a line that may fail. */
  attempt(line: string): Promise<Ran>;
  /** Starts a program in the folder and waits for its first line. */
  start(program: string, args: readonly string[]): Promise<ChildProcess>;
  dispose(): void;
}

export function openWorkshop(): Workshop {
  const folder = mkdtempSync(join(tmpdir(), 'mtls-'));
  const children: ChildProcess[] = [];
  const path = (file: string) => join(folder, file);
  const attempt = (line: string): Promise<Ran> =>
    new Promise((resolve) => {
      execFile('bash', ['-c', line], { cwd: folder, env: { ...process.env, NO_PROXY: '*' } }, (error, stdout, stderr) =>
        resolve({ status: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
      );
    });
  return {
    folder,
    path,
    text: (file) => readFileSync(path(file), 'utf8'),
    write: (file, content) => {
      mkdirSync(dirname(path(file)), { recursive: true });
      writeFileSync(path(file), content, { mode: 0o600 });
    },
    attempt,
    sh: async (line) => {
      const { status, stdout, stderr } = await attempt(line);
      if (status !== 0) throw new Error(`${line} ended with ${status}: ${stderr}`);
      return stdout;
    },
    start: async (program, args) => {
      const child = spawn(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
      children.push(child);
      await new Promise((resolve, reject) => {
        child.stdout?.once('data', resolve);
        child.once('exit', (code) => reject(new Error(`${program} ended with ${code}`)));
      });
      return child;
    },
    dispose: () => {
      for (const child of children) child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A port that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

export interface Conversation {
  readonly socket: TLSSocket;
  /** Sends one request and resolves to the status of its answer, or to `dropped` when the connection ends without one. */
  ask(method: string, target: string, body?: string): Promise<number | 'dropped'>;
}

/** A TLS connection to `url` on which requests are sent one after the other. Resolves also when the handshake fails. */
export async function converse(url: string, options: ConnectionOptions): Promise<Conversation> {
  const { hostname, port, host } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), servername: 'localhost', ...options });
  let received = '';
  let isClosed = false;
  socket.setEncoding('latin1').on('data', (chunk) => {
    received += chunk;
  });
  socket.on('error', () => undefined);
  socket.once('close', () => {
    isClosed = true;
  });
  await new Promise((resolve) => socket.once('secureConnect', resolve).once('close', resolve));
  return {
    socket,
    ask: async (method, target, body = '') => {
      received = '';
      const type = body === '' ? '' : `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
      socket.write(`${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${type}\r\n${body}`);
      await new Promise<void>((resolve) => {
        const look = (): void => {
          if (isClosed || received.includes('\r\n\r\n')) resolve();
        };
        socket.on('data', look).on('close', look);
        look();
      });
      const status = /^HTTP\/1\.1 (\d{3})/.exec(received)?.[1];
      return status === undefined ? 'dropped' : Number(status);
    },
  };
}
