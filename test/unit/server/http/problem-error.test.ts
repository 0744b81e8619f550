import { describe, expect, it } from 'vitest';
import { ProblemError } from '../../../../src/server/http/problem-error.js';

describe('a problem that is thrown', () => {
  it('notes no place in the code, and leaves other errors theirs', () => {
    const { stackTraceLimit } = Error;
    const problem = new ProblemError('forbidden', { detail: 'no' });
    expect(problem.stack).not.toMatch(/\n +at /);
    expect(Error.stackTraceLimit).toBe(stackTraceLimit);
    expect(new Error('fault').stack).toMatch(/\n +at /);
    expect(problem).toMatchObject({ name: 'ProblemError', code: 'forbidden', details: { detail: 'no' } });
  });
});
