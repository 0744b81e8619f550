/** Reads the values of flags. Loads the caveats layer alone, not even commander, so that every command starts fast. */
import type { Command } from 'commander';
import { parseDurationMs } from '../caveats/duration.js';
import { isRfc3339Time, parseRfc3339 } from '../caveats/rfc3339.js';
import { nearest } from '../core/index.js';
import type { AuthMethod, GrantBinding, WireGrantRequest } from '../protocol/wire.js';
import { usageError } from './session.js';

/** A value that a flag cannot have. Commander knows it by its code, and puts the flag's name before the message. */
export class InvalidValueError extends Error {
  readonly code = 'commander.invalidArgument';
  readonly exitCode = 1;
}

const maxShownLength = 40;

/** `value` for a message; not when it is as long as a secret or a token, one of which may stand in the wrong place. */
export function showValue(value: string): string {
  return value.length > maxShownLength ? '(a long value)' : value;
}

/** The option that every command has. */
export interface JsonOption {
  readonly json?: true | undefined;
}

/** Options of every command that administers the issuer or works on its files. */
export interface AdminOptions extends JsonOption {
  readonly data?: string | undefined;
}

/** Options of every command that is shown a secret. */
export interface OutOptions extends AdminOptions {
  readonly out?: string | undefined;
}

/** Adds `--json`. */
export function withJson(command: Command): Command {
  return command.option('--json', "print JSON, in the names of the issuer's HTTP API");
}

/** Adds `--json` and `--data` to a command that talks to the issuer. */
export function withAdmin(command: Command): Command {
  return withJson(command).option('--data <dir>', 'data directory in which to find the issuer and admin.json');
}

/** Adds `--json` and `--data` to a command that works on the files of the issuer. `purpose` ends the sentence "data directory …". */
export function withDataDirectory(command: Command, purpose: string): Command {
  return withJson(command).option('--data <dir>', `data directory ${purpose}; MACAROOND_DATA, then ./data when absent`);
}

/** Collects `--flag a,b --flag c` as one list. */
export function collectItems(value: string, before: readonly string[] = []): readonly string[] {
  const items = value.split(',');
  if (items.includes('')) throw new InvalidValueError('An item of the list is empty.');
  return [...before, ...items];
}

/** Collects whole values, which may hold commas. */
export function collectWhole(value: string, before: readonly string[] = []): readonly string[] {
  if (value === '') throw new InvalidValueError('It is empty.');
  return [...before, value];
}

/** `audience=action,action`; grants for one audience are joined. */
export function collectGrant(value: string, before: readonly WireGrantRequest[] = []): readonly WireGrantRequest[] {
  const equals = value.indexOf('=');
  if (equals < 1) throw new InvalidValueError('Give audience=action,action, e.g. invoice=invoices:read,invoices:list.');
  const audience = value.slice(0, equals);
  const same = before.find((grant) => grant.audience === audience);
  const actions = collectItems(value.slice(equals + 1), same?.actions);
  return [...before.filter((grant) => grant !== same), { audience, actions }];
}

/** `value` when it is one of `known`. Throws `InvalidValueError`, which names the nearest one. */
export function readChoice<Choice extends string>(value: string, known: readonly Choice[], hint = ''): Choice {
  const choice = known.find((one) => one === value);
  if (choice !== undefined) return choice;
  const near =
    value.length > maxShownLength ? '' : ` Did you mean ${known.find((one) => one.startsWith(value)) ?? nearest(value, known)}?`;
  throw new InvalidValueError(`Give ${known.join(', ')}${hint}.${near}`);
}

/** Every one there is: the compiler misses one that is left out. */
const isPolicyMethod: Readonly<Record<AuthMethod | 'ip', true>> = {
  client_secret_basic: true,
  http_sig: true,
  challenge_response: true,
  encrypted_time: true,
  shared_key_hmac: true,
  tls_client_auth: true,
  self_signed_tls_client_auth: true,
  ip: true,
};
const policyMethods = Object.keys(isPolicyMethod);

/** One alternative of a policy: `method+method`. */
export function collectAlternative(value: string, before: readonly (readonly string[])[] = []): readonly (readonly string[])[] {
  const methods = value.split('+');
  if (methods.includes('')) throw new InvalidValueError('Give an auth method, or several joined by +, e.g. http_sig+ip.');
  return [...before, methods.map((method) => readChoice(method, policyMethods, ', or several joined by +, e.g. http_sig+ip'))];
}

const bindings: readonly GrantBinding[] = ['ip', 'certificate', 'key'];

/** What tokens of a grant are bound to. */
export function collectBinding(value: string, before: readonly GrantBinding[] = []): readonly GrantBinding[] {
  return [...before, readChoice(value, bindings, ': one of them, and repeat the flag for more')];
}

const listReaders: ReadonlySet<unknown> = new Set([collectItems, collectWhole, collectGrant, collectAlternative, collectBinding]);

/** Whether `read` makes a list, so that its flag may be repeated. */
export function isListReader(read: unknown): boolean {
  return listReaders.has(read);
}

/**
 * Makes `command`, and every command below it, refuse a repeat of a flag that is no list, as the last one would silently win, and a flag in the place of
 * another one's value.
 */
export function refuseSlips(command: Command): void {
  for (const option of command.options) {
    let isGiven = false;
    command.on(`option:${option.name()}`, (value: unknown) => {
      const follows = command.options.find(
        ({ long }) => long !== undefined && (value === long || String(value).startsWith(`${long}=`)),
      );
      if (follows !== undefined) throw usageError(`--${option.name()} lacks its value: ${follows.long} follows`);
      if (isGiven && !isListReader(option.parseArg))
        throw usageError(`--${option.name()} is given more than once, and takes one value`);
      isGiven = true;
    });
  }
  for (const below of command.commands) refuseSlips(below);
}

/** A time, told as a span from now or as itself. */
export type TimeOption =
  | { readonly kind: 'duration'; readonly durationMs: number; readonly text: string }
  | { readonly kind: 'time'; readonly timeMs: number; readonly text: string };

/** `10m`, `1h30m`, `7d`, or `2026-11-21T22:21:00Z`. */
export function readTimeOption(text: string): TimeOption {
  const durationMs = parseDurationMs(text);
  if (durationMs !== undefined) return { kind: 'duration', durationMs, text };
  const timeMs = parseRfc3339(text);
  if (timeMs !== undefined) return { kind: 'time', timeMs, text };
  throw new InvalidValueError('Give a duration such as 90s, 10m, 1h30m, 7d, or a UTC time such as 2026-11-21T22:21:00Z.');
}

/** When `expires` ends, in Unix milliseconds. Throws a usage error for a time that has passed at `nowMs` or that cannot be written. */
export function expiryMs(expires: TimeOption, nowMs: number): number {
  const endMs = expires.kind === 'duration' ? nowMs + expires.durationMs : expires.timeMs;
  if (endMs <= nowMs) throw usageError(`--expires ${expires.text} is in the past`);
  if (!isRfc3339Time(endMs)) throw usageError(`--expires ${expires.text} is too long a duration: it ends after the year 9999`);
  return endMs;
}

/** Whole seconds of a duration. */
export function readSeconds(text: string): number {
  const durationMs = parseDurationMs(text);
  if (durationMs !== undefined) return durationMs / 1000;
  throw new InvalidValueError('Give a duration such as 90s, 10m, 1h30m, 7d.');
}

/** RFC 3339 in UTC. */
export function readTime(text: string): string {
  if (parseRfc3339(text) !== undefined) return text;
  throw new InvalidValueError('Give a UTC time such as 2026-11-21T22:21:00Z.');
}

/** A whole number from `smallest`, 0 when absent, to `largest`. */
export function readInteger(largest: number, smallest = 0): (text: string) => number {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= smallest && value <= largest) return value;
    throw new InvalidValueError(`Give a whole number from ${smallest} to ${largest}.`);
  };
}
