/**
 * Counts failed proofs by (client, address) and by address, never by client alone: nobody can lock out another. IPv6 counts by /64, as
 * whoever has one address there has them all. Memory is bounded: past the limit the key that failed longest ago is forgotten.
 *
 * Nothing is waited for, so that who asks and then counts at once has nobody in between: attempts that come together do not pass a limit together.
 */
import { formatAddress, parseAddress } from '../../caveats/ip-address.js';

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
  retryAfterSeconds(address: string | undefined, client?: string): number;
  /** Counts one failure. */
  countFailure(address: string | undefined, client: string | undefined): void;
}

/** A limiter with counts of its own, in memory. */
export function createFailureLimiter(limits: FailureLimits = defaultFailureLimits): FailureLimiter {
  const byPair = new BoundedCounter(limits.perClientAndAddress, limits);
  const byAddress = new BoundedCounter(limits.perAddress, limits);
  return {
    retryAfterSeconds(address, client) {
      // Almost always nothing is remembered.
      if (byAddress.isEmpty) return 0;
      const place = networkOf(address);
      const waitSeconds = byAddress.waitSeconds(place);
      return client === undefined ? waitSeconds : Math.max(waitSeconds, byPair.waitSeconds(`${place} ${client}`));
    },
    countFailure(address, client) {
      const place = networkOf(address);
      byAddress.count(place);
      if (client !== undefined) byPair.count(`${place} ${client}`);
    },
  };
}

/** Failures under one key. */
interface Failures {
  count: number;
  /** When they are forgotten. */
  readonly endMs: number;
}

class BoundedCounter {
  readonly #points: number;
  readonly #windowMs: number;
  readonly #maxKeys: number;
  /** In the order of their latest failure. */
  readonly #failures = new Map<string, Failures>();

  constructor(points: number, { windowSeconds, maxKeys }: FailureLimits) {
    this.#points = points;
    this.#windowMs = windowSeconds * 1000;
    this.#maxKeys = maxKeys;
  }

  /** Whether no failure is remembered. */
  get isEmpty(): boolean {
    return this.#failures.size === 0;
  }

  waitSeconds(key: string): number {
    const failures = this.#failures.get(key);
    if (failures === undefined || failures.count < this.#points) return 0;
    return Math.max(0, Math.ceil((failures.endMs - elapsedMs()) / 1000));
  }

  count(key: string): void {
    const nowMs = elapsedMs();
    const known = this.#failures.get(key);
    const failures = known !== undefined && known.endMs > nowMs ? known : { count: 0, endMs: nowMs + this.#windowMs };
    failures.count++;
    this.#failures.delete(key);
    this.#failures.set(key, failures);
    if (this.#failures.size <= this.#maxKeys) return;
    const [oldest] = this.#failures.keys();
    if (oldest !== undefined) this.#failures.delete(oldest);
  }
}

/** Whole milliseconds by a clock that nobody sets. */
function elapsedMs(): number {
  return Math.floor(performance.now());
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
