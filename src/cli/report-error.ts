/** Turns whatever a command threw into one line, a hint how to mend it, and an exit code. Never a stack, never a secret. */
import { MacaroonError } from '../core/index.js';
import { fileFault } from './file-fault.js';
import { issuerHint } from './issuer-hints.js';
import { CliError, type ExitCode, exitCodes, type Session } from './session.js';

interface Failure {
  readonly exitCode: ExitCode;
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly problem?: string | undefined;
  readonly status?: number | undefined;
  readonly offset?: number | undefined;
}

const codeHints: Readonly<Record<string, string>> = {
  ERR_FORMAT_CHECKSUM: 'copy the token again, the whole of it: it starts with mcr_ and ends in a dot and 6 characters',
  ERR_FORMAT_EMPTY: 'pipe a token in, name a file with --token-file, or set MACAROOND_TOKEN',
};

const problemHints: Readonly<Record<string, string>> = {
  invalid_client:
    'the issuer tells nobody why. Most often: the credential file is of another issuer, or of a data directory that was made anew; its secret or key was retired, or is not the registered one; the client is unknown or disabled; its policy asks for another auth method, an address or a certificate; or a clock is wrong. An administrator reads the reason with "macaroond audit list --event login.failed --limit 1", and makes another file with "macaroond credential add NAME --out FILE"',
  invalid_token:
    'what is asked takes an administration token: none was sent, or it has expired, was revoked, or is of another issuer. Unset MACAROOND_TOKEN when it is set, else check which issuer is asked (MACAROOND_URL, MACAROOND_DATA)',
  insufficient_scope: 'the token does not cover this: mint one for audience macaroond that does',
  grant_exceeded:
    'an administrator sees the grants with "macaroond client show NAME"; "macaroond grant add" replaces one, so name all that it shall hold',
  rate_limited: 'wait a minute; then check the credential',
  storage_full: "free some space on the issuer's disk",
};

/** Prints `error` (as JSON when `asJson`) to stderr; returns the exit code. */
export function reportError(session: Session, error: unknown, asJson: boolean): ExitCode {
  const { exitCode, ...failure } = failureOf(error, session.io.env['MACAROOND_URL']);
  if (asJson) {
    session.io.stderr.write(`${JSON.stringify({ error: failure })}\n`);
  } else {
    // The offset of a limit is the limit itself, which the message tells.
    const place = failure.code.startsWith('ERR_FORMAT_') && failure.offset !== undefined ? ` (at offset ${failure.offset})` : '';
    session.note(`macaroond: ${oneLine(failure.message)}${place}`);
    if (failure.hint !== undefined) session.note(`  hint: ${oneLine(failure.hint)}`);
  }
  return exitCode;
}

function failureOf(error: unknown, url: string | undefined): Failure {
  if (error instanceof CliError) {
    const { exitCode, message, details } = error;
    const known = details.cause === undefined ? details : failureOf(details.cause, url);
    return { ...known, exitCode, message, hint: details.hint ?? known.hint };
  }
  if (error instanceof MacaroonError) {
    const { code, problem, status, offset } = error;
    const hint = issuerHint(error, url) ?? (problem === undefined ? codeHints[code] : problemHints[problem]);
    const fault = fileFault(error.cause);
    const message = fault === undefined ? error.message : `${error.message} (${fault})`;
    return { exitCode: exitCodeOf(error), code, message, hint, problem, status, offset };
  }
  const message = error instanceof Error ? error.message : 'something that is no error was thrown';
  return { exitCode: exitCodes.failure, code: 'ERR_UNEXPECTED', message: `unexpected failure: ${message}` };
}

const unreached: readonly string[] = [
  ...['ERR_ISSUER_UNREACHABLE', 'ERR_ISSUER_IDENTITY', 'ERR_ISSUER_ANSWER', 'ERR_INTERFERENCE'],
  ...['ERR_SERVICE_UNREACHABLE', 'ERR_SERVICE_IDENTITY', 'ERR_SERVICE_ANSWER'],
];

function exitCodeOf({ code, status }: MacaroonError): ExitCode {
  if (code === 'ERR_ARGUMENT' || code === 'ERR_CONFIG' || code === 'ERR_CREDENTIAL_FILE') return exitCodes.usage;
  if (unreached.includes(code)) return exitCodes.unreachable;
  if (code === 'ERR_ISSUER_REFUSED' || code === 'ERR_SERVICE_REFUSED') return exitCodeOfStatus(status);
  if (code.startsWith('ERR_FORMAT_') || code.startsWith('ERR_LIMIT_')) return exitCodes.malformed;
  return exitCodes.failure;
}

function exitCodeOfStatus(status: number | undefined): ExitCode {
  if (status === 400) return exitCodes.usage;
  // Without a status, the handshake refused the client's certificate.
  if (status === undefined || status === 401 || status === 403) return exitCodes.denied;
  return status === 503 ? exitCodes.unreachable : exitCodes.failure;
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ');
}
