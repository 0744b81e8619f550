/** One run of the command line: where it prints, and the exit code it ends with. Data goes to stdout, all else to stderr. */
import { type MacaroonError, printable } from '../core/index.js';
import type { CliIo } from './cli-io.js';

/** Exit codes that scripts may rely on. */
export const exitCodes = Object.freeze({ ok: 0, failure: 1, usage: 2, denied: 3, unreachable: 4, malformed: 5 });
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Codes of what only the command line finds: a wrong call, and a standard output that cannot be written. */
export type CliErrorCode = 'ERR_USAGE' | 'ERR_OUTPUT';

/** What a `CliError` tells beside its message. `hint`: how to mend it. `cause`: what happened, whose code, problem, status and offset are told. */
export type CliErrorDetails = { readonly hint?: string | undefined } & (
  | { readonly code: CliErrorCode; readonly cause?: undefined }
  | { readonly cause: MacaroonError; readonly code?: undefined }
);

/** A failure that the command line itself found, or one that means something else to it than to others. */
export class CliError extends Error {
  readonly exitCode: ExitCode;
  readonly details: CliErrorDetails;

  constructor(exitCode: ExitCode, message: string, details: CliErrorDetails) {
    super(message);
    this.exitCode = exitCode;
    this.details = details;
  }
}

/** Something is wrong with how the command was called. */
export function usageError(message: string, hint?: string): CliError {
  return new CliError(exitCodes.usage, message, { hint, code: 'ERR_USAGE' });
}

export class Session {
  readonly io: CliIo;
  exitCode: ExitCode = exitCodes.ok;
  /** What it means when stdout cannot be written, and how to mend it. */
  lostOutput: { readonly message: string; readonly hint: string } | undefined;
  readonly #writes: Promise<Error | undefined>[] = [];

  constructor(io: CliIo) {
    this.io = io;
  }

  /** Writes `text` to stdout as it is. */
  write(text: string): void {
    this.writeBytes(text);
  }

  /** Writes `bytes`, or a text, to stdout as they are. */
  writeBytes(text: Uint8Array | string): void {
    this.#writes.push(new Promise((resolve) => this.io.stdout.write(text, (error) => resolve(error ?? undefined))));
  }

  /** Resolves once all of stdout is written; throws that it cannot be, and what that means, otherwise. */
  async written(): Promise<void> {
    const error = (await Promise.all(this.#writes)).find((one) => one !== undefined);
    if (error === undefined) return;
    const code = 'code' in error ? String(error.code) : error.message;
    // A reader that has seen enough, such as `head`, is no failure.
    if (code === 'EPIPE') return;
    const fault = `standard output cannot be written (${code === 'ENOSPC' ? 'ENOSPC: its disk is full' : code})`;
    const lost = this.lostOutput;
    throw new CliError(exitCodes.failure, lost === undefined ? fault : `${fault}: ${lost.message}`, {
      hint: lost?.hint,
      code: 'ERR_OUTPUT',
    });
  }

  /** A line of data. What strangers wrote into it cannot steer the terminal. */
  print(line: string): void {
    this.write(`${printable(line)}\n`);
  }

  /** Lines of `label  value`, aligned; entries without a value are left out. */
  printFields(fields: readonly (readonly [label: string, value: string | undefined])[]): void {
    const width = Math.max(...fields.map(([label]) => label.length));
    for (const [label, value] of fields) if (value !== undefined) this.print(`${label.padEnd(width)}  ${value}`);
  }

  /** Rows in aligned columns under `heading`. */
  printTable(heading: readonly string[], rows: readonly (readonly string[])[]): void {
    const widths = heading.map((label, i) => Math.max(label.length, ...rows.map((row) => row[i]?.length ?? 0)));
    for (const row of [heading, ...rows])
      this.print(
        row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join('  ')
          .trimEnd(),
      );
  }

  printJson(value: unknown): void {
    this.write(`${JSON.stringify(value, null, 2)}\n`);
  }

  /** A line for the person at the terminal. */
  note(line: string): void {
    this.io.stderr.write(`${printable(line)}\n`);
  }

  warn(message: string): void {
    this.note(`macaroond: warning: ${message}`);
  }
}
