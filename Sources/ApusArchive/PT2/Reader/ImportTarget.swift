import ApusGraph
import ApusTensor

/// What a node's target means to the importer.
enum ImportTarget {
    /// Arithmetic on sizes: folded into expressions.
    case arithmetic
    /// A question about a tensor's shape: folded too.
    case shapeQuery(ShapeQuery)
    /// A check without results.
    case check(Check)
    /// An operator of the table.
    case plain(Operator)
    /// An operator that writes its first argument: the functional one that computes what is written.
    case inPlace(Operator)
    /// Writes that have no functional operator of the same name.
    case overwrite(Overwrite)
    /// The second argument in the first one's dtype and shape, as a tensor of its own.
    case copied
    /// An operator that changes how its first argument's memory is seen: the view operator behind it.
    case restride(Operator)
    /// Gives its first argument back as it is.
    case identity
    /// `to` and its like: a conversion, or the tensor itself.
    case conversion
    /// Nothing when it is not training; the operator of the table, where there is one, when it is.
    case dropout(Operator?)
    case batchNorm(Operator)
    case cond
    case whileLoop
    /// A scan, or a map, which carries nothing.
    case scan(isMap: Bool)
    /// A split at positions that a tensor holds.
    case tensorSplit
    /// A body that is run where it stands, with the operands behind the given number of settings.
    case inlined(settings: Int)

    enum ShapeQuery {
        case size
        case stride
        case count
        case offset
    }

    enum Check {
        case scalar
        case async
        case metadata
        case range
        /// Whether a factorization succeeded.
        case factorization
        case ignored
    }

    enum Overwrite {
        case copy
        case fill
        case zero
    }

    /// Whether it is a branch or a loop.
    var hasBodies: Bool {
        switch self {
        case .cond, .whileLoop, .scan: true
        default: false
        }
    }

    /// - Returns: nil for a target that is not known.
    init?(_ target: String, _ operators: OperatorTable) {
        if SymArithmetic.knows(target) {
            self = .arithmetic
            return
        }
        if let higher = target.dropping(prefix: "torch.ops.higher_order.") {
            switch higher {
            case "cond": self = .cond
            case "while_loop": self = .whileLoop
            case "scan": self = .scan(isMap: false)
            case "map_impl", "map": self = .scan(isMap: true)
            case "wrap_with_set_grad_enabled": self = .inlined(settings: 1)
            case "wrap_with_autocast": self = .inlined(settings: 4)
            default: return nil
            }
            return
        }
        // Operators that PyTorch has no counterpart of are in no file.
        guard let name = target.dropping(prefix: "torch.ops."), let parsed = OperatorName(name), parsed.namespace != "apus" else {
            return nil
        }
        if parsed.namespace == "aten", let special = ImportTarget.special(parsed) {
            self = special
            return
        }
        if let operation = operators.find(parsed.qualified) {
            let updatesStatistics: Bool = ["batch_norm", "native_batch_norm", "instance_norm"].contains(operation.schema.name)
            self = updatesStatistics ? .batchNorm(operation) : .plain(operation)
            return
        }
        guard let functional = parsed.functional, let operation = operators.find(functional.qualified) else { return nil }
        self = operation.schema.returnsView ? .restride(operation) : .inPlace(operation)
    }

    private static func special(_ name: OperatorName) -> ImportTarget? {
        switch (name.name, name.overload) {
        case ("sym_size", "int"): .shapeQuery(.size)
        case ("sym_stride", "int"): .shapeQuery(.stride)
        case ("sym_numel", ""): .shapeQuery(.count)
        case ("sym_storage_offset", ""): .shapeQuery(.offset)
        case ("_assert_scalar", ""): .check(.scalar)
        case ("_assert_async", "msg"), ("_assert_async", ""): .check(.async)
        case ("_assert_tensor_metadata", _): .check(.metadata)
        case ("_linalg_check_errors", ""): .check(.factorization)
        case ("sym_constrain_range", ""), ("sym_constrain_range_for_size", ""): .check(.range)
        case ("copy_", ""): .overwrite(.copy)
        case ("fill_", _): .overwrite(.fill)
        case ("zero_", ""): .overwrite(.zero)
        case ("copy", ""): .copied
        case ("tensor_split", "tensor_indices_or_sections"): .tensorSplit
        case ("_batch_norm_with_update", ""): OperatorTable.find("aten::_batch_norm_with_update_functional").map { .batchNorm($0) }
        case ("special_logsumexp", ""): OperatorTable.find("aten::logsumexp").map { .plain($0) }
        case ("_native_batch_norm_legit", ""): OperatorTable.find("aten::native_batch_norm").map { .batchNorm($0) }
        case ("detach_", ""), ("requires_grad_", ""), ("lift_fresh", ""): .identity
        case ("dropout", ""), ("dropout_", ""), ("feature_dropout", ""), ("feature_dropout_", ""), ("alpha_dropout", ""),
            ("alpha_dropout_", ""):
            .dropout(OperatorTable.find(name.qualified))
        case ("to", "dtype"), ("to", "dtype_layout"), ("to", "device"), ("to", "other"), ("type_as", ""): .conversion
        default: nil
        }
    }
}

/// `aten.add_.Tensor` in its parts.
struct OperatorName {
    let namespace: String
    let name: String
    /// Empty for the default overload.
    let overload: String

    /// - Parameter text: `namespace.name.overload`.
    init?(_ text: Substring) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        namespace = String(parts[0])
        name = String(parts[1])
        overload = parts[2] == "default" ? "" : String(parts[2])
    }

    private init(namespace: String, name: String, overload: String) {
        self.namespace = namespace
        self.name = name
        self.overload = overload
    }

    /// As the operator table spells it.
    var qualified: String { overload.isEmpty ? "\(namespace)::\(name)" : "\(namespace)::\(name).\(overload)" }

    /// The operator without the trailing underscore of an in-place one. `__and__` and its like are not in-place.
    var functional: OperatorName? {
        guard name.hasSuffix("_"), !name.hasSuffix("__"), name.count > 1 else { return nil }
        let base = String(name.dropLast())
        return OperatorName(namespace: namespace, name: base, overload: Self.functionalOverload(base, overload))
    }

    /// The functional operators' overloads where they are named otherwise.
    private static func functionalOverload(_ name: String, _ overload: String) -> String {
        switch (name, overload) {
        case ("floor_divide", "Tensor"): ""
        case ("pow", "Tensor"), ("float_power", "Tensor"): "Tensor_Tensor"
        case ("pow", "Scalar"), ("float_power", "Scalar"): "Tensor_Scalar"
        case ("ldexp", ""): "Tensor"
        case ("transpose", ""): "int"
        default: overload
        }
    }
}

extension String {
    func dropping(prefix: String) -> Substring? { hasPrefix(prefix) ? dropFirst(prefix.count) : nil }
}
