/** `macaroond inspect`: what a token says, without any key and so without any proof. Loads core and caveats alone. */
import type { EffectiveLimits } from '../../caveats/effective-limits.js';
import { type InspectedCaveat, type InspectedFinding, type InspectedIdentifier, inspect } from '../../caveats/inspect.js';
import { inspectToWire } from '../../caveats/inspection-json.js';
import { formatRfc3339, isRfc3339Time } from '../../caveats/rfc3339.js';
import type { OfflineCall, OfflineCommand } from '../offline-command.js';
import type { Session } from '../session.js';
import { readToken } from '../token-input.js';

export const command: OfflineCommand = {
  name: 'inspect',
  description: 'show what a token says, without verifying it',
  flags: [],
  run,
};

async function run(session: Session, { source, options }: OfflineCall): Promise<void> {
  const text = await readToken(session.io, source, options);
  // Read after the token, which may be minted while this waits for it.
  const nowMs = session.io.clock();
  const inspection = inspect(text, { nowMs });
  if (options.json) {
    session.printJson(inspectToWire(inspection));
    return;
  }
  session.print('UNVERIFIED: anyone could have written what follows; only a verifier can tell.');
  session.print('');
  printIdentifier(session, inspection.identifier, inspection.location, nowMs);
  printCaveats(session, 'caveats', inspection.caveats);
  for (const [i, discharge] of inspection.discharges.entries())
    printCaveats(session, `caveats of discharge ${i}`, discharge.caveats);
  printLimits(session, inspection.effective, nowMs);
  printFindings(session, inspection.findings);
  for (const message of inspection.warnings) session.warn(message);
}

function printFindings(session: Session, findings: readonly InspectedFinding[]): void {
  if (findings.length === 0) return;
  session.print('');
  session.print('findings');
  for (const { kind, message, caveatIndex, dischargeIndex } of findings) {
    const place = dischargeIndex === undefined ? `caveat ${caveatIndex}` : `caveat ${caveatIndex} of discharge ${dischargeIndex}`;
    session.print(`  ${place}: ${kind}: ${message}`);
  }
}

function printIdentifier(session: Session, identifier: InspectedIdentifier, location: string, nowMs: number): void {
  session.print('identifier');
  if (!identifier.readable) {
    session.print(`  not readable: ${identifier.message}`);
    session.print(`  bytes  ${identifier.bytes}`);
  } else {
    const { facts } = identifier;
    session.printFields([
      ['  client', facts.client],
      ['  audience', facts.audience],
      ['  actions', facts.actions.join(', ')],
      ['  issued', timeText(facts.issuedAtMs, nowMs)],
      ['  expires', timeText(facts.expiresAtMs, nowMs)],
      ['  auth methods', facts.authMethods.join(', ')],
      ['  token id', facts.tokenId],
      ['  root key id', facts.rootKeyId],
      ['  generation', String(facts.generation)],
    ]);
  }
  if (location !== '') session.print(`  location (a hint, not authenticated)  ${location}`);
}

function printCaveats(session: Session, title: string, caveats: readonly InspectedCaveat[]): void {
  session.print('');
  session.print(caveats.length === 0 ? `${title}: none` : title);
  for (const { caveatIndex, condition, known, description, party } of caveats) {
    const words = known ? description : `UNKNOWN: ${description}`;
    session.print(`  ${caveatIndex}  ${party === 'third' ? `third party ${condition}` : condition}`);
    session.print(`     ${words}`);
  }
}

function printLimits(session: Session, limits: EffectiveLimits, nowMs: number): void {
  const list = (items: readonly string[] | undefined) => (items?.length === 0 ? 'none' : items?.join(', '));
  session.print('');
  session.print(limits.canHold ? 'effective limits' : 'effective limits: NOTHING is allowed, the caveats exclude each other');
  session.printFields([
    ['  until', limits.expiresAtMs === undefined ? 'not limited' : timeText(limits.expiresAtMs, nowMs)],
    ['  from', limits.notBeforeMs === undefined ? undefined : timeText(limits.notBeforeMs, nowMs)],
    ['  actions', list(limits.actions) ?? 'not limited'],
    ['  addresses', list(limits.ips) ?? 'any'],
    ['  methods', list(limits.methods) ?? 'any'],
    ['  paths', list(limits.paths) ?? 'any'],
    ...limits.others.map((condition): [string, string] => ['  and', condition]),
  ]);
}

/** A time and how far it is from now. */
function timeText(timeMs: number, nowMs: number): string {
  const text = isRfc3339Time(timeMs) ? formatRfc3339(timeMs) : new Date(timeMs).toISOString();
  const seconds = Math.round(Math.abs(timeMs - nowMs) / 1000);
  const units: readonly (readonly [number, string])[] = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
  ];
  const [length, unit] = units.find(([unitSeconds]) => seconds >= 2 * unitSeconds) ?? [1, 's'];
  const distance = `${Math.round(seconds / length)} ${unit}`;
  return `${text} (${timeMs > nowMs ? `in ${distance}` : `${distance} ago`})`;
}
