/** Plants imports that the layer table forbids, and some that it allows, beside a copy of src, and asks dependency-cruiser about all. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repositoryRoot } from './source-tree.js';

/** [file, what it holds, the rule that must see it]. Each plant breaks one rule only. */
const forbidden: readonly (readonly [file: string, code: string, rule: string])[] = [
  ['src/core/planted-node.ts', "import 'node:fs';", 'layer-core'],
  ['src/core/planted-layer.ts', "import '../caveats/planted-target.js';", 'layer-core'],
  ['src/core/planted-package.ts', "import 'zod';", 'layer-core'],
  ['src/core/planted-type.ts', "import type { X } from '../caveats/planted-target.js';\nexport type Y = X;", 'layer-core'],
  ['src/caveats/planted-layer.ts', "import '../protocol/planted-target.js';", 'layer-caveats'],
  ['src/caveats/planted-package.ts', "import 'zod';", 'layer-caveats'],
  ['src/protocol/planted-node.ts', "import 'node:crypto';", 'layer-protocol'],
  ['src/transport/planted-layer.ts', "import '../caveats/planted-target.js';", 'layer-transport'],
  ['src/transport/planted-package.ts', "import 'hono';", 'layer-transport'],
  ['src/verifier/planted-node.ts', "import 'node:net';", 'layer-verifier'],
  ['src/verifier/planted-layer.ts', "import '../transport/planted-target.js';", 'layer-verifier'],
  ['src/verifier/planted-hono.ts', "import { Hono } from 'hono';\nexport const app = new Hono();", 'layer-verifier-types-only'],
  ['src/verifier/node.ts', "import '../transport/planted-target.js';", 'layer-verifier-node'],
  ['src/verifier/sqlite-planted.ts', "import './planted-target.js';", 'layer-verifier-sqlite'],
  ['src/verifier/planted-sqlite.ts', "import 'better-sqlite3';", 'layer-verifier'],
  ['src/verifier/key-sources/planted-layer.ts', "import '../../client/planted-target.js';", 'layer-verifier-key-sources'],
  ['src/client/planted-node.ts', "import 'node:fs';", 'layer-client'],
  ['src/client/planted-layer.ts', "import '../verifier/planted-target.js';", 'layer-client'],
  ['src/client/attenuate.ts', "import '../transport/planted-target.js';", 'layer-client-attenuate'],
  ['src/index.ts', "import './transport/planted-target.js';", 'layer-entry-point'],
  ['src/server/domain/planted-layer.ts', "import '../store/planted-target.js';", 'layer-domain'],
  ['src/server/domain/planted-node.ts', "import 'node:crypto';", 'layer-domain'],
  ['src/server/auth/planted-layer.ts', "import '../http/planted-target.js';", 'layer-auth'],
  ['src/server/pki/planted-package.ts', "import 'hono';", 'layer-pki'],
  ['src/server/store/planted-layer.ts', "import '../http/planted-target.js';", 'layer-store'],
  ['src/server/store/planted-verifier.ts', "import '../../verifier/sqlite.js';", 'layer-store'],
  ['src/server/store/planted-package.ts', "import 'pino';", 'layer-store'],
  ['src/server/http/planted-layer.ts', "import '../store/planted-target.js';", 'layer-http'],
  ['src/server/http/planted-package.ts', "import 'drizzle-orm';", 'layer-http'],
  ['src/server/config.ts', "import '../cli/planted-target.js';", 'layer-server-main'],
  ['src/cli/planted-static.ts', "import '../server/domain/planted-target.js';", 'cli-loads-lazily'],
  ['src/cli/planted-network.ts', "import './admin-api.js';", 'cli-loads-lazily'],
  ['src/cli/planted-package.ts', "import 'hono';", 'layer-cli'],
  ['src/planted-stray.ts', "import './core/planted-target.js';", 'file-in-no-layer'],
  ['src/cli/planted-stray.ts', "export const later = () => import('../stray/planted-target.js');", 'import-of-no-layer'],
  ['src/core/planted-orphan.ts', 'export {};', 'no-orphan'],
  ['src/cli/planted-missing.ts', "import './not-there.js';", 'no-unresolvable'],
];

const allowed: readonly (readonly [file: string, code: string])[] = [
  ['src/verifier/planted-types.ts', "import type { Context } from 'hono';\nexport type C = Context;"],
  ['src/verifier/key-sources/planted-transport.ts', "import '../../transport/planted-target.js';\nimport 'node:timers';"],
  ['src/server/main.ts', "import './store/planted-target.js';\nimport 'node:fs';"],
  ['src/server/http/planted-hono.ts', "import 'hono';\nimport 'zod';\nimport 'node:http';\nimport '../auth/planted-target.js';"],
  ['src/cli/planted-dynamic.ts', "import '../core/planted-target.js';\nexport const later = () => import('../server/main.js');"],
  ['src/cli/planted-type.ts', "import type { X } from '../server/domain/planted-target.js';\nexport type Y = X;"],
];

/** Two modules that import each other; the report names one of them. */
const cycle: readonly (readonly [file: string, code: string])[] = [
  ['src/core/planted-circle-a.ts', "import './planted-circle-b.js';"],
  ['src/core/planted-circle-b.ts', "import './planted-circle-a.js';"],
];

/** A file in every folder that plants point at. It imports something harmless, so that it is no orphan. */
const targetFolders = [
  'stray',
  'core',
  'caveats',
  'protocol',
  'transport',
  'verifier',
  'client',
  'cli',
  'server/domain',
  'server/auth',
  'server/store',
  'server/http',
];

interface Violation {
  readonly from: string;
  readonly rule: { readonly name: string };
}

interface CruiseReport {
  readonly summary: { readonly totalCruised: number; readonly violations: readonly Violation[] };
}

describe('the layer check', () => {
  let folder = '';
  let report: CruiseReport;

  beforeAll(() => {
    mkdirSync(join(repositoryRoot, '.tmp'), { recursive: true });
    folder = mkdtempSync(join(repositoryRoot, '.tmp/layers-'));
    for (const name of ['src', 'package.json', 'tsconfig.json']) {
      cpSync(join(repositoryRoot, name), join(folder, name), { recursive: true });
    }
    for (const name of targetFolders) write(folder, `src/${name}/planted-target.ts`, 'export interface X {}');
    for (const [file, code] of [...forbidden, ...allowed, ...cycle]) write(folder, file, code);
    report = JSON.parse(cruise(folder, 'json').stdout) as CruiseReport;
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('reads the source files at all', () => {
    expect(report.summary.totalCruised).toBeGreaterThan(forbidden.length + allowed.length);
  });

  it('fails when there is a violation', () => {
    const run = cruise(folder, 'err');
    expect(run.status).toBeGreaterThan(0);
    expect(run.stdout).toContain('layer-core');
  });

  it('sees modules that import each other', () => {
    const files = cycle.map(([file]) => file);
    expect(files.flatMap((file) => rulesBrokenBy(report, file))).toEqual(['no-cycle']);
  });

  it.each(forbidden)('sees %s', (file, _code, rule) => {
    expect(rulesBrokenBy(report, file)).toEqual([rule]);
  });

  it.each(allowed)('leaves %s alone', (file) => {
    expect(rulesBrokenBy(report, file)).toEqual([]);
  });
});

function cruise(folder: string, outputType: 'json' | 'err') {
  const cruiser = join(repositoryRoot, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const config = join(repositoryRoot, '.dependency-cruiser.mjs');
  return spawnSync(process.execPath, [cruiser, '--config', config, '--output-type', outputType, 'src'], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
}

function write(folder: string, file: string, code: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), `${code}\n`);
}

function rulesBrokenBy(report: CruiseReport, file: string): readonly string[] {
  return [...new Set(report.summary.violations.filter(({ from }) => from === file).map(({ rule }) => rule.name))];
}
