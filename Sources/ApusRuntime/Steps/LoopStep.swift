import ApusGraph
import ApusTensor

/// A loop whose bodies are laid out ahead. Carried tensors are handed from pass to pass without a copy: a pass writes over what it was given
/// where its steps can, and elsewhere two places serve in turns.
class LoopStep: Step {
    /// What it runs in each pass, in order.
    let bodies: [BoundBody]
    let site: NodeSite?
    /// Where what is carried lies in the end.
    let finals: [Tensor]
    fileprivate let body: BoundBody
    fileprivate let initial: [Tensor]
    fileprivate let bodyOperands: [Tensor]
    /// The other place of what is not written over in its own.
    fileprivate let spares: [Tensor?]
    /// Which bytes each carried tensor has.
    fileprivate let byteCounts: [Int]
    private let others: [Tensor]

    fileprivate init(
        bodies: [BoundBody], _ body: BoundBody, initial: [Tensor], operands: [Tensor], reads: [Tensor], writes: [Tensor], _ site: NodeSite?,
        finals: [Tensor], spares: [Tensor?]
    ) {
        (self.bodies, self.body, self.initial, bodyOperands, self.site) = (bodies, body, initial, operands, site)
        (self.finals, self.spares) = (finals, spares)
        byteCounts = initial.map { $0.layout.count * $0.dtype.byteWidth }
        self.operands = initial + reads + operands
        others = writes
    }

    /// Its bodies' steps compute; itself it says where the program goes on.
    var operators: [Operator] { [] }
    var title: String { "loop" }
    let operands: [Tensor?]
    var outputs: [Tensor] { finals + spares.compactMap(\.self) + others }

    func run(_ next: inout Int) throws { try run(nil) }

    func run(_ profiler: Profiler?) throws {}

    /// Tells the body where the first pass finds what is carried.
    fileprivate func start(_ body: BoundBody) {
        for position in initial.indices {
            let source: UnsafeMutableRawPointer = initial[position].baseAddress
            if spares[position] != nil {
                body.setInput(position, source)
            } else {
                let target: UnsafeMutableRawPointer = finals[position].baseAddress
                if byteCounts[position] > 0 { target.copyMemory(from: source, byteCount: byteCounts[position]) }
                body.setInput(position, target)
            }
        }
    }

    fileprivate func setOperands(_ body: BoundBody, from first: Int) {
        for (number, operand) in bodyOperands.enumerated() { body.setInput(first + number, operand.baseAddress) }
    }

    /// The place that a pass writes what is carried to: the last place, or the other.
    fileprivate func place(_ position: Int, inLast: Bool) -> UnsafeMutableRawPointer? {
        guard let spare = spares[position] else { return nil }
        return inLast ? finals[position].baseAddress : spare.baseAddress
    }
}

/// The loop over the slices of tensors along their first dimension.
final class ScanStep: LoopStep {
    private let length: Int
    private let xs: [Tensor]
    private let columns: [Tensor]
    /// The bytes of one slice.
    private let steps: [Int]
    private let columnSteps: [Int]

    init(
        length: Int, xs: [Tensor], columns: [Tensor], _ body: BoundBody, initial: [Tensor], operands: [Tensor], _ site: NodeSite?,
        finals: [Tensor], spares: [Tensor?]
    ) {
        (self.length, self.xs, self.columns) = (length, xs, columns)
        func step(_ tensor: Tensor) -> Int { tensor.layout.count / length * tensor.dtype.byteWidth }
        (steps, columnSteps) = (xs.map(step), columns.map(step))
        super.init(
            bodies: [body], body, initial: initial, operands: operands, reads: xs, writes: columns, site, finals: finals, spares: spares)
    }

    override var title: String { "scan of \(length)" }

    override func run(_ profiler: Profiler?) throws {
        let count: Int = initial.count
        setOperands(body, from: count + xs.count)
        start(body)
        for pass in 0..<length {
            // The last pass writes to where the results lie.
            let inLast: Bool = (length - 1 - pass) % 2 == 0
            for position in 0..<count {
                if let place = place(position, inLast: inLast) { body.setResult(position, place) }
            }
            for (number, x) in xs.enumerated() { body.setInput(count + number, x.baseAddress + pass * steps[number]) }
            for (number, column) in columns.enumerated() {
                body.setResult(count + number, column.baseAddress + pass * columnSteps[number])
            }
            try body.run(profiler)
            for position in 0..<count { if let place = place(position, inLast: inLast) { body.setInput(position, place) } }
        }
    }
}

/// The loop that goes on while its condition holds.
final class WhileStep: LoopStep {
    enum Condition {
        /// One bool.
        case tensor(Tensor)
        case number(RunNumber)
    }

    private let condition: BoundBody
    private let holds: Condition

    init(
        _ condition: BoundBody, holds: Condition, _ body: BoundBody, initial: [Tensor], operands: [Tensor], _ site: NodeSite?,
        finals: [Tensor], spares: [Tensor?]
    ) {
        (self.condition, self.holds) = (condition, holds)
        var writes: [Tensor] = []
        if case .tensor(let tensor) = holds { writes = [tensor] }
        super.init(
            bodies: [condition, body], body, initial: initial, operands: operands, reads: [], writes: writes, site, finals: finals,
            spares: spares)
    }

    override var title: String { "while" }

    override func run(_ profiler: Profiler?) throws {
        let count: Int = initial.count
        for body in bodies {
            setOperands(body, from: count)
            start(body)
        }
        if case .tensor(let holds) = holds { condition.setResult(0, holds.baseAddress) }
        var inLast = false
        var (hasPassed, goesOn) = (false, false)
        while true {
            try condition.run(profiler)
            switch holds {
            case .tensor(let holds): goesOn = holds.baseAddress.load(as: UInt8.self) != 0
            case .number(let number): goesOn = try number.holds(in: "whileLoop")
            }
            if !goesOn { break }
            inLast.toggle()
            hasPassed = true
            for position in 0..<count { if let place = place(position, inLast: inLast) { body.setResult(position, place) } }
            try body.run(profiler)
            for position in 0..<count {
                guard let place = place(position, inLast: inLast) else { continue }
                for body in bodies { body.setInput(position, place) }
            }
        }
        if inLast { return }
        for position in 0..<count {
            guard let spare = spares[position], byteCounts[position] > 0 else { continue }
            let source: UnsafeMutableRawPointer = hasPassed ? spare.baseAddress : initial[position].baseAddress
            finals[position].baseAddress.copyMemory(from: source, byteCount: byteCounts[position])
        }
    }
}
