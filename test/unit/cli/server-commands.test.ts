import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ServeFlags } from '../../../src/cli/server-side.js';
import { MacaroonError } from '../../../src/core/index.js';
import { initialise } from '../../../src/server/main.js';
import { createFolder } from '../transport/certificates.js';
import { cli } from './cli-harness.js';

let cwd: string;

beforeEach(async () => {
  cwd = await createFolder();
});

/** Every file of a data directory with what it holds, but those that SQLite makes to read. */
async function filesOf(folder: string): Promise<ReadonlyMap<string, string>> {
  const names = (await readdir(folder)).filter((name) => !/-(shm|wal)$/.test(name));
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), 'latin1')] as const)));
}

function servant(log: unknown[], isNew = true) {
  return {
    serve: (flags: ServeFlags) => {
      log.push(flags);
      const dataDirectory = flags.data ?? join(cwd, 'data');
      const closed = Promise.resolve();
      return Promise.resolve({ url: 'https://localhost:8443', dataDirectory, isNew, closed, stop: () => Promise.resolve() });
    },
  };
}

describe('serve', () => {
  it('passes its flags on, with paths seen from where the user is', async () => {
    const log: unknown[] = [];
    const flags = [
      '--host',
      '::1',
      '--port',
      '0',
      '--url',
      'https://a.example',
      '--tls-cert',
      'a.crt',
      '--tls-key',
      '/b.key',
      '--plain-http',
    ];
    const { code } = await cli(['serve', '--data', 'd', '--config', 'c.json', ...flags], { cwd, server: servant(log) });
    expect(code).toBe(0);
    const paths = { data: join(cwd, 'd'), config: join(cwd, 'c.json'), tlsCert: join(cwd, 'a.crt'), tlsKey: '/b.key' };
    expect(log).toEqual([{ ...paths, host: '::1', port: 0, url: 'https://a.example', plainHttp: true }]);
  });

  it('refuses one port for both listeners, unless the system chooses', async () => {
    const log: unknown[] = [];
    const server = servant(log);
    const { code, stderr } = await cli(['serve', '--port', '8443', '--mtls-port', '8443'], { cwd, server });
    expect([code, log]).toEqual([2, []]);
    expect(stderr).toMatch(/--port and --mtls-port are both 8443\n {2}hint: .*a port of its own/);
    expect((await cli(['serve', '--port', '0', '--mtls-port', '0'], { cwd, server })).code).toBe(0);
  });

  it('prints the next commands with real values on first use and on a terminal, else only where it listens', async () => {
    const first = await cli(['serve'], { cwd, server: servant([]) });
    expect(first.stdout).toBe('');
    for (const text of [
      'listening on https://localhost:8443',
      'macaroond audience add invoice',
      'macaroond client add mail',
      'macaroond mint ',
      'macaroond attenuate ',
      'macaroond inspect ',
      'curl --cacert data/ca.crt https://localhost:8443/',
    ]) {
      expect(first.stderr).toContain(text);
    }
    expect((await cli(['serve'], { cwd, server: servant([], false) })).stderr).not.toContain('audience add');
    expect((await cli(['serve'], { cwd, server: servant([], false), isTerminal: true })).stderr).toContain('audience add');
  });

  it('names the data directory where that is not beside', async () => {
    const data = join(cwd, "o'data");
    const { stderr } = await cli(['serve', '--data', data], { cwd: '/', server: servant([]) });
    expect(stderr).toContain(`export MACAROOND_DATA='${cwd}/o'\\''data'`);
    expect(stderr).toContain(`curl --cacert '${cwd}/o'\\''data/ca.crt' `);
  });

  it('stops at a signal', async () => {
    let isStopped = false;
    let end: () => void = () => undefined;
    const closed = new Promise<void>((resolve) => {
      end = resolve;
    });
    const stop = () => {
      isStopped = true;
      end();
      return Promise.resolve();
    };
    const server = {
      serve: () => Promise.resolve({ url: 'https://localhost:1', dataDirectory: cwd, isNew: false, closed, stop }),
    };
    const { code } = await cli(['serve'], { cwd, server, onStopSignal: (handle) => handle() });
    expect([code, isStopped]).toEqual([0, true]);
  });

  it('ends with 1 when the server fails, and shows no stack', async () => {
    const server = { serve: () => Promise.reject(new MacaroonError('ERR_MASTER_KEY', 'the master key is missing')) };
    expect(await cli(['serve'], { cwd, server })).toEqual({
      code: 1,
      stdout: '',
      stderr: 'macaroond: the master key is missing\n',
    });
    const broken = { serve: () => Promise.reject(new TypeError('x is not a function')) };
    const { code, stderr } = await cli(['serve'], { cwd, server: broken });
    expect(code).toBe(1);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it.each([
    ['--port', '70000'],
    ['--port', '-1'],
    ['--port', 'x'],
    ['--prot', '1'],
  ])('calls %s %s wrong use', async (...flags) => {
    expect((await cli(['serve', ...flags], { cwd })).code).toBe(2);
  });
});

describe('work on the data directory', () => {
  it('init tells what it made', async () => {
    const server = { initialise: (data: string) => Promise.resolve({ dataDirectory: data, created: ['a', 'b'] }) };
    expect((await cli(['init', '--data', 'd'], { cwd, server })).stdout).toBe('a\nb\n');
    const { stdout } = await cli(['init', '--json'], { cwd, server, env: { MACAROOND_DATA: '/x' } });
    expect(JSON.parse(stdout)).toEqual({ data: '/x', created: ['a', 'b'] });
  });

  it.each<[string, readonly string[], NodeJS.ProcessEnv, string]>([
    ['beside', [], {}, 'serve'],
    ['elsewhere', ['--data', "o'data"], {}, "serve --data 'CWD/o'\\''data'"],
    ['by MACAROOND_DATA', [], { MACAROOND_DATA: 'd' }, 'serve --data CWD/d'],
    ['beside, although MACAROOND_DATA is another', ['--data', 'data'], { MACAROOND_DATA: 'd' }, 'serve --data CWD/data'],
  ])('init %s prints the command that starts this very issuer', async (_, flags, env, command) => {
    const server = { initialise: (data: string) => Promise.resolve({ dataDirectory: data, created: ['a'] }) };
    const { stderr } = await cli(['init', ...flags], { cwd, env, server, programCall: 'node dist/cli/main.js' });
    expect(stderr.trimEnd().split('\n').at(-1)?.trim()).toBe(`node dist/cli/main.js ${command.replace('CWD', cwd)}`);
  });

  it('init ends with 1 and changes nothing where there is an issuer already', async () => {
    const once = await cli(['init'], { cwd, server: { initialise } });
    expect(once.code).toBe(0);
    const before = await filesOf(join(cwd, 'data'));
    expect(before.size).toBeGreaterThan(3);
    const again = await cli(['init', '--json'], { cwd, server: { initialise } });
    expect([again.code, again.stdout]).toEqual([1, '']);
    expect(JSON.parse(again.stderr).error.code).toBe('ERR_DATA_DIRECTORY');
    expect(await filesOf(join(cwd, 'data'))).toEqual(before);
  });

  it.each([['init'], ['doctor'], ['db', 'migrate'], ['db', 'backup'], ['audit', 'verify']])(
    '%s %s does not call its data directory a place to find the issuer in',
    async (...argv) => {
      const { stdout } = await cli([...argv, '--help']);
      expect(stdout).toContain('MACAROOND_DATA, then ./data');
      expect(stdout).not.toContain('find the issuer');
    },
  );

  it.runIf(process.platform === 'linux').each([['init'], ['serve']])(
    '%s says at once where no folder can be made',
    async (name) => {
      for (const data of ['/proc/x', '/proc/x/y']) {
        const { code, stderr } = await cli([name, '--data', data], { cwd });
        expect([code, stderr]).toEqual([1, expect.stringContaining(`no folder can be made at ${data}`)]);
      }
    },
  );

  it.each([['init'], ['serve']])('%s says so where a file is in the way', async (name) => {
    await writeFile(join(cwd, 'file'), '');
    for (const data of ['file', 'file/data']) {
      const { code, stderr } = await cli([name, '--data', data], { cwd });
      expect([code, stderr]).toEqual([1, expect.stringMatching(/no folder can be made at .*(a file is there|is a file)/)]);
    }
  });

  it('serve leaves ./data alone where a configuration file may name another directory', async () => {
    await writeFile(join(cwd, 'data'), '');
    const asked: unknown[] = [];
    const serve = (flags: unknown) => {
      asked.push(flags);
      return Promise.reject(new Error('not served here'));
    };
    await cli(['serve', '--config', 'other.json'], { cwd, server: { serve } });
    expect(asked).toEqual([expect.objectContaining({ config: join(cwd, 'other.json') })]);
  });

  it('init leaves the place as it is for the server', async () => {
    const server = { initialise: async (data: string) => ({ dataDirectory: data, created: await readdir(cwd) }) };
    expect((await cli(['init', '--data', 'new/d'], { cwd, server })).stdout).toBe('');
  });

  it('doctor ends with 1 when something is wrong', async () => {
    const checks = [
      { name: 'disk', ok: true, detail: 'fine' },
      { name: 'key', ok: false, detail: 'readable by others' },
    ];
    const { code, stdout } = await cli(['doctor'], { cwd, server: { runDoctor: () => Promise.resolve(checks) } });
    expect([code, stdout]).toEqual([1, '✓ disk: fine\n✗ key: readable by others\n']);
    const fine = { runDoctor: () => Promise.resolve(checks.slice(0, 1)) };
    expect((await cli(['doctor', '--json'], { cwd, server: fine })).code).toBe(0);
  });

  it('audit verify passes the head on and ends with 1 for a broken log', async () => {
    const asked: unknown[] = [];
    const verifyAudit = (data: string, _: unknown, options: unknown) => {
      asked.push(data, options);
      return Promise.resolve({ ok: false, entries: 4, head: '4:m', brokenAt: 3, reason: 'the MAC differs' });
    };
    const { code, stdout } = await cli(['audit', 'verify', '--head', '2:x', '--json'], { cwd, server: { verifyAudit } });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({ ok: false, entries: 4, head: '4:m', broken_at: 3, reason: 'the MAC differs' });
    expect(asked).toEqual([join(cwd, 'data'), { head: '2:x' }]);
    const sound = { verifyAudit: () => Promise.resolve({ ok: true, entries: 4, head: '4:m' }) };
    expect((await cli(['audit', 'verify'], { cwd, server: sound })).code).toBe(0);
  });

  it('db migrate and db backup', async () => {
    const log: unknown[] = [];
    const server = {
      migrateDatabase: async (data: string) => log.push(data),
      backupDatabase: async (data: string, _: unknown, file: string) => log.push(data, file),
    };
    expect((await cli(['db', 'migrate'], { cwd, server })).code).toBe(0);
    expect((await cli(['db', 'backup', 'copy.db', '--json'], { cwd, server })).code).toBe(0);
    expect(log).toEqual([join(cwd, 'data'), join(cwd, 'data'), join(cwd, 'copy.db')]);
  });
});
