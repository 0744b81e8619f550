import { describe, expect, it } from 'vitest';
import { RecentReadings } from '../../../src/caveats/recent-readings.js';
import { encodeUtf8 } from '../../../src/core/index.js';

describe('RecentReadings', () => {
  it('tells two conditions of one hash apart', () => {
    // Both have the FNV-1a hash 0x5e4daa9d.
    const [one, other] = [encodeUtf8('costarring'), encodeUtf8('liquid')];
    const readings = new RecentReadings<string>();
    readings.keep(one, 'one');
    expect(readings.get(other)).toBeUndefined();
    readings.keep(other, 'other');
    expect(readings.get(one)).toBeUndefined();
    expect(readings.get(other)).toBe('other');
  });

  it('drops what was not used for two generations', () => {
    const readings = new RecentReadings<number>();
    for (let i = 0; i < 2_000; i++) readings.keep(encodeUtf8(`condition ${i}`), i);
    const kept = Array.from({ length: 2_000 }, (_, i) => i).filter(
      (i) => readings.get(encodeUtf8(`condition ${i}`)) !== undefined,
    );
    expect(kept.length).toBeLessThanOrEqual(1_024);
    expect(kept).toContain(1_999);
    expect(kept).not.toContain(0);
  });
});
