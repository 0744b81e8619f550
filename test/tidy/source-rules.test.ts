/** House rules that no other tool checks, each read from the syntax tree or the text of the project's own files. */
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { filesBelow, type ProjectFile, readProjectFile } from './source-tree.js';

/** Of a file of src. Tests may be longer: cutting a table of cases makes it no clearer. How long a function may be, Biome checks. */
const maxLines = 400;
const sources = filesBelow('src', /\.ts$/);
const tests = filesBelow('test', /\.ts$/);
const others = [...filesBelow('examples', /\.ts$/), ...filesBelow('scripts', /\.(mjs|ts|sh)$/)];
const documents = [...filesBelow('docs', /\.md$/), ...['README.md', 'CHANGELOG.md', 'SECURITY.md'].map(readProjectFile)];
const configuration = [
  ...['package.json', 'package-lock.json', '.npmrc', 'biome.json', 'knip.json', '.ci/run'],
  ...['package.json', 'package-lock.json', '.npmrc'].map((name) => `scripts/bench/${name}`),
].map(readProjectFile);

/** Layers that run in browsers too, where there is no `Buffer` and no `process`. */
const browserSafe = /^src\/(core|caveats|protocol|client\/attenuate\.ts$|verifier\/(?!key-sources\/|node[^/]*\.ts$|sqlite))/;

/** Decodes padded base64, which our own codec does not, and refuses every text that its bytes do not print as again. */
const mayDecodeWithBuffer: readonly string[] = ['src/server/auth/basic-credentials.ts'];

/** Finds every syntax node of `file` for which `matches` holds, as `path:line`. */
function nodesWhere(file: ProjectFile, matches: (node: ts.Node) => boolean): readonly string[] {
  const tree = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (matches(node)) found.push(`${file.path}:${tree.getLineAndCharacterOfPosition(node.getStart()).line + 1}`);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

/** Every line of `files` that `pattern` matches, as `path:line`. */
function linesWhere(files: readonly ProjectFile[], pattern: RegExp): readonly string[] {
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}`] : [])),
  );
}

function isNamed(node: ts.Node, ...names: readonly string[]): boolean {
  return ts.isIdentifier(node) && names.includes(node.text);
}

describe('a file of src', () => {
  it('is there to be checked', () => {
    expect(sources.length).toBeGreaterThan(20);
  });

  it(`has at most ${maxLines} lines`, () => {
    expect(sources.filter(({ text }) => text.split('\n').length - 1 > maxLines).map(({ path }) => path)).toEqual([]);
  });

  it('opens with a comment that says what it is', () => {
    expect(sources.filter(({ text }) => !/^(#!.*\n)?\/\*\*\s[\s\S]*?\*\/\n/.test(text)).map(({ path }) => path)).toEqual([]);
  });

  it('is not a catch-all', () => {
    const catchAll = /(^|\/)(utils?|helpers?|types|common|misc)(\.ts$|\/)/;
    expect(
      sources.filter(({ path }) => catchAll.test(path) && !path.startsWith('src/caveats/types/')).map(({ path }) => path),
    ).toEqual([]);
  });

  it('does not say any', () => {
    expect(sources.flatMap((file) => nodesWhere(file, (node) => node.kind === ts.SyntaxKind.AnyKeyword))).toEqual([]);
  });

  it('does not cast by way of unknown', () => {
    const isDoubleCast = (node: ts.Node): boolean =>
      ts.isAsExpression(node) && ts.isAsExpression(node.expression) && node.expression.type.kind === ts.SyntaxKind.UnknownKeyword;
    expect(sources.flatMap((file) => nodesWhere(file, isDoubleCast))).toEqual([]);
  });

  it('does not silence the compiler', () => {
    expect(linesWhere(sources, /@ts-(ignore|expect-error|nocheck)/)).toEqual([]);
  });

  it('has no default export', () => {
    const isDefaultExport = (node: ts.Node): boolean =>
      ts.isExportAssignment(node) ||
      (node.kind === ts.SyntaxKind.DefaultKeyword && ts.canHaveModifiers(node.parent)) ||
      (ts.isExportSpecifier(node) && node.name.text === 'default');
    expect(sources.flatMap((file) => nodesWhere(file, isDefaultExport))).toEqual([]);
  });

  it('does not write to the console, unless it is the command line', () => {
    const outsideCli = sources.filter(({ path }) => !path.startsWith('src/cli/'));
    expect(outsideCli.flatMap((file) => nodesWhere(file, (node) => isNamed(node, 'console')))).toEqual([]);
  });

  it('does not decode base64 with Buffer, which takes many spellings for the same bytes', () => {
    const decodesBase64 = (node: ts.Node): boolean =>
      ts.isCallExpression(node) &&
      ts.isPropertyAccessExpression(node.expression) &&
      isNamed(node.expression.expression, 'Buffer') &&
      node.expression.name.text === 'from' &&
      node.arguments.slice(1).some((encoding) => ts.isStringLiteralLike(encoding) && encoding.text.startsWith('base64'));
    const found = sources
      .filter(({ path }) => !mayDecodeWithBuffer.includes(path))
      .flatMap((file) => nodesWhere(file, decodesBase64));
    expect(found).toEqual([]);
  });

  it('uses nothing of Node, where it is to run in browsers', () => {
    const nodeGlobals = ['Buffer', 'process', 'require', '__dirname', '__filename', 'setImmediate'];
    const isGlobal = (node: ts.Node): boolean =>
      isNamed(node, ...nodeGlobals) && !(ts.isPropertyAccessExpression(node.parent) && node.parent.name === node);
    const files = sources.filter(({ path }) => browserSafe.test(path));
    expect(files.flatMap((file) => nodesWhere(file, isGlobal))).toEqual([]);
  });
});

describe('a comment', () => {
  it('refers to documents that are here', () => {
    expect(
      linesWhere([...sources, ...tests, ...others], new RegExp(`\\b(${'DES' + 'IGN'}|${'STY' + 'LE'})(\\.md\\b|:| §|\\))`)),
    ).toEqual([]);
  });
});

describe('a test', () => {
  it('is neither singled out nor left out', () => {
    const isMarked = (node: ts.Node): boolean =>
      ts.isPropertyAccessExpression(node) &&
      ['only', 'skip', 'todo', 'fails'].includes(node.name.text) &&
      isNamed(node.expression, 'it', 'test', 'describe');
    expect(tests.flatMap((file) => nodesWhere(file, isMarked))).toEqual([]);
  });
});

describe('every file', () => {
  const all = [...sources, ...tests, ...others, ...documents, ...configuration];

  it('is finished', () => {
    const marker = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b`);
    const prose = all.filter(({ path }) => !path.endsWith('package-lock.json'));
    expect(linesWhere(prose, marker)).toEqual([]);
  });

  it('names no path of one machine', () => {
    const folders = ['wo' + 'rk', 'ho' + 'me', 'ro' + 'ot', 'Us' + 'ers', 't' + 'mp'].join('|');
    expect(linesWhere(all, new RegExp(`(^|[\\s'"\`(=:])/(${folders})/\\w`))).toEqual([]);
  });

  it('names no package registry', () => {
    expect(linesWhere(all, new RegExp(`"resolved"\\s*:|regis${'try'}\\.(npmjs|yarnpkg)`))).toEqual([]);
  });
});
