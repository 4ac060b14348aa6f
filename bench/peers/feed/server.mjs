// node server.mjs fastify|next PORT: two processes that share a port, as the API of ours does.
import cluster from 'node:cluster'
import { createServer } from 'node:http'

const [kind, port] = [process.argv[2], Number(process.argv[3])]

async function listenFastify() {
  const { default: fastify } = await import('fastify')
  const { answer } = await import('./page.mjs')
  const app = fastify({ logger: false })
  app.get('/api/feed', async (request, reply) => {
    const body = await answer(request.raw.url, request.headers.authorization)
    if (body === null) return reply.code(401).send({ code: 'unauthorized' })
    return reply
      .header('content-type', 'application/json')
      .header('cache-control', 'private, no-store')
      .header('vary', 'Authorization, Cookie')
      .send(body)
  })
  await app.listen({ port, host: '127.0.0.1' })
}

async function listenNext() {
  const { default: next } = await import('next')
  const app = next({ dev: false, dir: import.meta.dirname, hostname: '127.0.0.1', port })
  await app.prepare()
  const handle = app.getRequestHandler()
  createServer((request, response) => handle(request, response)).listen(port, '127.0.0.1')
}

if (cluster.isPrimary) {
  // By the kernel, as our processes share their port; round robin by the first process costs it a hop a connection.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  for (let started = 0; started < 2; started += 1) cluster.fork()
  process.on('SIGTERM', () => {
    for (const worker of Object.values(cluster.workers)) worker.process.kill('SIGKILL')
    process.exit(0)
  })
} else if (kind === 'next') {
  await listenNext()
} else {
  await listenFastify()
}
