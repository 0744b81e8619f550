/**
 * The load, in a process of its own: so many connections are kept open, each with one request under way. A message brings the requests of a load, which are
 * kept by how many came before them, or has it run once, and is answered with what came of it. The requests are made beforehand, so that it takes little of
 * the machine itself. It outlives a bench that is interrupted for as long as it takes to clear away what that leaves behind.
 */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { connect as connectTls } from 'node:tls';

const headEnd = '\r\n\r\n';

const loads = [];
/** What the bench clears away itself, unless it is interrupted. */
const [folder] = process.argv.slice(2);

// They reach this process too, and end the bench.
for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, () => {});
process.on('disconnect', clearAway);
if (!process.connected) clearAway();

process.on('message', async (message) => {
  if (message.requests !== undefined) loads.push(message.requests.map((request) => Buffer.from(request, 'latin1')));
  else if (message !== 'go') process.send(await run(message).catch((error) => ({ error: error.message })));
});

/** The stores of the servers, which end now as well; those of the bench of scale hold up to a million rows each. */
function clearAway() {
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  process.exit(1);
}

/** Sends the requests of the load `number` one after another, round and round from `first` on, over `connections` connections for `durationMs`; tells where it ended. */
async function run({ port, ca, number, first, status, connections, durationMs }) {
  const wires = loads[number];
  const state = { next: first, latenciesMs: [], isOver: false };
  const open = () => connect(port, ca);
  const sockets = await Promise.all(Array.from({ length: connections }, open));
  // The server begins to count now, without the handshakes.
  process.send('connected');
  await once(process, 'message');
  const began = performance.now();
  const timer = setTimeout(() => {
    state.isOver = true;
  }, durationMs);
  await Promise.all(sockets.map((socket) => keepBusy(socket, open, state, wires, status)));
  clearTimeout(timer);
  const wallMs = performance.now() - began;
  const sorted = state.latenciesMs.sort((a, b) => a - b);
  const percentile = (part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
  return { next: state.next, count: sorted.length, wallMs, p50Ms: percentile(0.5), p99Ms: percentile(0.99) };
}

function connect(port, ca) {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port };
    const socket = ca === undefined ? connectPlain(options) : connectTls({ ...options, ca, servername: 'localhost' });
    socket.once(ca === undefined ? 'connect' : 'secureConnect', () => resolve(socket));
    socket.once('error', reject);
    if (ca === undefined) socket.setNoDelay(true);
  });
}

/** One request after another on `socket`, or on a new one where the server ended it, until it is over. */
async function keepBusy(socket, open, state, wires, status) {
  for (let current = socket; ; current = await open()) {
    const isEnded = await askUntilClosed(current, state, wires, status);
    current.destroy();
    if (!isEnded) return;
  }
}

/** Resolves to whether the server ended the connection between two requests. */
function askUntilClosed(socket, state, wires, status) {
  return new Promise((resolve, reject) => {
    let received = '';
    let sentAt = 0;
    const ask = () => {
      if (state.isOver) return resolve(false);
      received = '';
      sentAt = performance.now();
      socket.write(wires[state.next++ % wires.length]);
    };
    socket.on('data', (chunk) => {
      received = received === '' ? chunk.latin1Slice() : received + chunk.latin1Slice();
      const answer = wholeAnswer(received);
      if (answer === undefined) return;
      if (answer.status !== status) return reject(new Error(`status ${answer.status}: ${received.slice(0, 800)}`));
      state.latenciesMs.push(performance.now() - sentAt);
      if (answer.isLast) return resolve(true);
      ask();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(true));
    ask();
  });
}

/** Status of the answer in `text` and whether the connection ends with it, once all of it is there. */
function wholeAnswer(text) {
  const end = text.indexOf(headEnd);
  if (end === -1) return undefined;
  const head = text.slice(0, end).toLowerCase();
  const length = /\r\ncontent-length: (\d+)/.exec(head)?.[1];
  const isWhole = length === undefined ? text.endsWith('\r\n0\r\n\r\n') : text.length >= end + headEnd.length + Number(length);
  return isWhole ? { status: Number(head.slice(9, 12)), isLast: head.includes('\r\nconnection: close') } : undefined;
}
