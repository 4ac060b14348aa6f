-- wrk -s requests.lua URL -- PATHS [TOKENS]: asks for the paths of a file in turn, as the members of another in turn.
local function lines(name)
  local found = {}
  if name then
    for line in io.lines(name) do found[#found + 1] = line end
  end
  return found
end

local requests, at = {}, 0

function init(args)
  local paths, tokens = lines(args[1]), lines(args[2])
  for number = 1, math.max(#paths, #tokens) do
    local headers = {}
    if #tokens > 0 then headers["Authorization"] = "Bearer " .. tokens[(number - 1) % #tokens + 1] end
    requests[number] = wrk.format("GET", paths[(number - 1) % #paths + 1], headers)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"us":%d,"bytes":%d,"p50_us":%d,"p99_us":%d,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
