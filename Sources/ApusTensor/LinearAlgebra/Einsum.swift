import ApusSymbolic

// Contractions named by indices: einsum, tensordot, inner, kron.

extension Operator {
    static let einsum: Operator = composite(
        "aten::einsum(str equation, Tensor[] tensors, *, int[]? path=None) -> Tensor",
        "Sums of products named by letters, one for each dimension: 'ij,jk->ik' is a matrix product. Letters that the result doesn't name are summed "
            + "over; '...' stands for dimensions that broadcast. Operands are contracted from left to right; the path is not needed.",
        samples: {
            let (a, b): (Tensor, Tensor) = (try .sample([2, 3]), try .sample([3, 4], seed: 2))
            let batch: Tensor = try .sample([2, 2, 3], seed: 3)
            return [
                [.string("ij,jk->ik"), .tensors([a, b]), .none], [.string("...ij,jk->...ki"), .tensors([batch, b]), .none],
                [.string("ij->j"), .tensors([a]), .none], [.string("ii->i"), .tensors([try .sample([3, 3])]), .none],
                [.string("bi,bi,bj"), .tensors([a, a, try .sample([2, 2], seed: 4)]), .none],
            ]
        }
    ) { call in
        let plan = try Contraction(try call.string(0), try call.tensors(1), call)
        return [.tensor(try plan.run())]
    }

    static let tensordot: Operator = composite(
        "aten::tensordot(Tensor self, Tensor other, int[] dims_self, int[] dims_other) -> Tensor",
        "Sums the products over pairs of dimensions; the rest of both follow one after the other. A dimension of size 1 meets any other's sum.",
        samples: { [[.tensor(try .sample([2, 3, 4])), .tensor(try .sample([4, 2], seed: 2)), .ints([2, 0]), .ints([0, 1])]] }
    ) { call in
        var (a, b) = (try call.tensor(0), try call.tensor(1))
        let (own, other) = (try call.constants(2), try call.constants(3))
        guard own.count == other.count else { throw call.error(.invalidArgument, "\(own.count) dimensions meet \(other.count)") }
        let left = own.isEmpty ? [] : try own.map { try normalize(dim: $0, rank: a.rank, in: call.name) }
        let right = other.isEmpty ? [] : try other.map { try normalize(dim: $0, rank: b.rank, in: call.name) }
        guard Set(left).count == left.count, Set(right).count == right.count else {
            throw call.error(.invalidArgument, "a dimension appears twice in \(own) or \(other)")
        }
        for (i, j) in zip(left, right) {
            let text = "dimensions \(i) of \(a.shape) and \(j) of \(b.shape) have sizes \(a.shape[i]) and \(b.shape[j])"
            switch try meeting(of: a.shape[i], b.shape[j], in: call.name, call.error(.shapeMismatch, text)) {
            case .equal: continue
            case .firstStretches: b = try b.sum(dim: j, keepDim: true).to(b.dtype)
            case .secondStretches: a = try a.sum(dim: i, keepDim: true).to(a.dtype)
            }
        }
        let freeLeft = (0..<a.rank).filter { !left.contains($0) }
        let freeRight = (0..<b.rank).filter { !right.contains($0) }
        let inner: SymInt = SymInt.product(left.map { a.shape[$0] })
        let rows: SymInt = SymInt.product(freeLeft.map { a.shape[$0] })
        let columns: SymInt = SymInt.product(freeRight.map { b.shape[$0] })
        let product = try a.permuted(freeLeft + left).reshaped([rows, inner]).mm(b.permuted(right + freeRight).reshaped([inner, columns]))
        return [.tensor(try product.reshaped(freeLeft.map { a.shape[$0] } + freeRight.map { b.shape[$0] }))]
    }

    static let inner: Operator = composite(
        "aten::inner(Tensor self, Tensor other) -> Tensor",
        "The dot products over the last dimensions of both; with a number, the product.",
        samples: {
            [
                [.tensor(try .sample([2, 3])), .tensor(try .sample([4, 3], seed: 2))],
                [.tensor(try .sample([2, 3])), .tensor(try .sample([]))],
            ]
        }
    ) { call in
        let (a, b) = (try call.tensor(0), try call.tensor(1))
        if a.rank == 0 || b.rank == 0 { return [.tensor(try a * b)] }
        return [.tensor(try a.tensordot(b, dims: [-1], [-1]))]
    }

    static let kron: Operator = composite(
        "aten::kron(Tensor self, Tensor other) -> Tensor",
        "The Kronecker product: every element of one times all of the other, side by side.",
        samples: { [[.tensor(try .sample([2, 3])), .tensor(try .sample([2, 2], seed: 2))]] }
    ) { call in
        let (a, b) = (try call.tensor(0), try call.tensor(1))
        let rank: Int = Swift.max(a.rank, b.rank)
        func sizes(_ tensor: Tensor) -> [SymInt] { Array(repeating: 1, count: rank - tensor.rank) + tensor.shape.sizes }
        let (left, right): ([SymInt], [SymInt]) = (sizes(a), sizes(b))
        let spread = try a.reshaped(left.flatMap { [$0, 1] }) * b.reshaped(right.flatMap { [1, $0] })
        return [.tensor(try spread.reshaped(zip(left, right).map { $0 * $1 }))]
    }

    static let contractions: [Operator] = [einsum, tensordot, inner, kron]
}

/// An einsum, read and checked.
private struct Contraction {
    /// An operand with one label for each dimension. Letters are themselves; the dimensions of '...' count from the last, as -1, -2.
    private struct Term {
        var tensor: Tensor
        var labels: [Int]
    }

    private var terms: [Term] = []
    private var output: [Int] = []
    private let call: Call

    init(_ equation: String, _ tensors: [Tensor], _ call: Call) throws {
        self.call = call
        let text = equation.filter { $0 != " " }
        let sides: [String] = text.contains("->") ? text.split(separator: "->", omittingEmptySubsequences: false).map(String.init) : [text]
        guard sides.count <= 2 else { throw call.error(.invalidArgument, "'\(equation)' has more than one arrow") }
        let inputs = sides[0].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard inputs.count == tensors.count else {
            throw call.error(.invalidArgument, "'\(equation)' names \(inputs.count) operands, but \(tensors.count) are given")
        }
        for (input, tensor) in zip(inputs, tensors) {
            let labels = try Self.labels(input, rank: tensor.rank, call)
            terms.append(try diagonal(Term(tensor: tensor, labels: labels)))
        }
        let given = terms.flatMap { $0.labels }
        let open = Set(given.filter { $0 < 0 }).sorted()
        if sides.count == 2 {
            output = try Self.labels(sides[1], openDims: open, call)
            if let stranger = output.first(where: { !given.contains($0) }) {
                throw call.error(.invalidArgument, "'\(equation)' names '\(Self.letter(stranger))' in the result but in no operand")
            }
            guard Set(output).count == output.count else {
                throw call.error(.invalidArgument, "'\(equation)' names an index twice in the result")
            }
        } else {
            // Without an arrow: the indices that appear once in the equation, in alphabetical order, after those of '...'.
            let letters = inputs.joined().unicodeScalars.map { Int($0.value) }
            output = open + Set(given.filter { $0 > 0 }).filter { label in letters.filter { $0 == label }.count == 1 }.sorted()
        }
    }

    private static func letter(_ label: Int) -> String { Unicode.Scalar(UInt32(truncatingIfNeeded: label)).map { String($0) } ?? "..." }

    private static func labels(_ text: String, rank: Int, _ call: Call) throws -> [Int] {
        let letters: Int = text.filter { $0 != "." }.count
        let open: Int = rank - letters
        guard text.contains("...") ? open >= 0 : open == 0 else {
            throw call.error(.shapeMismatch, "'\(text)' doesn't name the \(rank) dimensions of its operand")
        }
        return try labels(text, openDims: open > 0 ? Array(-open...(-1)) : [], call)
    }

    private static func labels(_ text: String, openDims: [Int], _ call: Call) throws -> [Int] {
        let parts = text.split(separator: "...", omittingEmptySubsequences: false)
        guard parts.count <= 2 else { throw call.error(.invalidArgument, "'\(text)' has more than one '...'") }
        let letters: [[Int]] = try parts.map { part in
            try part.unicodeScalars.map { scalar in
                guard scalar.isASCII, scalar.properties.isAlphabetic else {
                    throw call.error(.invalidArgument, "'\(text)' has the character '\(scalar)', which names no dimension")
                }
                return Int(scalar.value)
            }
        }
        return parts.count == 2 ? letters[0] + openDims + letters[1] : letters[0]
    }

    /// A term in which each label appears once: repeated ones take the diagonal.
    private func diagonal(_ term: Term) throws -> Term {
        var term = term
        while let position = term.labels.indices.first(where: { term.labels[..<$0].contains(term.labels[$0]) }) {
            guard let first = term.labels.firstIndex(of: term.labels[position]) else { break }
            let (a, b): (SymInt, SymInt) = (term.tensor.shape[first], term.tensor.shape[position])
            try require(
                a == b, call.error(.shapeMismatch, "the index '\(Self.letter(term.labels[position]))' stands for sizes \(a) and \(b)"))
            let label: Int = term.labels[position]
            term.tensor = try term.tensor.diagonal(dim1: first, dim2: position)
            term.labels.remove(at: position)
            term.labels.remove(at: first)
            term.labels.append(label)
        }
        return term
    }

    func run() throws -> Tensor {
        guard var result = terms.first else { throw call.error(.invalidArgument, "needs at least one operand") }
        for (position, term) in terms.enumerated().dropFirst() {
            let later = Set(output + terms[(position + 1)...].flatMap { $0.labels })
            result = try product(result, term, keeping: later)
        }
        result = try summed(result, keeping: Set(output))
        return try result.tensor.permuted(output.map { label in result.labels.firstIndex(of: label) ?? 0 })
    }

    private func summed(_ term: Term, keeping kept: Set<Int>) throws -> Term {
        let dims = term.labels.indices.filter { !kept.contains(term.labels[$0]) }
        if dims.isEmpty { return term }
        return Term(tensor: try term.tensor.sum(dims: dims), labels: term.labels.filter { kept.contains($0) })
    }

    /// The product of two terms, summed over the labels that nothing later needs.
    private func product(_ first: Term, _ second: Term, keeping kept: Set<Int>) throws -> Term {
        let a = try summed(first, keeping: kept.union(second.labels))
        let b = try summed(second, keeping: kept.union(first.labels))
        let shared = a.labels.filter { b.labels.contains($0) }
        let batch = shared.filter { kept.contains($0) }
        let inner = shared.filter { !kept.contains($0) }
        let left = a.labels.filter { !shared.contains($0) }
        let right = b.labels.filter { !shared.contains($0) }
        var sizes: [Int: SymInt] = [:]
        for term in [a, b] {
            for (label, size) in zip(term.labels, term.tensor.shape) {
                guard let known = sizes[label], !known.isIdentical(to: size) else {
                    sizes[label] = size
                    continue
                }
                let text = "the index '\(Self.letter(label))' stands for sizes \(known) and \(size)"
                if try meeting(of: known, size, in: call.name, call.error(.shapeMismatch, text)) == .firstStretches { sizes[label] = size }
            }
        }
        func group(_ labels: [Int]) -> SymInt { SymInt.product(labels.map { sizes[$0] ?? 1 }) }
        func arranged(_ term: Term, _ order: [Int], _ target: [SymInt]) throws -> Tensor {
            let permuted = try term.tensor.permuted(order.map { label in term.labels.firstIndex(of: label) ?? 0 })
            return try permuted.expanded(order.map { sizes[$0] ?? 1 }).reshaped(target)
        }
        let matrix = try arranged(a, batch + left + inner, [group(batch), group(left), group(inner)])
        let other = try arranged(b, batch + inner + right, [group(batch), group(inner), group(right)])
        let labels = batch + left + right
        return Term(tensor: try matrix.bmm(other).reshaped(labels.map { sizes[$0] ?? 1 }), labels: labels)
    }
}

extension Tensor {
    /// Sums of products named by letters, one for each dimension: `einsum("ij,jk->ik", a, b)` is a matrix product.
    public static func einsum(_ equation: String, _ tensors: Tensor...) throws -> Tensor {
        try applySingle(.einsum, [.string(equation), .tensors(tensors), .none])
    }

    /// Sums the products over pairs of dimensions; the rest of both follow one after the other.
    public func tensordot(_ other: Tensor, dims own: [Int], _ others: [Int]) throws -> Tensor {
        try applySingle(.tensordot, [.tensor(self), .tensor(other), .ints(own), .ints(others)])
    }

    /// The dot products over the last dimensions of both.
    public func inner(_ other: Tensor) throws -> Tensor { try applySingle(.inner, [.tensor(self), .tensor(other)]) }

    /// The Kronecker product: every element of one times all of the other, side by side.
    public func kron(_ other: Tensor) throws -> Tensor { try applySingle(.kron, [.tensor(self), .tensor(other)]) }
}
