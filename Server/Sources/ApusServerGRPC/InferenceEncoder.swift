import ApusRun
import ApusServing
import Foundation
import SwiftProtobuf

/// Writes the protocol's answers.
enum InferenceEncoder {
    /// Bytes are answered with bytes, and lists of elements with lists, where all results have one.
    static func encode(_ result: InferenceResult, of model: ServedModel, for request: Inference_ModelInferRequest) throws
        -> Inference_ModelInferResponse
    {
        let asLists: Bool =
            request.rawInputContents.isEmpty && request.inputs.contains { $0.contents.count > 0 }
            && result.outputs.allSatisfy { $0.entry.datatype != .float16 && $0.entry.datatype != .bfloat16 }
        var answer = Inference_ModelInferResponse()
        (answer.modelName, answer.modelVersion, answer.id) = (model.name, model.version, request.id)
        do {
            for (entry, tensor) in result.outputs {
                var output = Inference_ModelInferResponse.InferOutputTensor()
                (output.name, output.datatype) = (entry.name, entry.datatype.rawValue)
                output.shape = try tensor.sizes.map { Int64($0) }
                if asLists {
                    output.contents = try contents(tensor)
                } else {
                    answer.rawOutputContents.append(try tensor.withUnsafeBytes { Data($0) })
                }
                answer.outputs.append(output)
            }
        } catch {
            // A result that can't be written down is no fault of the request's.
            throw ServingError(.failed, "the result can't be written: \(error)")
        }
        return answer
    }

    private static func contents(_ tensor: Tensor) throws -> Inference_InferTensorContents {
        try .with { contents in
            switch tensor.dtype {
            case .bool: contents.boolContents = try tensor.array(of: Bool.self)
            case .uint8: contents.uintContents = try tensor.array(of: UInt8.self).map { UInt32($0) }
            case .int8: contents.intContents = try tensor.array(of: Int8.self).map { Int32($0) }
            case .int16: contents.intContents = try tensor.array(of: Int16.self).map { Int32($0) }
            case .int32: contents.intContents = try tensor.array(of: Int32.self)
            case .int64: contents.int64Contents = try tensor.array(of: Int64.self)
            case .float64: contents.fp64Contents = try tensor.array(of: Double.self)
            default: contents.fp32Contents = try tensor.array(of: Float.self)
            }
        }
    }
}
