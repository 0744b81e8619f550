/** The tables of docs/operation.md on the audit log against the sources: every event and every reason, and no other. */
import { describe, expect, it } from 'vitest';
import type { RevokeRequest } from '../../src/protocol/wire.js';
import { filesBelow, readProjectFile } from './source-tree.js';

const page = readProjectFile('docs/operation.md').text;
const sources = ['domain', 'auth', 'http', 'store'].flatMap((folder) => filesBelow(`src/server/${folder}`, /\.ts$/));

/** First cells of the table below the heading `title`. */
function firstCells(title: string): readonly string[] {
  const section = page.split(/\n#+ /).find((part) => part.startsWith(`${title}\n`)) ?? '';
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, cell = '']) => cell);
}

/** The texts of the union type `name` in the file at `path`. */
function unionOf(path: string, name: string): readonly string[] {
  const [, body = ''] = new RegExp(`type ${name} =([^;]*);`).exec(readProjectFile(path).text.replaceAll(/ \/\/.*$/gm, '')) ?? [];
  return [...body.matchAll(/'([^']+)'/g)].map(([, text = '']) => text);
}

describe('the page on operation', () => {
  it('lists every event of the audit log once, and no other', () => {
    const files = /\.(?:json|crt|key|db|lock)$/;
    const literals = sources.flatMap(({ text }) => [...text.matchAll(/'([a-z_]+\.[a-z_]+)'/g)].map(([, event = '']) => event));
    const kinds = { token: true, client: true, root_key: true, audience_key: true } satisfies Record<RevokeRequest['kind'], true>;
    const events = [...literals.filter((text) => !files.test(text)), ...Object.keys(kinds).map((kind) => `revoked.${kind}`)];
    expect(firstCells('Events').toSorted()).toEqual([...new Set(events)].toSorted());
  });

  it('would miss no event that is put together', () => {
    const composed = sources.flatMap(({ text }) => text.match(/`[a-z_]+\.\$\{[^`]*`/g) ?? []);
    expect(composed.map((text) => text.replaceAll(/[`${}]/g, ''))).toEqual(['revoked.request.kind']);
  });

  it('lists every reason of a failure once, and no other', () => {
    const reasons = [
      ...unionOf('src/server/auth/client-authenticator.ts', 'FailureReason'),
      ...unionOf('src/server/auth/enrolments.ts', 'FailureReason'),
      ...unionOf('src/server/domain/issuer.ts', 'EnrolmentRefusal'),
      ...unionOf('src/server/domain/presented-certificate.ts', 'CertificateFault').map((fault) => `certificate_${fault}`),
      ...sources.flatMap(({ text }) => [...text.matchAll(/refuse\(address, '([a-z_]+)'/g)].map(([, reason = '']) => reason)),
    ];
    expect(reasons.length).toBeGreaterThan(40);
    const listed = firstCells('Reasons').filter((reason) => !reason.endsWith('…'));
    expect(listed.toSorted()).toEqual([...new Set(reasons)].toSorted());
  });

  it('lists every fault of the Authorization header', () => {
    const faults = unionOf('src/verifier/authorization.ts', 'AuthorizationFault').map((fault) => `\`${fault}\``);
    expect(faults.length).toBeGreaterThan(3);
    expect(page).toContain(`| \`authorization-…\` | token | the header cannot be read: ${faults.join(', ')} |`);
  });
});
