import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogDestination } from '../../../../src/server/http/log-destination.js';

let folder: string;
const descriptors: number[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-'));
});
afterEach(() => {
  for (const fd of descriptors.splice(0)) closeSync(fd);
  rmSync(folder, { recursive: true, force: true });
});

function open(path: string, flags: string | number): number {
  const fd = openSync(path, flags);
  descriptors.push(fd);
  return fd;
}

/** A pipe that nobody reads: its end for writing, which never blocks, and what is in it. */
function openPipe(): { readonly fd: number; take(): string } {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const reader = open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const fd = open(path, constants.O_WRONLY | constants.O_NONBLOCK);
  const take = (): string => {
    const buffer = Buffer.alloc(1 << 20);
    return buffer.toString('utf8', 0, readSync(reader, buffer));
  };
  return { fd, take };
}

const lineOf = (number: number): string => `${JSON.stringify({ number, filler: 'x'.repeat(1000) })}\n`;

describe('a destination of log lines', () => {
  it('writes each line at once', () => {
    const path = join(folder, 'file');
    const destination = createLogDestination(open(path, 'a'));
    destination.write('one\n');
    expect(readFileSync(path, 'utf8')).toBe('one\n');
    destination.write('zwei ü\n');
    expect(readFileSync(path, 'utf8')).toBe('one\nzwei ü\n');
  });

  it('outlives a full disk', () => {
    const destination = createLogDestination(open('/dev/full', 'w'));
    for (let i = 0; i < 1000; i++) destination.write(lineOf(i));
  });

  it('outlives a pipe whose reader is gone, and a descriptor that is none', () => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const gone = createLogDestination(open(path, constants.O_WRONLY | constants.O_NONBLOCK));
    closeSync(reader);
    gone.write('one\n');
    createLogDestination(-1).write('one\n');
  });

  it('keeps a bounded number of lines while nothing can be written, whole and in order, and tells how many it dropped', () => {
    const { fd, take } = openPipe();
    const destination = createLogDestination(fd);
    const count = 300;
    for (let i = 0; i < count; i++) destination.write(lineOf(i));
    let text = take();
    for (const next of [count, count + 1]) {
      destination.write(lineOf(next));
      text += take();
    }
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const numbers = lines.filter((line) => 'number' in line).map((line) => line.number);
    const kept = numbers.length - 2;
    expect(kept).toBeGreaterThan(100);
    expect(numbers).toEqual([...Array(kept).keys(), count, count + 1]);
    expect(lines[kept]).toMatchObject({ level: 40, dropped: count - kept });
    destination.write(lineOf(1));
    expect(take()).toBe(lineOf(1));
  });
});
