/** How the benches measure and compare, with contenders whose work is known. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judge, judgeHttp, memoryRatio, rowOf, steepening, table } from '../../../scripts/bench/report.mjs';
import { measure, median, medianRatio, shuffled } from '../../../scripts/bench/slices.mjs';

const quick = { sliceMs: 1, warmUpMs: 5 };

/** Spins; the work is seen by the engine, so it is not left out. */
function work(rounds: number): number {
  let sum = 0;
  for (let i = 0; i < rounds; i++) sum = (sum * 31 + i) | 0;
  return sum;
}

describe('measure', () => {
  it('gives every contender a figure a round, and more to who does more', async () => {
    const { little, much } = await measure({ little: { run: () => work(2_000) }, much: { run: () => work(200_000) } }, 5, quick);
    expect(little?.cpuNs).toHaveLength(5);
    expect(much?.wallNs).toHaveLength(5);
    expect(medianRatio(much?.wallNs ?? [], little?.wallNs ?? [])).toBeGreaterThan(5);
  });

  it('waits for what is promised', async () => {
    let [begun, done] = [0, 0];
    const run = async () => {
      begun++;
      await Promise.resolve();
      work(10_000);
      done++;
    };
    await measure({ promised: { run } }, 2, quick);
    expect(begun).toBe(done);
  });

  it('has what a slice needs prepared before it, and runs no more than that', async () => {
    const prepared: number[] = [];
    const runs: number[] = [];
    const prepare = (count: number) => {
      prepared.push(count);
      runs.push(0);
    };
    const run = (i: number) => {
      expect(i).toBe(runs.at(-1));
      runs[runs.length - 1] = i + 1;
      return work(1_000);
    };
    await measure({ careful: { prepare, run } }, 3, quick);
    expect(runs).toEqual(prepared);
  });

  it('fails when a contender does not do what it is measured for', async () => {
    const lazy = { run: () => work(1_000), holds: () => false };
    await expect(measure({ lazy }, 1, quick)).rejects.toThrow('lazy did not do what it is measured for');
  });
});

describe('the statistics', () => {
  it('take the middle, and half-way between two', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 2, 100])).toBe(3);
  });

  it('compare round by round, so that a slow round counts for nobody', () => {
    expect(medianRatio([20, 2_000, 40], [10, 1_000, 20])).toBe(2);
    expect(medianRatio([20, 30, 1_000], [10, 10, 10])).toBe(3);
  });

  it('shuffle without losing anything', () => {
    const sorted = (items: readonly number[]) => items.toSorted((a, b) => a - b);
    fc.assert(
      fc.property(fc.array(fc.integer()), (items) => {
        expect(sorted(shuffled(items))).toEqual(sorted(items));
      }),
    );
  });

  it('tell a straight line from a bent one', () => {
    expect(steepening([1, 2, 4, 8, 16].map((x): [number, number] => [x, 100 + 7 * x]))).toBeCloseTo(1);
    expect(steepening([1, 2, 4, 8, 16].map((x): [number, number] => [x, x * x]))).toBeGreaterThan(2);
  });
});

describe('the results', () => {
  const samples = {
    macaroond: { cpuNs: [100.4, 110, 90], wallNs: [200, 190, 210.2] },
    'npm-macaroon': { cpuNs: [1000, 1100, 900], wallNs: [2000, 2000, 2000] },
  };
  const results = [{ path: 'mint', caveats: 0, samples }];

  it('are rows of medians in whole nanoseconds', () => {
    expect(rowOf('mint', 0, 'macaroond', samples.macaroond)).toEqual({
      path: 'mint',
      caveats: 0,
      contender: 'macaroond',
      cpu_ns: 100,
      wall_ns: 200,
    });
  });

  it('are held against what must be reached, where it was measured', () => {
    const goal = { path: 'mint', caveats: 0, slow: 'npm-macaroon', fast: 'macaroond', atLeast: 9 };
    const others = [
      { ...goal, caveats: 5 },
      { ...goal, path: 'decode' },
      { ...goal, slow: 'jose-hs256' },
    ];
    const judged = judge([goal, { ...goal, atLeast: 11 }, ...others], results);
    expect(judged).toMatchObject([
      { ...goal, isReached: true },
      { ...goal, atLeast: 11, isReached: false },
    ]);
    expect(judged[0]?.ratio).toBeCloseTo(10);
  });

  it('of servers are held against a limit, or against another server of the same kind', () => {
    const sample = (cpuUs: number, loopP99Ms: number) => [{ cpuUs, loopP99Ms }];
    const loads = [
      { path: 'echo', contender: 'hono', isTls: false, samples: sample(30, 1) },
      { path: 'mint', contender: 'macaroond', isTls: false, samples: sample(60, 25) },
      { path: 'mint', contender: 'macaroond', isTls: true, samples: sample(90, 5) },
    ];
    const mint = { path: 'mint', contender: 'macaroond' };
    const goals = [
      { ...mint, text: 'CPU', of: 'cpuUs', to: ['echo', 'hono'], atMost: 2.2 },
      { ...mint, text: 'delay', of: 'loopP99Ms', atMost: 20 },
      { ...mint, text: 'load', of: 'cpuUs', atLeast: 80 },
    ];
    expect(judgeHttp(goals, loads).map(({ text, limit, measured, isReached }) => [text, limit, measured, isReached])).toEqual([
      ['CPU', '≤ 2.2', 2, true],
      ['delay', '≤ 20', 25, false],
      ['load', '≥ 80', 60, false],
      ['delay, TLS', '≤ 20', 5, true],
      ['load, TLS', '≥ 80', 90, true],
    ]);
  });

  it('of memory count what is in buffers too, as that is outside of the heap', () => {
    const before = { heap_bytes: 10, buffer_bytes: 30 };
    expect(memoryRatio({ heap_bytes: 20, buffer_bytes: 30 }, before)).toBe(1.25);
    expect(memoryRatio({ heap_bytes: 10, buffer_bytes: 70 }, before)).toBe(2);
  });

  it('stand in columns', () => {
    expect(
      table([
        ['a', 'b'],
        ['long', '1'],
        ['x', '100'],
      ]),
    ).toBe('a       b\nlong    1\nx     100');
  });
});
