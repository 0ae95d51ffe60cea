import Apus
import Testing

/// The cases of PyTorch's export case database on structures, modules and attributes.
@Suite struct ExportDatabaseStructureTests {
    private func numbers(_ sizes: [Int]) throws -> Tensor {
        try Tensor((0..<sizes.reduce(1, *)).map { Float($0) / 4 - 1 }, shape: sizes)
    }

    // PyTorch: supported through allow_in_graph. Ours: an operator of one's own with its gradient.
    @Test func autogradFunction() throws {
        let operation = Operator(
            try Operator.Schema("demo::shifted(Tensor self) -> Tensor"), rule: { [try $0.tensor(0).spec] },
            kernel: .host { [.tensor(try $0.tensor(0).clone())] }, gradient: { [.tensor(try $0.gradient + 1)] })
        let x = try numbers([3, 2])
        let program = try export(
            { (x: Tensor) in try gradient(at: x) { try applySingle(operation, [.tensor($0)]).sum() } }, args: x)
        let output: Tensor = try program(x)
        #expect(try output.array(of: Float.self) == Array(repeating: 2, count: 6))
    }

    final class ClassMethod: Module {
        let linear: Linear
        init() throws { linear = try Linear(4, 2) }
        class func method(_ x: Tensor) throws -> Tensor { try x + 1 }
        func forward(_ x: Tensor) throws -> Tensor {
            let y = try linear(x)
            return try Self.method(y) * ClassMethod.method(y) * type(of: self).method(y)
        }
    }

    @Test func classMethod() throws {
        let model = try ClassMethod()
        let x = try numbers([3, 4])
        let program = try export(model, args: x, constraints: [dynamicDim(x, 0)])
        let output: Tensor = try program.lowered(by: .exact)(x)
        #expect(try output.array(of: Float.self) == model(x).array(of: Float.self))
    }

    @Test func dictionary() throws {
        let (x, y) = (try numbers([3, 2]), try Tensor([4] as [Int], shape: []))
        func f(_ x: Tensor, _ y: Tensor) throws -> [String: Tensor] {
            var elements: [String: Tensor] = [:]
            elements["x2"] = try x * x
            return ["y": try y * (elements["x2"] ?? x)]
        }
        let output: [String: Tensor] = try export(f, args: x, y)(x, y)
        #expect(try output["y"]?.array(of: Float.self) == f(x, y)["y"]?.array(of: Float.self))
    }

    // PyTorch: keyword arguments, by name. Ours: a dictionary.
    @Test func functionWithKeywords() throws {
        let x = try numbers([4])
        func f(_ first: Tensor, _ pair: [Tensor], _ rest: [Tensor], _ named: [String: Tensor]) throws -> Tensor {
            var out = first
            for tensor in pair + rest { out = try out * tensor }
            for name in ["mykw0", "input0", "input1"] { if let tensor = named[name] { out = try out * tensor } }
            return out
        }
        let named = ["mykw0": x, "input0": x, "input1": x]
        let output: Tensor = try export(f, args: x, [x, x], [x, x], named)(x, [x, x], [x, x], named)
        #expect(try output.array(of: Float.self) == f(x, [x, x], [x, x], named).array(of: Float.self))
    }

    final class AttributeMutation: Module {
        var list: [Tensor] = []
        func forward(_ x: Tensor) throws -> Tensor {
            list = [try x * 0, try x * 0]
            return try x.sum() + list[0].sum()
        }
    }

    // PyTorch: a warning. Ours: a tensor that a module keeps is a parameter or a buffer, or an error that names it.
    @Test func modelAttributeMutation() throws {
        let model = AttributeMutation()
        model.list = [try numbers([3, 2])]
        let error = #expect(throws: ModuleError.self) { try export(model, args: try numbers([3, 2])) }
        #expect(error.map { "\($0)".contains("list") } == true)
    }

    // PyTorch: supported, fixed to what the example has. So here.
    @Test func optionalInput() throws {
        let x = try numbers([2, 3])
        func f(_ x: Tensor, _ y: Tensor?) throws -> Tensor {
            if let y { return try x + y }
            return x
        }
        let none: Tensor? = nil
        let alone: Tensor = try export(f, args: x, none)(x, none)
        let both: Tensor = try export(f, args: x, x as Tensor?)(x, x as Tensor?)
        #expect(try alone.array(of: Float.self) == x.array(of: Float.self))
        #expect(try both.array(of: Float.self) == (x + x).array(of: Float.self))
    }

    @Test func treeFlatten() throws {
        let x = try numbers([3, 2])
        func f(_ tree: [String: Tensor]) throws -> Tensor {
            guard let first = tree.sorted(by: { $0.key < $1.key }).first else { return try Tensor.zeros([]) }
            return try first.value + 1
        }
        let output: Tensor = try export(f, args: ["1": x, "2": x])(["1": x, "2": x])
        #expect(try output.array(of: Float.self) == (x + 1).array(of: Float.self))
    }

    @Test func scalarOutput() throws {
        let x = try numbers([3, 2])
        let program = try export({ (x: Tensor) -> SymInt in x.shape[1] + 1 }, args: x, constraints: [dynamicDim(x, 1)])
        for columns in [1, 2, 7] {
            let output: Int = try program(try numbers([3, columns]))
            #expect(output == columns + 1)
        }
    }

    final class Animal: Module {
        enum Kind: String { case cow = "moo" }
        var a = "moo"
        var b = 4
        func forward(_ x: Tensor) throws -> Tensor {
            guard a == Kind.cow.rawValue else { throw ExportDatabaseTests.Refused() }
            return try x * x + b
        }
    }

    @Test func specializedAttribute() throws {
        let x = try numbers([3, 2])
        let output: Tensor = try export(Animal(), args: x)(x)
        #expect(try output.array(of: Float.self) == (x * x + 4).array(of: Float.self))
    }
}
