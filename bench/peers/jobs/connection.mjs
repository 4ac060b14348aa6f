// How the Node programs connect, report, and what options their jobs have.
import { writeSync } from 'node:fs'

const REPORT_FD = Number(process.env.BENCH_REPORT_FD)

// What our own jobs carry, so that Valkey does the same work.
export const jobOptions = {
  attempts: 3,
  backoff: { type: 'exponential', delay: 2000 },
  removeOnComplete: { age: 24 * 3600, count: 5000 },
}

export const connection = { url: process.env.BENCH_REDIS_URL, maxRetriesPerRequest: null }

/** CLOCK_MONOTONIC in seconds, as Python's time.monotonic(). */
export const now = () => Number(process.hrtime.bigint()) / 1e9

export const report = (said) => writeSync(REPORT_FD, `${JSON.stringify(said)}\n`)
