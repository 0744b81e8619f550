/** What to type next once the issuer runs: whole commands with the real paths and the real URL. */
import { join } from 'node:path';
import type { CliIo } from './cli-io.js';

/** The issuer that runs. */
export interface RunningIssuer {
  readonly url: string;
  /** Absolute path of the data directory. */
  readonly data: string;
  /** Absolute path of a certificate of one's own; absent when the issuer's CA made the certificate. */
  readonly tlsCert?: string | undefined;
}

/** Lines to print. */
export function nextCommands(io: Pick<CliIo, 'cwd' | 'programCall'>, { url, data, tlsCert }: RunningIssuer): readonly string[] {
  const program = io.programCall;
  const isBeside = data === join(io.cwd, 'data');
  const caFile = tlsCert ?? (isBeside ? join('data', 'ca.crt') : join(data, 'ca.crt'));
  const curl = url.startsWith('https:') ? `curl --cacert ${shellWord(caFile)}` : 'curl';
  return [
    '',
    'Next, in another terminal of this directory:',
    '',
    ...(isBeside ? [] : [`  export MACAROOND_DATA=${shellWord(data)}`]),
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

/** `text` as one word of a POSIX shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
