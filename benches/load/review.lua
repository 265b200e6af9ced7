-- One POST of a review again and again, for wrk; what came of it is printed as one line of JSON.
-- Arguments: the file that holds the review, `keep` or `close` (a new connection each time), and `look` to look into every
-- answer, which costs more than sending the reviews does.

wrong = 0

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.method = "POST"
  wrk.body = file:read("*a")
  file:close()
  wrk.headers["Content-Type"] = "application/json"
  if args[2] == "close" then
    wrk.headers["Connection"] = "close"
  end
  if args[3] == "look" then
    local uid = assert(wrk.body:match('"uid":"([^"]+)"'))
    response = function(status, _, body)
      if status ~= 200 or not body:find('"allowed":true', 1, true) or not body:find(uid, 1, true) then
        wrong = wrong + 1
      end
    end
  end
end

function done(summary, latency, _)
  local all = 0
  for _, thread in ipairs(threads) do
    all = all + thread:get("wrong")
  end
  local errors = summary.errors
  print(string.format(
    '{"reviews":%d,"micros":%d,"p50":%d,"p99":%d,"max":%d,"wrong":%d,"broken":%d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    all + errors.status, errors.connect + errors.read + errors.write + errors.timeout
  ))
end
