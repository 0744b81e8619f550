import { describe, expect, it } from 'vitest';
import { findRoute, methodsOf, routes } from '../../../../src/server/http/route-table.js';

const targetOf = (path: string): string => path.replaceAll(/\{[^}]+\}/g, 'x-1');

describe('the route of a request', () => {
  it.each(routes.map((route) => [route.method.toUpperCase(), route.path, route] as const))(
    'is the one of the table for %s %s',
    (method, path, route) => {
      const found = findRoute(method, targetOf(path));
      expect(found?.route).toBe(route);
      const names = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name);
      expect(found?.params).toEqual(Object.fromEntries(names.map((name) => [name, 'x-1'])));
      expect(methodsOf(targetOf(path))).toContain(method);
    },
  );

  it('is that of GET for HEAD', () => {
    expect(findRoute('HEAD', '/livez')?.route.path).toBe('/livez');
    expect(findRoute('HEAD', '/v1/tokens')).toBeUndefined();
  });

  it.each([
    ['GET', '/'],
    ['GET', ''],
    ['GET', '/livez/'],
    ['GET', '/LIVEZ'],
    ['get', '/livez'],
    ['GET', '/__proto__'],
    ['GET', '/constructor'],
    ['POST', '/livez'],
    ['PROPFIND', '/livez'],
    ['constructor', '/livez'],
    ['ALL', '/livez'],
    ['GET', '/v1/clients/'],
    ['GET', '/v1/clients/a/b/c'],
    ['GET', '/v1/clients/:client/'],
  ])('is none for %s %s', (method, path) => {
    expect(findRoute(method, path)).toBeUndefined();
  });

  it.each([
    ['mail', 'mail'],
    ['%C3%A9', 'é'],
    ['a%2Fb', 'a/b'],
    ['%FF', '%FF'],
    ['a%', 'a%'],
    ['__proto__', '__proto__'],
  ])('has the text %s of its path decoded once, or left alone where it cannot be', (sent, decoded) => {
    expect(findRoute('GET', `/v1/clients/${sent}`)?.params).toEqual({ client: decoded });
  });
});
