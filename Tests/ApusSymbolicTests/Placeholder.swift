import Testing
@testable import ApusSymbolic
