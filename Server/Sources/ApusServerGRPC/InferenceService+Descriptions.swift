import ApusServing
import GRPCCore
import SwiftProtobuf

/// What Triton's clients ask of a model beside the protocol: how it is served, and what became of its requests.
extension InferenceService {
    func modelConfig(request: ServerRequest<Inference_ModelConfigRequest>, context: ServerContext) async throws
        -> ServerResponse<Inference_ModelConfigResponse>
    {
        let model: ServedModel = try model(request.message.name, request.message.version)
        return ServerResponse(
            message: .with { answer in
                (answer.config.name, answer.config.platform) = (model.name, model.platform)
                answer.config.backend = ServerIdentity.backend
                // The protocol's shapes here hold the batch, as Triton's do where this is 0.
                answer.config.maxBatchSize = 0
                answer.config.input = model.signature.inputs.map { entry in
                    .with { input in
                        (input.name, input.dataType) = (entry.name, Inference_DataType(entry.datatype))
                        input.dims = entry.shape.map { Int64($0) }
                    }
                }
                answer.config.output = model.signature.outputs.map { entry in
                    .with { output in
                        (output.name, output.dataType) = (entry.name, Inference_DataType(entry.datatype))
                        output.dims = entry.shape.map { Int64($0) }
                    }
                }
                for (name, value) in model.parameters { answer.config.parameters[name] = .with { $0.stringValue = value } }
            })
    }

    /// Of the model that is named, in all versions that are ready where none is; of all models where none is named.
    func modelStatistics(request: ServerRequest<Inference_ModelStatisticsRequest>, context: ServerContext) async throws
        -> ServerResponse<Inference_ModelStatisticsResponse>
    {
        let (name, version) = (request.message.name, request.message.version)
        let models: [ServedModel] =
            try name.isEmpty ? repository.models : repository.models(of: name, version: version.isEmpty ? nil : version)
        return ServerResponse(message: .with { $0.modelStats = models.map { Inference_ModelStatistics($0) } })
    }
}

extension Inference_ModelStatistics {
    fileprivate init(_ model: ServedModel) {
        let values: ModelStatistics.Values = model.statistics.values
        self.init()
        (name, version) = (model.name, model.version)
        lastInference = UInt64(clamping: values.lastInference)
        inferenceCount = UInt64(clamping: values.inferences)
        executionCount = UInt64(clamping: values.executions)
        inferenceStats = .with { statistics in
            statistics.success = .init(values.success)
            statistics.fail = .init(values.failure)
            statistics.queue = .init(values.queue)
            statistics.computeInput = .init(values.computeInput)
            statistics.computeInfer = .init(values.computeInfer)
            statistics.computeOutput = .init(values.computeOutput)
            // Nothing is kept for later here.
            (statistics.cacheHit, statistics.cacheMiss) = (.init(), .init())
        }
        batchStats = values.batches.sorted { $0.key < $1.key }.map { size, total in
            .with { batch in
                batch.batchSize = UInt64(clamping: size)
                batch.computeInfer = .init(total)
            }
        }
    }
}

extension Inference_StatisticDuration {
    fileprivate init(_ total: ModelStatistics.Total) {
        self.init()
        (count, ns) = (UInt64(clamping: total.count), UInt64(clamping: total.nanoseconds))
    }
}

extension Inference_DataType {
    fileprivate init(_ datatype: Datatype) {
        switch datatype {
        case .bool: self = .typeBool
        case .uint8: self = .typeUint8
        case .uint16: self = .typeUint16
        case .uint32: self = .typeUint32
        case .uint64: self = .typeUint64
        case .int8: self = .typeInt8
        case .int16: self = .typeInt16
        case .int32: self = .typeInt32
        case .int64: self = .typeInt64
        case .float16: self = .typeFp16
        case .bfloat16: self = .typeBf16
        case .float32: self = .typeFp32
        case .float64: self = .typeFp64
        case .bytes: self = .typeString
        }
    }
}
