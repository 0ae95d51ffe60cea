import ApusServing
import Hummingbird

extension Routes {
    /// The protocol's statistics of models.
    func statistics(_ models: [ServedModel]) -> Response {
        Response { output in
            output.object { output in
                output.key("model_stats")
                output.array(models) { output, model in
                    let values: ModelStatistics.Values = model.statistics.values
                    output.object { output in
                        output.pair("name", model.name)
                        output.pair("version", model.version)
                        output.pair("last_inference", Int(values.lastInference))
                        output.pair("inference_count", values.inferences)
                        output.pair("execution_count", values.executions)
                        output.key("inference_stats")
                        output.object { output in
                            total(&output, "success", values.success)
                            total(&output, "fail", values.failure)
                            total(&output, "queue", values.queue)
                            total(&output, "compute_input", values.computeInput)
                            total(&output, "compute_infer", values.computeInfer)
                            total(&output, "compute_output", values.computeOutput)
                            for name in ["cache_hit", "cache_miss"] { total(&output, name, ModelStatistics.Total()) }
                        }
                        output.key("batch_stats")
                        output.array(values.batches.sorted { $0.key < $1.key }) { output, batch in
                            output.object { output in
                                output.pair("batch_size", batch.key)
                                total(&output, "compute_infer", batch.value)
                            }
                        }
                    }
                }
            }
        }
    }

    private func total(_ output: inout JSONOutput, _ name: String, _ total: ModelStatistics.Total) {
        output.key(name)
        output.object { output in
            output.pair("count", total.count)
            output.pair("ns", Int(total.nanoseconds))
        }
    }
}
