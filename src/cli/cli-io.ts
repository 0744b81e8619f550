/** What the command line is connected to, passed in so that tests run it in their own process. Imports nothing heavy. */
import type { Clock } from '../core/index.js';
import type { ServerSide } from './server-side.js';

export interface CliOutput {
  readonly isTTY?: boolean | undefined;
  /** Calls `done` once `text` is written, or with the error that kept it from being so. */
  write(text: string | Uint8Array, done?: (error?: Error | null) => void): unknown;
}

export interface CliIo {
  readonly stdin: AsyncIterable<Uint8Array | string>;
  /**
   * What standard input is: `pipe` (a shell's pipe or a file: it is meant as input), `socket` (another program's doing: it may stay
   * silent for ever), or `none` (a terminal, or closed).
   */
  readonly stdinKind: 'pipe' | 'socket' | 'none';
  readonly stdout: CliOutput;
  readonly stderr: CliOutput;
  readonly env: NodeJS.ProcessEnv;
  /** Where relative paths start. */
  readonly cwd: string;
  readonly clock: Clock;
  /** How the user calls this program, for the commands that are printed as advice. */
  readonly programCall: string;
  /** Calls `stop` at the first signal that asks the process to end. */
  onStopSignal(stop: () => void): void;
  loadServerSide(): Promise<ServerSide>;
}
