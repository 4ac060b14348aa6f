// A member's feed as ours makes it, out of the same Postgres and Valkey: session by the hash of its token, ids from the timeline,
// the same statement for versions, counts and overlay, cards from the same fragments. It leaves out what ours does on top: the
// timeline is not checked against Postgres, nobody's posts are pulled, no act drops what is kept, nothing is counted or logged.
import { createHash, createHmac } from 'node:crypto'
import pg from 'pg'
import Redis from 'ioredis'
import * as sql from './sql.mjs'

const IS_COLD = process.env.BENCH_COLD === '1'
const KEPT_MS = 1000
const N = 20
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: Number(process.env.BENCH_POOL) })
const valkey = new Redis(process.env.REDIS_URL, { enableAutoPipelining: true, lazyConnect: true })
const kept = new Map()

/** The answer to a request of a session, the same for a second; null: no such session. */
export function answer(url, authorization) {
  if (IS_COLD) return make(url, authorization)
  const key = `${authorization} ${url}`
  const known = kept.get(key)
  const now = Date.now()
  if (known !== undefined && now - known.at < KEPT_MS) return known.body
  const body = make(url, authorization)
  kept.set(key, { at: now, body })
  body.then((made) => made === null && kept.delete(key), () => kept.delete(key))
  return body
}

async function make(url, authorization) {
  const accountId = await findAccount(authorization)
  if (accountId === null) return null
  const params = new URL(url, 'http://feed').searchParams
  const isLatest = params.get('kind') === 'latest'
  const ids = isLatest ? await listLatest(params.get('cursor')) : await listHome(accountId)
  return Buffer.from(await draw(accountId, ids.slice(0, N), ids.length > N, isLatest ? 'latest' : 'following'))
}

async function findAccount(authorization) {
  const hash = createHash('sha256').update((authorization ?? '').slice('Bearer '.length)).digest()
  const key = `session:${hash.toString('hex')}`
  const known = await valkey.get(key)
  if (known !== null && known !== 'ended') {
    const [viewer, , expiresAt] = JSON.parse(known)
    return new Date(expiresAt) > new Date() ? viewer.id : null
  }
  const { rows } = await pool.query(sql.SESSION, [hash])
  if (rows.length === 0) return null
  const { kind, expires_at: expiresAt, ...viewer } = rows[0]
  await valkey.set(key, JSON.stringify([viewer, kind, expiresAt]), 'EX', 60, 'NX')
  return viewer.id
}

async function listHome(accountId) {
  const members = await valkey.zrangeBuffer(`tl:${accountId}`, '+inf', 0, 'BYSCORE', 'REV', 'LIMIT', 0, N + 2)
  const ids = members.filter((member) => member.length === 16).map(writeId)
  if (ids.length > 0) return ids
  const { rows } = await pool.query(sql.FOLLOWING, [accountId, N + 1])
  return rows.map((row) => row.id)
}

async function listLatest(cursor) {
  const [micros, id] = cursor ? cursor.split('_') : [null, 'ffffffff-ffff-ffff-ffff-ffffffffffff']
  const { rows } = await pool.query(sql.LATEST, [micros, id, N + 1])
  return rows.map((row) => row.id)
}

async function draw(accountId, ids, hasMore, kind) {
  const { rows } = await pool.query(sql.SEE_CARDS, [accountId, ids])
  const seen = JSON.parse(rows[0].said)
  const fragments = await findFragments(seen)
  const cards = []
  for (const [id, , , , flags, likes, replies, reposts] of seen) {
    const fragment = fragments.get(id)
    if (fragment === undefined) continue
    cards.push(
      `${fragment.head}null,"likes":${likes},"replies":${replies},"reposts":${reposts},"parent_post_id":${fragment.parent}` +
        `,"viewer":{"liked":${(flags & 1) > 0},"reposted":${(flags & 2) > 0},"bookmarked":${(flags & 4) > 0},"votes":[]}}`,
    )
  }
  const cursor = hasMore ? JSON.stringify(writeCursor(kind, seen.at(-1))) : 'null'
  return `{"posts":[${cards.join(',')}],"cursor":${cursor},"has_more":${hasMore},"source":"chronological"}`
}

async function findFragments(seen) {
  const keys = seen.map(([id, , , version]) => `fr:${id.replaceAll('-', '')}:${version}`)
  const found = new Map()
  const sealed = IS_COLD ? [] : await valkey.mgetBuffer(keys)
  const missing = []
  seen.forEach(([id], at) => {
    if (sealed[at]) found.set(id, readFragment(sealed[at]))
    else missing.push(id)
  })
  if (missing.length > 0) {
    const { rows } = await pool.query(sql.CARDS, [missing])
    for (const row of rows) found.set(row.id, { head: `${JSON.stringify(row.card).slice(0, -1)},"poll":`, parent: 'null' })
  }
  return found
}

// Length and checksum (8 bytes), then msgpack: [head, poll, parent], as ours writes it; no post of the bench has a poll.
function readFragment(sealed) {
  const [head, at] = readBytes(sealed, 9)
  const [parent] = readBytes(sealed, at + 1)
  return { head, parent }
}

function readBytes(raw, at) {
  const kind = raw[at]
  const width = kind === 0xc4 ? 1 : kind === 0xc5 ? 2 : 4
  const start = at + 1 + width
  const end = start + raw.readUIntBE(at + 1, width)
  return [raw.toString('utf8', start, end), end]
}

function writeId(raw) {
  const hex = raw.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

function writeCursor(kind, [id, , micros]) {
  const place = `${kind}:${micros}:${id}`
  const signature = createHmac('sha256', process.env.SECRET_KEY).update(place).digest('base64url')
  return `${Buffer.from(place).toString('base64url')}.${signature}`
}
