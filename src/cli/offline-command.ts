/**
 * `attenuate` and `inspect` are called often, in loops of shells, so they start without commander: loading it costs more than their work.
 * Their flags are a table. A plain call is read from it here; for anything else (help, wrong use) commander is built from the same table.
 */
import type { Command } from 'commander';
import { InvalidValueError, isListReader, withJson } from './options.js';
import type { Session } from './session.js';
import { withTokenInput } from './token-input.js';

export interface OfflineFlag {
  /** One word. */
  readonly name: string;
  readonly placeholder: string;
  readonly description: string;
  /** Throws `InvalidValueError`. `before` is what a list holds so far. */
  read(text: string, before: unknown): unknown;
}

export interface OfflineCall {
  /** The argument `-`, where it is given. */
  readonly source: string | undefined;
  /** By the names of the flags, `json` and `tokenFile` among them. */
  readonly options: Readonly<Record<string, unknown>>;
}

export interface OfflineCommand {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly OfflineFlag[];
  run(session: Session, call: OfflineCall): Promise<void>;
}

/** Adds `command` to commander's `program`. */
export function registerOffline(program: Command, session: Session, command: OfflineCommand): void {
  const made = withTokenInput(withJson(program.command(command.name))).description(command.description);
  for (const { name, placeholder, description, read } of command.flags) {
    made.option(`--${name} <${placeholder}>`, description, read);
  }
  made.action((source: string | undefined, options: OfflineCall['options']) => command.run(session, { source, options }));
}

/** What `words` (after the command's name) say, as commander would read them; `undefined` for all but a plain call. */
export function readPlainCall(command: OfflineCommand, words: readonly string[]): OfflineCall | undefined {
  const options: Record<string, unknown> = {};
  let source: string | undefined;
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (word === '-' && source === undefined) source = word;
    else if (word === '--json' && options['json'] === undefined) options['json'] = true;
    else {
      const flag = word === '--token-file' ? tokenFile : command.flags.find(({ name }) => word === `--${name}`);
      const text = words[++i];
      if (flag === undefined || text === undefined || text.startsWith('-')) return undefined;
      const key = flag.name;
      if (options[key] !== undefined && !isListReader(flag.read)) return undefined;
      try {
        options[key] = flag.read(text, options[key]);
      } catch (error) {
        if (error instanceof InvalidValueError) return undefined;
        throw error;
      }
    }
  }
  return { source, options };
}

const tokenFile = { name: 'tokenFile', read: (text: string): unknown => text };
