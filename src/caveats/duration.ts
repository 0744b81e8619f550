/** Durations as people write them: `90s`, `10m`, `1h30m`, `7d`, `2w`. */

const pattern = /^(?:(\d{1,9})w)?(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?$/;
const unitsMs = [604_800_000, 86_400_000, 3_600_000, 60_000, 1_000];

/** Milliseconds of `text`: weeks, days, hours, minutes, seconds in this order, each at most once; `undefined` for anything else and for zero. */
export function parseDurationMs(text: string): number | undefined {
  const amounts = pattern.exec(text)?.slice(1);
  if (amounts === undefined) return undefined;
  let totalMs = 0;
  for (const [i, unitMs] of unitsMs.entries()) totalMs += Number(amounts[i] ?? 0) * unitMs;
  return totalMs > 0 ? totalMs : undefined;
}
