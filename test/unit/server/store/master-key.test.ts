import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeBase64url } from '../../../../src/core/index.js';
import { loadMasterKey, loadOrCreateMasterKey } from '../../../../src/server/store/master-key.js';

const bytes = Uint8Array.from({ length: 32 }, (_, i) => 7 * i);
const hex = Buffer.from(bytes).toString('hex');
const base64url = encodeBase64url(bytes);
const refused = expect.objectContaining({ code: 'ERR_MASTER_KEY' });

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'macaroond-key-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const load = (environment: Record<string, string> = {}) => loadMasterKey({ dataDirectory: directory, environment });
const loaded = (environment: Record<string, string> = {}) => new Uint8Array(load(environment).export());

function writeKey(text: string, mode = 0o600, name = 'master.key'): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

describe('the master key', () => {
  it.each([base64url, hex, hex.toUpperCase(), `${base64url}\n`, ` ${hex} \n`])('is read from the environment: %j', (text) => {
    expect(loaded({ MACAROOND_MASTER_KEY: text })).toEqual(bytes);
  });

  it.each([0o600, 0o400])('is read from a named file of mode %o', (mode) => {
    expect(loaded({ MACAROOND_MASTER_KEY_FILE: writeKey(`${hex}\n`, mode, 'elsewhere') })).toEqual(bytes);
  });

  it('is read from the data directory when the environment says nothing', () => {
    writeKey(`${base64url}\n`);
    expect(loaded()).toEqual(bytes);
  });

  it('of the environment goes before that of the data directory', () => {
    writeKey(Buffer.from(bytes).reverse().toString('hex'));
    expect(loaded({ MACAROOND_MASTER_KEY: hex })).toEqual(bytes);
  });

  it.each([
    ['absent from the environment where it was announced', ''],
    ['short', encodeBase64url(bytes.subarray(1))],
    ['long', hex.concat('00')],
    ['zeros', '00'.repeat(32)],
    ['one byte repeated', 'ab'.repeat(32)],
    ['an example', 'change-me'],
    ['padded', `${base64url}=`],
    ['not the one base64url spelling', base64url.slice(0, -1).concat('5')],
    ['in two parts', `${hex} ${hex}`],
  ])('is refused when it is %s, and not repeated in the message', (_, text) => {
    for (const environment of [{ MACAROOND_MASTER_KEY: text }, { MACAROOND_MASTER_KEY_FILE: writeKey(text) }]) {
      expect(() => load(environment)).toThrow(refused);
      if (text !== '') expect(messageOf(() => load(environment))).not.toContain(text);
    }
  });

  it('is refused when there is none', () => {
    expect(() => load()).toThrow(refused);
    expect(() => load({ MACAROOND_MASTER_KEY_FILE: join(directory, 'nothing') })).toThrow(refused);
  });

  it.each([0o640, 0o604, 0o620, 0o660, 0o644, 0o602, 0o610])('is refused in a file that others can use: mode %o', (mode) => {
    writeKey(hex, mode);
    expect(() => load()).toThrow(refused);
  });

  it('is refused when the environment names two', () => {
    expect(() => load({ MACAROOND_MASTER_KEY: hex, MACAROOND_MASTER_KEY_FILE: writeKey(hex) })).toThrow(refused);
  });

  it('is refused from what is not a file of a key', () => {
    mkdirSync(join(directory, 'folder'));
    expect(() => load({ MACAROOND_MASTER_KEY_FILE: join(directory, 'folder') })).toThrow(refused);
    expect(() => load({ MACAROOND_MASTER_KEY_FILE: writeKey(' '.repeat(2000) + hex) })).toThrow(refused);
  });

  it('does not print itself', () => {
    const key = load({ MACAROOND_MASTER_KEY: hex });
    const shown = `${inspect(key)}${JSON.stringify(key)}${key}`;
    expect(shown).not.toContain(hex);
    expect(shown).not.toContain(base64url);
  });
});

describe('making the master key', () => {
  const make = (environment: Record<string, string> = {}) =>
    loadOrCreateMasterKey({ dataDirectory: join(directory, 'data'), environment }, (length) => bytes.slice(0, length));
  const path = () => join(directory, 'data', 'master.key');

  it('writes it for its owner alone and reads it back', () => {
    expect(new Uint8Array(make().export())).toEqual(bytes);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    expect(readFileSync(path(), 'utf8')).toBe(`${base64url}\n`);
  });

  it('keeps the one that is there', () => {
    const first = make();
    const again = loadOrCreateMasterKey({ dataDirectory: join(directory, 'data'), environment: {} }, (length) =>
      new Uint8Array(length).fill(1),
    );
    expect(again.equals(first)).toBe(true);
  });

  it('makes none when the environment has one', () => {
    make({ MACAROOND_MASTER_KEY: hex });
    expect(existsSync(path())).toBe(false);
  });
});

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return String(error);
  }
  throw new Error('nothing was thrown');
}
