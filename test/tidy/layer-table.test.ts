/** The layer tables of the documents against the rules that dependency-cruiser applies: no layer, import or package more or less. */
import { describe, expect, it } from 'vitest';
import cruiserConfig from '../../.dependency-cruiser.mjs';
import { readProjectFile } from './source-tree.js';

/** A row of the layer table: a layer, and what it may import beside itself. */
interface Row {
  /** From `src/`; `*` for any one name. */
  readonly layer: string;
  readonly imports: readonly string[];
  readonly packages: readonly string[];
  /** Absent where the table does not say. */
  readonly node: string | undefined;
}

interface FromPattern {
  readonly path: string;
  readonly pathNot?: string;
}

/** As much of a rule as all rules of layers have. */
interface LayerRule {
  readonly name: string;
  readonly from: FromPattern;
  readonly to: { readonly pathNot: readonly string[]; readonly dependencyTypesNot?: readonly string[] };
}

describe.each(['docs/architecture.md', 'README.md'])('the layer table of %s', (document) => {
  const rows = layerTable(document);
  const allRules = JSON.parse(JSON.stringify(cruiserConfig.forbidden)) as readonly LayerRule[];
  const rules = allRules.filter(({ name }) => /^layer-(?!.*types-only$)/.test(name));

  it('has a row for each rule', () => {
    const ruleOf = ({ layer }: Row) => rules.findLast(({ from }) => isIn(from, fileOf(layer)))?.name;
    expect(rows.map(ruleOf)).toEqual(rules.map(({ name }) => name));
  });

  it.each(rules.map(({ name }, i) => [name, i] as const))('says what %s says', (_, index) => {
    const rule = rules[index];
    const row = rows[index];
    if (rule === undefined || row === undefined) throw new Error('there is no such row');
    const allowed = rule.to.pathNot.map((pattern) => new RegExp(pattern));
    const passes = (path: string) => allowed.some((pattern) => pattern.test(path));
    for (const { layer } of rows) {
      const isNamed = row.imports.some((name) => fileOf(layer).startsWith(`src/${name}`));
      const isItself = isIn(rule.from, fileOf(layer)) || fileOf(layer).startsWith(fileOf(row.layer).replace(/x\.ts$/, ''));
      expect({ layer, passes: passes(fileOf(layer)) }).toEqual({ layer, passes: isNamed || isItself });
    }
    const packages = rule.to.pathNot.flatMap((pattern) => /node_modules\/(.+)\/$/.exec(pattern)?.[1] ?? []);
    const named = packages.map((name) => name.replace('[^/]+', '*')).filter((name) => !name.startsWith('@types/'));
    expect(row.packages.toSorted()).toEqual(named.toSorted());
    if (row.node !== undefined) expect(row.node).toBe(rule.to.dependencyTypesNot === undefined ? 'no' : 'yes');
  });
});

/** The layer table of `document`. */
function layerTable(document: string): readonly Row[] {
  const lines = readProjectFile(document).text.split('\n');
  const heading = lines.findIndex((line) => line.startsWith('| layer | what |'));
  const end = lines.findIndex((line, i) => i > heading && !line.startsWith('|'));
  return lines.slice(heading + 2, end).map((line) => {
    const [layer = '', , imports = '', packages = '', node] = line
      .split(' | ')
      .map((cell) => cell.replace(/^\||\|$/g, '').trim());
    return {
      layer: layer.replaceAll('`', ''),
      imports: imports.startsWith('everything') ? [''] : [...imports.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
      packages: packages === '–' ? [] : packages.split(', ').map((name) => name.replace(/^types of /, '')),
      node,
    };
  });
}

/** A file that stands for `layer`. */
function fileOf(layer: string): string {
  if (layer.endsWith('/')) return `src/${layer}x.ts`;
  return `src/${layer.replace('*', 'x')}`;
}

function isIn({ path, pathNot }: FromPattern, file: string): boolean {
  return new RegExp(path).test(file) && (pathNot === undefined || !new RegExp(pathNot).test(file));
}
