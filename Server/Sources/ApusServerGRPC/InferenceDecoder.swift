import ApusRun
import ApusServing
import Foundation
import GRPCCore
import Tracing

/// Reads the protocol's inference requests.
enum InferenceDecoder {
    /// - Throws: `ServingError` for everything that is no request.
    static func decode(_ message: Inference_ModelInferRequest, _ metadata: Metadata, from start: ContinuousClock.Instant) throws
        -> InferenceRequest
    {
        let raw: [Data] = message.rawInputContents
        guard raw.isEmpty || raw.count == message.inputs.count else {
            throw invalid("\(message.inputs.count) inputs, and raw_input_contents for \(raw.count)")
        }
        let inputs: [(name: String, tensor: Tensor)] = try message.inputs.enumerated().map { index, tensor in
            guard !tensor.name.isEmpty else { throw invalid("an input has no name") }
            let shape: [Int] = tensor.shape.map { Int($0) }
            let input = try InputDescription(name: tensor.name, datatype: tensor.datatype, shape: shape)
            try RequestParameters(tensor.parameters).requireServed(of: "the input '\(tensor.name)'")
            return try input.read {
                if raw.isEmpty { return try tensor.contents.tensor(input) }
                guard tensor.contents.count == 0 else { throw invalid("it has contents and raw_input_contents both") }
                return try raw[index].withUnsafeBytes { try input.tensor(bytes: $0) }
            }
        }
        let parameters = RequestParameters(message.parameters)
        var request = InferenceRequest(inputs: inputs, sequence: try parameters.sequence(), arrival: start)
        let ofCall: ContinuousClock.Instant? = metadata.timeout.map { start + min($0, .seconds(1_000_000)) }
        let deadlines: [ContinuousClock.Instant?] = [try parameters.deadline(from: start), ofCall]
        request.deadline = deadlines.compactMap { $0 }.min()
        if !message.outputs.isEmpty {
            request.outputs = try message.outputs.map { output in
                try RequestParameters(output.parameters).requireServed(of: "the output '\(output.name)'")
                return output.name
            }
        }
        request.id = metadata.text(RequestID.header)
        InstrumentationSystem.instrument.extract(metadata, into: &request.trace, using: MetadataExtractor())
        request.decoding = ContinuousClock.now - start
        return request
    }

    fileprivate static func invalid(_ message: String) -> ServingError { ServingError(.invalidRequest, message) }
}

/// Finds a trace's context in what came with a call.
private struct MetadataExtractor: Extractor {
    func extract(key: String, from metadata: Metadata) -> String? { metadata.text(key.lowercased()) }
}

extension Metadata {
    /// How long the client waits: `grpc-timeout`, at most eight digits and a unit.
    fileprivate var timeout: Duration? {
        guard let text = text("grpc-timeout"), 2...9 ~= text.utf8.count, let amount = Int64(text.dropLast()), amount >= 0 else {
            return nil
        }
        switch text.last {
        case "H": return .seconds(amount * 3600)
        case "M": return .seconds(amount * 60)
        case "S": return .seconds(amount)
        case "m": return .milliseconds(amount)
        case "u": return .microseconds(amount)
        case "n": return .nanoseconds(amount)
        default: return nil
        }
    }
}

extension RequestParameters {
    init(_ parameters: [String: Inference_InferParameter]) {
        self.init(
            parameters.compactMapValues { parameter in
                switch parameter.parameterChoice {
                case nil: nil
                case .boolParam(let flag): .bool(flag)
                case .int64Param(let number): .int(Int(number))
                case .uint64Param(let number): Int(exactly: number).map { .int($0) } ?? .other
                case .stringParam(let text): .text(text)
                case .doubleParam: .other
                }
            })
    }
}

extension Inference_InferTensorContents {
    /// How many elements there are, in all lists.
    var count: Int {
        [
            boolContents.count, intContents.count, int64Contents.count, uintContents.count, uint64Contents.count, fp32Contents.count,
            fp64Contents.count, bytesContents.count,
        ].reduce(0, +)
    }

    /// The tensor of the list that belongs to the input's datatype.
    fileprivate func tensor(_ input: InputDescription) throws -> Tensor {
        switch input.datatype {
        case .bool: return try tensor(boolContents, input)
        case .uint8: return try tensor(fitting(UInt8.self, uintContents), input)
        case .int8: return try tensor(fitting(Int8.self, intContents), input)
        case .int16: return try tensor(fitting(Int16.self, intContents), input)
        case .int32: return try tensor(intContents, input)
        case .int64: return try tensor(int64Contents, input)
        case .float32: return try tensor(fp32Contents, input)
        case .float64: return try tensor(fp64Contents, input)
        default:
            guard input.count == 0, count == 0 else {
                throw InferenceDecoder.invalid("\(input.datatype.rawValue) has no list of contents: send it as raw_input_contents")
            }
            return try Tensor.zeros(input.shape, dtype: input.dtype)
        }
    }

    private func tensor<Element: TensorElement>(_ elements: [Element], _ input: InputDescription) throws -> Tensor {
        guard elements.count == input.count, count == elements.count else {
            let others: String = count == elements.count ? "" : ", and \(count - elements.count) in lists of other datatypes"
            throw InferenceDecoder.invalid("\(elements.count) elements\(others) where the shape \(input.shape) has \(input.count)")
        }
        return try Tensor(elements, shape: input.shape)
    }

    private func fitting<Narrow: FixedWidthInteger>(_ type: Narrow.Type, _ elements: [some FixedWidthInteger]) throws -> [Narrow] {
        try elements.map { element in
            guard let fitting = Narrow(exactly: element) else { throw InferenceDecoder.invalid("\(element) is no \(type)") }
            return fitting
        }
    }
}
