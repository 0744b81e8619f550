import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createFailureLimiter, type FailureLimiter } from '../../../../src/server/auth/failure-limiter.js';

const limits = { perClientAndAddress: 3, perAddress: 5, windowSeconds: 60, maxKeys: 4 };

async function failTimes(limiter: FailureLimiter, times: number, address: string, client?: string): Promise<void> {
  for (let i = 0; i < times; i++) await limiter.countFailure(address, client);
}

describe('failure limiter', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('blocks a client from an address at its limit, and not one before it', async () => {
    const limiter = createFailureLimiter(limits);
    await failTimes(limiter, 2, '192.0.2.1', 'mail');
    expect(await limiter.retryAfterSeconds('192.0.2.1', 'mail')).toBe(0);
    await failTimes(limiter, 1, '192.0.2.1', 'mail');
    expect(await limiter.retryAfterSeconds('192.0.2.1', 'mail')).toBe(60);
  });

  it('lets the same client in from elsewhere, and another client from the same address', async () => {
    const limiter = createFailureLimiter(limits);
    await failTimes(limiter, 3, '192.0.2.1', 'mail');
    expect(await limiter.retryAfterSeconds('192.0.2.2', 'mail')).toBe(0);
    expect(await limiter.retryAfterSeconds('192.0.2.1', 'shop')).toBe(0);
  });

  it('blocks an address that tries many clients', async () => {
    const limiter = createFailureLimiter(limits);
    for (const client of ['a', 'b', 'c', 'd', 'e']) await limiter.countFailure('192.0.2.1', client);
    expect(await limiter.retryAfterSeconds('192.0.2.1', 'f')).toBe(60);
    expect(await limiter.retryAfterSeconds('192.0.2.1')).toBe(60);
  });

  it('forgets after the window', async () => {
    const limiter = createFailureLimiter(limits);
    await failTimes(limiter, 3, '192.0.2.1', 'mail');
    vi.advanceTimersByTime(59_000);
    expect(await limiter.retryAfterSeconds('192.0.2.1', 'mail')).toBe(1);
    vi.advanceTimersByTime(1_001);
    expect(await limiter.retryAfterSeconds('192.0.2.1', 'mail')).toBe(0);
  });

  it('counts a /64 of IPv6 as one address, and an IPv4-mapped address as IPv4', async () => {
    const limiter = createFailureLimiter(limits);
    for (let i = 0; i < 5; i++) await limiter.countFailure(`2001:db8::${i}`, undefined);
    expect(await limiter.retryAfterSeconds('2001:db8::ffff:1')).toBe(60);
    expect(await limiter.retryAfterSeconds('2001:db8:0:1::1')).toBe(0);
    await failTimes(limiter, 5, '::ffff:192.0.2.9');
    expect(await limiter.retryAfterSeconds('192.0.2.9')).toBe(60);
  });

  it('remembers a bounded number of keys: the one that failed longest ago is forgotten', async () => {
    const limiter = createFailureLimiter(limits);
    await failTimes(limiter, 5, '192.0.2.1');
    for (const last of [2, 3, 4]) await limiter.countFailure(`192.0.2.${last}`, undefined);
    expect(await limiter.retryAfterSeconds('192.0.2.1')).toBe(60);
    await limiter.countFailure('192.0.2.5', undefined);
    expect(await limiter.retryAfterSeconds('192.0.2.1')).toBe(0);
  });
});
