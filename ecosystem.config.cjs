// What PM2 runs: `npx pm2 start ecosystem.config.cjs`. The README explains how to operate it.
const { existsSync, readFileSync } = require('node:fs')
const { join } = require('node:path')
const { parse } = require('dotenv')

const workers = [
  { name: 'fleet-email', script: 'workers/email.ts', instances: 2 },
  { name: 'fleet-notifications', script: 'workers/notifications.ts', instances: 1 },
  { name: 'fleet-lifecycle', script: 'workers/lifecycle.ts', instances: 1 },
]

/** Used where SHUTDOWN_SECONDS is not given, or so wrong that the workers refuse it. */
const defaultShutdownSeconds = 15
/** Between the drain's deadline and SIGKILL: for giving back what is in hand and closing connections. */
const closingSeconds = 5

/** Ports between the metrics of one worker's first instance and the next worker's: so many instances of each have a port of their own. */
const portsForEach = 10

/** A variable, found as the workers find it: the environment wins over `.env`, an empty value counts as unset. */
function given(name) {
  const dotenv = join(__dirname, '.env')
  // Only parsed: what dotenv would load into process.env, PM2 would copy into its dump and show with `pm2 env`.
  return process.env[name]?.trim() || (existsSync(dotenv) ? parse(readFileSync(dotenv))[name] : '')
}

/** The workers' drain deadline. */
function shutdownSeconds() {
  const seconds = Number(given('SHUTDOWN_SECONDS'))
  return seconds > 0 ? seconds : defaultShutdownSeconds
}

/** PM2 counts the instances of each worker from 0, and they all run on this host: each worker has a base port of its own. */
function metricsPort(place) {
  const port = Number(given('METRICS_PORT'))
  return port > 0 ? { METRICS_PORT: String(port + place * portsForEach) } : {}
}

/** PM2 itself may run on any Node.js; the workers want one that runs TypeScript. Absolute, as PM2's daemon has a PATH of its own. */
function interpreter() {
  const bundled = join(__dirname, 'node_modules/node/bin/node')
  if (existsSync(bundled)) return bundled
  if (process.features.typescript) return process.execPath
  throw new Error(`Node.js ${process.versions.node} does not run TypeScript; 22.18 or later does`)
}

const common = {
  cwd: __dirname,
  interpreter: interpreter(),
  // Not cluster: workers share no socket, and a process that ends must end alone.
  exec_mode: 'fork',
  // Its agent turns an unhandled rejection into exit 0.
  pmx: false,
  // The text on every line is the text that runs; looking for source maps costs start-up time.
  disable_source_map_support: true,

  // A worker is online when it says so. One that waits for its database counts as online after this time, too; its log says what it
  // waits for. In a reload the next instance is not touched before that.
  wait_ready: true,
  listen_timeout: 10_000,

  // SIGINT, then SIGKILL after this time (PM2's own default of 1.6 s would cut the drain short). Workers have no children to look for.
  kill_timeout: (shutdownSeconds() + closingSeconds) * 1000,
  treekill: false,
  shutdown_with_message: false,

  // From 0.1 s up to 15 s between restarts, and never an end of trying: what a worker cannot start without may come back at night.
  // 78 is a configuration error, which no restart mends.
  autorestart: true,
  exp_backoff_restart_delay: 100,
  max_restarts: 1_000,
  stop_exit_codes: [78],

  // The logs are JSON lines with times of their own: no `time`, no `log_date_format`.
  merge_logs: true,
}

/** What PM2 puts into the environment of the worker at this place of the list. */
function environment(place) {
  // Not only what a worker imports, but its own script too is then kept compiled: that halves the time to its start.
  return { NODE_COMPILE_CACHE: join(__dirname, 'node_modules/.cache/compiled'), ...metricsPort(place) }
}

// Nothing else in `env`: secrets belong into `.env` or a file that NAME_FILE names, not into this file. Whatever the shell that starts PM2 has in its
// environment is passed on to the workers, wins over `.env`, and stays until the next `pm2 reload ecosystem.config.cjs`.
module.exports = { apps: workers.map((worker, place) => ({ ...common, ...worker, env: environment(place) })) }
