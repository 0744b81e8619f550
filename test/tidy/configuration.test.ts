/** docs/configuration.md against the schema of the settings, the flags of `serve` and the variables that the sources read. */
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { register } from '../../src/cli/commands/serve.js';
import { configSchema } from '../../src/server/config.js';
import { filesBelow, readProjectFile } from './source-tree.js';

const page = readProjectFile('docs/configuration.md').text;

/** Cells of the rows below the table heading that begins with `| first |`. */
function rowsBelow(first: string): readonly (readonly string[])[] {
  const lines = page.split('\n');
  const heading = lines.findIndex((line) => line.startsWith(`| ${first} |`));
  const end = lines.findIndex((line, i) => i > heading && !line.startsWith('|'));
  return lines.slice(heading + 2, end).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

const settings = rowsBelow('key').map(([key = '', variable = '', flag = '', standard = '']) => ({
  key,
  variable,
  flag,
  standard,
}));

describe('the page on configuration', () => {
  it('lists every setting once, and no other', () => {
    expect(settings.map(({ key }) => key)).toEqual(Object.keys(configSchema.shape));
  });

  it('names the variable of each setting', () => {
    for (const { key, variable } of settings) expect(variable).toBe(`MACAROOND_${key.toUpperCase()}`);
  });

  it('names the defaults', () => {
    const defaults: Readonly<Record<string, unknown>> = configSchema.parse({});
    for (const { key, standard } of settings) {
      const value = defaults[key];
      expect({ key, standard }).toEqual({ key, standard: value === undefined ? '–' : String(value) || 'none' });
    }
  });

  it('names the flags of serve, and no other', () => {
    const program = new Command();
    // Registering touches nothing of a session: it is used by the command's action alone.
    register(program, Object.create(null));
    const flags = program.commands.flatMap(({ options }) => options.map(({ long }) => long));
    const documented = settings.map(({ flag }) => flag).filter((flag) => flag !== '–');
    expect([...documented, '--config', '--json'].toSorted()).toEqual(flags.toSorted());
  });

  it('names every variable that the sources know, and no other', () => {
    const pattern = /MACAROOND_[A-Z][A-Z_]*[A-Z]/g;
    const inSources = filesBelow('src', /\.ts$/).flatMap(({ text }) => text.match(pattern) ?? []);
    const known = [...settings.map(({ variable }) => variable), ...inSources];
    const ofTests = ['MACAROOND_TEST', 'MACAROOND_TEST_LONG', 'MACAROOND_TEST_SEED'];
    const unique = (names: readonly string[]) => [...new Set(names)].filter((name) => !ofTests.includes(name)).toSorted();
    expect(unique(page.match(pattern) ?? [])).toEqual(unique(known));
  });
});
