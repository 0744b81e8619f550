/** The file of used nonces when the disk is full. */
import { describe, expect, it } from 'vitest';
import { runOnSmallFileSystem } from '../support/small-file-system.js';

const steps = new URL('replay-full-disk-steps.ts', import.meta.url).pathname;

describe('a full disk', () => {
  it('refuses every claim, forgets none, and is done with by itself', (context) => {
    const report = runOnSmallFileSystem(steps);
    context.skip(report === undefined, 'this user may not mount');
    expect(report).toEqual({
      'making the file': 'ERR_STORE_FULL',
      'with room': true,
      'until refused': 'ERR_STORE_FULL',
      'accepted in the last mebibyte': true,
      'once more': 'ERR_STORE_FULL',
      'with room again': true,
      'accepted again': 0,
      'accepted again after a restart': 0,
      'with room, again': false,
    });
  });
});
