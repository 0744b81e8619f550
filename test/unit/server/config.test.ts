/** Settings: which source wins, and what is refused. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MacaroonError } from '../../../src/core/index.js';
import { loadConfig } from '../../../src/server/config.js';

let data = '';
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'config-'));
});
afterEach(() => rmSync(data, { recursive: true }));

function writeConfig(content: unknown): void {
  writeFileSync(join(data, 'config.json'), typeof content === 'string' ? content : JSON.stringify(content));
}

function refusal(run: () => unknown): MacaroonError {
  try {
    run();
  } catch (error) {
    if (error instanceof MacaroonError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

describe('loadConfig', () => {
  it('has defaults: HTTPS on loopback', () => {
    expect(loadConfig({ data }, {})).toMatchObject({ host: '127.0.0.1', port: 8443, plain_http: false, trusted_proxies: [] });
  });

  it('lets the file win over defaults, the environment over the file, flags over both', () => {
    writeConfig({ host: '0.0.0.0', port: 1, log_level: 'warn' });
    const env = { MACAROOND_PORT: '2', MACAROOND_LOG_LEVEL: 'error', MACAROOND_TRUSTED_PROXIES: '10.0.0.0/8,::1' };
    expect(loadConfig({ data, port: 3 }, env)).toMatchObject({
      host: '0.0.0.0',
      port: 3,
      log_level: 'error',
      trusted_proxies: ['10.0.0.0/8', '::1'],
    });
  });

  it('finds the file by --config and by MACAROOND_CONFIG, and says when it is not there', () => {
    const file = join(data, 'other.json');
    writeFileSync(file, '{"port":7}');
    expect(loadConfig({ data, config: file }, {}).port).toBe(7);
    expect(loadConfig({ data }, { MACAROOND_CONFIG: file }).port).toBe(7);
    expect(refusal(() => loadConfig({ data, config: join(data, 'missing.json') }, {})).code).toBe('ERR_CONFIG');
  });

  it('refuses an unknown key of the file and names the nearest known one', () => {
    writeConfig({ prot: 1 });
    expect(refusal(() => loadConfig({ data }, {}))).toMatchObject({ code: 'ERR_CONFIG', argument: 'prot' });
    expect(refusal(() => loadConfig({ data }, {})).message).toContain('did you mean port?');
  });

  it('refuses an unknown variable of its family and names the nearest known one', () => {
    const error = refusal(() => loadConfig({ data }, { MACAROOND_MASTERKEY_FILE: '/x' }));
    expect(error.code).toBe('ERR_CONFIG');
    expect(error.message).toContain('MACAROOND_MASTER_KEY_FILE');
  });

  it('takes an empty variable for one that is not set', () => {
    expect(loadConfig({ data }, { MACAROOND_PORT: '', MACAROOND_CONFIG: '' }).port).toBe(8443);
  });

  it('leaves the variables of clients alone', () => {
    const env = {
      MACAROOND_URL: 'https://x',
      MACAROOND_TOKEN: 't',
      MACAROOND_CA_FILE: 'c',
      MACAROOND_CREDENTIAL: 'd',
      OTHER: 'x',
    };
    expect(loadConfig({ data }, env).port).toBe(8443);
  });

  it.each([
    ['port', { port: 70_000 }],
    ['port', { port: 'eight' }],
    ['host', { host: '' }],
    ['plain_http', { plain_http: 'perhaps' }],
    ['trusted_proxies', { trusted_proxies: ['10.0.0.1/8'] }],
    ['public_url', { public_url: 'https://issuer.example/path' }],
    ['log_level', { log_level: 'loud' }],
    ['remembered_tokens', { remembered_tokens: -1 }],
    ['remembered_tokens', { remembered_tokens: 1_000_001 }],
    ['tls_cert', { tls_cert: 'cert.pem' }],
    ['plain_http', { plain_http: true, tls_cert: 'a', tls_key: 'b' }],
  ])('refuses a wrong %s: %o', (argument, settings) => {
    writeConfig(settings);
    expect(refusal(() => loadConfig({ data }, {}))).toMatchObject({ code: 'ERR_CONFIG', argument });
  });

  it.each(['', '[]', '"x"', '{'])('refuses a file that is not one JSON object: %s', (content) => {
    writeConfig(content);
    expect(refusal(() => loadConfig({ data }, {})).code).toBe('ERR_CONFIG');
  });

  it('does not quote values, as a secret may stand in the wrong place', () => {
    writeConfig({ port: 'mcs_secret-in-the-wrong-place' });
    expect(refusal(() => loadConfig({ data }, {})).message).not.toContain('mcs_secret');
  });
});
