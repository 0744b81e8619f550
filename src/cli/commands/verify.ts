/** `macaroond verify`: ask the issuer whether a token allows something, and why or why not. */
import type { Command } from 'commander';
import { MacaroonError } from '../../core/index.js';
import type { VerifyRequest, VerifyResponse, WireCaveat } from '../../protocol/wire.js';
import { type JsonOption, readTime, withJson } from '../options.js';
import { CliError, exitCodes, type Session } from '../session.js';
import { readToken, type TokenOptions, withTokenInput } from '../token-input.js';

interface VerifyCommandOptions extends JsonOption, TokenOptions {
  readonly audience: string;
  readonly action: string;
  readonly ip?: string;
  readonly method?: string;
  readonly path?: string;
  readonly at?: string;
  readonly credential?: string;
}

export function register(program: Command, session: Session): void {
  withTokenInput(withJson(program.command('verify')))
    .description('ask the issuer whether a token allows a request; exit code 3 when the token does not')
    .requiredOption('--audience <audience>', 'the service that is asked')
    .requiredOption('--action <action>', 'the action that the request needs')
    .option('--ip <address>', 'address that the request comes from')
    .option('--method <method>', 'HTTP method of the request')
    .option('--path <path>', 'path of the request')
    .option('--at <time>', 'another time than now, in UTC', readTime)
    .option(
      '--credential <file>',
      'credential file of a verifier of the audience; MACAROOND_CREDENTIAL, then admin.json when absent',
    )
    .action((source: string | undefined, options: VerifyCommandOptions) => verify(session, source, options));
}

async function verify(session: Session, source: string | undefined, options: VerifyCommandOptions): Promise<void> {
  // A token that is cut or mistyped is told without asking anyone.
  const token = await readToken(session.io, source, options);
  const { audience, action, ip, method, path, at } = options;
  const answer = await ask(session, { token, audience, context: { action, ip, method, path, at } }, options);
  if (options.json) session.printJson(answer);
  else printAnswer(session, answer);
  if (!answer.authorized) session.exitCode = answer.code.startsWith('ERR_FORMAT_') ? exitCodes.malformed : exitCodes.denied;
}

async function ask(session: Session, body: VerifyRequest, options: VerifyCommandOptions): Promise<VerifyResponse> {
  const { asClient } = await import('../admin-api.js');
  const { findCredential } = await import('../environment.js');
  const credential = await findCredential(session.io, options.credential);
  try {
    return await asClient(credential, (call) => call<VerifyResponse>('POST', '/v1/verify', { body }, ['authorized']));
  } catch (error) {
    // Exit code 3 would say something about the token.
    if (error instanceof CliError) throw new CliError(exitCodes.failure, error.message, error.details);
    const isRefused = error instanceof MacaroonError && (error.status === 401 || error.status === 403);
    throw isRefused ? callerRefused(error, credential.client, body.audience) : error;
  }
}

/** The issuer refused who asked, and so said nothing about the token: no denial. */
function callerRefused(cause: MacaroonError, client: string, audience: string): CliError {
  if (cause.problem !== 'forbidden') return new CliError(exitCodes.failure, cause.message, { cause });
  const make = `macaroond client add ${audience}-server --verifier-of ${audience} --out ${audience}-server.json`;
  const hint = `name the credential file of a verifier with --credential; an administrator makes one with "${make}". Beside the data directory of the issuer, without --credential and MACAROOND_CREDENTIAL, client admin asks, a verifier of every audience that it created`;
  return new CliError(exitCodes.failure, `client ${client} is no verifier of audience ${audience}`, { hint, cause });
}

function printAnswer(session: Session, answer: VerifyResponse): void {
  for (const caveat of answer.caveats ?? []) session.print(`${caveat.holds ? '✓' : '✗'} ${caveatText(caveat)}`);
  if (!answer.authorized) {
    if (answer.caveats?.some((caveat) => !caveat.holds) !== true) session.print(`✗ ${answer.message}`);
    session.print(`denied: ${answer.code}: ${answer.message}`);
    return;
  }
  session.printFields([
    ['authorized', answer.client],
    ['audience', answer.audience],
    ['actions', answer.actions.join(', ')],
    ['expires', answer.expires_at],
    ['token id', answer.token_id],
    ['auth methods', answer.auth_methods.join(', ')],
  ]);
}

function caveatText(caveat: WireCaveat): string {
  const place = caveat.discharge_index === undefined ? '' : ` (discharge ${caveat.discharge_index})`;
  const [name = ''] = caveat.condition.split(' ', 1);
  // A reason may start with the caveat's name, which stands before it here anyway.
  const reason = caveat.message.startsWith(`${name}: `) ? caveat.message.slice(name.length + 2) : caveat.message;
  return `${caveat.condition}${place}: ${reason}`;
}
