/** Runs the command line in this process: what goes in, what comes out, the exit code. */
import type { CliIo } from '../../../src/cli/cli-io.js';
import { runCli } from '../../../src/cli/run-cli.js';
import type { ServerSide } from '../../../src/cli/server-side.js';
import { createUuidV7, encode, encodeIdentifier, MacaroonKey, mint } from '../../../src/core/index.js';

export const nowMs = Date.parse('2026-11-21T22:21:00Z');

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliSurroundings {
  readonly stdin?: string | AsyncIterable<string>;
  readonly stdinKind?: CliIo['stdinKind'];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly server?: Partial<ServerSide>;
  readonly isTerminal?: boolean;
  /** Why nothing can be written to stdout. */
  readonly stdoutFault?: Error;
  /** `macaroond` when absent. */
  readonly programCall?: string;
  /** Stands at `nowMs` when absent. */
  readonly clock?: CliIo['clock'];
  readonly onStopSignal?: CliIo['onStopSignal'];
  /** What was written to stderr so far, as it grows. */
  readonly onStderr?: (text: string) => void;
}

export async function cli(argv: readonly string[], surroundings: CliSurroundings = {}): Promise<CliResult> {
  const { stdin, server, env = {}, cwd = '/nonexistent' } = surroundings;
  const out: string[] = [];
  const err: string[] = [];
  const missing = (name: string) => () => Promise.reject(new Error(`${name} was not expected`));
  const code = await runCli(argv, {
    stdin: typeof stdin === 'object' ? stdin : textStream(stdin ?? ''),
    stdinKind: surroundings.stdinKind ?? (stdin === undefined ? 'none' : 'pipe'),
    stdout: {
      write: (text, done) => {
        if (surroundings.stdoutFault === undefined) out.push(typeof text === 'string' ? text : new TextDecoder().decode(text));
        queueMicrotask(() => done?.(surroundings.stdoutFault));
      },
    },
    stderr: {
      write: (text) => {
        err.push(String(text));
        surroundings.onStderr?.(err.join(''));
      },
      isTTY: surroundings.isTerminal ?? false,
    },
    env,
    cwd,
    clock: surroundings.clock ?? (() => nowMs),
    programCall: surroundings.programCall ?? 'macaroond',
    onStopSignal: surroundings.onStopSignal ?? (() => undefined),
    loadServerSide: () =>
      Promise.resolve({
        initialise: missing('initialise'),
        serve: missing('serve'),
        recoveryToken: missing('recoveryToken'),
        verifyAudit: missing('verifyAudit'),
        runDoctor: missing('runDoctor'),
        migrateDatabase: missing('migrateDatabase'),
        backupDatabase: missing('backupDatabase'),
        importCompanyAuthority: missing('importCompanyAuthority'),
        ...server,
      }),
  });
  return { code, stdout: out.join(''), stderr: err.join('') };
}

async function* textStream(text: string): AsyncIterable<string> {
  yield text;
}

/** A token for `audience` as an issuer mints it. */
export function createToken(audience = 'invoice', actions: readonly string[] = ['invoices:read', 'invoices:list']): string {
  const randomBytes = (length: number) => new Uint8Array(length).fill(7);
  const identifier = encodeIdentifier({
    rootKeyId: randomBytes(16),
    generation: 0,
    tokenId: createUuidV7(nowMs, randomBytes),
    expiresAtMs: nowMs + 3_600_000,
    audience,
    client: 'mail',
    authMethods: ['client_secret_basic'],
    actions,
  });
  return encode({ root: mint(new MacaroonKey(randomBytes(32)), identifier), discharges: [] });
}
