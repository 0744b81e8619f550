/** Servers as processes: the real `macaroond serve`, and those that it is compared with, each with the probe in it. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

const fileOf = (name) => new URL(name, import.meta.url).pathname;
const cli = fileOf('../../../dist/cli/main.js');

/** Only what is said here: no setting of whoever runs the bench. */
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(MACAROOND|BENCH)_/.test(name)));

/** As `npm start` gives the issuer. All have the same. */
const nodeFlags = ['--max-semi-space-size=64'];

/**
 * Starts `script`, which prints JSON with its `port` or `url` once it listens. Gives the port, `probe()`, which tells what happened since it was last
 * called, and `stop()`.
 */
async function startServer(script, args, env) {
  const child = spawn(process.execPath, [...nodeFlags, '--import', fileOf('probe.mjs'), script, ...args], {
    env: { ...environment, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const port = await listeningPort(child);
  return {
    port,
    probe: async () => {
      child.send('probe');
      const [figures] = await once(child, 'message');
      return figures;
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

function listeningPort(child) {
  return new Promise((resolve, reject) => {
    let printed = '';
    let complaints = '';
    child.stdout.setEncoding('utf8');
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (chunk) => {
      complaints = (complaints + chunk).slice(-10_000);
    });
    child.stdout.on('data', (chunk) => {
      printed += chunk;
      if (!printed.trimEnd().endsWith('}')) return;
      const { port, url } = JSON.parse(printed);
      resolve(port ?? Number(new URL(url).port));
    });
    child.once('exit', () => reject(new Error(`a server ended before it listened: ${complaints}`)));
  });
}

export function startPeer(name, env) {
  return startServer(fileOf(name), [], env);
}

/** The issuer on the data directory `data`. Requests are not logged, as the others log none. */
export function startIssuer(data, args) {
  return startServer(cli, ['serve', '--json', '--data', data, '--port', '0', ...args], { MACAROOND_LOG_LEVEL: 'warn' });
}

/** What the command line prints as JSON. */
export function runCli(data, args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args, '--json'], {
    env: { ...environment, MACAROOND_DATA: data },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`macaroond ${args[0]} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout);
}
