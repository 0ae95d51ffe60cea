import ApusRun
import Glibc

/// Loads a program and runs it on arrays from files: `run-program model.pt2 x.npy y.npy`. Nothing that traces or trains is linked.
@main
struct RunProgram {
    static func main() {
        let arguments: [String] = Array(CommandLine.arguments.dropFirst())
        guard let path = arguments.first else {
            print("usage: run-program <program.pt2> [<input.npy> ...]")
            exit(2)
        }
        do {
            let program = try ExportedProgram.load(from: path)
            let inputs: [Tensor] = try arguments.dropFirst().map { try Tensor.load(npy: $0) }
            for (name, result) in zip(program.graphSignature.userOutputs, try program.run(inputs)) { print("\(name) = \(result)") }
        } catch {
            print("\(error)")
            exit(1)
        }
    }
}
