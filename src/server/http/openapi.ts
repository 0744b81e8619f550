/** The OpenAPI 3.1 document, made from the route table: what is enforced is what is described. */
import { OpenAPIHono, z } from '@hono/zod-openapi';
import { type ProblemCode, problemMediaType, problems } from '../../protocol/problem.js';
import { problem } from './answer-schemas.js';
import { type Access, nothing, type Route } from './route.js';

type Registry = OpenAPIHono['openAPIRegistry'];
type RouteConfig = Parameters<Registry['registerPath']>[0];

const schemes = { basic: [], macaroon: [] } as const;

function describeRoute(registry: Registry, route: Route): void {
  const { method, path, summary, tag, access, params, query, body, status } = route;
  const request: NonNullable<RouteConfig['request']> = {};
  if (params instanceof z.ZodObject && params !== nothing) request.params = params;
  if (query instanceof z.ZodObject && query !== nothing) request.query = query;
  if (body !== nothing) {
    request.body = { required: !body.safeParse({}).success, content: { 'application/json': { schema: body } } };
  }
  const success = status === 204 ? { description: 'Done' } : { description: 'Success', content: contentOf(route) };
  registry.registerPath({
    method,
    path,
    summary,
    tags: [tag],
    description: accessInWords(access),
    security: securityOf(access),
    request,
    responses: { [status]: success, ...problemResponses(problemsOf(route)) },
  });
}

function contentOf({ answer, mediaTypes }: Route): Record<string, { schema: z.ZodType }> {
  if (mediaTypes === undefined) return { 'application/json': { schema: answer } };
  const bytes = z.string().openapi({ format: 'binary' });
  return Object.fromEntries(mediaTypes.map((mediaType) => [mediaType, { schema: bytes }]));
}

/** Declares the ways to prove oneself that `security` names. */
function describeSecurity(registry: Registry): void {
  registry.registerComponent('securitySchemes', 'basic', {
    type: 'http',
    scheme: 'basic',
    description: 'client_secret_basic: name and secret of a client',
  });
  registry.registerComponent('securitySchemes', 'macaroon', {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description: 'Authorization: Macaroon <token>, a token for audience macaroond that covers the action; Bearer is accepted too',
  });
}

/** The document of `routes`. */
export function openApiDocument(routes: readonly Route[], issuerUrl: string): Record<string, unknown> {
  const app = new OpenAPIHono();
  describeSecurity(app.openAPIRegistry);
  for (const route of routes) describeRoute(app.openAPIRegistry, route);
  const info = { title: 'macaroond issuer', version: '1', description: 'Mints, verifies and revokes macaroons; administration.' };
  return { ...app.getOpenAPI31Document({ openapi: '3.1.0', info, servers: [{ url: issuerUrl }] }) };
}

/** Who may call a route, in words. */
export function accessInWords(access: Access): string {
  switch (access.by) {
    case 'anyone':
      return 'Anyone.';
    case 'client':
      return 'A client.';
    case 'verifier':
      return 'A verifier of the audience.';
    case 'verifier-any':
      return 'A verifier.';
    case 'admin':
      return `Administrator: \`${access.action}\`.`;
    case 'admin-or-client':
      return `Administrator: \`${access.action}\`; a client, for what is its own.`;
  }
}

function securityOf(access: Access): Record<string, string[]>[] {
  if (access.by === 'anyone') return [];
  if (access.by === 'admin') return [{ macaroon: [...schemes.macaroon] }];
  if (access.by === 'admin-or-client') return [{ macaroon: [...schemes.macaroon] }, { basic: [...schemes.basic] }];
  return [{ basic: [...schemes.basic] }];
}

/** Codes that are particular to a route; what any request can meet is in the guide. */
function problemsOf({ access, body, path, problems: own = [] }: Route): readonly ProblemCode[] {
  const codes: ProblemCode[] = ['internal_error', 'unavailable', ...own];
  if (access.by !== 'anyone') codes.push('invalid_request', 'forbidden');
  if (access.by === 'admin' || access.by === 'admin-or-client')
    codes.push('invalid_token', 'insufficient_scope', 'caveat_denied');
  if (access.by !== 'admin' && access.by !== 'anyone') codes.push('invalid_client', 'rate_limited');
  if (path.includes('{') && !codes.includes('not_found')) codes.push('not_found');
  if (body !== nothing) codes.push('payload_too_large', 'unsupported_media_type');
  return codes;
}

function problemResponses(codes: readonly ProblemCode[]): RouteConfig['responses'] {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of codes) {
    const { status } = problems[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, sameStatus]) => [
      status,
      {
        description: sameStatus.map((code) => `\`${code}\`: ${problems[code].title}`).join('; '),
        content: { [problemMediaType]: { schema: problem } },
      },
    ]),
  );
}
