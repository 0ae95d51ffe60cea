import Apus
import Foundation

/// What opening a file, and running the program in it, comes to: run in a process of its own, which a bad file may take down.
public enum OpenFile {
    /// Seconds after which the system ends the process.
    public static let patience: UInt32 = 10

    /// Prints `ok` with a digest of all that came out, or the error; an error that is not of a typed kind is said to be so. Behind that, on a
    /// line of its own, the most memory that the process had, in KiB.
    public static func main(_ path: String) {
        alarm(patience)
        // Not the parent's figures, which a process begins with: those of its own memory.
        defer {
            let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
            let peak: Substring = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? "? 0"
            print(peak.filter(\.isNumber))
        }
        do {
            print("ok \(try digest(path))")
        } catch let error as ArchiveError {
            print("error \(error.code)")
        } catch is ProgramError {
            print("error program")
        } catch is TensorError {
            print("error tensor")
        } catch {
            print("untyped \(type(of: error)): \(error)")
        }
    }

    private static func digest(_ path: String) throws -> String {
        var hash = Digest()
        switch path.split(separator: ".").last {
        case "npz":
            for (name, tensor) in try [String: Tensor].load(npz: path).sorted(by: { $0.key < $1.key }) { try hash.add(name, tensor) }
        case "safetensors":
            for (name, tensor) in try [String: Tensor].load(safetensors: path).sorted(by: { $0.key < $1.key }) {
                try hash.add(name, tensor)
            }
        case "npy": try hash.add("array", try Tensor.load(npy: path))
        default:
            let program = try ExportedProgram.load(from: path)
            // Two calls: a buffer goes on.
            for seed in [5, 6] as [UInt64] {
                let x = try Tensor.randn([3, 4], seed: seed)
                for (index, leaf) in try program.run(leaves: [.tensor(x)]).enumerated() {
                    if case .tensor(let tensor) = leaf { try hash.add("\(index)", tensor) } else { hash.add("\(leaf)") }
                }
            }
        }
        return hash.description
    }

    /// FNV-1a over names, types and elements.
    private struct Digest: CustomStringConvertible {
        private var value: UInt64 = 0xcbf2_9ce4_8422_2325

        mutating func add(_ text: String) { for byte in text.utf8 { add(UInt64(byte)) } }

        mutating func add(_ name: String, _ tensor: Tensor) throws {
            add("\(name): \(tensor.spec)")
            let real: Tensor = try tensor.to(.float64)
            for element in try real.array(of: Double.self) { add(element.bitPattern) }
        }

        private mutating func add(_ word: UInt64) { value = (value ^ word) &* 0x0000_0100_0000_01b3 }

        var description: String { String(value, radix: 16) }
    }
}
