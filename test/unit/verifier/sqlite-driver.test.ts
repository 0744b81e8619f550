import { describe, expect, it } from 'vitest';
import { loadSqlite, requireFittingDriver, requireSoundSqlite } from '../../../src/verifier/sqlite-driver.js';

const unavailable = expect.objectContaining({ code: 'ERR_STORE_UNAVAILABLE' });

describe('the driver', () => {
  it('is asked for in words when it is missing', () => {
    const missing = () => {
      throw Object.assign(new Error('Cannot find module'), { code: 'MODULE_NOT_FOUND' });
    };
    expect(() => loadSqlite(missing)).toThrow(
      expect.objectContaining({ code: 'ERR_STORE_UNAVAILABLE', message: expect.stringContaining('npm install better-sqlite3') }),
    );
  });

  it.each([
    ['12.11.1', '9', true],
    ['13.0.0', '9', false],
    ['13.2.0', undefined, false],
    ['13.2.0', '10', true],
    ['14.0.0', '9', false],
  ])('%s with Node-API %s fits: %s', (version, nodeApi, fits) => {
    const check = () => requireFittingDriver(version, nodeApi);
    if (fits) check();
    else expect(check).toThrow(unavailable);
  });

  it('is refused before it is loaded', () => {
    const load = () => loadSqlite(() => ({ version: '13.0.0' }));
    if (Number(process.versions['napi']) < 10) expect(load).toThrow(unavailable);
    else expect(load()).toBeTypeOf('function');
  });
});

describe('the version of SQLite', () => {
  it.each(['3.51.3', '3.51.10', '3.52.0', '4.0.0'])('%s is sound', (version) => requireSoundSqlite(version));

  it.each(['3.51.2', '3.50.9', '3.7.0', '2.99.99', '3.51', '', 'x'])('%j is refused', (version) => {
    expect(() => requireSoundSqlite(version)).toThrow(unavailable);
  });
});
