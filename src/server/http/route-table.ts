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
