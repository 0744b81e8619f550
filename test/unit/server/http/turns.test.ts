import { describe, expect, it } from 'vitest';
import { onceATurn } from '../../../../src/server/http/turns.js';

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('work that is done once a turn', () => {
  it('is done at its end, in order, all of it in one go', async () => {
    const done: number[] = [];
    const add = onceATurn((item: number) => {
      // Promises would have their turn between two goes.
      queueMicrotask(() => done.push(-item));
      done.push(item);
    });
    add(1);
    add(2);
    await Promise.resolve();
    add(3);
    expect(done).toEqual([]);
    await nextTurn();
    expect(done).toEqual([1, 2, 3, -1, -2, -3]);
  });

  it('leaves what is too much for one turn to the next', async () => {
    const done: number[] = [];
    const add = onceATurn((item: number) => done.push(item));
    for (let item = 0; item < 150; item++) add(item);
    await nextTurn();
    expect(done).toHaveLength(64);
    add(150);
    await nextTurn();
    await nextTurn();
    expect(done).toEqual(Array.from({ length: 151 }, (_, item) => item));
  });

  it('takes more while it is being done', async () => {
    const done: number[] = [];
    const add = onceATurn((item: number) => {
      done.push(item);
      if (item < 3) add(item + 1);
    });
    add(1);
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    expect(done).toEqual([1, 2, 3]);
  });
});
