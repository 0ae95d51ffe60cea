import Testing

@testable import ApusArchive

@Suite("Tree specifications")
struct TreeSpecTextTests {
    private static let leaf = #"{"type": null, "context": null, "children_spec": []}"#

    @Test("Our text is what PyTorch writes, and PyTorch reads it")
    func both() throws {
        let tree: TreeSpecText = .tuple([
            .leaf, .list([.leaf, .tuple([])]), .dictionary(keys: ["b", "a \"q\""], [.leaf, .list([.leaf])]),
        ])
        #expect(try TreeSpecText(parsing: tree.text) == tree)
        #expect(tree.leafCount == 4)
        let python = try Python.run(
            """
            import sys, torch.utils._pytree as p
            spec = p.treespec_loads(sys.argv[1])
            print(p.treespec_dumps(spec) == sys.argv[1], p.tree_unflatten([1, 2, 3, 4], spec))
            """, [tree.text])
        #expect(python == "True (1, [2, ()], {'b': 3, 'a \"q\"': [4]})\n")
    }

    @Test("Python's rarer containers")
    func rarer() throws {
        let texts = try Python.run(
            """
            import collections, torch, torch.utils._pytree as p
            NT = collections.namedtuple("NT", "x y")
            p._register_namedtuple(NT, serialized_type_name="t.NT")
            values = [NT(1, 2), collections.OrderedDict(b=1, a=2), collections.deque([1, 2], 3), collections.defaultdict(list, k=1), torch.Size([1, 2]), {2: 1}, None]
            for v in values: print(p.treespec_dumps(p.tree_flatten(v)[1]))
            """)
        let trees = try texts.split(separator: "\n").map { try TreeSpecText(parsing: String($0)) }
        let expected: [TreeSpecText] = [
            .tuple([.leaf, .leaf]), .dictionary(keys: ["b", "a"], [.leaf, .leaf]), .list([.leaf, .leaf]), .dictionary(keys: ["k"], [.leaf]),
            .tuple([.leaf, .leaf]), .dictionary(keys: ["2"], [.leaf]), .leaf,
        ]
        #expect(trees == expected)
    }

    @Test("A type that is none of these is named")
    func unknown() {
        let error = archiveError(.invalidTreeSpec) {
            _ = try TreeSpecText(parsing: #"[1, {"type": "my.Thing", "context": "null", "children_spec": [\#(Self.leaf)]}]"#)
        }
        #expect(error?.reason == "the Python type 'my.Thing' in the program's signature is not one of tuple, list, dict and their kin")
    }

    @Test(
        "Errors",
        arguments: [
            ("[2, \(leaf)]", "a tree specification of version 2; 1 is read"), ("{}", "expected [version, tree], found an object"),
            ("[1, 5]", "[1]: expected an object (tree), found an integer"),
            (#"[1, {"type": null, "context": null, "children_spec": [\#(leaf)]}]"#, "[1]: a leaf with children"),
            (#"[1, {"type": "builtins.dict", "context": "[\"a\"]", "children_spec": []}]"#, "[1]: builtins.dict has 1 keys and 0 children"),
            (
                #"[1, {"type": "builtins.dict", "context": "[\"a\", \"a\"]", "children_spec": [\#(leaf), \#(leaf)]}]"#,
                "[1]: builtins.dict has the same key twice"
            ),
            (
                #"[1, {"type": "builtins.tuple", "context": "null", "children_spec": [7]}]"#,
                "[1].children_spec[0]: expected an object (tree), found an integer"
            ),
        ])
    func errors(text: String, message: String) {
        #expect(archiveError { _ = try TreeSpecText(parsing: text) }?.description == message)
    }

    @Test func depth() {
        let deep =
            String(repeating: #"{"type": "builtins.list", "context": "null", "children_spec": ["#, count: 100) + Self.leaf
            + String(repeating: "]}", count: 100)
        #expect(
            archiveError(.limit) { _ = try TreeSpecText(parsing: "[1, \(deep)]") }?.reason == "a tree specification deeper than 64 levels")
    }
}
