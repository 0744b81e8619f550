/** `macaroond enrol`: makes an account by an invitation, and its credential file. Only the holder of that file ever has the private key. */
import type { Command } from 'commander';
import { MacaroonError } from '../../core/index.js';
import type { Invitation } from '../../transport/invitation-file.js';
import type { CliIo } from '../cli-io.js';
import { pathOf } from '../environment.js';
import { type JsonOption, withJson } from '../options.js';
import { CliError, exitCodes, type Session, usageError } from '../session.js';

interface EnrolOptions extends JsonOption {
  readonly invitation: string;
  readonly name?: string;
  readonly out: string;
}

const maxInputLength = 256 * 1024;

export function register(program: Command, session: Session): void {
  withJson(program.command('enrol'))
    .description('become a client, by an invitation')
    .requiredOption('--invitation <file>', 'invitation file of "macaroond invite --out"; - for standard input')
    .option('--name <name>', "what to be called, with a group's invitation")
    .requiredOption('--out <file>', 'write the credential file (mode 0600)')
    .action((options: EnrolOptions) => enrolBy(session, options));
}

async function enrolBy(session: Session, options: EnrolOptions): Promise<void> {
  const { enrol } = await import('../../transport/enrol.js');
  const { reserveCredentialFile } = await import('../../transport/credential-file.js');
  const { name: invited, ...invitation } = await readInvitation(session.io, options.invitation);
  const name = options.name ?? invited;
  if (name === undefined) throw usageError('the invitation is for a group: say with --name what to be called');
  if (invited !== undefined && invited !== name) throw usageError(`the invitation is for the name ${invited}`);
  const path = pathOf(session.io, options.out);
  const file = await reserveCredentialFile(path);
  try {
    const credential = await enrol({ ...invitation, name }, { clock: session.io.clock }).catch(explained);
    await file.write(credential).catch(lost);
    const { client, credentialId, authMethod } = credential;
    if (options.json) session.printJson({ client, credential_id: credentialId, auth_method: authMethod });
    else session.print(`credential ${credentialId} of ${client}: ${path}`);
  } catch (error) {
    await file.discard();
    throw error;
  }
}

async function readInvitation(io: CliIo, from: string): Promise<Invitation> {
  const { loadInvitation, parseInvitation } = await import('../../transport/invitation-file.js');
  if (from !== '-') return await loadInvitation(pathOf(io, from));
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of io.stdin) {
    text += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    if (text.length > maxInputLength) throw usageError('standard input is too long to be an invitation');
  }
  return parseInvitation(text + decoder.decode(), 'standard input');
}

const newInvitationHint = 'an administrator sees with "macaroond invitation list" whether it is live, and makes another one';
const lostHint =
  'an administrator sees with "macaroond client list" whether the account is there, ends it with "macaroond client disable", and invites another name';

/** What a refusal means where no credential is there yet. */
function explained(error: unknown): never {
  if (!(error instanceof MacaroonError)) throw error;
  const { code, problem } = error;
  if (code === 'ERR_ISSUER_REFUSED' && problem === 'invalid_client') {
    const message = 'the invitation was refused: it was used, ended, or is for another name';
    throw new CliError(exitCodes.denied, message, { hint: newInvitationHint, cause: error });
  }
  if (code !== 'ERR_INTERFERENCE') throw error;
  const message = `${error.message}; or the shared key is not that of the invitation`;
  throw new CliError(exitCodes.unreachable, message, { hint: lostHint, cause: error });
}

function lost(error: unknown): never {
  if (!(error instanceof MacaroonError)) throw error;
  const message = `${error.message}: the account was made, and nobody has its key`;
  throw new CliError(exitCodes.failure, message, { hint: lostHint, cause: error });
}
