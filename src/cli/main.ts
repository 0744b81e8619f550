#!/usr/bin/env node
/** The `macaroond` program: connects the command line to this process. */
import './refuse-inspector.js';
import { fstatSync } from 'node:fs';
import { basename, relative } from 'node:path';
import type { CliIo } from './cli-io.js';
import { shellWord } from './next-commands.js';
import { runCli } from './run-cli.js';
import { loadServerSide } from './server-side.js';

function stdinKind(): CliIo['stdinKind'] {
  try {
    const stdin = fstatSync(0);
    if (stdin.isFIFO() || stdin.isFile()) return 'pipe';
    return stdin.isSocket() ? 'socket' : 'none';
  } catch {
    return 'none';
  }
}

function programCall(): string {
  const script = process.argv[1] ?? 'macaroond';
  return basename(script) === 'macaroond' ? 'macaroond' : `node ${shellWord(relative(process.cwd(), script))}`;
}

function onStopSignal(stop: () => void): void {
  let isStopping = false;
  const handle = (): void => {
    // Whoever asks twice does not want to wait for a graceful end.
    if (isStopping) process.exit(1);
    isStopping = true;
    stop();
  };
  process.on('SIGINT', handle);
  process.on('SIGTERM', handle);
}

// A reader that has seen enough, such as `head`, is no failure. Every other fault is told by `runCli`, once.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
});
// There is nowhere to tell this, and stdout may still hold what was asked for.
process.stderr.on('error', () => undefined);

process.exitCode = await runCli(process.argv.slice(2), {
  get stdin() {
    return process.stdin;
  },
  stdinKind: stdinKind(),
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  clock: Date.now,
  programCall: programCall(),
  onStopSignal,
  loadServerSide,
});
