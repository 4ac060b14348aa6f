// Readers of the feed who arrive at a rate, whether or not the ones before were answered: k6 run load/feed.js
// The guide's scenario (50 users who each ask and then sleep for a second) asks less the slower the answers are; this one does not.
//
//   BASE_URL   where to ask                       http://127.0.0.1:8080
//   RATE       requests/s                         1000
//   DURATION   for how long                       1m
//   STAGES     instead of both, rates that are reached one after another: 10s:200,60s:1000
//   SIGNED_IN  share of requests by members       0.5
//   TOKENS     a file of bearer tokens, a line each; without it all are visitors (`ments tokens create NAME...` makes them)
//   AUTHORS    a file of usernames, the best known first: visitors read their profiles, by Zipf's law
//   SUMMARY    a file for the figures, as JSON
import http from 'k6/http'
import { SharedArray } from 'k6/data'

const base = __ENV.BASE_URL || 'http://127.0.0.1:8080'
const rate = Number(__ENV.RATE || 1000)
const stages = (__ENV.STAGES || '').split(',').filter(Boolean).map((stage) => stage.split(':'))
const most = Math.max(rate, ...stages.map(([, target]) => Number(target)))
const read = (name) => (name ? open(name).split('\n').filter(Boolean) : [])
const tokens = new SharedArray('tokens', () => read(__ENV.TOKENS))
const authors = new SharedArray('authors', () => read(__ENV.AUTHORS))
const signedIn = tokens.length ? Number(__ENV.SIGNED_IN || 0.5) : 0
// Of visitors, the share that reads a profile rather than the latest.
const PROFILES = 0.4

// Enough that an answer may take a quarter of a second before requests are dropped, which fails the run. All are there from the
// begin: made while it runs each would take some milliseconds from whatever is late already.
const users = { preAllocatedVUs: Math.ceil(most / 4) }
const arriving = stages.length
  ? {
      executor: 'ramping-arrival-rate',
      startRate: Number(stages[0][1]),
      stages: stages.map(([duration, target]) => ({ duration, target: Number(target) })),
    }
  : { executor: 'constant-arrival-rate', rate, duration: __ENV.DURATION || '1m' }

export const options = {
  scenarios: { readers: { timeUnit: '1s', ...arriving, ...users } },
  thresholds: { http_req_failed: ['rate==0'], dropped_iterations: ['count==0'], http_req_duration: ['p(95)<500'] },
  summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max'],
  // k6 shares the machine with what it measures, so it does only what the figures need: answers are read to their end and dropped,
  // and what is told of a request is not sorted by status, protocol and so on.
  discardResponseBodies: true,
  systemTags: [],
}

// Anything else has failed, a redirect too.
http.setResponseCallback(http.expectedStatuses(200))

// The weights 1/1, 1/2, 1/3, ... added up: a number below the whole falls on a rank.
const sums = authors.length ? authors.map((_, rank) => 1 / (rank + 1)) : []
for (let rank = 1; rank < sums.length; rank += 1) sums[rank] += sums[rank - 1]

function drawAuthor() {
  const drawn = Math.random() * sums[sums.length - 1]
  let [low, high] = [0, sums.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if (sums[middle] < drawn) low = middle + 1
    else high = middle
  }
  return authors[low]
}

// What requests with a token are made with: once for each by a user of k6, rather than for each request.
const signed = []

export default function () {
  if (Math.random() < signedIn) {
    const at = Math.floor(Math.random() * tokens.length)
    signed[at] = signed[at] || { headers: { Authorization: `Bearer ${tokens[at]}` } }
    http.get(`${base}/api/feed?kind=following`, signed[at])
  } else if (authors.length && Math.random() < PROFILES) {
    http.get(`${base}/api/users/${drawAuthor()}`)
  } else {
    http.get(`${base}/api/feed?kind=latest`)
  }
}

export function handleSummary({ metrics }) {
  const took = metrics.http_req_duration.values
  const told = {
    requests: metrics.http_reqs.values.count,
    rate: metrics.http_reqs.values.rate,
    p50_ms: took.med,
    p95_ms: took['p(95)'],
    p99_ms: took['p(99)'],
    max_ms: took.max,
    failed: metrics.http_req_failed.values.passes,
    dropped: metrics.dropped_iterations ? metrics.dropped_iterations.values.count : 0,
  }
  return { stdout: `${JSON.stringify(told)}\n`, ...(__ENV.SUMMARY ? { [__ENV.SUMMARY]: JSON.stringify(told) } : {}) }
}
