import Testing
@testable import ApusRuntime
