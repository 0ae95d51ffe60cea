import ApusGraph
import ApusSymbolic
import ApusTensor

extension GraphImporter {
    func answer(_ query: ImportTarget.ShapeQuery, _ node: ProgramSchema.Node) throws -> SymValue {
        let shape: Shape = aliases.spec(of: try firstCell(node)).shape
        func dimension() throws -> Int {
            guard case .int(let dim)? = argument(node, "dim") else { throw ArchiveError(.invalidProgram, "the argument 'dim' is missing") }
            return try normalize(dim: dim, rank: shape.count, in: node.target)
        }
        switch query {
        case .size: return .int(shape[try dimension()])
        case .count: return .int(shape.elementCount)
        case .offset: return .int(0)
        case .stride:
            // Values here are laid out row by row, whatever the strides were in the program's first home.
            let dim = try dimension()
            return .int(SymInt.product((dim + 1..<shape.count).map { shape[$0] }))
        }
    }

    func importCheck(_ check: ImportTarget.Check, _ node: ProgramSchema.Node) throws {
        guard let first = node.inputs.first?.argument else { throw ArchiveError(.invalidProgram, "no argument") }
        switch check {
        case .ignored: return
        case .scalar:
            let message: String
            if case .string(let text)? = argument(node, "assert_msg") { message = text } else { message = "an assertion of the program" }
            try interpreter.check(try symValue(first).bool, message)
        case .async:
            let message: String
            if case .string(let text)? = argument(node, "assert_msg") { message = text } else { message = "an assertion of the program" }
            _ = try apply(.assertAsync, [.tensor(try aliases.read(try firstCell(node))), .string(message)])
        case .factorization:
            let info: Tensor = try aliases.read(try firstCell(node))
            var name = "linalg"
            if node.inputs.count > 1, case .string(let text) = node.inputs[1].argument { name = text }
            let message = "\(name): the factorization failed: the input is singular, or not of the kind that it takes"
            _ = try apply(.assertAsync, [.tensor(try (info .== 0).all()), .string(message)])
        case .metadata:
            let spec: TensorSpec = aliases.spec(of: try firstCell(node))
            if case .scalarType(let type)? = argument(node, "dtype"), try DType(type) != spec.dtype {
                throw ArchiveError(.invalidProgram, "asserts the dtype \(try DType(type)) of a tensor of \(spec)")
            }
        case .range:
            guard let size = try symValue(first).int else { throw ArchiveError(.invalidProgram, "the number is not an integer") }
            func bound(_ name: String) -> Int? { if case .int(let value)? = argument(node, name) { value } else { nil } }
            var conditions: [SymBool] = ProgramSchema.RangeConstraint(minimum: bound("min"), maximum: bound("max")).range.bounds(of: size)
            if node.target.contains("for_size") { conditions.append(size >= 0) }
            for condition in conditions { try interpreter.check(condition, "\(condition) must hold") }
        }
    }

    // MARK: Ordinary operators

    /// The arguments, and the operator's overload for a plain number where one stands for the second tensor.
    func bind(_ operation: Operator, _ node: ProgramSchema.Node) throws -> (Operator, [OperatorArgument]) {
        let arguments = try withoutMasks(try self.arguments.arguments(of: node, for: operation.schema), operation)
        guard operation.schema.overload == "Tensor", operation.schema.parameters.count > 1, operation.schema.parameters[1].kind == .tensor,
            arguments.count > 1, case .scalar = arguments[1],
            let scalar = operators.find("\(operation.schema.namespace)::\(operation.schema.name).Scalar")
        else { return (operation, arguments) }
        return (scalar, try self.arguments.arguments(of: node, for: scalar.schema))
    }

    /// Indexing by a bool tensor is indexing by the positions where it is true. As two steps, what depends on values is one operator,
    /// whose result has the unknown size.
    private func withoutMasks(_ arguments: [OperatorArgument], _ operation: Operator) throws -> [OperatorArgument] {
        guard ["index", "_unsafe_index", "index_put", "_unsafe_index_put"].contains(operation.schema.name), arguments.count > 1,
            case .optionalTensors(let indices) = arguments[1], indices.contains(where: { $0?.dtype == .bool || $0?.dtype == .uint8 }),
            let nonzero = OperatorTable.find("aten::nonzero"), let select = OperatorTable.find("aten::select.int")
        else { return arguments }
        var plain: [Tensor?] = []
        for index in indices {
            guard let mask = index, mask.dtype == .bool || mask.dtype == .uint8 else {
                plain.append(index)
                continue
            }
            let positions = try applySingle(nonzero, [.tensor(mask)])
            for dim in 0..<mask.rank { plain.append(try applySingle(select, [.tensor(positions), .int(1), .int(dim)])) }
        }
        var result = arguments
        result[1] = .optionalTensors(plain)
        return result
    }

    func importPlain(_ operation: Operator, _ node: ProgramSchema.Node) throws {
        symbols.upcoming = try upcomingSymbols(node)
        var (operation, arguments) = try bind(operation, node)
        if let autocast, !operation.schema.returnsView { arguments = try autocast.cast(arguments, of: operation) }
        let results = try apply(operation, arguments)
        if operation.schema.returnsView {
            try defineViews(operation, arguments, node, results)
        } else {
            let slots = try flatten(results)
            try defineOutputs(node, slots)
            try checkDeclaredRanges(slots)
        }
    }

    /// What the file declares for a number that was read is made sure of.
    func checkDeclaredRanges(_ slots: [Slot]) throws {
        for case .symbol(.int(let size)) in slots {
            guard let symbol = size.expression?.symbol, !symbol.isBacked else { continue }
            for condition in symbols.declaredRange(symbol.name).bounds(of: size) {
                try interpreter.check(condition, "the number read from a tensor must satisfy \(condition)")
            }
        }
    }

    private func defineViews(
        _ operation: Operator, _ arguments: [OperatorArgument], _ node: ProgramSchema.Node, _ results: [OperatorArgument]
    ) throws {
        let source = try firstCell(node)
        let x = try aliases.read(source)
        var tensors: [Tensor] = []
        for result in results {
            switch result {
            case .tensor(let tensor): tensors.append(tensor)
            case .tensors(let list): tensors += list
            default: throw ArchiveError(.unsupported, "a view operator gave something other than tensors")
            }
        }
        let steps = try ViewStep.steps(operation, arguments, of: x, giving: tensors)
        let sharing = shares(operation, node, x, tensors)
        let slots: [Slot] = zip(tensors, steps).map { tensor, step in
            switch sharing {
            case true?: .tensor(aliases.view(of: source, step, tensor))
            case false?: .tensor(aliases.fresh(tensor))
            case nil: .tensor(aliases.uncertain(of: source, tensor))
            }
        }
        try defineOutputs(node, slots)
    }

    /// Whether the result of an operator that may copy shares its argument's memory; nil where the file's strides don't tell.
    private func shares(_ operation: Operator, _ node: ProgramSchema.Node, _ x: Tensor, _ results: [Tensor]) -> Bool? {
        guard ["reshape", "reshape_as", "flatten", "contiguous", "ravel"].contains(operation.schema.name) else { return true }
        guard case .tensor(let reference)? = node.inputs.first?.argument, let meta = tables.tensorValues[reference.name] else { return nil }
        let isContiguous: Bool? = StrideQuestion.isContiguous(meta)
        if ["contiguous", "ravel"].contains(operation.schema.name) {
            // Another order than row by row may be a copy where this one is none.
            if case .memoryFormat(let format)? = argument(node, "memory_format"), format != .contiguous { return nil }
            return isContiguous
        }
        if isContiguous == true { return true }
        let strides: [SymInt] = meta.strides.compactMap { stride -> SymInt? in
            switch stride {
            case .known(let value): return SymInt(value)
            case .expression(let expression): return try? symbols.reader.size(of: expression.text)
            }
        }
        guard strides.count == meta.strides.count, let result = results.first else { return nil }
        return StrideQuestion.isView(x.shape.sizes, strides, as: result.shape.sizes) { symbols.scope.known($0) }
    }

    // MARK: Conversions

    /// `to`: a copy in another dtype, or the tensor itself when nothing changes.
    func importConversion(_ node: ProgramSchema.Node) throws {
        let source = try firstCell(node)
        let x = try aliases.read(source)
        var dtype = x.dtype
        switch argument(node, "dtype") {
        case .scalarType(let type)?: dtype = try DType(type)
        default: break
        }
        if case .tensor(let reference)? = argument(node, "other") { dtype = try tensor(reference.name).dtype }
        var copies = false
        if case .bool(true)? = argument(node, "copy") { copies = true }
        if dtype == x.dtype {
            try defineTensor(node, copies ? aliases.fresh(try x.clone()) : source)
            return
        }
        try defineOutputs(node, [.tensor(aliases.fresh(try x.to(dtype)))])
    }

    func importDropout(_ operation: Operator?, _ node: ProgramSchema.Node) throws {
        let rate: Double
        switch argument(node, "p") {
        case .float(let value)?: rate = value
        case .int(let value)?: rate = Double(value)
        default: rate = 0.5
        }
        if case .bool(false)? = argument(node, "train") {
            try defineTensor(node, try firstCell(node))
        } else if rate == 0 {
            try defineTensor(node, try firstCell(node))
        } else if let operation, !node.target.contains("dropout_.") {
            try importPlain(operation, node)
        } else {
            throw ArchiveError(.unknownOperators, "dropout while training is not supported; export the module in evaluation mode")
        }
    }

    // MARK: Inlined bodies

    /// Runs a body where it stands: its inputs are the operands themselves.
    func importInlined(_ node: ProgramSchema.Node, settings: Int) throws {
        guard node.inputs.count > settings, case .graph(let argument) = node.inputs[settings].argument else {
            throw ArchiveError(.invalidProgram, "no body where one is expected")
        }
        let outer: Autocast? = autocast
        defer { autocast = outer }
        if node.target.hasSuffix("autocast") { autocast = try .region(node.inputs.prefix(settings).map(\.argument), in: outer) }
        let operands: [Slot] = try node.inputs.dropFirst(settings + 1).map { input in
            if case .tensor(let reference) = input.argument { return .tensor(try cell(reference.name)) }
            return .symbol(try symValue(input.argument))
        }
        try define(node, try inline(argument, operands))
    }

    /// What a body gives that is carried out where it stands.
    func inline(_ argument: ProgramSchema.GraphArgument, _ operands: [Slot]) throws -> [Slot] {
        let body = argument.graph
        guard body.inputs.count == operands.count else {
            throw ArchiveError(.invalidProgram, "a body takes \(body.inputs.count) inputs, \(operands.count) operands are given")
        }
        // The body has names of its own, which may be those of this graph.
        let (outerNames, outerTables) = (swapNames([:]), tables)
        tables = body
        for (input, operand) in zip(body.inputs, operands) {
            switch input {
            case .tensor(let reference): try define(reference.name, operand)
            case .symInt(.name(let name)), .symFloat(.name(let name)), .symBool(.name(let name)): try define(name, operand)
            default: continue
            }
        }
        try importNodes(body.nodes, path: "\(path).\(argument.name)")
        let results: [Slot] = try body.outputs.map { output in
            switch output {
            case .tensor(let reference): return try slot(reference.name)
            case .none: return .none
            default: return .symbol(try symValue(output))
            }
        }
        _ = swapNames(outerNames)
        tables = outerTables
        return results
    }

    /// Names what a node gives, which other nodes have computed.
    func define(_ node: ProgramSchema.Node, _ results: [Slot]) throws {
        let names = try outputNames(node)
        guard names.count == results.count else {
            throw ArchiveError(.invalidProgram, "the file names \(names.count) outputs, the body has \(results.count)")
        }
        for case (let name?, let slot) in zip(names, results) { try define(name, slot) }
    }

    /// A graph output.
    func output(_ argument: ProgramSchema.Argument) throws -> GraphOutput {
        switch argument {
        case .tensor(let reference):
            switch try slot(reference.name) {
            case .tensor(let cell): return .value(try interpreter.value(of: try aliases.read(cell)))
            case .symbol(let value): return output(value)
            case .none: return .literal(.none)
            }
        case .none: return .literal(.none)
        case .int(let value): return .literal(.int(value))
        case .float(let value): return .literal(.float(value))
        case .bool(let value): return .literal(.bool(value))
        case .string(let value): return .literal(.string(value))
        default: return output(try symValue(argument))
        }
    }

    private func output(_ value: SymValue) -> GraphOutput {
        switch value {
        case .int(let size): size.constant.map { .literal(.int($0)) } ?? .int(size)
        case .float(let number): number.constant.map { .literal(.float($0)) } ?? .float(number)
        case .bool(let condition): condition.constant.map { .literal(.bool($0)) } ?? .bool(condition)
        }
    }
}
