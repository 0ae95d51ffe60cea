import Apus
import ProgramExpectations
import Testing

/// A program as a person writes it, with the domain on which export must agree with it.
///
/// The number of paths and of nodes after merging is written beside it, so that a regression shows.
struct GalleryProgram: Sendable, CustomTestStringConvertible {
    let name: String
    let inputs: [GalleryInput]
    let paths: Int
    let nodes: Int
    /// A fresh function, with a fresh model where it has one.
    let make: @Sendable () throws -> Subject

    /// The function under test and the model whose buffers it may change.
    struct Subject {
        var model: (any Module)?
        let function: ([Tensor]) throws -> [Tensor]
    }

    var testDescription: String { name }

    // MARK: Running

    /// The program, exported from an example in the middle of the domain: nothing may hang on which it is.
    func exported(_ subject: Subject, _ sweep: GallerySweep) throws -> ExportedProgram {
        let middle: GallerySweep.Point = sweep.points[sweep.points.count / 2]
        let examples: [Tensor] = try tensors(at: middle)
        var named: [String: DynamicDimension] = [:]
        let constraints: [any ConstraintConvertible] = zip(inputs, examples).flatMap { $0.constraints($1, &named) }
        if let model = subject.model { return try export(subject.function, of: model, args: examples, constraints: constraints) }
        return try export(subject.function, args: examples, constraints: constraints)
    }

    func tensors(at point: GallerySweep.Point) throws -> [Tensor] {
        try inputs.enumerated().map { try $1.tensor(point.sizes, fill: point.fills[$0]) }
    }

    /// Exports the program, sweeps it, and compares.
    func check() throws {
        let subject = try make()
        let sizes = GallerySweep(inputs)
        let program: ExportedProgram = try exported(subject, sizes)
        // Every requirement of every operator follows from what is declared, asked and asserted.
        try Verifier().verify(program.graph, scope: program.scope)
        try program.verifyPaths()
        var accepted = 0
        var rejected = 0
        for point in sizes.points {
            let isAccepted: Bool = try agree(program, subject, try tensors(at: point), "\(name) at \(point.sizes), values \(point.fills)")
            if isAccepted { accepted += 1 } else { rejected += 1 }
        }
        let found: Int = program.graph.totalNodeCount
        #expect(program.paths.count == paths, "\(name): \(program.paths.count) paths\n\(program.paths)")
        #expect(found == nodes, "\(name): \(found) nodes\n\(program)")
        GalleryTable.shared.add(
            GalleryTable.Row(
                program: name, paths: program.paths.count, nodes: found, domain: sizes.domainSize, accepted: accepted, rejected: rejected))
    }

    /// One input: the same result bit for bit by the passes that round as the function does, nearly the same by all of them, or an error from
    /// both. Returns whether there was a result.
    private func agree(_ program: ExportedProgram, _ subject: Subject, _ tensors: [Tensor], _ place: String) throws -> Bool {
        let before: [Tensor] = subject.model?.buffers() ?? []
        let expected: [Tensor]
        do {
            expected = try subject.function(tensors)
        } catch {
            // A call that failed leaves eager buffers as they were when it failed; the program's stay as they were before.
            if let model = subject.model { try restore(before, in: model) }
            #expect(throws: (any Error).self, "\(place): eager throws \(error)") { let _: [Tensor] = try program(tensors) }
            return false
        }
        let (actual, fast): ([Tensor], [Tensor])
        do {
            // A session's buffers are its own: the program's are still as they were.
            fast = try program.makeSession()(tensors)
            actual = try program.lowered(by: .exact)(tensors)
        } catch {
            Issue.record("\(place): eager gives \(expected.map(\.spec)), the program throws \(error)")
            return true
        }
        #expect(expected.count == actual.count && expected.count == fast.count, "\(place)")
        for (a, b) in zip(expected, fast) {
            let isClose: Bool = a.dtype.isFloatingPoint ? try a.allclose(b, rtol: 1e-5, atol: 1e-6, equalNaN: true) : try a.equal(b)
            #expect(isClose, "\(place): eager \(a.spec) \(a), program \(b.spec) \(b)")
        }
        for (a, b) in zip(expected, actual) { try same(a, b, place) }
        if let model = subject.model {
            let state = program.stateDict
            for (name, tensor) in model.namedBuffers() {
                let own = try #require(state[name], "\(place): no buffer \(name)")
                try same(tensor, own, "\(place), buffer \(name)")
            }
        }
        return true
    }

    private func restore(_ buffers: [Tensor], in model: any Module) throws {
        for (entry, tensor) in zip(model.namedBuffers(), buffers) { try model.load([entry.name: tensor], strict: false) }
    }

    private func same(_ a: Tensor, _ b: Tensor, _ place: String) throws {
        let (left, right) = (try GalleryProgram.bits(a), try GalleryProgram.bits(b))
        #expect(a.dtype == b.dtype && left == right, "\(place): eager \(a.spec) \(a), program \(b.spec) \(b)")
    }

    /// Sizes and elements, with all NaN alike.
    private static func bits(_ tensor: Tensor) throws -> [UInt64] {
        let sizes: [UInt64] = try tensor.sizes.map { UInt64($0) }
        let numbers: [Double] = try tensor.to(.float64).array(of: Double.self)
        return sizes + numbers.map { $0.isNaN ? UInt64.max : $0.bitPattern }
    }
}

/// A list of programs, written one statement each.
struct Gallery {
    var programs: [GalleryProgram] = []

    init(_ build: (inout Gallery) -> Void) { build(&self) }

    mutating func one(
        _ name: String, _ x: GalleryInput, paths: Int, nodes: Int, _ function: @escaping @Sendable (Tensor) throws -> Tensor
    ) {
        add(name, [x], paths, nodes) { .init { [try function($0[0])] } }
    }

    mutating func two(
        _ name: String, _ x: GalleryInput, _ y: GalleryInput, paths: Int, nodes: Int,
        _ function: @escaping @Sendable (Tensor, Tensor) throws -> Tensor
    ) {
        add(name, [x, y], paths, nodes) { .init { [try function($0[0], $0[1])] } }
    }

    mutating func three(
        _ name: String, _ x: GalleryInput, _ y: GalleryInput, _ z: GalleryInput, paths: Int, nodes: Int,
        _ function: @escaping @Sendable (Tensor, Tensor, Tensor) throws -> Tensor
    ) {
        add(name, [x, y, z], paths, nodes) { .init { [try function($0[0], $0[1], $0[2])] } }
    }

    /// Several results.
    mutating func list(
        _ name: String, _ inputs: [GalleryInput], paths: Int, nodes: Int, _ function: @escaping @Sendable ([Tensor]) throws -> [Tensor]
    ) {
        add(name, inputs, paths, nodes) { .init(function: function) }
    }

    /// A model with parameters and buffers.
    mutating func model<Model: Module & SendableMetatype>(
        _ name: String, _ inputs: [GalleryInput], paths: Int, nodes: Int, _ make: @escaping @Sendable () throws -> Model,
        _ run: @escaping @Sendable (Model, [Tensor]) throws -> Tensor
    ) {
        add(name, inputs, paths, nodes) {
            let model = try make()
            return .init(model: model) { [try run(model, $0)] }
        }
    }

    private mutating func add(
        _ name: String, _ inputs: [GalleryInput], _ paths: Int, _ nodes: Int,
        _ make: @escaping @Sendable () throws -> GalleryProgram.Subject
    ) {
        programs.append(GalleryProgram(name: name, inputs: inputs, paths: paths, nodes: nodes, make: make))
    }
}
