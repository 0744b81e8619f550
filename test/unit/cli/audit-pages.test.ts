import { describe, expect, it } from 'vitest';
import { type AuditPage, type ReadAuditPage, readAudit, readNewestAudit } from '../../../src/cli/audit-pages.js';

interface FakeLog {
  readonly read: ReadAuditPage;
  readonly limits: number[];
  /** The sequence numbers of the entries that match. */
  readonly seqs: number[];
}

/** A log whose entries `seqs` match what is asked for; `onRead` is called ahead of each page. */
function logOf(seqs: number[], onRead: (seqs: number[]) => void = () => undefined): FakeLog {
  const limits: number[] = [];
  const read = async (after: number, limit: number): Promise<AuditPage> => {
    onRead(seqs);
    limits.push(limit);
    const found = seqs.filter((seq) => seq > after);
    const entries = found.slice(0, limit).map((seq) => ({ seq, at: '', event: 'e', actor: 'a', details: {}, mac: 'm' }));
    return { entries, cursor: entries.at(-1)?.seq ?? after, more: found.length > limit };
  };
  return { read, limits, seqs };
}

const seqsOf = (page: AuditPage): readonly number[] => page.entries.map(({ seq }) => seq);
const upTo = (length: number): number[] => Array.from({ length }, (_, i) => i + 1);

describe('the newest entries', () => {
  it.each<[string, number[]]>([
    ['no entry', []],
    ['one entry', [7]],
    ['a few entries', upTo(5)],
    ['a long log', upTo(20_000)],
    ['few among many', [3, 4, 9000, 70_001, 70_002, 1_000_000]],
  ])('are the last ones of a log with %s, oldest first', async (_, seqs) => {
    for (const wanted of [1, 2, 3, 5, 100, 1500]) {
      const log = logOf(seqs);
      const page = await readNewestAudit(log.read, wanted);
      expect(seqsOf(page)).toEqual(seqs.slice(-wanted));
      expect([page.cursor, page.more]).toEqual([seqs.at(-1) ?? 0, false]);
      expect(Math.max(...log.limits)).toBeLessThanOrEqual(1000);
    }
  });

  it('of a long log cost some dozens of pages', async () => {
    const log = logOf(upTo(1_000_000));
    await readNewestAudit(log.read, 1);
    expect(log.limits.length).toBeLessThan(60);
  });

  it('are so many, and end where the log ends, while it grows faster than it is read', async () => {
    const log = logOf(upTo(500), (seqs) => {
      for (let i = 0; i < 7; i++) seqs.push(seqs.length + 1);
    });
    expect(seqsOf(await readNewestAudit(log.read, 5))).toEqual(log.seqs.slice(-5));
  });
});

describe('entries from a place on', () => {
  it('are read in pages that the API takes', async () => {
    const log = logOf(upTo(2500));
    expect(seqsOf(await readAudit(log.read, 10, 2000))).toEqual(upTo(2010).slice(10));
    expect(log.limits).toEqual([1000, 1000]);
    expect(seqsOf(await readAudit(log.read, 0))).toHaveLength(2500);
  });
});
