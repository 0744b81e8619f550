/** The restrictions that every contender enforces, the request that meets them, and requests that do not, to test that it does. */

const minuteMs = 60_000;
const nowMs = Date.now();
const at = (minutes) => `${new Date(nowMs + minutes * minuteMs).toISOString().slice(0, 19)}Z`;

/** In the order in which tokens hold them; each with the check of a Biscuit that says the same. */
const restrictions = [
  [`time-before ${at(30)}`, `time($t), $t < ${at(30)}`],
  ['action invoices:read', 'action("invoices:read")'],
  ['ip 10.0.0.0/8', 'ip($ip), $ip.starts_with("10.")'],
  ['method GET,HEAD', 'method($m), ["GET", "HEAD"].contains($m)'],
  ['path /invoices', 'path($p), $p == "/invoices" || $p.starts_with("/invoices/")'],
  [`time-before ${at(20)}`, `time($t), $t < ${at(20)}`],
  ['action invoices:*', 'action($a), $a.starts_with("invoices:")'],
  ['ip 10.1.0.0/16,10.2.0.0/16', 'ip($ip), $ip.starts_with("10.1.") || $ip.starts_with("10.2.")'],
  ['method GET', 'method("GET")'],
  ['path /invoices/7', 'path($p), $p == "/invoices/7" || $p.starts_with("/invoices/7/")'],
];

/** How many of them differ. */
export const differentConditions = restrictions.length;

/** The first `count` conditions; beyond those that differ they come again. */
export function conditionsOf(count) {
  return Array.from({ length: count }, (_, i) => restrictions[i % restrictions.length][0]);
}

/** The same as Datalog. */
export function biscuitChecksOf(count) {
  return restrictions.slice(0, count).map(([, check]) => `check if ${check};`);
}

/** A request that meets all of them. */
export const context = Object.freeze({ action: 'invoices:read', ip: '10.1.2.3', method: 'GET', path: '/invoices/7' });

/** Requests that break a condition each, by how many conditions a token must hold for that. The time cannot be told by a request. */
export const wrongContexts = [
  { from: 2, context: { ...context, action: 'invoices:pay' } },
  { from: 3, context: { ...context, ip: '192.0.2.1' } },
  { from: 4, context: { ...context, method: 'POST' } },
  { from: 5, context: { ...context, path: '/invoicesX' } },
  { from: 8, context: { ...context, ip: '10.3.0.1' } },
  { from: 10, context: { ...context, path: '/invoices/8' } },
];

/**
 * Checks one condition against `request` as a service that uses a peer would write it: nothing is kept from one call to the next. Gives `null`
 * when it holds, as npm `macaroon` wants it.
 */
export function checkCondition(condition, request) {
  const space = condition.indexOf(' ');
  const argument = condition.slice(space + 1);
  return holds(condition.slice(0, space), argument, request) ? null : 'the condition does not hold';
}

function holds(name, argument, request) {
  switch (name) {
    case 'time-before':
      return Date.now() < Date.parse(argument);
    case 'action':
      return argument.split(',').some((pattern) => isCovered(pattern, request.action));
    case 'ip':
      return argument.split(',').some((range) => isWithin(range, request.ip));
    case 'method':
      return argument.split(',').includes(request.method);
    case 'path':
      return argument.split(',').some((path) => request.path === path || request.path.startsWith(`${path}/`));
    default:
      return false;
  }
}

function isCovered(pattern, action) {
  return pattern.endsWith(':*') ? action.startsWith(pattern.slice(0, -1)) : action === pattern;
}

function isWithin(range, address) {
  const [base, length] = range.split('/');
  return (numberOf(base) ^ numberOf(address)) >>> (32 - Number(length)) === 0;
}

function numberOf(address) {
  return address.split('.').reduce((number, octet) => (number << 8) | Number(octet), 0);
}
