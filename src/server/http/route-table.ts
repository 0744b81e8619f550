/** Every route of the issuer. The router, the access check, OpenAPI and the tests read this table; nothing is served beside it. */
import { RegExpRouter } from 'hono/router/reg-exp-router';
import type { FoundRoute, Route } from './route.js';
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

const router = new RegExpRouter<Route>();
for (const route of routes) router.add(route.method.toUpperCase(), route.path.replaceAll(/\{([^}]+)\}/g, ':$1'), route);

const noParams: FoundRoute['params'] = Object.freeze({});

/** The route that serves `method` at `path`, both as sent, the path without its query; HEAD is served by that of GET. */
export function findRoute(method: string, path: string): FoundRoute | undefined {
  const [[found], groups] = router.match(method === 'HEAD' ? 'GET' : method, path);
  if (found === undefined) return undefined;
  const [route, places] = found;
  return { route, params: groups === undefined || groups.length === 0 ? noParams : paramsOf(places, groups) };
}

/** The text at each of `places` by its name. What cannot be decoded stays as it was sent: no name, no id is spelled so. */
function paramsOf(places: Readonly<Record<string, number | string>>, groups: readonly string[]): FoundRoute['params'] {
  const params: Record<string, string> = {};
  for (const [name, place] of Object.entries(places)) {
    const text = groups[Number(place)] ?? '';
    try {
      params[name] = decodeURIComponent(text);
    } catch {
      params[name] = text;
    }
  }
  return params;
}

const places = routes.map(({ path, method }) => ({ pattern: patternOf(path), method: method.toUpperCase() }));

/** Methods, in upper case, of the routes whose path `path` is; empty where there is none. */
export function methodsOf(path: string): readonly string[] {
  const methods = places.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
  return methods.includes('GET') ? [...methods, 'HEAD'] : methods;
}

function patternOf(path: string): RegExp {
  const literal = path.replace(/[.*+?^$()|[\]\\]/g, '\\$&');
  return new RegExp(`^${literal.replace(/\{[^}]+\}/g, '[^/]+')}$`);
}
