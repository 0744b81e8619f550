import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { cli, createToken } from './cli-harness.js';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const allCommands = [
  'init',
  'serve',
  'client',
  'credential',
  'audience',
  'grant',
  'root-key',
  'mint',
  'attenuate',
  'inspect',
  'verify',
  'revoke',
  'audit',
  'db',
  'doctor',
];

/** Files of ours and packages that loading `entry` loads, following static imports that are left after types are erased. */
async function loadedBy(...entries: readonly string[]): Promise<{ readonly files: Set<string>; readonly packages: Set<string> }> {
  const files = new Set<string>();
  const packages = new Set<string>();
  const queue = entries.map((entry) => join(root, entry));
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (files.has(relative(root, path))) continue;
    files.add(relative(root, path));
    const text = await readFile(path, 'utf8');
    for (const [, clause = '', specifier = ''] of text.matchAll(/^(?:import|export)\s([^;]*?)from '([^']+)'/gm)) {
      const names = /^\{([^}]*)\}\s*$/.exec(clause)?.[1]?.split(',') ?? [];
      const isType = clause.startsWith('type ') || (names.length > 0 && names.every((name) => /^\s*(type\s|$)/.test(name)));
      if (isType) continue;
      if (specifier.startsWith('.')) queue.push(join(dirname(path), specifier.replace(/\.js$/, '.ts')));
      else packages.add(specifier);
    }
  }
  return { files, packages };
}

const asModule = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;

/** Tells each module that is loaded, those of dynamic imports too, on stderr. */
const teller = asModule(`
import { writeSync } from 'node:fs';
export async function load(url, context, next) {
  writeSync(2, 'loaded ' + url + '\\n');
  return await next(url, context);
}`);
const registersTeller = asModule(`
import { register } from 'node:module';
register(${JSON.stringify(teller)});
`);

/** What the program loads when it is called with `argv` and a token on standard input, as paths of this repository and \`node:\` names. */
async function loadedByProcess(argv: readonly string[]): Promise<readonly string[]> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', '--import', registersTeller, join(root, 'src/cli/main.ts'), ...argv],
    { cwd: root, env: { PATH: process.env['PATH'] }, stdio: ['pipe', 'ignore', 'pipe'] },
  );
  child.stdin.end(createToken());
  let told = '';
  for await (const text of child.stderr.setEncoding('utf8')) told += text;
  const urls = [...told.matchAll(/^loaded (\S+)$/gm)].map(([, url = '']) => url);
  return urls.map((url) => (url.startsWith('file:') ? relative(root, fileURLToPath(url.split('?')[0] ?? '')) : url));
}

describe('what is loaded', () => {
  it.each([
    ['attenuate', '--action', 'invoices:read'],
    ['inspect', '--json'],
  ])('%s loads core, caveats and what it needs of the command line, not even commander', async (...argv) => {
    const modules = await loadedByProcess(argv);
    expect(modules).toContain(`src/cli/commands/${argv[0]}.ts`);
    const foreign = modules.filter((path) => !/^(node:|src\/(cli|caveats|core)\/|node_modules\/@noble\/)/.test(path));
    const heavy = /^src\/cli\/(program|report-error|environment|admin-api|new-credential)\.ts$/;
    const commands = modules.filter((path) => path.startsWith('src/cli/commands/'));
    expect([foreign, modules.filter((path) => heavy.test(path)), commands.slice(1)]).toEqual([[], [], []]);
    expect(modules.filter((path) => /^node:(?!(fs|path|inspector)$)/.test(path))).toEqual([]);
  });

  it('a call that is not plain loads commander, and is seen to', async () => {
    expect(await loadedByProcess(['inspect', '--help'])).toContain('node_modules/commander/esm.mjs');
  });

  it('no command loads the network or the server before it runs', async () => {
    for (const name of allCommands) {
      const { files } = await loadedBy(`src/cli/commands/${name}.ts`);
      expect([...files].filter((file) => !/^src\/(cli|caveats|core)\//.test(file))).toEqual([]);
    }
  });

  it('sees an import that must not be there', async () => {
    const { packages } = await loadedBy('src/cli/admin-api.ts');
    expect([...packages]).toContain('undici');
  });
});

describe('usage', () => {
  it('lists every command in the help, and each has its own', async () => {
    const { code, stdout } = await cli(['--help']);
    expect(code).toBe(0);
    for (const name of allCommands) {
      expect(stdout).toMatch(new RegExp(`^ {2}${name} `, 'm'));
      expect(await cli([name, '--help'])).toMatchObject({ code: 0, stderr: '' });
      expect((await cli(['help', name])).stdout).toContain(`macaroond ${name}`);
    }
  });

  it('helps with a command of two words, and names the whole command in a hint', async () => {
    const { code, stdout } = await cli(['help', 'client', 'add']);
    expect(code).toBe(0);
    expect(stdout).toContain('--verifier-of');
    expect((await cli(['client', 'add'])).stderr).toContain('hint: macaroond client add --help ');
    expect((await cli(['inspect', '--nonsense'])).stderr).toContain('hint: macaroond inspect --help ');
    expect((await cli(['nonsense'])).stderr).toContain('hint: macaroond --help ');
  });

  it('prints the version of the package', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    expect(await cli(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n` });
  });

  it('offers the nearest command and the nearest flag', async () => {
    expect((await cli(['inspekt'])).stderr).toContain('inspect');
    expect((await cli(['mint', '--audiense', 'a'])).stderr).toContain('--audience');
  });

  it.each([
    [['client', 'add', 'mail', '--auth', 'http_sgi+ip'], 'http_sig'],
    [['client', 'set', 'mail', '--auth', 'http_sig+ipp'], 'ip'],
    [['grant', 'add', 'mail', 'invoice', '--action', 'a', '--bind', 'certifcate'], 'certificate'],
    [['credential', 'add', 'mail', 'challenge_response', '--generate', '--mode', 'decript'], 'decrypt'],
    [['credential', 'add', 'mail', 'http_sig', '--out', 'x', '--generate', 'ed2551'], 'ed25519'],
    [['credential', 'add', 'mail', 'http_sgi'], 'http_sig'],
  ])('offers the nearest value where only some are possible: %j', async (argv, near) => {
    const { code, stderr } = await cli(argv);
    expect([code, stderr]).toEqual([2, expect.stringMatching(new RegExp(`[Dd]id you mean ${near}\\?`))]);
  });

  it.each([
    [[]],
    [['client']],
    [['nonsense']],
    [['client', 'add']],
    [['client', 'add', 'a', 'b']],
    [['revoke', 'audience', 'a']],
  ])('ends with 2 for %j', async (argv) => {
    expect(await cli(argv)).toMatchObject({ code: 2, stdout: '' });
  });

  it.each([
    ['attenuate', '--expires', '10m', '--expires', '5m'],
    ['verify', '--audience', 'a', '--action', 'a', '--action', 'b'],
    ['client', 'add', 'a', '--out', 'a.json', '--out', 'b.json'],
    ['audience', 'rotate', 'a', '--keep-previous', '--keep-previous'],
  ])('refuses a flag that is no list and is repeated: %s %s %s %s %s %s', async (...argv) => {
    const { code, stderr } = await cli(argv, { stdin: createToken() });
    expect(code).toBe(2);
    expect(stderr).toMatch(/--(expires|action|out|keep-previous) is given more than once/);
  });

  it.each([
    [['attenuate', '--action', '--token-file', 'a.token'], '--action'],
    [['client', 'add', 'a', '--out', '--json'], '--out'],
    [['client', 'add', 'a', '--out', '--grant=invoice=read'], '--out'],
  ])('tells that a flag lacks its value where another flag follows: %j', async (argv, flag) => {
    const { code, stderr } = await cli(argv);
    expect([code, stderr]).toEqual([2, expect.stringContaining(`${flag} lacks its value`)]);
  });

  it('means the choice that was begun before one that is spelled alike', async () => {
    const { stderr } = await cli(['grant', 'add', 'mail', 'invoice', '--action', 'a', '--bind', 'cert']);
    expect(stderr).toContain('Did you mean certificate?');
  });

  it('prints wrong use as JSON when asked to', async () => {
    const { stderr } = await cli(['client', 'add', '--json']);
    expect(JSON.parse(stderr).error.code).toBe('ERR_USAGE');
  });
});

describe('as a process', () => {
  function run(
    argv: readonly string[],
    options: { stdin?: string; env?: NodeJS.ProcessEnv },
  ): Promise<[code: number | null, stdout: string]> {
    return new Promise((done, reject) => {
      const child = spawn(process.execPath, ['--import', 'tsx', join(root, 'src/cli/main.ts'), ...argv], {
        cwd: root,
        env: { PATH: process.env['PATH'], ...options.env },
      });
      let stdout = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
      });
      child.on('error', reject);
      child.on('close', (code) => done([code, stdout]));
      // Without input the pipe stays open, as with many a program that starts another.
      if (options.stdin !== undefined) child.stdin.end(options.stdin);
    });
  }

  it('narrows and inspects what is piped in', async () => {
    const [attenuated, narrowed] = await run(['attenuate', '--action', 'invoices:read'], { stdin: createToken() });
    expect(attenuated).toBe(0);
    const [inspected, json] = await run(['inspect', '--json'], { stdin: narrowed });
    expect(inspected).toBe(0);
    expect(JSON.parse(json).caveats).toEqual(['action invoices:read']);
  });

  it('does not wait for a silent pipe when MACAROOND_TOKEN is set', async () => {
    const [code] = await run(['inspect'], { env: { MACAROOND_TOKEN: createToken() } });
    expect(code).toBe(0);
  });

  it('ends with its exit code', async () => {
    expect((await run(['inspect'], { stdin: 'mcr_cut' }))[0]).toBe(5);
  });
});
