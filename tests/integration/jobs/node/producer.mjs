// The guide's producer, with the real `bullmq` of either major: `node producer.mjs bullmq5|bullmq6 REDIS_URL`.
// Reads one command a line, {do, ...}, and answers each with one line of JSON.
//   add   {name, data, opts}          -> {id, timestamp} or {refused}: what the library itself does not take
//   ask   {name, data, opts, wait_ms} -> {id, returned} or {id, failed}, and {progress: [...]}: waits as a caller would
//   read  {id}                        -> {state, returnvalue, failedReason, progress, attemptsMade, stacks}
import { createInterface } from 'node:readline'

const [major, url] = process.argv.slice(2)
const { Queue, QueueEvents } = await import(major)
const connection = { url }
const queue = new Queue('media', { connection })
const events = new QueueEvents('media', { connection })
await Promise.all([queue.waitUntilReady(), events.waitUntilReady()])

const told = new Map()
events.on('progress', ({ jobId, data }) => told.set(jobId, [...(told.get(jobId) ?? []), data]))

const guide = { attempts: 3, backoff: { type: 'exponential', delay: 2000 } }

async function add({ name = 'transcode', data, opts = guide }) {
  try {
    const job = await queue.add(name, data, opts)
    return { id: job.id, timestamp: job.timestamp }
  } catch (error) {
    return { refused: error.message }
  }
}

async function ask({ name = 'transcode', data, opts = guide, wait_ms: waitMs }) {
  const job = await queue.add(name, data, opts)
  try {
    const returned = await job.waitUntilFinished(events, waitMs)
    return { id: job.id, returned, progress: told.get(job.id) ?? [] }
  } catch (error) {
    return { id: job.id, failed: error.message, progress: told.get(job.id) ?? [] }
  }
}

async function read({ id }) {
  const job = await queue.getJob(id)
  if (!job) return { state: null }
  return {
    state: await job.getState(),
    returnvalue: job.returnvalue ?? null,
    failedReason: job.failedReason ?? null,
    progress: job.progress,
    attemptsMade: job.attemptsMade,
    stacks: job.stacktrace,
  }
}

const commands = { add, ask, read }
for await (const line of createInterface({ input: process.stdin })) {
  const { do: command, ...words } = JSON.parse(line)
  process.stdout.write(`${JSON.stringify(await commands[command](words))}\n`)
}
await Promise.all([events.close(), queue.close()])
