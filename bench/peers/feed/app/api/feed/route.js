// The route handler of Next.js: what it does stands in page.mjs, as for Fastify.
import { answer } from '../../../page.mjs'

export const dynamic = 'force-dynamic'

export async function GET(request) {
  const body = await answer(request.nextUrl.pathname + request.nextUrl.search, request.headers.get('authorization'))
  if (body === null) return Response.json({ code: 'unauthorized' }, { status: 401 })
  return new Response(body, {
    headers: { 'content-type': 'application/json', 'cache-control': 'private, no-store', vary: 'Authorization, Cookie' },
  })
}
