/** docs/cli.md against the commands themselves: every command, and every flag of each, stands there, and no other. */
import { Command } from 'commander';
import { beforeAll, describe, expect, it } from 'vitest';
import { type OfflineCommand, registerOffline } from '../../src/cli/offline-command.js';
import type { Session } from '../../src/cli/session.js';
import { filesBelow, readProjectFile } from './source-tree.js';

interface CommandModule {
  readonly register?: (program: Command, session: Session) => void;
  readonly command?: OfflineCommand;
}

const page = readProjectFile('docs/cli.md').text;
/** Flags by command, e.g. `client add`. */
const flagsOf = new Map<string, readonly string[]>();

beforeAll(async () => {
  const program = new Command('macaroond');
  // Registering touches nothing of a session: it is used by the command's action alone.
  const session: Session = Object.create(null);
  for (const { path } of filesBelow('src/cli/commands', /\.ts$/)) {
    const { register, command }: CommandModule = await import(/* @vite-ignore */ new URL(`../../${path}`, import.meta.url).href);
    if (command === undefined) register?.(program, session);
    else registerOffline(program, session, command);
  }
  collect(program, []);
});

function collect(command: Command, words: readonly string[]): void {
  const below = command.commands;
  if (below.length === 0) flagsOf.set(words.join(' '), command.options.map(({ long }) => long ?? '').toSorted());
  for (const one of below) collect(one, [...words, one.name()]);
}

/** What the lines of shell blocks say of each command; `root-key list|rotate` are two. */
function documented(): ReadonlyMap<string, string> {
  const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) => block.replaceAll(/ #.*$/gm, ''));
  const told = new Map<string, string>();
  for (const call of blocks.flatMap((block) => block.split(/\bmacaroond (?=[a-z])/).slice(1))) {
    const [line = ''] = call.replaceAll(/(\\|\|)\n/g, ' ').split('\n');
    const [name = '', second = ''] = line.split(/\s+/);
    const commands = flagsOf.has(name) ? [name] : second.split('|').map((word) => `${name} ${word}`);
    for (const command of commands) told.set(command, `${told.get(command) ?? ''} ${line}`);
  }
  return told;
}

/** The table of flags that several commands have: flag → how its cell names them. */
function shared(): ReadonlyMap<string, string> {
  const section = page.split('\n## ').find((part) => part.startsWith('Flags of many commands')) ?? '';
  return new Map(
    [...section.matchAll(/^\| `(--[a-z-]+)[^`]*` \| ([^|]+) \|/gm)].map(([, flag = '', commands = '']) => [flag, commands]),
  );
}

/** Whether `cell` names `command`: "all", a list of commands or of their first words, "all but …". */
function names(cell: string, command: string): boolean {
  const listed = [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
  const isListed = listed.some((name) => command === name || command.startsWith(`${name} `));
  return cell.startsWith('all') ? !isListed : isListed;
}

describe('the page on the command line', () => {
  it('shows every command, and no other', () => {
    expect([...documented().keys()].toSorted()).toEqual([...flagsOf.keys()].toSorted());
  });

  it('shows every flag of each command, and no other', () => {
    const told = documented();
    const common = shared();
    expect(common.size).toBeGreaterThan(2);
    for (const [command, flags] of flagsOf) {
      const ofLines = told.get(command)?.match(/--[a-z][a-z-]*/g) ?? [];
      const ofTable = [...common].filter(([, cell]) => names(cell, command)).map(([flag]) => flag);
      expect.soft({ command, flags: [...new Set([...ofLines, ...ofTable])].toSorted() }).toEqual({ command, flags });
    }
  });
});
