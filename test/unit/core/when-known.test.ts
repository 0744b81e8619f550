/** Values that may have to be waited for: nothing is waited for that is there, and what fails fails alike at once and late. */
import { describe, expect, it } from 'vitest';
import { isPromise, whenFailed, whenKnown } from '../../../src/core/index.js';

const fault = new Error('fault');
const fail = (): never => {
  throw fault;
};

describe('whenKnown', () => {
  it('goes on at once with what is there, and with nothing else', () => {
    expect(whenKnown(1, (value) => value + 1)).toBe(2);
    expect(whenKnown(undefined, () => 'on')).toBe('on');
    expect(() => whenKnown(1, fail)).toThrow(fault);
  });

  it('goes on later with what has to be waited for', async () => {
    const late = whenKnown(Promise.resolve(1), (value) => Promise.resolve(value + 1));
    expect(isPromise(late)).toBe(true);
    expect(await late).toBe(2);
    await expect(whenKnown(Promise.resolve(1), fail)).rejects.toBe(fault);
    await expect(whenKnown(Promise.reject(fault), () => 'on')).rejects.toBe(fault);
  });
});

describe('whenFailed', () => {
  it('gives what was tried, where that holds', async () => {
    expect(whenFailed<number>(() => 1, fail)).toBe(1);
    expect(await whenFailed<number>(async () => 1, fail)).toBe(1);
  });

  it('gives what follows a fault, whether it is thrown at once or later', async () => {
    const told: unknown[] = [];
    const next = (error: unknown): string => {
      told.push(error);
      return 'next';
    };
    expect(whenFailed(fail, next)).toBe('next');
    expect(await whenFailed(async () => fail(), next)).toBe('next');
    expect(await whenFailed(fail, async (error) => next(error))).toBe('next');
    expect(told).toEqual([fault, fault, fault]);
  });

  it('fails as what follows does', async () => {
    const other = new Error('other');
    const failOtherwise = (): never => {
      throw other;
    };
    expect(() => whenFailed(fail, failOtherwise)).toThrow(other);
    await expect(whenFailed(async () => fail(), failOtherwise)).rejects.toBe(other);
  });
});
