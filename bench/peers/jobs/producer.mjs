// A producer with Node `bullmq`; what it is told and answers is described in protocol.py.
import { setTimeout as sleep } from 'node:timers/promises'
import { createInterface } from 'node:readline'
import bullmq from 'bullmq'
import { connection, jobOptions, now, report } from './connection.mjs'

const queue = new bullmq.Queue(process.env.BENCH_QUEUE, { connection, defaultJobOptions: jobOptions })

async function add({ jobs, mode, width }) {
  const started = now()
  if (mode === 'serial') {
    for (let n = 0; n < jobs; n++) await queue.add('nothing', {})
  } else if (mode === 'at_once') {
    let left = jobs
    const goOn = async () => {
      while (left-- > 0) await queue.add('nothing', {})
    }
    await Promise.all(Array.from({ length: width }, goOn))
  } else {
    for (let n = 0; n < jobs / width; n++) {
      await queue.addBulk(Array.from({ length: width }, () => ({ name: 'nothing', data: {} })))
    }
  }
  return { seconds: now() - started }
}

async function time({ keys }) {
  const sent = {}
  for (const key of keys) {
    await sleep(20 + 100 * Math.random())
    const began = now()
    await queue.add('timed', { key })
    sent[key] = [began, began]
  }
  return { sent }
}

async function hold({ key, once, hold_s }) {
  await queue.add('held', { key, once, hold_s })
  return {}
}

const commands = { add, time, hold }
for await (const line of createInterface({ input: process.stdin })) {
  const { do: command, ...words } = JSON.parse(line)
  report({ answer: command, ...(await commands[command](words)) })
}
await queue.close()
