/**
 * `npm run bench:scale`: how cost grows. Verifying over the number of caveats; minting and verifying, in the library and by the issuer, over the number of
 * clients and of revocations; memory over the number of tokens.
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
import { memoryRatio, rowOf, steepening, table } from './report.mjs';
import { clientName } from './scale/client-name.mjs';
import { measure, median, medianRatio, shuffled } from './slices.mjs';

const {
  json: isJson,
  only,
  rounds,
  part,
} = readOptions({
  about: 'npm run bench:scale -- [options]: how cost grows',
  meanings: {
    only: 'some of caveats,library,issuer,memory alone',
    rounds: 'how many rounds are measured',
    part: 'so many times the clients, revocations and tokens, e.g. 0.01 for a first look; only the numbers in the rows tell',
  },
  whole: { rounds: 15 },
  positive: { part: 1 },
});
const sized = (count) => Math.max(1, Math.round(count * part));

/** What is compared with the first of them. */
const sizes = [
  { name: '1 client', clients: 1, revocations: 0, isTwice: true },
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
/**
 * An issuer is a little quicker or slower than another of the same kind for as long as its process lives, so it lives for one round; and so is the machine from
 * one moment to the next, so each takes a short turn again and again.
 */
const turns = 8;
const turn = { connections, seconds: 0.1 };
/** After about so many requests of a kind all of it is compiled, and the revocations are read. */
const warmUpRequests = 4_000;
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
  const load = startLoad(folder);
  const servers = [];
  const stopServers = () => Promise.all(servers.splice(0).map((server) => server.stop()));
  try {
    const issuers = [];
    for (const size of sizes) {
      console.error(`filling a store: ${size.name}`);
      const data = join(folder, String(issuers.length));
      const filled = await fillStore(data, size);
      for (const { busyCount, ...names } of issuersOf(size)) {
        const own = join(folder, String(issuers.length));
        if (own !== data) cpSync(data, own, { recursive: true });
        issuers.push({ data: own, contenders: contendersOf(filled, busyCount, { size, ...names }) });
      }
    }
    const contenders = issuers.flatMap((issuer) => issuer.contenders);
    for (let round = 1; round <= rounds; round++) {
      console.error(`round ${round} of ${rounds}`);
      servers.push(...(await Promise.all(issuers.map(startFor))));
      for (const contender of shuffled(contenders)) await warmUp(load, contender);
      for (let i = 0; i < turns; i++) {
        for (const contender of shuffled(contenders)) contender.lives.at(-1).push(await load.once(contender, turn));
      }
      await stopServers();
    }
    reportIssuer(contenders);
  } finally {
    load.stop();
    await stopServers();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The issuers of stores of `size`: what a thousand clients leave in the caches of one is not for another to pay. */
function issuersOf({ name, isTwice, isAlsoBusy }) {
  const issuer = { contender: name, busyCount: busyClients, isReference: isTwice, isJudged: !isTwice };
  return [
    issuer,
    ...(isTwice ? [{ ...issuer, contender: `${name}, another process` }] : []),
    ...(isAlsoBusy ? [{ ...issuer, contender: busyName(name), busyCount: manyBusyClients, isJudged: false }] : []),
  ];
}

/** A process for the store in `data`, whose figures are kept apart. */
async function startFor({ data, contenders }) {
  const server = await startIssuer(data, ['--plain-http']);
  for (const contender of contenders) {
    contender.server = server;
    contender.lives.push([]);
  }
  return server;
}

async function warmUp(load, contender) {
  for (let count = 0; count < warmUpRequests; ) count += (await load.once(contender, turn)).rps * turn.seconds;
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
    { path: 'mint', status: 201, requests: mint, lives: [], ...names },
    { path: 'verify', status: 200, requests: verify, lives: [], ...names },
  ];
}

/** What a request took each process of a contender, all of its turns together: some of them are free of collecting garbage, and others pay for it. */
function cpuOf({ lives }) {
  const sum = (samples, of) => samples.reduce((total, sample) => total + of(sample), 0);
  return lives.map((samples) => sum(samples, ({ rps, cpuUs }) => rps * cpuUs) / sum(samples, ({ rps }) => rps));
}

/** The mean of the contenders that the others of `path` are compared with, process by process; without `left`, which is one of them. */
function referenceFor(path, contenders, left) {
  const references = contenders.filter((other) => other.path === path && other.isReference && other !== left).map(cpuOf);
  return references[0].map((_, life) => references.reduce((sum, cpu) => sum + cpu[life], 0) / references.length);
}

function reportIssuer(contenders) {
  const lines = contenders.map((measured) => {
    const { path, contender, size, isJudged, lives } = measured;
    const of = (name) => median(lives.flat().map((sample) => sample[name]));
    const cpu = cpuOf(measured);
    const ratio = medianRatio(cpu, referenceFor(path, contenders, measured));
    const { clients, revocations } = size;
    const [rps, cpuUs] = [of('rps'), median(cpu)];
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
      isJudged ? judge(`issuer, ${path}, ${contender}: CPU to 1 client`, ratio) : ratio.toFixed(2),
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
  const mega = (bytes) => (bytes / 1e6).toFixed(0);
  for (const shows of [1, 2]) {
    const args = ['--expose-gc', script, String(sized(1_000_000)), String(shows)];
    const { status, stdout } = spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });
    if (status !== 0) throw new Error('memory could not be measured');
    const found = JSON.parse(stdout);
    rows.push(...found);
    const lines = found.map((row) => [
      String(row.tokens),
      mega(row.resident_bytes),
      mega(row.heap_bytes),
      mega(row.buffer_bytes),
    ]);
    const [before, last] = found.slice(-2);
    print(table([[`distinct tokens, each ${last.setting}`, 'resident MB', 'heap MB', 'buffers MB'], ...lines]));
    judge(`heap and buffers after ${last.tokens} tokens, each ${last.setting}, to ${before.tokens}`, memoryRatio(last, before));
  }
}
