/// The numbers of all models in the text format that Prometheus reads.
public struct PrometheusText {
    private var lines: [String] = []

    public init(_ repository: ModelRepository) {
        let models: [(labels: String, values: ModelStatistics.Values, model: ServedModel)] = repository.models.map { model in
            ("model=\"\(model.name)\",version=\"\(model.version)\"", model.statistics.values, model)
        }
        family("apus_model_ready", "gauge", "1 for a version of a model that is ready.")
        for entry in repository.index {
            line("apus_model_ready", "model=\"\(entry.name)\",version=\"\(entry.version)\"", entry.isReady ? 1 : 0)
        }
        family("apus_requests_total", "counter", "Requests by how they ended.")
        for (labels, values, _) in models {
            line("apus_requests_total", labels + ",outcome=\"success\"", values.success.count)
            for code in ServingError.Code.allCases where values.failures[code] != nil {
                line("apus_requests_total", labels + ",outcome=\"\(code.rawValue)\"", values.failures[code]?.count ?? 0)
            }
        }
        family("apus_request_duration_seconds", "histogram", "From a request's arrival to its result, of those that succeeded.")
        for (labels, values, _) in models { histogram("apus_request_duration_seconds", labels, values) }
        for (name, help, total) in PrometheusText.durations {
            family(name, "counter", help)
            for (labels, values, _) in models { line(name, labels, Double(values[keyPath: total].nanoseconds) / 1e9) }
        }
        family("apus_inferences_total", "counter", "Rows of the requests that succeeded.")
        for (labels, values, _) in models { line("apus_inferences_total", labels, values.inferences) }
        family("apus_executions_total", "counter", "Runs of the program, by how many rows ran together.")
        for (labels, values, _) in models {
            for (rows, total) in values.batches.sorted(by: { $0.key < $1.key }) {
                line("apus_executions_total", labels + ",rows=\"\(rows)\"", total.count)
            }
        }
        for (name, help, value) in PrometheusText.gauges {
            family(name, "gauge", help)
            for (labels, _, model) in models { if let number = value(model) { line(name, labels, number) } }
        }
    }

    public var text: String { lines.joined(separator: "\n") + "\n" }

    private static var durations: [(String, String, KeyPath<ModelStatistics.Values, ModelStatistics.Total>)] {
        [
            ("apus_queue_seconds_total", "Time that requests waited for their turn.", \.queue),
            ("apus_compute_seconds_total", "Time that the program ran for requests.", \.computeInfer),
            ("apus_decode_seconds_total", "Time that requests took to be understood.", \.computeInput),
            ("apus_encode_seconds_total", "Time that results took to be written down.", \.computeOutput),
        ]
    }

    private static var gauges: [(String, String, (ServedModel) -> Int?)] {
        [
            ("apus_requests_waiting", "Requests that wait now.", { $0.load.waiting }),
            ("apus_runs", "Runs under way now.", { $0.load.running }),
            ("apus_sequences", "Sequences under way now.", { $0.load.sequences }),
            ("apus_peak_memory_bytes", "What a call of the smallest sizes takes at its height.", { $0.peakMemory }),
        ]
    }

    private mutating func family(_ name: String, _ type: String, _ help: String) {
        lines += ["# HELP \(name) \(help)", "# TYPE \(name) \(type)"]
    }

    private mutating func line(_ name: String, _ labels: String, _ value: some Numeric) { lines.append("\(name){\(labels)} \(value)") }

    private mutating func histogram(_ name: String, _ labels: String, _ values: ModelStatistics.Values) {
        var sum = 0
        for (bound, count) in zip(ModelStatistics.Values.bounds, values.latencies) {
            sum += count
            line(name + "_bucket", labels + ",le=\"\(bound)\"", sum)
        }
        line(name + "_bucket", labels + ",le=\"+Inf\"", values.success.count)
        line(name + "_sum", labels, Double(values.success.nanoseconds) / 1e9)
        line(name + "_count", labels, values.success.count)
    }
}
