/** Whether the process lives, and whether it can work. */
import { z } from '@hono/zod-openapi';
import { ProblemError } from '../problem-error.js';
import { defineRoute, type Route } from '../route.js';

const answer = z.object({ status: z.literal('ok') });

export const healthRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/livez',
    access: { by: 'anyone' },
    summary: 'Whether the process lives',
    tag: 'health',
    status: 200,
    answer,
    handle: async () => ({ status: 'ok' }) as const,
  }),
  defineRoute({
    method: 'get',
    path: '/readyz',
    access: { by: 'anyone' },
    summary: 'Whether the issuer can work now',
    tag: 'health',
    status: 200,
    answer,
    handle: async ({ services }) => {
      try {
        await services.checkReady();
      } catch {
        throw new ProblemError('unavailable', { detail: 'the issuer cannot work now' });
      }
      return { status: 'ok' } as const;
    },
  }),
];
