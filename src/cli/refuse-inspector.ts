/**
 * Keeps a signal from opening Node's inspector, which gives whoever reaches its port every key in memory. Imported before anything else, so
 * that the time in which SIGUSR1 does what Node does by default ends before there is a secret in the process.
 */
import { close, url } from 'node:inspector';

process.on('SIGUSR1', () => undefined);
const isAskedFor = process.execArgv.some((argument) => argument.startsWith('--inspect'));
if (url() !== undefined && !isAskedFor) close();
