import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decode, decodeUtf8, exportV2Json, limits } from '../../../src/core/index.js';
import { createFolder } from '../transport/certificates.js';
import { cli, createToken, nowMs } from './cli-harness.js';
import { credentialText } from './fake-issuer.js';

const token = createToken();
const foreignText = JSON.stringify(exportV2Json(decode(token).root));

function conditionsOf(text: string): readonly string[] {
  return decode(text.trim()).root.caveats.map((caveat) =>
    caveat.kind === 'first-party' ? decodeUtf8(caveat.condition) : 'third',
  );
}

describe('attenuate', () => {
  it('makes one caveat of a repeated flag, and counts a duration from now', async () => {
    const lists = [
      '--action',
      'invoices:read',
      '--action',
      'invoices:list',
      '--ip',
      '10.0.0.0/8,192.0.2.1',
      '--method',
      'GET',
      '--path',
      '/invoices',
    ];
    const { code, stdout, stderr } = await cli(['attenuate', '--expires', '10m', ...lists], { stdin: `${token}\n` });
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(conditionsOf(stdout)).toEqual([
      'time-before 2026-11-21T22:31:00Z',
      'action invoices:read,invoices:list',
      'ip 10.0.0.0/8,192.0.2.1',
      'method GET',
      'path /invoices',
    ]);
  });

  it('takes a time for --expires and keeps --caveat as it is', async () => {
    const { stdout } = await cli(['attenuate', '--expires', '2026-11-21T22:30:00Z', '--caveat', 'method GET,HEAD'], {
      stdin: token,
    });
    expect(conditionsOf(stdout)).toEqual(['time-before 2026-11-21T22:30:00Z', 'method GET,HEAD']);
  });

  it('warns about a caveat that it does not know, on stderr, and adds it', async () => {
    const { code, stdout, stderr } = await cli(['attenuate', '--caveat', 'account 42'], { stdin: token });
    expect(code).toBe(0);
    expect(conditionsOf(stdout)).toEqual(['account 42']);
    expect(stderr).toContain('account');
  });

  it('warns when the result can never be used', async () => {
    const { code, stderr } = await cli(['attenuate', '--action', 'ledger:write'], { stdin: token });
    expect(code).toBe(0);
    expect(stderr).toContain('warning: action');
  });

  it('warns about a token of more than 4 KiB', async () => {
    const paths = Array.from({ length: 4 }, (_, i) => ['--caveat', `account ${'x'.repeat(900)}${i}`]).flat();
    const { code, stdout, stderr } = await cli(['attenuate', ...paths], { stdin: token });
    expect(code).toBe(0);
    expect(stdout.length).toBeGreaterThan(4096);
    expect(stderr).toContain('4096');
  });

  it('fails with 1 when the result would be too long', async () => {
    const long = Array.from({ length: 6 }, (_, i) => ['--caveat', `account ${'x'.repeat(1000)}${i}`]).flat();
    const { code, stdout, stderr } = await cli(['attenuate', ...long, '--json'], { stdin: token });
    expect([code, stdout]).toEqual([1, '']);
    expect(JSON.parse(stderr).error.code).toBe('ERR_LIMIT_TEXT');
  });

  it.each<[string, readonly string[]]>([
    ['nothing to narrow', []],
    ['a wrong duration', ['--expires', 'soon']],
    ['an empty item', ['--action', 'a,,b']],
    ['a wrong action', ['--action', 'a b']],
    ['a range with host bits', ['--ip', '10.0.0.1/8']],
    ['a method in lower case', ['--method', 'get']],
    ['a caveat without an argument', ['--caveat', 'account']],
    ['a malformed standard caveat', ['--caveat', 'time-before tomorrow']],
    ['an unknown flag', ['--actoin', 'a']],
  ])('calls %s wrong use', async (_, flags) => {
    const { code, stdout, stderr } = await cli(['attenuate', ...flags], { stdin: token });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^macaroond: .+\n( {2}hint: .+\n)?$/);
  });

  it.each<[string, readonly string[], RegExp]>([
    ['a time that has passed', ['--expires', '2026-11-21T22:21:00Z'], /--expires .*is in the past/],
    ['a duration without end', ['--expires', '99999999d'], /--expires 99999999d is too long a duration/],
    ['an address', ['--ip', '10.0.0.1,10.0.0.300'], /--ip 10\.0\.0\.300: expected/],
    ['host bits', ['--ip', '10.0.0.1/8'], /--ip 10\.0\.0\.1\/8 has host bits: write 10\.0\.0\.0\/8/],
    ['a method', ['--method', 'get'], /--method get: expected/],
    ['a caveat', ['--caveat', 'method GET', '--caveat', 'time-before tomorrow'], /--caveat time-before tomorrow: /],
    ['an empty segment', ['--path', '/a//b'], /--path \/a\/\/b: .*empty segment/],
    ['a dot segment', ['--path', '/a/../b'], /--path .*\.\. segment/],
    ['a relative path', ['--path', 'a'], /--path a: .*starts with \//],
    ['a query', ['--path', '/a?b=1'], /--path .*query/],
    ['a character', ['--path', '/a b'], /--path .*character at offset 2/],
    ['an encoding in lower case', ['--path', '/%c3%a9'], /--path .*upper case/],
    ['a needless encoding', ['--path', '/%41'], /--path .*percent-encod/],
    ['a path that is too long', ['--path', `/${'a'.repeat(limits.maxPathLength)}`], /--path .*characters/],
  ])('says what is wrong in the words of the flags: %s', async (_, flags, message) => {
    const { code, stderr } = await cli(['attenuate', ...flags], { stdin: token });
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\b(ips|paths|methods|conditions|expiresIn|expiresAt): /);
  });

  it('prints the token and what it says as JSON', async () => {
    const { stdout } = await cli(['attenuate', '--expires', '10m', '--json'], { stdin: token });
    const printed = JSON.parse(stdout);
    expect(printed).toMatchObject({ client: 'mail', audience: 'invoice', caveats: ['time-before 2026-11-21T22:31:00Z'] });
    expect(conditionsOf(printed.token)).toEqual(printed.caveats);
  });
});

describe('token input', () => {
  it('takes a pipe before MACAROOND_TOKEN, and the variable when nothing is piped in', async () => {
    const other = createToken('ledger');
    const audience = async (surroundings: Parameters<typeof cli>[1], argv: readonly string[] = []) =>
      JSON.parse((await cli(['inspect', '--json', ...argv], surroundings)).stdout).audience;
    const env = { MACAROOND_TOKEN: other };
    expect(await audience({ stdin: token, env })).toBe('invoice');
    expect(await audience({ env })).toBe('ledger');
    expect(await audience({ stdin: '', env })).toBe('ledger');
    expect(await audience({ stdin: token, stdinKind: 'socket' })).toBe('invoice');
    expect(await audience({ stdin: token, stdinKind: 'socket', env })).toBe('ledger');
    expect(await audience({ stdin: token, stdinKind: 'socket', env }, ['-'])).toBe('invoice');
  });

  it('reads --token-file, also relative to where the user is', async () => {
    const cwd = await createFolder();
    await writeFile(join(cwd, 'job.token'), `  ${token}\n`);
    expect((await cli(['inspect', '--token-file', 'job.token'], { cwd })).code).toBe(0);
    expect((await cli(['inspect', '--token-file', 'none.token'], { cwd })).code).toBe(2);
  });

  it.each<[string, (text: string) => Promise<Parameters<typeof cli>>]>([
    ['standard input', async (text) => [['inspect', '--json'], { stdin: ` ${text}\n` }]],
    [
      '--token-file',
      async (text) => {
        const cwd = await createFolder();
        await writeFile(join(cwd, 'token'), ` ${text}\n`);
        return [['inspect', '--json', '--token-file', 'token'], { cwd }];
      },
    ],
    ['MACAROOND_TOKEN', async (text) => [['inspect', '--json'], { env: { MACAROOND_TOKEN: ` ${text}\n` } }]],
  ])('takes as long a token as can be imported from %s, and no longer one', async (_, call) => {
    const longest = foreignText.padEnd(limits.maxImportLength, ' ').replace(/}( *)$/, '$1}');
    expect(longest).toHaveLength(limits.maxImportLength);
    expect(await cli(...(await call(longest)))).toMatchObject({ code: 0 });
    const { code, stderr } = await cli(...(await call(longest.replace('{', '{ '))));
    expect(code).toBe(5);
    expect(JSON.parse(stderr).error).toMatchObject({ code: 'ERR_LIMIT_TEXT', offset: limits.maxImportLength });
  });

  it.each(['standard input', '--token-file'])('reads no more of a flood on %s than a token can have', async (way) => {
    let isRead = 0;
    async function* flood() {
      for (;;) {
        isRead += 1000;
        yield 'x'.repeat(1000);
      }
    }
    const isFile = way === '--token-file';
    const { code } = await cli(['inspect', ...(isFile ? ['--token-file', '/dev/zero'] : [])], isFile ? {} : { stdin: flood() });
    expect(code).toBe(5);
    expect(isRead).toBeLessThan(2 * limits.maxImportLength);
  });

  it('refuses a token as an argument without showing it', async () => {
    const { code, stdout, stderr } = await cli(['inspect', token]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).not.toContain(token.slice(0, 20));
  });

  it.each<[string, string, string]>([
    ['an Authorization header', `Macaroon ${token}`, 'Macaroon'],
    ['a header of another scheme', `Bearer ${token}`, 'Bearer'],
    ['a quoted token', `"${token}"`, 'quotes'],
    ['a sentence around a token', `token: ${token}`, 'mcr_'],
    ['a credential file', credentialText('mail', 'https://localhost:8443'), 'credential file'],
  ])('says what %s is, without repeating it', async (_, stdin, word) => {
    const { code, stderr } = await cli(['inspect'], { stdin });
    expect(code).toBe(5);
    expect(stderr).toMatch(/^macaroond: .* \(at offset \d+\)\n {2}hint: .*\n$/);
    expect(stderr.split('hint: ')[1]).toContain(word);
    expect(stderr).not.toContain(token.slice(0, 20));
    expect(stderr).not.toContain('secret-of-mail');
  });

  it('names the variable and the file that hold no token', async () => {
    const cwd = await createFolder();
    await writeFile(join(cwd, 'job.token'), 'junk');
    expect((await cli(['inspect'], { env: { MACAROOND_TOKEN: 'junk' } })).stderr).toMatch(/^macaroond: MACAROOND_TOKEN: /);
    expect((await cli(['audience', 'list'], { env: { MACAROOND_TOKEN: 'junk' } })).stderr).toMatch(
      /^macaroond: MACAROOND_TOKEN: /,
    );
    expect((await cli(['inspect', '--token-file', 'job.token'], { cwd })).stderr).toContain('job.token: ');
  });

  it('tells in the help the order in which it looks', async () => {
    const { stdout } = await cli(['inspect', '--help']);
    expect(stdout).toMatch(/--token-file, .*standard input.*, .*MACAROOND_TOKEN/);
    const cwd = await createFolder();
    await writeFile(join(cwd, 'job.token'), token);
    const argv = ['inspect', '--json', '--token-file', 'job.token'];
    const seen = await cli(argv, { cwd, stdin: createToken('ledger'), env: { MACAROOND_TOKEN: createToken('ledger') } });
    expect(JSON.parse(seen.stdout).audience).toBe('invoice');
  });

  it('says what to do when there is no token', async () => {
    const { code, stderr } = await cli(['inspect']);
    expect(code).toBe(2);
    expect(stderr).toContain('--token-file');
  });
});

describe('a full disk behind stdout', () => {
  const stdoutFault = Object.assign(new Error('write ENOSPC'), { code: 'ENOSPC' });

  it.each([['inspect'], ['attenuate', '--expires', '10m'], ['--help'], ['inspect', '--help']])(
    'is told in one line and ends with 1: %s',
    async (...argv) => {
      const { code, stderr } = await cli(argv, { stdin: token, stdoutFault });
      expect(code).toBe(1);
      expect(stderr).toMatch(/^macaroond: .*ENOSPC.*\n$/);
    },
  );

  it('is no full disk when a reader has seen enough', async () => {
    const closed = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
    expect(await cli(['inspect'], { stdin: token, stdoutFault: closed })).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('inspect', () => {
  it('reads the clock once the token is there: it may have been minted while inspect waited', async () => {
    let clock = nowMs - 5000;
    async function* slow() {
      clock = nowMs;
      yield token;
    }
    expect(await cli(['inspect'], { stdin: slow(), stdinKind: 'pipe', clock: () => clock })).toMatchObject({
      code: 0,
      stderr: '',
    });
  });

  it('says UNVERIFIED, the identifier, each caveat in words and the effective limits', async () => {
    const narrowed = await cli(['attenuate', '--expires', '10m', '--action', 'invoices:read', '--caveat', 'account 42'], {
      stdin: token,
    });
    const { code, stdout } = await cli(['inspect'], { stdin: narrowed.stdout });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^UNVERIFIED/);
    expect(stdout).toMatch(/client +mail/);
    expect(stdout).toContain('time-before 2026-11-21T22:31:00Z');
    expect(stdout).toMatch(/until +2026-11-21T22:31:00Z \(in 10 min\)/);
    expect(stdout).toMatch(/actions +invoices:read\n/);
    expect(stdout).toMatch(/UNKNOWN/);
  });

  it('uses the names of the HTTP API in JSON', async () => {
    const { stdout } = await cli(['inspect', '--json'], { stdin: token });
    expect(JSON.parse(stdout)).toMatchObject({
      verified: false,
      token_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      root_key_id: 'BwcHBwcHBwcHBwcHBwcHBw',
      client: 'mail',
      audience: 'invoice',
      actions: ['invoices:read', 'invoices:list'],
      expires_at: new Date(nowMs + 3_600_000).toISOString().replace('.000Z', 'Z'),
      caveats: [],
    });
  });

  it('lets nothing in a token steer the terminal', async () => {
    const narrowed = await cli(['attenuate', '--caveat', 'account \u{202e}live'], { stdin: token });
    const { stdout } = await cli(['inspect'], { stdin: narrowed.stdout });
    expect(stdout).toContain('\\u{202e}');
    expect(stdout).not.toContain('\u{202e}');
  });

  it.each<[string, string]>([
    ['a cut token', token.slice(0, 60)],
    ['a mistyped token', token.replace(/.{7}$/, 'AAAAAAA')],
    ['something else', 'hello world'],
    ['a flood', 'x'.repeat(100_000)],
  ])('ends with 5 for %s and does not repeat it', async (_, text) => {
    const { code, stdout, stderr } = await cli(['inspect'], { stdin: text });
    expect([code, stdout]).toEqual([5, '']);
    expect(stderr).not.toContain(text.slice(0, 30));
  });

  it('prints errors as JSON when asked to', async () => {
    const { code, stdout, stderr } = await cli(['inspect', '--json'], { stdin: token.slice(0, 60) });
    expect([code, stdout]).toEqual([5, '']);
    expect(JSON.parse(stderr).error).toMatchObject({ code: 'ERR_FORMAT_CHECKSUM', message: expect.any(String), offset: 60 });
    expect(JSON.parse((await cli(['inspect', '--json'], { stdin: 'not a token' })).stderr).error.offset).toBe(3);
  });
});
