/** Which tests verify tokens in their own process: those that import, through whatever, what verifies them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const root = join(import.meta.dirname, '../..');
const verification = join(root, 'src/verifier/local-verification.ts');
/** What an import or export of our own is from; one of types alone is none when it runs. */
const imports = /\b(?:import|export)\b(?!\s+type\b)[^;'"]*['"](\.[^'"]+)['"]/g;
const known = new Map<string, readonly string[]>();

/** The paths of the tests, as the configuration tells them. */
export function testsThatVerify(): readonly string[] {
  const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' });
  const tests = files.filter((file) => file.endsWith('.test.ts')).map((file) => join(root, 'test', file));
  const found = tests.filter(reachesVerification).map((file) => relative(root, file));
  if (found.length === 0) throw new Error(`no test imports ${verification}`);
  return found;
}

function reachesVerification(test: string): boolean {
  const reached = new Set([test]);
  for (const file of reached) for (const imported of importsOf(file)) reached.add(imported);
  return reached.has(verification);
}

function importsOf(file: string): readonly string[] {
  const found =
    known.get(file) ??
    [...readFileSync(file, 'utf8').matchAll(imports)].map(([, path = '']) => join(dirname(file), path.replace(/\.js$/, '.ts')));
  const ours = found.filter((one) => one.endsWith('.ts') && existsSync(one));
  known.set(file, ours);
  return ours;
}
