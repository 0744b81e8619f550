/**
 * The layer table of docs/architecture.md as rules: what a layer may import of ours, which packages, and whether node:* modules.
 * `npm run check:layers` applies it; test/tidy/layers.test.ts plants violations and expects each of them to be seen.
 */

const attenuate = '^src/client/attenuate\\.ts$';
/** What the command line shares between commands that talk to an issuer; itself loaded by `await import()` alone. */
const networkOfCli = '^src/cli/(admin-api|certificate-files|credential-plan|key-pair|new-credential)\\.ts$';
const sqliteOfVerifier = '^src/verifier/sqlite[^/]*\\.ts$';
const nodeOnlyVerifier = `^src/verifier/(key-sources/|node[^/]*\\.ts$)|${sqliteOfVerifier}`;

/**
 * One row a layer. `at`: its files, less `except`. `ours`: what it may import of ours beside itself. `npm`: packages. `types`:
 * packages of which it may import types alone. `node`: whether it may import node:* modules.
 */
const layers = [
  { name: 'core', at: '^src/core/' },
  { name: 'caveats', at: '^src/caveats/', ours: ['^src/core/'] },
  { name: 'protocol', at: '^src/protocol/', ours: ['^src/(core|caveats)/'] },
  { name: 'transport', at: '^src/transport/', ours: ['^src/(core|protocol)/'], npm: ['undici'], node: true },
  { name: 'verifier', at: '^src/verifier/', except: nodeOnlyVerifier, ours: ['^src/(core|caveats|protocol)/'], types: ['hono'] },
  { name: 'verifier-node', at: '^src/verifier/node[^/]*\\.ts$', ours: ['^src/(core|caveats|protocol|verifier)/'], node: true },
  {
    name: 'verifier-sqlite',
    at: sqliteOfVerifier,
    ours: ['^src/(core|protocol)/'],
    npm: ['better-sqlite3', '@types/better-sqlite3'],
    node: true,
  },
  {
    name: 'verifier-key-sources',
    at: '^src/verifier/key-sources/',
    ours: ['^src/(core|caveats|protocol|transport|verifier)/'],
    node: true,
  },
  { name: 'client', at: '^src/client/', except: attenuate, ours: ['^src/(core|caveats|protocol|transport)/'] },
  { name: 'client-attenuate', at: attenuate, ours: ['^src/(core|caveats|protocol)/'] },
  { name: 'entry-point', at: '^src/index\\.ts$', ours: ['^src/(core|caveats)/', attenuate] },
  { name: 'domain', at: '^src/server/domain/', ours: ['^src/(core|caveats|protocol)/'] },
  {
    name: 'auth',
    at: '^src/server/auth/',
    ours: ['^src/(core|caveats|protocol|server/domain)/'],
    node: true,
  },
  {
    name: 'pki',
    at: '^src/server/pki/',
    ours: ['^src/(core|caveats|protocol|server/domain)/'],
    npm: ['@peculiar/x509', 'reflect-metadata'],
    node: true,
  },
  {
    name: 'store',
    at: '^src/server/store/',
    ours: ['^src/(core|caveats|protocol|server/domain)/', '^src/verifier/sqlite-driver\\.ts$'],
    npm: ['drizzle-orm', 'better-sqlite3', '@types/better-sqlite3'],
    node: true,
  },
  {
    name: 'http',
    at: '^src/server/http/',
    ours: ['^src/(core|caveats|protocol|verifier|server/domain|server/auth)/'],
    npm: ['hono', '@hono/[^/]+', 'zod', 'pino'],
    node: true,
  },
  {
    name: 'server-main',
    at: '^src/server/[^/]+\\.ts$',
    ours: ['^src/(core|caveats|protocol|transport|verifier|server)/'],
    npm: ['@hono/node-server', 'zod'],
    node: true,
  },
  { name: 'cli', at: '^src/cli/', ours: ['^src/'], npm: ['commander'], node: true },
];

const inPackages = (names) => names.map((name) => `(^|/)node_modules/${name}/`);

const layerRules = layers.flatMap(({ name, at, except, ours = [], npm = [], types = [], node = false }) => {
  const from = except === undefined ? { path: at } : { path: at, pathNot: except };
  const rule = {
    name: `layer-${name}`,
    severity: 'error',
    comment: `${name} may not import this: see the layer table in docs/architecture.md`,
    from,
    to: {
      pathNot: [at, ...ours, ...inPackages([...npm, ...types])],
      couldNotResolve: false,
      ...(node ? { dependencyTypesNot: ['core'] } : {}),
    },
  };
  if (types.length === 0) return [rule];
  const typesOnly = {
    name: `layer-${name}-types-only`,
    severity: 'error',
    comment: `${name} may import types of this package, not the package`,
    from,
    to: { path: inPackages(types), dependencyTypesNot: ['type-only'] },
  };
  return [rule, typesOnly];
});

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...layerRules,
    {
      name: 'cli-loads-lazily',
      severity: 'error',
      comment:
        'a command loads everything but core, caveats and client/attenuate by await import(), so that attenuate and inspect start fast',
      from: { path: '^src/cli/', pathNot: networkOfCli },
      to: {
        path: ['^src/(?!cli/|core/|caveats/)', networkOfCli],
        pathNot: attenuate,
        dynamic: false,
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'file-in-no-layer',
      severity: 'error',
      comment: 'every file of src belongs to a layer',
      from: { path: '^src/', pathNot: layers.map(({ at }) => at) },
      to: {},
    },
    {
      name: 'import-of-no-layer',
      severity: 'error',
      comment: 'every file of src belongs to a layer, also one that imports nothing',
      from: {},
      to: { path: '^src/', pathNot: layers.map(({ at }) => at) },
    },
    {
      name: 'no-cycle',
      severity: 'error',
      comment: 'modules must not import each other in a circle',
      from: { path: '^src/' },
      to: { circular: true },
    },
    {
      name: 'no-orphan',
      severity: 'error',
      comment: 'nothing imports this file and it imports nothing',
      from: { path: '^src/', orphan: true },
      to: {},
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      comment: 'the import leads nowhere',
      from: { path: '^src/' },
      to: { couldNotResolve: true },
    },
    {
      name: 'no-undeclared-package',
      severity: 'error',
      comment: 'what src imports must be in dependencies or optionalDependencies of package.json',
      from: { path: '^src/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'npm-bundled', 'deprecated'],
        dependencyTypesNot: ['type-only'],
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
};
