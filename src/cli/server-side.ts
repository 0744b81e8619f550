/** What the command line calls of the server, in one place: only `init`, `serve`, `db`, `audit verify`, `doctor`, `ca import` and `mint --data` open files. */
import type { MintResponse } from '../protocol/wire.js';
import type { DoctorFinding, RunningServer, ServeFlags } from '../server/main.js';

export interface AuditVerdict {
  readonly ok: boolean;
  readonly entries: number;
  /** `seq:mac` of the last entry. */
  readonly head: string;
  /** Sequence number of the first entry that does not hold. */
  readonly brokenAt?: number | undefined;
  readonly reason?: string | undefined;
}

export type { DoctorFinding, RunningServer, ServeFlags };

/** The part of `server/main.ts` that the command line uses. `dataDirectory` is a path, `env` the environment of the process. */
export interface ServerSide {
  initialise(
    dataDirectory: string,
    env: NodeJS.ProcessEnv,
  ): Promise<{ readonly dataDirectory: string; readonly created: readonly string[] }>;
  serve(flags: ServeFlags, env: NodeJS.ProcessEnv): Promise<RunningServer>;
  recoveryToken(dataDirectory: string, env: NodeJS.ProcessEnv): Promise<MintResponse>;
  verifyAudit(
    dataDirectory: string,
    env: NodeJS.ProcessEnv,
    options: { readonly head?: string | undefined },
  ): Promise<AuditVerdict>;
  runDoctor(dataDirectory: string, env: NodeJS.ProcessEnv): Promise<readonly DoctorFinding[]>;
  importCompanyAuthority(
    dataDirectory: string,
    env: NodeJS.ProcessEnv,
    pem: { readonly certificate: string; readonly privateKey: string },
  ): Promise<{ readonly notAfter: string }>;
  migrateDatabase(dataDirectory: string, env: NodeJS.ProcessEnv): Promise<unknown>;
  backupDatabase(dataDirectory: string, env: NodeJS.ProcessEnv, file: string): Promise<unknown>;
}

/** Loads the server. */
export async function loadServerSide(): Promise<ServerSide> {
  return await import('../server/main.js');
}
