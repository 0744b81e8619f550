/**
 * Randomness for what every request needs a few bytes of, taken from the system in larger pieces: asking it costs more than the bytes. What was
 * handed out is wiped here, so that it is nowhere but where it went.
 */
import { randomFillSync } from 'node:crypto';
import type { RandomBytes } from '../core/index.js';

const poolBytes = 4096;
/** Ids and nonces; keys are longer and come straight from the system. */
const maxPooledBytes = 16;

/** A source of random bytes over the system's. */
export function createRandomPool(): RandomBytes {
  const pool = new Uint8Array(poolBytes);
  let at = poolBytes;
  return (length) => {
    if (length > maxPooledBytes) return randomFillSync(new Uint8Array(length));
    if (at + length > poolBytes) {
      randomFillSync(pool);
      at = 0;
    }
    // One by one: for so few bytes, the platform's own functions take several times as long.
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++, at++) {
      bytes[i] = pool[at] as number;
      pool[at] = 0;
    }
    return bytes;
  };
}
