import Apus

/// Tensors that travel together: one behind the other in one flat tensor for each dtype.
struct FlatState {
    struct Part {
        let names: [String]
        let shape: Shape
        let range: Range<Int>
    }

    struct Flat {
        let dtype: DType
        var parts: [Part] = []
        var count = 0
    }

    private(set) var flats: [Flat] = []

    /// - Parameter tensors: by name; a tensor that stands there twice travels once.
    init(_ tensors: [(name: String, tensor: Tensor)]) {
        var names: [ObjectIdentifier: [String]] = [:]
        for (name, tensor) in tensors { names[tensor.identity, default: []].append(name) }
        for (_, tensor) in tensors {
            guard let names = names.removeValue(forKey: tensor.identity) else { continue }
            let place: Int = flats.firstIndex { $0.dtype == tensor.dtype } ?? flats.count
            if place == flats.count { flats.append(Flat(dtype: tensor.dtype)) }
            let start: Int = flats[place].count
            flats[place].parts.append(Part(names: names, shape: tensor.shape, range: start..<start + tensor.elementCount))
            flats[place].count += tensor.elementCount
        }
    }

    /// What the state consists of, for comparison between processes.
    var description: String {
        flats.map { flat in
            let parts: String = flat.parts.map { "\($0.names.joined(separator: "=")) \($0.shape)" }.joined(separator: ", ")
            return "\(flat.dtype): \(parts)"
        }.joined(separator: "; ")
    }
}

extension FlatState.Flat {
    /// The tensors of these names in a row.
    /// - Parameter length: of the result, which zeros fill up
    func packed(_ tensors: [String: Tensor], length: Int? = nil) throws -> Tensor {
        let filler: Int = max(0, (length ?? count) - count)
        var rows: [Tensor] = try parts.compactMap { part in try tensors[part.names[0]]?.reshaped([-1]) }
        if filler > 0 || rows.isEmpty { rows.append(try .zeros([filler], dtype: dtype)) }
        return try Tensor.cat(rows)
    }

    /// The tensors that such a row holds, by all of their names. They share its memory.
    func unpacked(_ row: Tensor, from start: Int = 0) throws -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        for part in parts {
            let tensor: Tensor = try row.narrowed(dim: 0, from: start + part.range.lowerBound, length: part.range.count).reshaped(
                part.shape.sizes)
            for name in part.names { result[name] = tensor }
        }
        return result
    }
}

extension ProcessGroup {
    /// Gives all processes the tensors that one of them has under these names.
    func broadcast(_ tensors: [(name: String, tensor: Tensor)], from source: Int = 0) throws -> [String: Tensor] {
        let values: [String: Tensor] = Dictionary(tensors.map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
        var result: [String: Tensor] = [:]
        for flat in FlatState(tensors).flats {
            result.merge(try flat.unpacked(broadcast(flat.packed(values), from: source))) { $1 }
        }
        return result
    }

    /// Makes sure that all processes have the same model.
    func requireSame(_ tensors: [(name: String, tensor: Tensor)], for purpose: String) throws {
        let whole = CollectiveCall(purpose, FlatState(tensors).description)
        let count: Int = tensors.reduce(0) { $0 + $1.tensor.elementCount }
        // A model's whole description is too long for a message: its number of elements, and a fingerprint of it, stand for it.
        let call = CollectiveCall(
            purpose, "of \(tensors.count) tensors with \(count) elements (\(String(UInt64(bitPattern: whole.hash), radix: 16)))")
        try run(Collective(call: call, buffers: []) { _ in })
    }
}
