-- wrk's side: sends the requests of a file one after another, each thread beginning elsewhere, and prints what came of them as JSON.
local threads = 0

function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
end

function init(arguments)
    local file = assert(io.open(arguments[2], "rb"))
    requests = {}
    while true do
        local line = file:read("*l")
        if not line then break end
        local head, body = line:match("^(%d+) (%d+)$")
        local headers = {
            ["Content-Type"] = "application/octet-stream",
            ["Inference-Header-Content-Length"] = head,
        }
        requests[#requests + 1] = wrk.format("POST", arguments[1], headers, file:read(tonumber(body)))
    end
    file:close()
    place = number * 7
end

function request()
    place = place + 1
    return requests[place % #requests + 1]
end

function done(summary, latency, _)
    local errors = summary.errors
    io.write(string.format(
        '{"requests": %d, "seconds": %f, "p50": %f, "p99": %f, "bad": %d, "broken": %d}\n', summary.requests, summary.duration / 1e6,
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
