/**
 * How every bench here measures: all contenders in one process, in short slices whose order is shuffled anew each round, CPU time
 * and not wall time, and the ratio of two contenders taken round by round before the median is taken. A busy machine slows the
 * slices of one round alike, so ratios hold where times do not.
 */

const sliceMs = 6;
const warmUpMs = 250;

/**
 * Measures `contenders` (name → function that does the operation once, or promises to) over `rounds` rounds.
 * Gives per name `nsPerOp` (median CPU time) and `ratio` (median over the rounds of its time to that of the contender `reference`).
 */
export async function measure(contenders, reference, rounds) {
  const names = Object.keys(contenders);
  for (const name of names) await runFor(contenders[name], warmUpMs);
  const samples = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of shuffled(names)) samples[name].push(await runFor(contenders[name], sliceMs));
  }
  return Object.fromEntries(
    names.map((name) => [
      name,
      {
        ratio: median(samples[name].map((ns, round) => ns / samples[reference][round])),
        nsPerOp: Math.round(median(samples[name])),
      },
    ]),
  );
}

/** CPU nanoseconds per operation over about `milliseconds`. */
async function runFor(operation, milliseconds) {
  const end = performance.now() + milliseconds;
  let count = 0;
  const before = process.cpuUsage();
  do {
    for (let i = 0; i < 8; i++) {
      const pending = operation();
      if (pending instanceof Promise) await pending;
    }
    count += 8;
  } while (performance.now() < end);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / count;
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function shuffled(items) {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
