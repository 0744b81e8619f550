/**
 * `npm run bench:scale`: how cost grows. Verifying over the number of caveats; minting and verifying, in the library and by the issuer, over the number of
 * clients and of revocations; memory over the number of tokens.
 *
 * `--json` prints the rows alone; `--rounds N` (15); `--only caveats,library,issuer,memory`; `--part F` (1): a smaller number of clients, revocations and
 * tokens, as 0.01 for a first look; they are called as the whole is, but for the numbers in the rows.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startLoad } from './http/loads.mjs';
import { json } from './http/requests.mjs';
import { startIssuer } from './http/server-process.mjs';
import { context } from './library/conditions.mjs';
import { newVerifier, verifyFresh, verifyingOnce } from './library/macaroond.mjs';
import { newHolder, newMacaroon, newTokenId, textOf } from './library/tokens.mjs';
import { chosenOf, readOptions } from './options.mjs';
import { rowOf, steepening, table } from './report.mjs';
import { clientName } from './scale/client-name.mjs';
import { measure, median, medianRatio, shuffled } from './slices.mjs';

const { json: isJson, only, rounds, part } = readOptions({ whole: { rounds: 15 }, positive: { part: 1 } });
const sized = (count) => Math.max(1, Math.round(count * part));

/** What is compared with the first of them. */
const sizes = [
  { name: '1 client', clients: 1, revocations: 0 },
  { name: '10³ clients', clients: sized(1_000), revocations: 0 },
  { name: '10⁵ clients', clients: sized(100_000), revocations: 0, isAlsoBusy: true },
  { name: '10⁶ revocations', clients: 1, revocations: sized(1_000_000) },
];
const connections = 32;
/** A connection is one client's: so many clients are busy at once, the others are there. */
const busyClients = connections;
/** Told beside it, and not judged: more clients in turn than what the processor has at hand of each. */
const manyBusyClients = 1_000;
const caveats = 5;
/** More than the issuer keeps verified signatures of. */
const unseenTokens = 12_000;
/** An issuer is a little quicker or slower than another of the same kind for as long as its process lives: so many of each take turns. */
const processes = 3;
const flatness = 1.1;
/** To collect a young heap beside a million revocations takes long, whatever was done before. */
const longSlices = { sliceMs: 30, warmUpMs: 600 };

const rows = [];
/** What must be reached, as lines of a table. */
const judged = [];
const sections = { caveats: growCaveats, library: growLibrary, issuer: growIssuer, memory: growMemory };
for (const name of chosenOf(only, Object.keys(sections))) {
  console.error(`measuring ${name}`);
  await sections[name]();
}
if (isJson) console.log(JSON.stringify({ rows }));
else console.log(table([['must reach', '', 'measured', ''], ...judged]));

/** `ratio` as it is printed, which must be at most `flatness`. */
function judge(text, ratio) {
  judged.push([text, `≤ ${flatness}`, ratio.toFixed(2), ratio > flatness ? 'MISSED' : 'reached']);
  return ratio.toFixed(2);
}

function print(text) {
  if (!isJson) console.log(`${text}\n`);
}

async function growCaveats() {
  const counts = [1, 2, 4, 8, 16, 32, 64];
  const contenders = Object.fromEntries(counts.map((count) => [String(count), verifyFresh(count)]));
  const samples = await measure(contenders, rounds);
  const found = counts.map((count) => rowOf('verify-fresh', count, 'macaroond', samples[String(count)]));
  rows.push(...found);
  const lines = found.map((row) => [
    String(row.caveats),
    (row.cpu_ns / 1000).toFixed(1),
    String(Math.round(row.cpu_ns / row.caveats)),
  ]);
  print(table([['caveats', 'CPU µs', 'CPU ns a caveat'], ...lines]));
  const steeper = steepening(found.map((row) => [row.caveats, row.cpu_ns]));
  judge('a caveat among the later ones to one among the first (1.00: linear)', steeper);
}

/** Tokens of the busy clients, each seen for the first time. */
async function growLibrary() {
  const contenders = {};
  const settings = [];
  for (const { name, clients, revocations, isAlsoBusy } of sizes) {
    const holders = Array.from({ length: clients }, (_, i) => newHolder(clientName(i)));
    const revoked = Array.from({ length: revocations }, () => ({ kind: 'token', tokenId: newTokenId() }));
    const verifier = newVerifier(holders, revoked);
    const add = (setting, busyCount, isJudged) => {
      const busy = shuffled(holders).slice(0, busyCount);
      const newText = () => textOf(newMacaroon(caveats, busy[Math.floor(Math.random() * busy.length)]));
      contenders[setting] = verifyingOnce(newText, context, verifier);
      settings.push({ setting, clients, revocations, isJudged });
    };
    add(name, busyClients, true);
    if (isAlsoBusy) add(busyName(name), manyBusyClients, false);
  }
  const samples = await measure(contenders, rounds, longSlices);
  const reference = samples[sizes[0].name].cpuNs;
  const lines = settings.map(({ setting, clients, revocations, isJudged }) => {
    const row = rowOf('verify-fresh', caveats, 'macaroond', samples[setting]);
    rows.push({ ...row, setting, clients, revocations });
    const ratio = medianRatio(samples[setting].cpuNs, reference);
    const text = isJudged && setting !== sizes[0].name ? judge(`verifier, ${setting}: CPU to 1 client`, ratio) : ratio.toFixed(2);
    return [setting, (row.cpu_ns / 1000).toFixed(1), text];
  });
  print(table([['verifier in a service', 'CPU µs', 'to 1 client'], ...lines]));
}

async function growIssuer() {
  const { fillStore } = await import('./scale/fill-store.mjs');
  const scratch = new URL('../../.tmp/', import.meta.url).pathname;
  mkdirSync(scratch, { recursive: true });
  const folder = mkdtempSync(join(scratch, 'bench-scale-'));
  const load = startLoad();
  const servers = [];
  const stopServers = () => Promise.all(servers.splice(0).map((server) => server.stop()));
  try {
    const issuers = [];
    for (const [i, size] of sizes.entries()) {
      console.error(`filling a store: ${size.name}`);
      const data = join(folder, String(i));
      const filled = await fillStore(data, size);
      issuers.push({ data, contenders: contendersOf(filled, busyClients, { size, contender: size.name, isJudged: true }) });
      if (!size.isAlsoBusy) continue;
      // An issuer of its own: what a thousand clients leave in its caches is not for the others to pay.
      const busyData = `${data}-busy`;
      cpSync(data, busyData, { recursive: true });
      const names = { size, contender: busyName(size.name), isJudged: false };
      issuers.push({ data: busyData, contenders: contendersOf(filled, manyBusyClients, names) });
    }
    const contenders = issuers.flatMap((issuer) => issuer.contenders);
    const setting = { connections, seconds: 1 };
    for (let round = 1; round <= rounds; round++) {
      if ((round - 1) % Math.ceil(rounds / processes) === 0) {
        await stopServers();
        for (const issuer of issuers) servers.push(await startFor(issuer));
        for (const contender of contenders) await load.once(contender, setting);
      }
      console.error(`round ${round} of ${rounds}`);
      for (const contender of shuffled(contenders)) contender.samples.push(await load.once(contender, setting));
    }
    reportIssuer(contenders);
  } finally {
    load.stop();
    await stopServers();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startFor({ data, contenders }) {
  const server = await startIssuer(data, ['--plain-http']);
  for (const contender of contenders) contender.server = server;
  return server;
}

function contendersOf({ secret, holders, verifier }, busyCount, names) {
  const busy = shuffled(holders).slice(0, busyCount);
  const mintBody = JSON.stringify({ audience: 'invoice', actions: ['invoices:read'], expires_in: 600 });
  const mint = busy.map(({ client }) => json('/v1/tokens', { name: client, secret }, mintBody));
  const verify = Array.from({ length: unseenTokens }, (_, i) => {
    const token = textOf(newMacaroon(caveats, busy[i % busy.length]));
    return json('/v1/verify', { name: verifier, secret }, JSON.stringify({ token, audience: 'invoice', context }));
  });
  return [
    { path: 'mint', status: 201, requests: mint, samples: [], ...names },
    { path: 'verify', status: 200, requests: verify, samples: [], ...names },
  ];
}

function reportIssuer(contenders) {
  const lines = contenders.map(({ path, contender, size, isJudged, samples }) => {
    const of = (name) => median(samples.map((sample) => sample[name]));
    const reference = contenders.find((other) => other.path === path).samples.map(({ cpuUs }) => cpuUs);
    const ratio = medianRatio(
      samples.map(({ cpuUs }) => cpuUs),
      reference,
    );
    const { clients, revocations } = size;
    const [rps, cpuUs] = [of('rps'), of('cpuUs')];
    const figures = { rps: Math.round(rps), cpu_us: Number(cpuUs.toFixed(2)), p99_ms: Number(of('p99Ms').toFixed(2)) };
    rows.push({
      path,
      contender: 'macaroond',
      setting: contender,
      clients,
      revocations,
      ...figures,
      resident_bytes: of('residentBytes'),
    });
    return [
      `${path}: ${contender}`,
      String(figures.rps),
      cpuUs.toFixed(1),
      isJudged && size !== sizes[0] ? judge(`issuer, ${path}, ${contender}: CPU to 1 client`, ratio) : ratio.toFixed(2),
      String(Math.round(of('residentBytes') / 1e6)),
    ];
  });
  print(table([['issuer', 'requests/s', 'CPU µs', 'to 1 client', 'resident MB'], ...lines]));
}

function busyName(name) {
  return `${name}, ${manyBusyClients} busy`;
}

function growMemory() {
  const script = new URL('scale/memory.mjs', import.meta.url).pathname;
  const args = ['--expose-gc', script, String(sized(1_000_000))];
  const { status, stdout } = spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
  if (status !== 0) throw new Error('memory could not be measured');
  const found = JSON.parse(stdout);
  rows.push(...found);
  const mega = (bytes) => (bytes / 1e6).toFixed(0);
  const lines = found.map((row) => [String(row.tokens), mega(row.resident_bytes), mega(row.heap_bytes)]);
  print(table([['distinct tokens verified', 'resident MB', 'heap MB'], ...lines]));
  const [before, last] = found.slice(-2);
  judge(`heap after ${last.tokens} tokens to ${before.tokens}`, last.heap_bytes / before.heap_bytes);
}
