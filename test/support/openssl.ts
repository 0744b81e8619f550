/** The openssl command line in a folder of its own: an implementation of X.509 that is not ours. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

export interface Openssl {
  /** Runs one command line, words parted by spaces and `'…'` kept together; returns what it prints. Throws when it fails. */
  run(command: string): string;
  /** The same, for a command that may fail: exit code and all that it prints. */
  attempt(command: string): { readonly status: number | null; readonly output: string };
  text(file: string): string;
  write(file: string, content: string | Uint8Array): void;
  /** DER of a certificate in a PEM file. */
  der(file: string): Uint8Array;
}

/** A folder for openssl that is removed when the test ends; `onEnd` takes the removal elsewhere, such as `afterAll`. */
export function opensslFolder(onEnd: (remove: () => void) => void = onTestFinished): Openssl {
  const folder = mkdtempSync(join(tmpdir(), 'openssl-'));
  onEnd(() => rmSync(folder, { recursive: true }));
  const run = (command: string) =>
    execFileSync('openssl', wordsOf(command), { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] }).toString();
  const attempt = (command: string) => {
    const { status, stdout, stderr } = spawnSync('openssl', wordsOf(command), { cwd: folder });
    return { status, output: stdout.toString() + stderr.toString() };
  };
  const text = (file: string) => readFileSync(join(folder, file), 'utf8');
  return {
    run,
    attempt,
    text,
    write: (file, content) => writeFileSync(join(folder, file), content),
    der: (file) => derOf(text(file)),
  };
}

/** DER of the first PEM block in `pem`. */
export function derOf(pem: string): Uint8Array {
  const base64 = /-----BEGIN [A-Z0-9 ]+-----([^-]+)-----END/.exec(pem)?.[1] ?? '';
  return new Uint8Array(Buffer.from(base64, 'base64'));
}

function wordsOf(command: string): readonly string[] {
  return [...command.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word);
}
