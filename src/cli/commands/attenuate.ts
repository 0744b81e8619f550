/** `macaroond attenuate`: narrow a token, offline. Loads core and caveats alone. */
import { attenuateAt, type Restrictions } from '../../caveats/attenuate.js';
import { inspect } from '../../caveats/inspect.js';
import { inspectToWire } from '../../caveats/inspection-json.js';
import { decode, MacaroonError } from '../../core/index.js';
import type { OfflineCall, OfflineCommand } from '../offline-command.js';
import { collectItems, collectWhole, expiryMs, type JsonOption, readTimeOption, showValue, type TimeOption } from '../options.js';
import { pathFault } from '../path-fault.js';
import { CliError, exitCodes, type Session, usageError } from '../session.js';
import { readToken, type TokenOptions } from '../token-input.js';
import { warnOfUnknownCaveats } from '../unknown-caveats.js';

interface AttenuateCommandOptions extends JsonOption, TokenOptions {
  readonly expires?: TimeOption;
  readonly action?: readonly string[];
  readonly ip?: readonly string[];
  readonly method?: readonly string[];
  readonly path?: readonly string[];
  readonly caveat?: readonly string[];
}

export const command: OfflineCommand = {
  name: 'attenuate',
  description: 'narrow a token, without asking anyone; a repeated flag makes one list',
  flags: [
    { name: 'expires', placeholder: 'time', description: 'a duration such as 10m, or a UTC time', read: readTimeOption },
    { name: 'action', placeholder: 'action', description: 'only for this action, e.g. invoices:read', read: collectItems },
    { name: 'ip', placeholder: 'cidr', description: 'only from this address or range, e.g. 10.0.0.0/8', read: collectItems },
    { name: 'method', placeholder: 'method', description: 'only with this HTTP method, e.g. GET', read: collectItems },
    {
      name: 'path',
      placeholder: 'path',
      description: 'only for this path and what is below it, e.g. /invoices',
      read: collectItems,
    },
    { name: 'caveat', placeholder: 'condition', description: 'a condition as it is, e.g. "account 42"', read: collectWhole },
  ],
  run: attenuate,
};

async function attenuate(session: Session, call: OfflineCall): Promise<void> {
  const options: AttenuateCommandOptions = call.options;
  const restrictions = restrictionsOf(options);
  const text = await readToken(session.io, call.source, options);
  const caveatsBefore = decode(text).root.caveats.length;
  const nowMs = session.io.clock();
  if (options.expires !== undefined) expiryMs(options.expires, nowMs);
  const narrowed = narrow(text, restrictions, nowMs);
  const inspection = inspect(narrowed, { nowMs });
  warnOfUnknownCaveats(session, options.caveat ?? []);
  for (const { kind, caveatIndex, message } of inspection.findings) {
    if (kind === 'contradiction' && caveatIndex >= caveatsBefore) session.warn(message);
  }
  for (const message of inspection.warnings) session.warn(message);
  if (options.json) session.printJson({ token: narrowed, ...inspectToWire(inspection) });
  else session.print(narrowed);
}

function restrictionsOf(options: AttenuateCommandOptions): Restrictions {
  const { expires, action, ip, method, path, caveat } = options;
  if ([expires, action, ip, method, path, caveat].every((one) => one === undefined)) {
    throw usageError('nothing to narrow: give --expires, --action, --ip, --method, --path or --caveat');
  }
  return {
    ...(expires === undefined ? {} : { [expires.kind === 'duration' ? 'expiresIn' : 'expiresAt']: expires.text }),
    ...(action === undefined ? {} : { actions: action }),
    ...(ip === undefined ? {} : { ips: ip }),
    ...(method === undefined ? {} : { methods: method }),
    ...(path === undefined ? {} : { paths: path }),
    ...(caveat === undefined ? {} : { conditions: caveat }),
  };
}

function narrow(text: string, restrictions: Restrictions, nowMs: number): string {
  try {
    return attenuateAt(text, restrictions, nowMs);
  } catch (error) {
    // The token was read before, so what is too long or malformed now is what was asked for.
    if (error instanceof MacaroonError && error.code.startsWith('ERR_LIMIT_')) {
      throw new CliError(exitCodes.failure, error.message, { cause: error });
    }
    if (error instanceof MacaroonError && error.code === 'ERR_FORMAT_CONDITION') throw usageError(error.message);
    if (error instanceof MacaroonError && error.code === 'ERR_ARGUMENT') throw wrongValue(error, restrictions);
    throw error;
  }
}

const lists = { actions: '--action', ips: '--ip', methods: '--method', paths: '--path', conditions: '--caveat' } as const;

/** `error` in the words of the flags: the library names its own members, and items by their place. */
function wrongValue(error: MacaroonError, restrictions: Restrictions): CliError {
  const { argument = '', message } = error;
  const [, place, rest = ''] = /^\w+: item (\d+)(:? .*)$/s.exec(message) ?? [];
  if (!isListName(argument) || place === undefined) return new CliError(exitCodes.usage, message, { cause: error });
  const item = restrictions[argument]?.[Number(place)] ?? '';
  const fault = argument === 'paths' ? pathFault(item) : undefined;
  const shown = showValue(item);
  const told = `${lists[argument]} ${shown}${fault === undefined ? rest : `: ${fault}`}`;
  return new CliError(exitCodes.usage, told, { cause: error });
}

function isListName(argument: string): argument is keyof typeof lists {
  return Object.hasOwn(lists, argument);
}
