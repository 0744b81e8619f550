/** What to type next once the issuer runs: whole commands with the real paths and the real URL. */
import { join, relative } from 'node:path';
import type { CliIo } from './cli-io.js';

/** Lines to print. `data` is the absolute path of the data directory, `url` where the issuer listens. */
export function nextCommands(io: Pick<CliIo, 'cwd' | 'programCall'>, url: string, data: string): readonly string[] {
  const program = io.programCall;
  const isBeside = data === join(io.cwd, 'data');
  const caFile = shellWord(isBeside ? relative(io.cwd, join(data, 'ca.crt')) : join(data, 'ca.crt'));
  const curl = url.startsWith('https:') ? `curl --cacert ${caFile}` : 'curl';
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
