import Testing
@testable import ApusGraph
