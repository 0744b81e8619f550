import { defineConfig } from 'vitest/config';

/** What verifies tokens, mostly such as were never seen: run again with verifiers that remember every token, and every beginning of one. */
const verifying = ['test/unit/verifier/**/*.test.ts', 'test/fuzz/*.test.ts', 'test/attacks/sealed-requests.test.ts'];
/** What is about remembering itself. */
const remembering = ['test/unit/verifier/{signature-cache,prefix-cache,sightings,warm-up}.test.ts'];

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: 'all', include: ['test/**/*.test.ts'] } },
      {
        extends: true,
        test: { name: 'remembered', include: verifying, exclude: remembering, setupFiles: ['test/support/remember-at-once.ts'] },
      },
    ],
  },
});
