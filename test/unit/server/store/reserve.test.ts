import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createReserve, type Reserve } from '../../../../src/server/store/reserve.js';

const bytes = 700_001;
let directory: string;
let file: string;
let nowMs: number;
let reserve: Reserve;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'macaroond-reserve-'));
  file = join(directory, 'reserve');
  nowMs = 1_000_000;
  reserve = createReserve({
    file,
    bytes,
    clock: () => nowMs,
    randomBytes: (length) => Uint8Array.from({ length }, (_, i) => i * 31),
  });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('the reserve', () => {
  it('is not held before it is made; made, it takes real room and is its owner’s', () => {
    expect(reserve.isHeld()).toBe(false);
    expect(reserve.restore()).toBe(true);
    const { size, blocks, mode } = statSync(file);
    expect(size).toBe(bytes);
    expect(blocks * 512).toBeGreaterThanOrEqual(bytes);
    expect(mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(['reserve']);
  });

  it('is gone when it was given up, also twice', () => {
    reserve.restore();
    reserve.giveUp();
    reserve.giveUp();
    expect(reserve.isHeld()).toBe(false);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('is tried for again after a second, not before', () => {
    reserve.restore();
    reserve.giveUp();
    nowMs += 999;
    expect(reserve.restore()).toBe(false);
    nowMs += 1;
    expect(reserve.restore()).toBe(true);
  });

  it('is tried for again when the clock was set back', () => {
    reserve.restore();
    reserve.giveUp();
    nowMs -= 3_600_000;
    expect(reserve.restore()).toBe(true);
  });

  it('notices what another process did with it', () => {
    reserve.restore();
    rmSync(file);
    expect(reserve.isHeld()).toBe(false);
    writeFileSync(file, new Uint8Array(bytes));
    expect(reserve.isHeld()).toBe(true);
  });

  it('does not take half a reserve for one, and makes it whole', () => {
    reserve.restore();
    truncateSync(file, bytes - 1);
    expect(reserve.isHeld()).toBe(false);
    nowMs += 1000;
    expect(reserve.restore()).toBe(true);
    expect(statSync(file).size).toBe(bytes);
  });

  it('says so when it cannot be made', () => {
    rmSync(directory, { recursive: true });
    expect(reserve.restore()).toBe(false);
  });
});
