/** Reads what was given as a token. What is none gets a word about what it looks like, because tokens are copied by hand. */
import { importToken, MacaroonError, type UnverifiedMacaroon } from '../core/index.js';
import { CliError, exitCodes } from './session.js';

/** What people copy instead of a token, and what to do then. The first that fits is told. */
const lookAlikes: readonly (readonly [pattern: RegExp, hint: string])[] = [
  [/^(authorization: *)?macaroon /i, 'this is an Authorization header: leave out what stands before mcr_, "Macaroon " too'],
  [
    /^(authorization: *)?bearer /i,
    'leave out "Bearer ": the token starts with mcr_, and is sent as "Authorization: Macaroon mcr_…"',
  ],
  [/^\{.*"credential_id"/s, 'this is a credential file: name it with --credential, and obtain a token with "macaroond mint"'],
  [/^mcs_/, 'this is the secret of a credential: obtain a token with "macaroond mint"'],
  [/^["'`]/, 'leave out the quotes around the token'],
  [/[^\w-]mcr_/, 'there is a token inside: give it alone, from mcr_ to the 6 characters after its dot'],
];

/**
 * The token in `text`; `from` names where the text comes from, when that is not what the command was just given.
 * Throws a `CliError` (malformed) for what is no token.
 */
export function readTokenText(text: string, from?: string): UnverifiedMacaroon {
  try {
    return importToken(text);
  } catch (error) {
    if (!(error instanceof MacaroonError)) throw error;
    const hint = lookAlikes.find(([pattern]) => pattern.test(text))?.[1];
    throw new CliError(exitCodes.malformed, from === undefined ? error.message : `${from}: ${error.message}`, {
      hint,
      cause: error,
    });
  }
}
