/** A metric of the fleet: all that its registration and `docs/operations/metrics.md` are made from. */
export interface Definition {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly labels: readonly string[]
  /** One sentence, for `# HELP` and the documentation. */
  readonly help: string
}

/** What each process tells of itself. */
export const processMetrics = {
  fleet_build_info: {
    type: 'gauge',
    labels: ['worker', 'version', 'node_version'],
    help: 'Always 1: the release of the fleet and the Node.js that runs it.',
  },
  fleet_ready: {
    type: 'gauge',
    labels: [],
    help: '1 while the process does its work, 0 while /readyz says why it does not.',
  },
  fleet_loop_last_success_timestamp_seconds: {
    type: 'gauge',
    labels: ['worker', 'loop'],
    help: 'When a loop of the process last succeeded; when it began, before that.',
  },
  fleet_in_hand: { type: 'gauge', labels: ['queue'], help: 'Rows claimed and not yet recorded.' },
  fleet_outcomes_total: {
    type: 'counter',
    labels: ['queue', 'outcome', 'error_class'],
    help: 'What came of attempts, once it was durable.',
  },
  fleet_enqueue_to_accept_seconds: {
    type: 'histogram',
    labels: ['queue'],
    help: 'From the moment a message was to go out (its INSERT, or scheduled_at) until the next system had taken it.',
  },
  fleet_outage_seconds: {
    type: 'gauge',
    labels: ['queue'],
    help: 'How long the next system has taken nothing from this process; 0 while it takes something.',
  },
  fleet_blocked: {
    type: 'gauge',
    labels: ['worker'],
    help: '1 while the process sends nothing until somebody acts, as its database is not the one it is meant for.',
  },
  fleet_database_connections: {
    type: 'gauge',
    labels: ['state'],
    help: 'Connections of the pool: busy or idle.',
  },
  fleet_database_connections_max: { type: 'gauge', labels: [], help: 'The most that the pool opens.' },
  fleet_database_waiting: { type: 'gauge', labels: [], help: 'Statements that wait for a connection of the pool.' },
  fleet_database_up: {
    type: 'gauge',
    labels: [],
    help: '1 where the database answered this scrape. Where it did not, the metrics of the whole fleet are left out.',
  },
} as const satisfies Record<string, Definition>

/** What each process reads from the database, the same whichever is asked. */
export const fleetMetrics = {
  fleet_queue_oldest_due_age_seconds: {
    type: 'gauge',
    labels: ['queue', 'priority'],
    help: 'How long the oldest row that is due has waited; 0 where none is due.',
  },
  fleet_queue_due: { type: 'gauge', labels: ['queue', 'priority'], help: 'Rows that wait and are due.' },
  fleet_queue_scheduled: {
    type: 'gauge',
    labels: ['queue'],
    help: 'Rows that wait for a later time: scheduled, or to be tried again.',
  },
  fleet_queue_sending: { type: 'gauge', labels: ['queue'], help: 'Rows that are claimed by any worker.' },
  fleet_queue_held: { type: 'gauge', labels: ['queue'], help: 'Rows that are held for an operator.' },
  fleet_queue_ambiguous: {
    type: 'gauge',
    labels: ['queue'],
    help: 'Rows that the next system may have while nobody knows: held for that reason, or handed over by a worker whose lease has run out.',
  },
  fleet_queue_paused: {
    type: 'gauge',
    labels: ['queue'],
    help: '1 while an operator has stopped the queue, or all notifications.',
  },
  fleet_channel_closed: {
    type: 'gauge',
    labels: ['queue'],
    help: '1 while a channel waits by itself, as its service takes nothing from any worker.',
  },
  fleet_workers_alive: {
    type: 'gauge',
    labels: ['worker'],
    help: 'Workers that were heard of within the last 20 seconds.',
  },
  fleet_sweep_lateness_seconds: {
    type: 'gauge',
    labels: [],
    help: 'How long the next sweep over subscriptions is overdue; 0 where it is not. Only sweeps that were done count.',
  },
  fleet_database_size_bytes: { type: 'gauge', labels: [], help: 'The size of the database on disk.' },
} as const satisfies Record<string, Definition>

/** From a wake-up that is heard at once to the last retry of a day. */
export const acceptBuckets = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 86_400,
]
