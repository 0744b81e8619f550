/** The audit log, filtered. */
import { z } from '@hono/zod-openapi';
import { parseRfc3339 } from '../../../caveats/rfc3339.js';
import { auditEntry } from '../answer-schemas.js';
import { count, name, time, tokenId } from '../field-schemas.js';
import { defineRoute, type Route } from '../route.js';

const defaultLimit = 100;
const maxLimit = 1000;
const maxTextLength = 64;

const query = z.strictObject({
  client: name.optional(),
  event: z.string().min(1).max(maxTextLength).optional().openapi({ example: 'token.minted' }),
  actor: z.string().min(1).max(maxTextLength).optional(),
  audience: name.optional(),
  token_id: tokenId.optional(),
  since: time.optional(),
  until: time.optional(),
  after: count.optional(),
  limit: count
    .refine((value) => value >= 1 && value <= maxLimit, { error: `1 to ${maxLimit} entries` })
    .optional()
    .openapi({ type: 'integer', minimum: 1, maximum: maxLimit, default: defaultLimit }),
});

export const auditRoutes: readonly Route[] = [
  defineRoute({
    method: 'get',
    path: '/v1/audit',
    access: { by: 'admin', action: 'audit:read' },
    summary: 'Entries of the audit log, oldest first',
    tag: 'audit',
    query,
    status: 200,
    answer: z.object({ entries: z.array(auditEntry).readonly(), cursor: z.int().min(0), more: z.boolean() }),
    handle: ({ services, query }) => {
      const { client, event, actor, audience, token_id: tokenId, after, limit = defaultLimit } = query;
      const sinceMs = timeOf(query.since);
      const untilMs = timeOf(query.until);
      return services.issuer.audit({ client, event, actor, audience, tokenId, sinceMs, untilMs, after, limit });
    },
  }),
];

function timeOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseRfc3339(text);
}
