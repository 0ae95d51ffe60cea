import ApusONNXSchema
import ApusTensor
import Foundation
import Glibc

/// Turns a model's tensors into Apus's. Those whose elements lie in files of their own are mapped, not copied.
final class ONNXTensors {
    /// The model's file, whose folder external data must not leave.
    private let model: String
    private let isMapped: Bool
    private var files: [String: MappedFile] = [:]
    private var shared: [Onnx_TensorProto: ONNXValue] = [:]

    init(model: String, isMapped: Bool) { (self.model, self.isMapped) = (model, isMapped) }

    /// - Throws: `ArchiveError` naming the tensor.
    func value(_ proto: Onnx_TensorProto) throws -> ONNXValue {
        do { return try read(proto) } catch var error as ArchiveError {
            if error.location == nil { error.location = "tensor '\(proto.name)'" }
            throw error
        }
    }

    /// The tensor of a node or body, which is the same one each time that it is carried out: a loop that is unrolled would hold one for each pass.
    func shared(_ proto: Onnx_TensorProto) throws -> ONNXValue {
        if let known = shared[proto] { return known }
        let value: ONNXValue = try value(proto)
        shared[proto] = value
        return value
    }

    private func read(_ proto: Onnx_TensorProto) throws -> ONNXValue {
        let element = try ONNXElement(number: proto.dataType)
        guard let dtype = element.dtype else { throw ArchiveError(.unsupportedDType, "holds texts, which are no tensors here") }
        guard !proto.hasSegment else { throw ArchiveError(.unsupported, "is one of several segments") }
        let shape: [Int] = proto.dims.map { Int($0) }
        let count: Int = try ArrayRecord.byteCount(dtype, shape) / dtype.byteWidth
        let (bits, overflow) = count.multipliedReportingOverflow(by: element.bitWidth)
        guard !overflow else { throw ArchiveError(.outOfBounds, "the sizes \(shape) overflow") }
        let bytes: MemberBytes = try self.bytes(of: proto, element, count: (bits + 7) / 8)
        let record: ArrayRecord =
            element.isNative
            ? try ArrayRecord(dtype: dtype, shape: shape, bytes: bytes)
            : try ArrayRecord(dtype: dtype, shape: shape, bytes: try bytes.widened(element, count: count))
        return ONNXValue(.tensor(try Tensor(record)), element)
    }

    /// The elements as they lie in a file.
    private func bytes(of proto: Onnx_TensorProto, _ element: ONNXElement, count: Int) throws -> MemberBytes {
        let bytes: MemberBytes
        if proto.dataLocation == .external {
            bytes = try external(proto, count: count)
        } else if proto.hasRawData {
            bytes = .memory(MemoryBytes(try OwnedBytes(count: proto.rawData.count) { proto.rawData.copyBytes(to: $0) }))
        } else {
            bytes = try listed(proto, element)
        }
        guard bytes.count == count else {
            throw ArchiveError(.outOfBounds, "\(bytes.count) bytes of elements, \(count) are needed for \(element) \(proto.dims)")
        }
        return bytes
    }

    // MARK: Elements in lists

    private func listed(_ proto: Onnx_TensorProto, _ element: ONNXElement) throws -> MemberBytes {
        switch element {
        case .float32, .complex64: return try Self.pack(proto.floatData) { $0.bitPattern.littleEndian }
        case .float64, .complex128: return try Self.pack(proto.doubleData) { $0.bitPattern.littleEndian }
        case .int64: return try Self.pack(proto.int64Data) { $0.littleEndian }
        case .uint64: return try Self.pack(proto.uint64Data) { $0.littleEndian }
        case .uint32: return try Self.pack(proto.uint64Data) { UInt32(truncatingIfNeeded: $0).littleEndian }
        case .int32: return try Self.pack(proto.int32Data) { $0.littleEndian }
        case .int16, .uint16, .float16, .bfloat16: return try Self.pack(proto.int32Data) { UInt16(truncatingIfNeeded: $0).littleEndian }
        default: return try Self.pack(proto.int32Data) { UInt8(truncatingIfNeeded: $0) }
        }
    }

    private static func pack<Source, Item: FixedWidthInteger>(_ source: [Source], _ item: (Source) -> Item) throws -> MemberBytes {
        .memory(
            MemoryBytes(
                try OwnedBytes(count: source.count * MemoryLayout<Item>.size) { target in
                    for (index, element) in source.enumerated() {
                        target.storeBytes(of: item(element), toByteOffset: index * MemoryLayout<Item>.size, as: Item.self)
                    }
                }))
    }

    // MARK: Elements in other files

    private func external(_ proto: Onnx_TensorProto, count: Int) throws -> MemberBytes {
        var entries: [String: String] = [:]
        for entry in proto.externalData { entries[entry.key] = entry.value }
        guard let location = entries["location"] else { throw ArchiveError(.missing, "its external data has no location") }
        func number(_ key: String, _ standard: Int) throws -> Int {
            guard let text = entries[key] else { return standard }
            guard let number = Int(text) else { throw ArchiveError(.malformed, "the \(key) '\(text)' of its external data is no number") }
            return number
        }
        let file: MappedFile = try self.file(location)
        let offset: Int = try number("offset", 0)
        return .mapped(try file.slice(offset: offset, count: try number("length", count)))
    }

    private func file(_ location: String) throws -> MappedFile {
        if let known = files[location] { return known }
        let parts: [Substring] = location.split(separator: "/", omittingEmptySubsequences: false)
        guard !location.isEmpty, !location.utf8.contains(0), !parts.contains(where: { $0.isEmpty || $0 == ".." }) else {
            throw ArchiveError(.unsafePath, "its data lies in '\(location)', which may be outside of the model's folder")
        }
        let path: String = Self.folder(of: model) + location
        guard let target = Self.resolved(path) else {
            throw ArchiveError(.cannotRead, "its data file '\(location)' can't be opened: \(systemMessage(errno))")
        }
        // What a link leads to must lie in the folder too, or in that which the model's own link leads to: caches keep files of one download
        // under other names in one place.
        let homes: [String?] = [Self.resolved(Self.folder(of: model)), Self.resolved(model).map { Self.folder(of: $0) }]
        guard homes.contains(where: { home in home.map { target.hasPrefix($0.hasSuffix("/") ? $0 : $0 + "/") } == true }) else {
            throw ArchiveError(.unsafePath, "its data file '\(location)' is a link that leads out of the model's folder")
        }
        let file = try MappedFile(path: path, isMapped: isMapped)
        files[location] = file
        return file
    }

    /// With a slash behind it.
    private static func folder(of file: String) -> String { file.lastIndex(of: "/").map { String(file[...$0]) } ?? "./" }

    private static func resolved(_ path: String) -> String? {
        guard let text = realpath(path, nil) else { return nil }
        defer { free(text) }
        return String(cString: text)
    }
}

extension MemberBytes {
    /// The elements of a type that Apus lacks, in the type that holds them.
    fileprivate func widened(_ element: ONNXElement, count: Int) throws -> MemberBytes {
        guard let dtype = element.dtype else { return self }
        let wide = try OwnedBytes(count: count * dtype.byteWidth) { target in
            try withUnsafeBytes { source in
                for index in 0..<count {
                    let offset: Int = index * dtype.byteWidth
                    if let layout = element.smallFloat {
                        let code: UInt8 = Self.bits(source, element, index)
                        target.storeBytes(of: layout.value(code), toByteOffset: offset, as: Float.self)
                        continue
                    }
                    switch element {
                    case .uint16:
                        target.storeBytes(
                            of: Int32(source.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)), toByteOffset: offset,
                            as: Int32.self)
                    case .uint32:
                        target.storeBytes(
                            of: Int64(source.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)), toByteOffset: offset,
                            as: Int64.self)
                    case .uint64:
                        guard let value = Int64(exactly: source.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)) else {
                            throw ArchiveError(.unsupported, "holds a uint64 above \(Int64.max), which no type here has")
                        }
                        target.storeBytes(of: value, toByteOffset: offset, as: Int64.self)
                    default:
                        let code: UInt8 = Self.bits(source, element, index)
                        let isNegative: Bool = element.isSigned && code >> (element.bitWidth - 1) == 1
                        target[index] = isNegative ? code | ~((1 << UInt8(element.bitWidth)) - 1) : code
                    }
                }
            }
        }
        return .memory(MemoryBytes(wide))
    }

    /// One of several elements in a byte; the first lies in the lowest bits.
    private static func bits(_ source: UnsafeRawBufferPointer, _ element: ONNXElement, _ index: Int) -> UInt8 {
        let width: Int = element.bitWidth
        if width == 8 { return source[index] }
        let perByte: Int = 8 / width
        return source[index / perByte] >> UInt8(index % perByte * width) & ((1 << UInt8(width)) - 1)
    }
}
