import { describe, expect, it } from 'vitest';
import { MacaroonError } from '../../../../src/core/index.js';
import { isStoreFull, storeFailure } from '../../../../src/server/store/store-failure.js';

const errorOf = (code: string, more: object = {}) => Object.assign(new Error('raw text'), { code, ...more });

describe('what a failure of the database means', () => {
  it.each([
    ['SQLITE_FULL', 'ERR_STORE_FULL', false],
    ['SQLITE_IOERR_SHMSIZE', 'ERR_STORE_FULL', false],
    ['SQLITE_IOERR_FSYNC', 'ERR_STORE_UNAVAILABLE', true],
    ['SQLITE_IOERR_WRITE', 'ERR_STORE_UNAVAILABLE', true],
    ['SQLITE_CORRUPT', 'ERR_STORE_UNAVAILABLE', true],
    ['SQLITE_CORRUPT_INDEX', 'ERR_STORE_UNAVAILABLE', true],
    ['SQLITE_NOTADB', 'ERR_STORE_UNAVAILABLE', true],
    ['SQLITE_BUSY', 'ERR_STORE_UNAVAILABLE', false],
    ['SQLITE_BUSY_SNAPSHOT', 'ERR_STORE_UNAVAILABLE', false],
    ['SQLITE_CANTOPEN', 'ERR_STORE_UNAVAILABLE', false],
    ['SQLITE_READONLY', 'ERR_STORE_UNAVAILABLE', false],
    ['SQLITE_CONSTRAINT_PRIMARYKEY', 'ERR_ARGUMENT', false],
  ])('%s is %s, fatal: %s', (raw, code, isFatal) => {
    const failure = storeFailure(errorOf(raw));
    expect(failure).toMatchObject({ error: { code }, isFatal });
    expect(failure.error).toBeInstanceOf(MacaroonError);
    expect(String(failure.error)).not.toContain('raw text');
    expect(isStoreFull(failure.error)).toBe(code === 'ERR_STORE_FULL');
  });

  it.each([
    ['ENOSPC', 'ERR_STORE_FULL'],
    ['EDQUOT', 'ERR_STORE_FULL'],
    ['EACCES', 'ERR_STORE_UNAVAILABLE'],
  ])('%s of the file system is %s', (raw, code) => {
    expect(storeFailure(errorOf(raw, { syscall: 'write' }))).toMatchObject({ error: { code }, isFatal: false });
  });

  it('is found inside a wrapper, whose text may tell the row, and that is left out', () => {
    const wrapper = new Error('Failed query: insert … params: secret', { cause: errorOf('SQLITE_FULL') });
    const { error } = storeFailure(wrapper);
    expect(error).toMatchObject({ code: 'ERR_STORE_FULL', cause: { code: 'SQLITE_FULL' } });
    expect(error instanceof MacaroonError && error.cause).not.toBe(wrapper);
  });

  it('hands through what is not the database', () => {
    const ours = new MacaroonError('ERR_STORE_CORRUPT', 'x', { cause: errorOf('SQLITE_IOERR') });
    for (const error of [ours, new RangeError('x'), errorOf('E_OTHER'), 'text', undefined]) {
      expect(storeFailure(error)).toEqual({ error, isFatal: false });
    }
  });
});
