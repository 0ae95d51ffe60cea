import Apus
import Foundation
import FuzzPrograms

/// The ways in which a file is damaged.
public enum Damage: String, CaseIterable, Sendable {
    /// Bytes of the file changed, cut off, put in or left out; checksums as they were.
    case bytes
    /// Members of an archive exchanged, emptied, doubled, renamed or left out, with the checksums that fit.
    case members
    /// A document changed in one place to anything; checksums that fit.
    case document
    /// A document changed in one place to another value of the same kind: what a schema admits.
    case value

    /// Whether the file's own redundancy tells of every such change that matters: then another result than the whole file's is a finding.
    func isTold(_ format: FileSample.Format) -> Bool { self == .bytes && format.isZip }

    func applies(to format: FileSample.Format) -> Bool {
        switch self {
        case .bytes: true
        case .members: format.isZip
        case .document, .value: format == .program || format == .tensors
        }
    }

    /// Writes a damaged copy.
    func write(_ sample: FileSample, to path: String, _ random: inout SplitMix) throws {
        switch (self, sample.format) {
        case (.bytes, _):
            try Data(damaged([UInt8](Data(contentsOf: URL(fileURLWithPath: sample.path))), &random)).write(to: URL(fileURLWithPath: path))
        case (.members, _): try ZipContents.write(exchanged(try ZipContents.read(sample.path), &random), to: path)
        case (_, .program):
            var members = try ZipContents.read(sample.path)
            let documents = members.indices.filter { members[$0].name.hasSuffix(".json") }
            let chosen = documents[random.below(documents.count)]
            members[chosen].bytes = try changed(members[chosen].bytes, &random)
            try ZipContents.write(members, to: path)
        default:
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: sample.path)))
            let length = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
            var header = try changed(Array(bytes[8..<8 + length]), &random)
            header += [UInt8](repeating: 0x20, count: (64 - (8 + header.count) % 64) % 64)
            let size = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
            try Data(size + header + bytes[(8 + length)...]).write(to: URL(fileURLWithPath: path))
        }
    }

    private func damaged(_ whole: [UInt8], _ random: inout SplitMix) -> [UInt8] {
        var bytes = whole
        let position = random.below(bytes.count)
        let length = 1 + random.below(min(64, bytes.count - position))
        switch random.below(7) {
        case 0: bytes.removeSubrange(position...)
        case 1: bytes.removeSubrange(position..<position + length)
        case 2: bytes.insert(contentsOf: bytes[position..<position + length], at: position)
        case 3: for index in position..<position + length { bytes[index] = 0 }
        case 4: for index in position..<position + length { bytes[index] = UInt8(random.below(256)) }
        default: for _ in 0...random.below(3) { bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8)) }
        }
        return bytes
    }

    private func exchanged(_ whole: [ZipContents.Member], _ random: inout SplitMix) -> [ZipContents.Member] {
        var members = whole
        let (a, b) = (random.below(members.count), random.below(members.count))
        switch random.below(7) {
        case 0: (members[a].bytes, members[b].bytes) = (members[b].bytes, members[a].bytes)
        case 1: members[a].bytes = []
        case 2: members[a].bytes += members[a].bytes
        case 3: members.remove(at: a)
        case 4: members[a].name += "x"
        case 5: members[a].name = (members[a].name.split(separator: "/").first.map { "\($0)/" } ?? "") + "../x"
        default: members.swapAt(a, b)
        }
        return members
    }

    private func changed(_ text: [UInt8], _ random: inout SplitMix) throws -> [UInt8] {
        let tree = try JSONSerialization.jsonObject(with: Data(text), options: .fragmentsAllowed)
        var documents = JSONChange(keepsKind: self == .value, tree)
        return [UInt8](
            try JSONSerialization.data(withJSONObject: documents.change(tree, &random), options: [.sortedKeys, .fragmentsAllowed]))
    }
}

/// Changes one place of a JSON document.
private struct JSONChange {
    let keepsKind: Bool
    /// Texts of the document, which are what another text may best be confused with.
    private var texts: [String] = []

    init(keepsKind: Bool, _ tree: Any) {
        self.keepsKind = keepsKind
        collect(tree)
        texts.sort()
    }

    private mutating func collect(_ value: Any) {
        switch value {
        case let text as String: texts.append(text)
        case let list as [Any]: for element in list { collect(element) }
        case let object as [String: Any]: for element in object.values { collect(element) }
        default: break
        }
    }

    mutating func change(_ value: Any, _ random: inout SplitMix) -> Any {
        switch value {
        case var list as [Any] where !list.isEmpty && (keepsKind || random.below(10) > 0):
            let index = random.below(list.count)
            if keepsKind, random.below(8) == 0 {
                list.swapAt(index, random.below(list.count))
            } else if !keepsKind, random.below(8) == 0 {
                if random.below(2) == 0 { list.remove(at: index) } else { list.append(list[index]) }
            } else {
                list[index] = change(list[index], &random)
            }
            return list
        case var object as [String: Any] where !object.isEmpty && (keepsKind || random.below(10) > 0):
            let keys = object.keys.sorted()
            let key = keys[random.below(keys.count)]
            guard let member = object[key] else { return object }
            if !keepsKind, random.below(10) == 0 {
                object[key] = nil
                if random.below(2) == 0 { object[key + "x"] = member }
            } else {
                object[key] = change(member, &random)
            }
            return object
        default: return leaf(value, &random)
        }
    }

    private func leaf(_ value: Any, _ random: inout SplitMix) -> Any {
        let numbers: [Int] = [0, 1, -1, 2, 3, 4, 5, 7, -9, 12, 13, 99, 1 << 31, 1 << 40, Int.max, Int.min]
        let kind = keepsKind ? -1 : random.below(6)
        switch kind {
        case 0: return NSNull()
        case 1: return NSNumber(value: random.below(2) == 0)
        case 2: return [Any]()
        case 3: return [String: Any]()
        case 4: return NSNumber(value: 1.5)
        default: break
        }
        switch value {
        case is String: return texts.isEmpty ? "x" : texts[random.below(texts.count)]
        case let number as NSNumber:
            if keepsKind, random.below(2) == 0 { return NSNumber(value: number.intValue &+ random.below(3) - 1) }
            return NSNumber(value: numbers[random.below(numbers.count)])
        default: return value
        }
    }
}
