/// Values by the number of a node, where most nodes have the same: an array that grows when something else is stored.
///
/// Numbers are small and dense, so that reading costs an index, and keeping a copy for a while one allocation.
struct NodeTable<Value: Sendable>: Sendable {
    private var values: [Value] = []
    private let common: Value

    init(_ common: Value) { self.common = common }

    subscript(id: Int) -> Value {
        get { id < values.count ? values[id] : common }
        _modify {
            if id >= values.count {
                values.append(contentsOf: repeatElement(common, count: max(id + 1, values.count * 2, 16) - values.count))
            }
            yield &values[id]
        }
    }
}
