/** What the library must reach: so many times the CPU time of `fast` must `slow` take. */

const npm = 'npm-macaroon';
const macaroond = 'macaroond';

/** `{ path, caveats, slow, fast, atLeast }` */
export const goals = [
  { path: 'verify-fresh', caveats: 1, slow: npm, fast: macaroond, atLeast: 10 },
  { path: 'verify-fresh', caveats: 5, slow: npm, fast: macaroond, atLeast: 7 },
  { path: 'verify-fresh', caveats: 10, slow: npm, fast: macaroond, atLeast: 6 },
  { path: 'verify-fresh', caveats: 1, slow: 'fast-jwt-hs256', fast: macaroond, atLeast: 1 },
  { path: 'verify-fresh', caveats: 3, slow: 'fast-jwt-hs256', fast: macaroond, atLeast: 1 },
  // Not slower by more than 1.3 times.
  { path: 'verify-fresh', caveats: 5, slow: 'fast-jwt-hs256', fast: macaroond, atLeast: 0.77 },
  { path: 'verify-discharge', caveats: 2, slow: npm, fast: macaroond, atLeast: 7 },
  { path: 'verify-seen', caveats: 5, slow: npm, fast: macaroond, atLeast: 150 },
  { path: 'verify-seen', caveats: 5, slow: 'fast-jwt-hs256-cache', fast: macaroond, atLeast: 5 },
  { path: 'verify-child', caveats: 5, slow: 'macaroond-unseen', fast: macaroond, atLeast: 3 },
  { path: 'attenuate', caveats: 3, slow: npm, fast: macaroond, atLeast: 15 },
  { path: 'mint', caveats: 0, slow: npm, fast: macaroond, atLeast: 35 },
];

/** Bytes that checking a signature may leave to be collected. */
export const maxSignatureGarbageBytes = 100;

/** What the issuer must reach over HTTP. `of` is a figure of a load; with `to`, how many times that of `to` it is. */
export const httpGoals = [
  {
    text: 'mint: CPU of macaroond to the echo',
    path: 'mint',
    contender: macaroond,
    of: 'cpuUs',
    to: ['echo', 'hono'],
    atMost: 2.2,
  },
  {
    text: 'mint: requests of macaroond to oidc-provider',
    path: 'mint',
    contender: macaroond,
    of: 'rps',
    to: ['mint', 'oidc-provider'],
    atLeast: 2.5,
  },
  { text: 'mint: event-loop delay p99 of macaroond, ms', path: 'mint', contender: macaroond, of: 'loopP99Ms', atMost: 20 },
  {
    text: 'verify: CPU of introspection to macaroond',
    path: 'verify',
    contender: 'oidc-provider',
    of: 'cpuUs',
    to: ['verify', macaroond],
    atLeast: 3,
  },
];
