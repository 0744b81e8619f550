/** What to type next once the issuer runs: whole commands with the real paths and the real URL. */
import { join } from 'node:path';
import type { CliIo } from './cli-io.js';

type Surroundings = Pick<CliIo, 'cwd' | 'env' | 'programCall'>;

/** The issuer that runs. */
export interface RunningIssuer {
  readonly url: string;
  /** Absolute path of the data directory. */
  readonly data: string;
  /** Absolute path of a certificate of one's own; absent when the issuer's CA made the certificate. */
  readonly tlsCert?: string | undefined;
}

/** Lines to print. */
export function nextCommands(io: Surroundings, { url, data, tlsCert }: RunningIssuer): readonly string[] {
  const program = io.programCall;
  const isFound = findsByItself(io, data);
  const caFile = tlsCert ?? (isFound ? join('data', 'ca.crt') : join(data, 'ca.crt'));
  const curl = url.startsWith('https:') ? `curl --cacert ${shellWord(caFile)}` : 'curl';
  return [
    '',
    'Next, in another terminal of this directory:',
    '',
    ...(isFound ? [] : [`  export MACAROOND_DATA=${shellWord(data)}`]),
    `  ${program} audience add invoice`,
    `  ${program} client add mail --grant invoice=invoices:read,invoices:list --out mail.json`,
    `  ${program} client add invoice-server --verifier-of invoice --out invoice-server.json`,
    `  ${program} mint --audience invoice --credential mail.json > mail.token`,
    `  ${program} attenuate --expires 10m --action invoices:read --token-file mail.token > job.token`,
    `  ${program} inspect --token-file job.token`,
    `  ${program} verify --audience invoice --action invoices:read --credential invoice-server.json --token-file job.token`,
    `  ${curl} ${url}/.well-known/macaroond`,
    '',
  ];
}

/** The command that starts the issuer of the data directory `data`, an absolute path. */
export function serveCommand(io: Surroundings, data: string): string {
  return `${io.programCall} serve${findsByItself(io, data) ? '' : ` --data ${shellWord(data)}`}`;
}

/** Whether the program finds `data` without being told. Not by MACAROOND_DATA: another terminal may not have that. */
function findsByItself({ cwd, env }: Surroundings, data: string): boolean {
  return (env['MACAROOND_DATA'] ?? '') === '' && data === join(cwd, 'data');
}

/** `text` as one word of a POSIX shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
