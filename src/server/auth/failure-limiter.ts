/**
 * Counts failed proofs by (client, address) and by address, never by client alone: nobody can lock out another. IPv6 counts by /64, as
 * whoever has one address there has them all. Memory is bounded: past the limit the key that failed longest ago is forgotten.
 */
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { formatAddress, parseAddress } from '../../caveats/ip-address.js';
import type { Known } from '../domain/ports.js';

export interface FailureLimits {
  /** Failures of one client from one address in a window; 1 or more. */
  readonly perClientAndAddress: number;
  /** Failures from one address in a window, whatever the client; 1 or more. */
  readonly perAddress: number;
  /** Seconds from the first failure until its count is forgotten. */
  readonly windowSeconds: number;
  /** Keys that each of the two counts may remember. */
  readonly maxKeys: number;
}

const defaultFailureLimits: FailureLimits = Object.freeze({
  perClientAndAddress: 10,
  perAddress: 100,
  windowSeconds: 60,
  maxKeys: 50_000,
});

export interface FailureLimiter {
  /** Whole seconds until another attempt is allowed; 0 when it is allowed now. */
  retryAfterSeconds(address: string | undefined, client?: string): Known<number>;
  /** Counts one failure. */
  countFailure(address: string | undefined, client: string | undefined): Promise<void>;
}

/** A limiter with counts of its own, in memory. */
export function createFailureLimiter(limits: FailureLimits = defaultFailureLimits): FailureLimiter {
  const byPair = new BoundedCounter(limits.perClientAndAddress, limits);
  const byAddress = new BoundedCounter(limits.perAddress, limits);
  const waitSeconds = async (place: string, client: string | undefined): Promise<number> => {
    const waits = [await byAddress.waitSeconds(place)];
    if (client !== undefined) waits.push(await byPair.waitSeconds(`${place} ${client}`));
    return Math.max(...waits);
  };
  return {
    // Almost always nothing is remembered, so nothing has to be waited for.
    retryAfterSeconds: (address, client) => (byAddress.isEmpty ? 0 : waitSeconds(networkOf(address), client)),
    async countFailure(address, client) {
      const place = networkOf(address);
      await byAddress.count(place);
      if (client !== undefined) await byPair.count(`${place} ${client}`);
    },
  };
}

class BoundedCounter {
  readonly #limiter: RateLimiterMemory;
  readonly #points: number;
  readonly #maxKeys: number;
  /** In the order of their latest failure. */
  readonly #keys = new Set<string>();

  constructor(points: number, limits: FailureLimits) {
    this.#limiter = new RateLimiterMemory({ points, duration: limits.windowSeconds });
    this.#points = points;
    this.#maxKeys = limits.maxKeys;
  }

  /** Whether no failure is remembered. */
  get isEmpty(): boolean {
    return this.#keys.size === 0;
  }

  async waitSeconds(key: string): Promise<number> {
    // Whose failures are counted is known without asking for the count: almost nobody's are.
    if (!this.#keys.has(key)) return 0;
    const state = await this.#limiter.get(key);
    if (state === null || state.consumedPoints < this.#points) return 0;
    return Math.max(0, Math.ceil(state.msBeforeNext / 1000));
  }

  async count(key: string): Promise<void> {
    this.#keys.delete(key);
    this.#keys.add(key);
    await this.#limiter.penalty(key);
    if (this.#keys.size <= this.#maxKeys) return;
    const [oldest] = this.#keys;
    if (oldest === undefined) return;
    this.#keys.delete(oldest);
    await this.#limiter.delete(oldest);
  }
}

/** What counts as one place: an IPv4 address, or the /64 of an IPv6 one. */
function networkOf(text: string | undefined): string {
  const address = parseAddress(text ?? '');
  if (address === undefined) return 'unknown';
  if (address.bytes.length === 4) return formatAddress(address);
  const network = new Uint8Array(16);
  network.set(address.bytes.subarray(0, 8));
  return `${formatAddress({ bytes: network })}/64`;
}
