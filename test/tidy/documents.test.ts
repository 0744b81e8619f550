/** What the documents claim: every `ts` block in them and in docstrings compiles, and every relative link leads to a file. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesBelow, type ProjectFile, readProjectFile, repositoryRoot } from './source-tree.js';

const documents = [...filesBelow('docs', /\.md$/), ...['README.md', 'CHANGELOG.md', 'SECURITY.md'].map(readProjectFile)];
const sources = filesBelow('src', /\.ts$/);

interface Block {
  /** Name of the file that the block is checked as; tells document and line. */
  readonly name: string;
  readonly code: string;
}

/** The ` ```ts ` blocks of `file`, which is Markdown or, with `prefix`, lines of a docstring that begin with ` * `. */
function blocksOf({ path, text }: ProjectFile): readonly Block[] {
  const blocks: Block[] = [];
  let open: { readonly line: number; readonly lines: string[] } | undefined;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = path.endsWith('.ts') ? raw.replace(/^\s*\* ?/, '') : raw;
    if (open === undefined) {
      if (line.trim() === '```ts') open = { line: index + 1, lines: [] };
    } else if (line.trim() === '```') {
      blocks.push({ name: `${path.replaceAll(/[/.]/g, '-')}-line-${open.line}.ts`, code: open.lines.join('\n') });
      open = undefined;
    } else {
      open.lines.push(line);
    }
  }
  if (open !== undefined) throw new Error(`${path}: the block of line ${open.line} does not end`);
  return blocks;
}

describe('an example in a document or a docstring', () => {
  let folder = '';
  const blocks = [...documents, ...sources].flatMap(blocksOf);

  beforeAll(() => {
    mkdirSync(join(repositoryRoot, '.tmp'), { recursive: true });
    folder = mkdtempSync(join(repositoryRoot, '.tmp/documents-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('compiles', () => {
    expect(blocks.length).toBeGreaterThan(1);
    // `export {}` makes each block a module of its own, so that blocks do not see each other's names.
    for (const { name, code } of blocks) writeFileSync(join(folder, name), `${code}\nexport {};\n`);
    expect(typeErrors(folder)).toBe('');
  });

  it('would be found out if it did not compile', () => {
    const planted = join(folder, 'planted');
    mkdirSync(planted);
    writeFileSync(join(planted, 'wrong.ts'), "import { nothing } from 'macaroond';\nexport const wrong: string = nothing + 1;\n");
    expect(typeErrors(planted)).toContain('wrong.ts');
    rmSync(planted, { recursive: true });
  });
});

/** What tsc says about the files of `folder`, which see the package under its own name. */
function typeErrors(folder: string): string {
  const config = { extends: join(repositoryRoot, 'test/tsconfig.json'), include: ['.'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const compiler = join(repositoryRoot, 'node_modules/typescript/bin/tsc');
  const { stdout, stderr } = spawnSync(process.execPath, [compiler, '-p', folder], { encoding: 'utf8' });
  return stdout + stderr;
}

describe('a relative link in a document', () => {
  it('leads to a file', () => {
    const broken = documents.flatMap(({ path, text }) =>
      [...text.matchAll(/\]\(([^)\s]+)\)/g)]
        .map(([, target = '']) => target.split('#')[0] ?? '')
        .filter((target) => target !== '' && !/^[a-z]+:/.test(target))
        .filter((target) => !existsSync(join(repositoryRoot, dirname(path), target)))
        .map((target) => `${path}: ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it('leads to a heading where it names one', () => {
    const wrong = documents.flatMap(({ path, text }) =>
      [...text.matchAll(/\]\(([^)\s#:]*)#([^)\s]+)\)/g)]
        .filter(([, target = '', anchor = '']) => {
          const page = target === '' ? path : join(dirname(path), target);
          return !anchorsOf(readProjectFile(page).text).includes(anchor);
        })
        .map(([link]) => `${path}: ${link}`),
    );
    expect(wrong).toEqual([]);
  });

  it('stands in the index once for each page of docs', () => {
    const linked = [...readProjectFile('docs/README.md').text.matchAll(/\]\(([\w-]+\.md)\)/g)].map(([, page]) => page);
    const pages = filesBelow('docs', /\.md$/).map(({ path }) => path.slice('docs/'.length));
    expect(linked.toSorted()).toEqual(pages.filter((page) => page !== 'README.md').toSorted());
  });
});

/** What the headings of `markdown` are linked by, as GitHub spells it. */
function anchorsOf(markdown: string): readonly string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('the promises of SECURITY.md', () => {
  const { text } = readProjectFile('SECURITY.md');
  const section = text.split('\n## ').find((part) => part.startsWith('What is promised')) ?? '';
  const promises = section.split('\n').filter((line) => /^\| (?!against )/.test(line));

  it('each name test files, which the name of the link tells', () => {
    expect(promises.length).toBeGreaterThan(20);
    for (const promise of promises) {
      const links = [...promise.matchAll(/\[([^\]]+)\]\((test\/[^)]+)\)/g)];
      expect({ promise, isHeld: links.length > 0 }).toEqual({ promise, isHeld: true });
      for (const [, name = '', file = ''] of links) expect(file.endsWith(`/${name}`), file).toBe(true);
    }
  });
});
