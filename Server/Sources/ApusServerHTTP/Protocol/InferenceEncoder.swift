import ApusRun
import ApusServing
import NIOCore

/// Writes the protocol's answers.
enum InferenceEncoder {
    /// The answer's body, and how many bytes of it are JSON where tensors follow as bytes.
    static func encode(_ result: InferenceResult, of model: ServedModel, for decoded: DecodedRequest) throws -> (
        body: ByteBuffer, headerLength: Int?
    ) {
        let isBinary: (String) -> Bool = { name in
            decoded.request.outputs == nil ? decoded.areAllBinary : decoded.binaryOutputs.contains(name)
        }
        let binary: [Tensor] = result.outputs.filter { isBinary($0.entry.name) }.map(\.tensor)
        var output = JSONOutput(capacity: 1024)
        try output.object { output in
            output.pair("model_name", model.name)
            output.pair("model_version", model.version)
            if let id = decoded.id { output.pair("id", id) }
            output.key("outputs")
            try output.array(result.outputs) { output, item in
                let sizes: [Int] = try item.tensor.sizes
                try output.object { output in
                    output.pair("name", item.entry.name)
                    output.pair("datatype", item.entry.datatype.rawValue)
                    output.key("shape")
                    output.array(sizes) { $0.int($1) }
                    if isBinary(item.entry.name) {
                        output.key("parameters")
                        output.object { $0.pair("binary_data_size", sizes.reduce(item.tensor.dtype.byteWidth, *)) }
                    } else {
                        output.key("data")
                        try output.elements(item.tensor)
                    }
                }
            }
        }
        var body = ByteBuffer(bytes: output.bytes)
        let length: Int = body.readableBytes
        for tensor in binary { try tensor.withUnsafeBytes { _ = body.writeBytes($0) } }
        return (body, binary.isEmpty ? nil : length)
    }
}
