/** `macaroond mint`: obtain a token. */
import type { Command } from 'commander';
import { formatRfc3339 } from '../../caveats/rfc3339.js';
import type { MintedToken } from '../../client/mint-answer.js';
import { MacaroonError } from '../../core/index.js';
import type { MintResponse } from '../../protocol/wire.js';
import { collectItems, collectWhole, expiryMs, type JsonOption, readTimeOption, type TimeOption, withJson } from '../options.js';
import { CliError, exitCodes, type Session, usageError } from '../session.js';
import { warnOfUnknownCaveats } from '../unknown-caveats.js';

interface MintCommandOptions extends JsonOption {
  readonly audience?: string;
  readonly action?: readonly string[];
  readonly expires?: TimeOption;
  readonly caveat?: readonly string[];
  readonly credential?: string;
  readonly data?: string;
}

const issuerAudience = 'macaroond';

export function register(program: Command, session: Session): void {
  withJson(program.command('mint'))
    .description('obtain a token from the issuer')
    .option('--audience <audience>', 'the service that the token is for')
    .option(
      '--action <action>',
      'an action, or a pattern such as invoices:* (repeatable); all of the grant when absent',
      collectItems,
    )
    .option('--expires <time>', 'a duration such as 1h, or a UTC time', readTimeOption)
    .option('--caveat <condition>', 'a caveat to add at once, e.g. "ip 10.0.0.0/8" (repeatable)', collectWhole)
    .option('--credential <file>', 'credential file of the client; MACAROOND_CREDENTIAL, then admin.json when absent')
    .option(
      '--data <dir>',
      'recovery on the machine of the issuer: an administration token from the store itself, without a credential',
    )
    .action((options: MintCommandOptions) => mint(session, options));
}

async function mint(session: Session, options: MintCommandOptions): Promise<void> {
  const minted = options.data === undefined ? toWire(await mintAtIssuer(session, options)) : await recover(session, options);
  if (options.json) session.printJson(minted);
  else session.print(minted.token);
  warnOfUnknownCaveats(session, options.caveat ?? []);
  const limits = minted.caveats.map((condition) => `; ${condition}`).join('');
  session.note(
    `token ${minted.token_id} of ${minted.client} for ${minted.audience}: ${minted.actions.join(', ')}, until ${minted.expires_at}${limits}`,
  );
}

async function mintAtIssuer(session: Session, options: MintCommandOptions): Promise<MintedToken> {
  const { audience, action, expires, caveat, credential: file } = options;
  if (audience === undefined) throw usageError('--audience is missing: name the service that the token is for');
  const expiresIn = expires === undefined ? undefined : secondsUntil(expires, session.io.clock());
  const { findCredential } = await import('../environment.js');
  const { namingWho } = await import('../admin-api.js');
  const { issuerClient } = await import('../../client/issuer-client.js');
  const credential = await findCredential(session.io, file);
  const client = issuerClient(credential);
  try {
    return await client.mint({
      audience,
      ...(action === undefined ? {} : { actions: action }),
      ...(expiresIn === undefined ? {} : { expiresIn }),
      ...(caveat === undefined ? {} : { caveats: caveat }),
    });
  } catch (error) {
    throw error instanceof MacaroonError && error.problem === 'grant_exceeded'
      ? grantExceeded(error, credential.client, audience)
      : namingWho(error, credential);
  } finally {
    await client.close();
  }
}

/** The grant does not reach: most often because another client asked than was meant. */
function grantExceeded(cause: MacaroonError, client: string, audience: string): CliError {
  const hint = `--credential names the client that asks; an administrator sees its grants with "macaroond client show ${client}"; "macaroond grant add ${client} ${audience}" replaces one, so name every action that it shall hold, and --max-expires for tokens that live longer than a day`;
  return new CliError(exitCodes.denied, `client ${client}, audience ${audience}: ${cause.message}`, { hint, cause });
}

function secondsUntil(expires: TimeOption, nowMs: number): number {
  const lifeMs = expiryMs(expires, nowMs) - nowMs;
  if (lifeMs < 1000) throw usageError(`--expires ${expires.text} is less than a second away`);
  return Math.floor(lifeMs / 1000);
}

async function recover(session: Session, options: MintCommandOptions): Promise<MintResponse> {
  const { data, audience, action, expires, caveat, credential } = options;
  if (data === undefined) throw usageError('--data is missing');
  const restriction = action ?? expires ?? caveat ?? credential;
  if (restriction !== undefined || (audience !== undefined && audience !== issuerAudience)) {
    throw usageError(
      '--data mints the ten-minute administration token of a recovery, which takes no other flags',
      'set MACAROOND_DATA to say where the issuer is',
    );
  }
  const { pathOf } = await import('../environment.js');
  const server = await session.io.loadServerSide();
  return server.recoveryToken(pathOf(session.io, data), session.io.env);
}

function toWire(minted: MintedToken): MintResponse {
  return {
    token: minted.token,
    token_id: minted.tokenId,
    root_key_id: minted.rootKeyId,
    client: minted.client,
    audience: minted.audience,
    actions: minted.actions,
    issued_at: formatRfc3339(minted.issuedAtMs),
    expires_at: formatRfc3339(minted.expiresAtMs),
    caveats: minted.caveats,
  };
}
