import { defineConfig } from 'vitest/config';
import { testsThatVerify } from './test/support/tests-that-verify.js';

/** What is about remembering itself. */
const remembering = ['test/unit/verifier/{*-cache,sealed-child,sightings,warm-up}.test.ts'];
/** What takes long, and verifies few tokens in its own process, or none. */
const elsewhere = [
  'test/e2e/{credential-methods,main-job}.test.ts',
  'test/interop/{http-sig-clients,shared-key-hmac}.test.ts',
  'test/unit/cli/{own-certificate,server-commands}.test.ts',
  'test/unit/server/{import-company-authority,maintenance,auth/shared-key-hmac}.test.ts',
  'test/unit/server/http/{admission,bodies,enrolments,hostile-connections,http-server,look-alike,request-guard,signed-answers}.test.ts',
];

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: 'all', include: ['test/**/*.test.ts'] } },
      ...(['remembered', 'begun'] as const).map((name) => ({
        extends: true as const,
        test: {
          name,
          include: [...testsThatVerify()],
          exclude: [...remembering, ...elsewhere],
          setupFiles: [`test/support/verify-${name}.ts`],
        },
      })),
    ],
  },
});
