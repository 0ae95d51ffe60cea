import Testing
@testable import ApusNN
