import Testing
@testable import ApusTensor
