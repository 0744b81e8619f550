/** Figures as rows, as tables for people, and beside what they must reach. */
import { median, medianRatio } from './slices.mjs';

/** The row of one contender: medians over the rounds, whole nanoseconds. */
export function rowOf(path, caveats, contender, { cpuNs, wallNs }) {
  return { path, caveats, contender, cpu_ns: Math.round(median(cpuNs)), wall_ns: Math.round(median(wallNs)) };
}

/**
 * The ratio that each of `goals` asks for, in CPU time, taken round by round. `results` are `{ path, caveats, samples }`; a goal that names what was not measured is left out.
 */
export function judge(goals, results) {
  return goals.flatMap((goal) => {
    const { path, caveats, slow, fast, atLeast } = goal;
    const samples = results.find((result) => result.path === path && result.caveats === caveats)?.samples;
    if (samples?.[slow] === undefined || samples[fast] === undefined) return [];
    const ratio = medianRatio(samples[slow].cpuNs, samples[fast].cpuNs);
    return [{ path, caveats, slow, fast, atLeast, ratio, isReached: ratio >= atLeast }];
  });
}

/**
 * How many times as steep the upper half of a curve is as its lower half, halved by the points of `pairs` (`[x, y]`, x growing): 1 for a straight line.
 */
export function steepening(pairs) {
  const [first, middle, last] = [pairs[0], pairs[pairs.length >> 1], pairs.at(-1)];
  const slope = ([fromX, fromY], [toX, toY]) => (toY - fromY) / (toX - fromX);
  return slope(middle, last) / slope(first, middle);
}

/** How many times as much a process holds in `row` as in `before`: in the engine's heap, and in buffers, which are outside of it. What the system counts holds free memory too. */
export function memoryRatio(row, before) {
  const heldBy = ({ heap_bytes: heap, buffer_bytes: buffers }) => heap + buffers;
  return heldBy(row) / heldBy(before);
}

/** `lines` (lists of equally many texts) as a table: the first column to the left, the others to the right. */
export function table(lines) {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/**
 * What `goals` ask of loads over HTTP, medians over the rounds; `results` are `{ path, contender, isTls, samples }` with a sample a round. A goal whose servers
 * were not measured is left out.
 */
export function judgeHttp(goals, results) {
  return [false, true].flatMap((isTls) => {
    const samplesOf = (path, contender) =>
      results.find((result) => result.isTls === isTls && result.path === path && result.contender === contender)?.samples;
    return goals.flatMap(({ text, path, contender, of, to, atLeast, atMost }) => {
      const samples = samplesOf(path, contender);
      const reference = to === undefined ? undefined : samplesOf(...to);
      if (samples === undefined || (to !== undefined && reference === undefined)) return [];
      const figures = samples.map((sample) => sample[of]);
      const measured =
        reference === undefined
          ? median(figures)
          : medianRatio(
              figures,
              reference.map((sample) => sample[of]),
            );
      const isReached = measured >= (atLeast ?? 0) && measured <= (atMost ?? Number.POSITIVE_INFINITY);
      const limit = atLeast === undefined ? `≤ ${atMost}` : `≥ ${atLeast}`;
      return [{ text: `${text}${isTls ? ', TLS' : ''}`, limit, measured, isReached }];
    });
  });
}
