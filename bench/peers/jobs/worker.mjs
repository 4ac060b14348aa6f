// A worker with Node `bullmq`; what it reports is described in protocol.py.
import { closeSync, openSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import bullmq from 'bullmq'
import { connection, now, report } from './connection.mjs'

const marks = (process.env.BENCH_MARKS ?? '').split(',').map(Number)
let runs = 0

function countRun() {
  runs += 1
  if (!marks.includes(runs)) return
  const { user, system } = process.cpuUsage()
  report({ mark: runs, at: now(), cpu_s: (user + system) / 1e6 })
}

function isFirst(once) {
  try {
    closeSync(openSync(once, 'wx'))
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

async function run(job) {
  if (job.name === 'nothing') return countRun()
  report({ started: job.data.key, at: now() })
  if (job.name === 'held' && isFirst(job.data.once)) await sleep(job.data.hold_s * 1000)
}

const worker = new bullmq.Worker(process.env.BENCH_QUEUE, run, {
  connection,
  concurrency: Number(process.env.BENCH_CONCURRENCY),
  lockDuration: 10_000,
  stalledInterval: 5_000,
  maxStalledCount: 3,
})
worker.on('error', (error) => console.error(error.message))
process.on('SIGTERM', async () => {
  await worker.close()
  process.exit(0)
})
