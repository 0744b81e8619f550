/**
 * How every bench here measures: all contenders in one process, in short slices whose order is shuffled anew each round, CPU time
 * beside wall time, and the ratio of two contenders taken round by round before the median is taken. A busy machine slows the
 * slices of one round alike, so ratios hold where times do not. Each slice begins with a young heap that is empty and ends with collecting
 * what it left, so that everyone pays for the garbage of its own and for nobody else's.
 *
 * A contender is `{ run, prepare?, holds? }`: `run(i)` does the operation once (or promises to), `prepare(count)` makes what the next
 * `count` runs need, outside of what is measured, and `holds(result)` says whether the last result of a slice is the right one, so that
 * nobody is fast by refusing.
 */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc');
const collectYoung = () => gc({ type: 'minor' });

/** The engine goes on compiling for as long as the warm-up takes. */
const defaults = { sliceMs: 10, warmUpMs: 600 };
/** Slices of more operations would need too much to be prepared. */
const maxSliceOperations = 20_000;

/**
 * Measures `contenders` (by name) over `rounds` rounds. Gives by name `cpuNs` and `wallNs`: nanoseconds per operation, one figure a round, in the
 * order of the rounds.
 */
export async function measure(contenders, rounds, { sliceMs, warmUpMs } = defaults) {
  const names = Object.keys(contenders);
  const sizes = new Map();
  // Whoever is first has his calls compiled into the loop here, for himself alone, and anew later: a fiftieth dearer.
  for (const name of shuffled(names)) sizes.set(name, await warmUp(name, contenders[name], warmUpMs, sliceMs));
  const samples = Object.fromEntries(names.map((name) => [name, { cpuNs: [], wallNs: [] }]));
  for (let round = 0; round < rounds; round++) {
    for (const name of shuffled(names)) {
      const { cpuNs, wallNs } = await runSlice(name, contenders[name], sizes.get(name));
      samples[name].cpuNs.push(cpuNs);
      samples[name].wallNs.push(wallNs);
    }
  }
  return samples;
}

/** Runs `contender` for `warmUpMs` of CPU time and gives how many operations take about `sliceMs`. */
async function warmUp(name, contender, warmUpMs, sliceMs) {
  let count = 1;
  for (let spentMs = 0; spentMs < warmUpMs; ) {
    const { cpuNs } = await runSlice(name, contender, count);
    spentMs += (cpuNs * count) / 1e6;
    count = Math.min(maxSliceOperations, Math.max(1, Math.round((sliceMs * 1e6) / cpuNs)), count * 2);
  }
  return count;
}

async function runSlice(name, contender, count) {
  contender.prepare?.(count);
  // Twice: what was prepared outlives the first, and is out of the young heap with the second.
  collectYoung();
  collectYoung();
  let result;
  const wallBefore = process.hrtime.bigint();
  const cpuBefore = process.cpuUsage();
  for (let i = 0; i < count; i++) {
    const pending = contender.run(i);
    result = pending instanceof Promise ? await pending : pending;
  }
  collectYoung();
  const { user, system } = process.cpuUsage(cpuBefore);
  const wallNs = Number(process.hrtime.bigint() - wallBefore);
  if (contender.holds?.(result) === false) throw new Error(`${name} did not do what it is measured for`);
  return { cpuNs: ((user + system) * 1000) / count, wallNs: wallNs / count };
}

/** The middle of `values`, or between the two in the middle. */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median over the rounds of what `figures` are to `reference`. */
export function medianRatio(figures, reference) {
  return median(figures.map((figure, round) => figure / reference[round]));
}

/** `items` in a random order. */
export function shuffled(items) {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
