/** Every route of the issuer. The router, the access check, OpenAPI and the tests read this table; nothing is served beside it. */
import type { Route } from './route.js';
import { audienceKeyRoutes } from './routes/audience-keys.js';
import { audienceRoutes } from './routes/audiences.js';
import { auditRoutes } from './routes/audit.js';
import { caRoutes } from './routes/ca.js';
import { challengeRoutes } from './routes/challenges.js';
import { clientRoutes } from './routes/clients.js';
import { credentialRoutes } from './routes/credentials.js';
import { discoveryRoutes } from './routes/discovery.js';
import { grantRoutes } from './routes/grants.js';
import { healthRoutes } from './routes/health.js';
import { invitationRoutes } from './routes/invitations.js';
import { revocationRoutes } from './routes/revocations.js';
import { rootKeyRoutes } from './routes/root-keys.js';
import { tokenRoutes } from './routes/tokens.js';
import { verifierRoutes } from './routes/verifiers.js';
import { verifyRoutes } from './routes/verify.js';

export const routes: readonly Route[] = Object.freeze([
  ...tokenRoutes,
  ...challengeRoutes,
  ...verifyRoutes,
  ...audienceKeyRoutes,
  ...revocationRoutes,
  ...clientRoutes,
  ...credentialRoutes,
  ...invitationRoutes,
  ...rootKeyRoutes,
  ...grantRoutes,
  ...verifierRoutes,
  ...audienceRoutes,
  ...caRoutes,
  ...auditRoutes,
  ...discoveryRoutes,
  ...healthRoutes,
]);

/** A route with what its path says. */
export interface FoundRoute {
  readonly route: Route;
  /** Text by name, decoded. */
  readonly params: Readonly<Record<string, string>>;
}

interface Place {
  readonly pattern: RegExp;
  readonly route: Route;
}

const places: readonly Place[] = routes.map((route) => ({ pattern: patternOf(route.path), route }));
const noParams: FoundRoute['params'] = Object.freeze({});
/** Routes without parameters by method and path: almost every request is for one of them. */
const fixed: ReadonlyMap<string, FoundRoute> = new Map(
  routes.filter(({ path }) => !path.includes('{')).map((route) => [keyOf(route.method, route.path), { route, params: noParams }]),
);

/** The route that serves `method` (as sent) at `path` (as sent, without query); HEAD is served by that of GET. */
export function findRoute(method: string, path: string): FoundRoute | undefined {
  const served = method === 'HEAD' ? 'get' : method.toLowerCase();
  return fixed.get(keyOf(served, path)) ?? findByPattern(served, path);
}

function findByPattern(method: string, path: string): FoundRoute | undefined {
  for (const { pattern, route } of places) {
    const match = route.method === method ? pattern.exec(path) : null;
    if (match !== null) return { route, params: decoded(match.groups ?? {}) };
  }
  return undefined;
}

function decoded(groups: Readonly<Record<string, string>>): FoundRoute['params'] {
  return Object.fromEntries(Object.entries(groups).map(([name, text]) => [name, decodeURIComponent(text)]));
}

/** Methods, in upper case, of the routes whose path `path` is; empty where there is none. */
export function methodsOf(path: string): readonly string[] {
  const methods = places.filter(({ pattern }) => pattern.test(path)).map(({ route }) => route.method.toUpperCase());
  return methods.includes('GET') ? [...methods, 'HEAD'] : methods;
}

function keyOf(method: string, path: string): string {
  return `${method} ${path}`;
}

function patternOf(path: string): RegExp {
  const literal = path.replace(/[.*+?^$()|[\]\\]/g, '\\$&');
  return new RegExp(`^${literal.replace(/\{([^}]+)\}/g, '(?<$1>[^/]+)')}$`);
}
