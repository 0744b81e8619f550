/** The memory of answers that were accepted: what it knows, for how long, and that it does not grow without end. */
import { expect, it } from 'vitest';
import { SeenNonces } from '../../../src/client/seen-nonces.js';

const keptMs = 300_000;
const maxNonces = 100_000;
const nowMs = 1_790_000_000_000;

it('knows what came for five minutes, and forgets it with the next that comes then', () => {
  const seen = new SeenNonces();
  seen.add('first', nowMs);
  seen.add('second', nowMs + keptMs - 1);
  expect(['first', 'second', 'third'].map((nonce) => seen.has(nonce))).toEqual([true, true, false]);
  seen.add('third', nowMs + keptMs);
  expect(['first', 'second', 'third'].map((nonce) => seen.has(nonce))).toEqual([false, true, true]);
});

it('keeps the latest 100,000 however fast they come, and forgets the oldest first', () => {
  const seen = new SeenNonces();
  const total = maxNonces + 10;
  for (let i = 0; i < total; i++) seen.add(`n${i}`, nowMs);
  const known = Array.from({ length: total }, (_, i) => i).filter((i) => seen.has(`n${i}`));
  expect([known.length, known[0], known.at(-1)]).toEqual([maxNonces, 10, total - 1]);
});
