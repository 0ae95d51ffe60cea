import Foundation
import Synchronization
import Testing

@testable import ApusSymbolic

/// Remembers the sites of what it is asked, and says yes.
private final class RecordingOracle: Oracle, @unchecked Sendable {
    var sites: [CallSite] = []

    func decide(_ condition: SymBool, site: CallSite) -> Bool {
        sites.append(site)
        return true
    }

    func specialize(_ size: SymInt, site: CallSite) -> Int {
        sites.append(site)
        return 3
    }

    func require(_ condition: SymBool, _ failure: SymbolicError, site: CallSite) {}
}

@Suite struct CallSites {
    @Test func aBranchKnowsItsLine() throws {
        let scope = SymbolScope()
        let oracle = RecordingOracle()
        scope.oracle = oracle
        let n: SymInt = scope.size(scope.makeSymbol())
        var total = 0
        let line: Int = #line
        if n > 3 { total += 1 }
        if (n + 1).isMultiple(of: 2) { total += 1 }
        total += Int(n)
        #expect(total == 5)
        let locations: [CallSite.Location] = oracle.sites.compactMap(\.location)
        let lines: [Int] = locations.map(\.line)
        let expected: [Int] = [1, 2, 3].map { line + $0 }
        #expect(lines == expected)
        #expect(locations.allSatisfy { $0.file == "CallSiteTests.swift" })
        #expect(locations.first?.description == "CallSiteTests.swift:\(line + 1)")
        #expect(locations.first?.module == "ApusSymbolicTests")
        #expect(locations.first?.function.contains("aBranchKnowsItsLine") == true)
        #expect(Set(oracle.sites).count == 3)
    }

    @Test func unknownSitesHaveNoLocation() {
        #expect(CallSite.unknown.location == nil)
        #expect(CallSite(addresses: [0, 1, 0xdead_beef, .max]).location == nil)
        #expect(CallSite.unknown.description == "unknown location")
    }

    /// Every unknown address makes the symbolizer list the process's images anew, while other threads map files and give them back.
    @Test func filesMayBeUnmappedMeanwhile() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("unmapped-\(UUID().uuidString)").path
        try Data(count: 1 << 16).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let isDone = Atomic(false)
        DispatchQueue.concurrentPerform(iterations: 4) { worker in
            if worker == 0 {
                for number in 0..<200 { _ = CallSite(addresses: [UInt(0x7000_0000) + UInt(number)]).location }
                isDone.store(true, ordering: .releasing)
            }
            let file = open(path, O_RDONLY)
            defer { close(file) }
            while !isDone.load(ordering: .acquiring) {
                let region = mmap(nil, 1 << 16, PROT_READ, MAP_PRIVATE, file, 0)
                if let region, region != MAP_FAILED { munmap(region, 1 << 16) }
            }
        }
        let here = CallSite.capture()
        #expect(here.location?.file == "CallSiteTests.swift")
    }

    @Test(arguments: [
        ("$s12ApusSymbolic6SymIntV1poiyA2C_ACtFZ", "ApusSymbolic"),
        ("$sSi12ApusSymbolicEySiAA6SymIntVcfC", "ApusSymbolic"),
        ("$sSTsE3mapySayqd__Gqd__7ElementQzKXEKlF", "Swift"),
        ("$ss5printyyypd_S2StF", "Swift"),
        ("$sSq3mapyqd_0_Sgqd_0_xqd__YKXEqd__YKs5ErrorRd__Ri_d_0_r0_lF10ApusTensor5ShapeV_AFs5Error_pTg5", "Swift"),
        ("$s7MyModel5LayerC7forwardyyF", "MyModel"),
        ("main", "main"),
    ])
    func modulesOfMangledNames(_ name: String, _ module: String) {
        #expect(MangledName.module(of: name) == module)
    }

    @Test func namesOfNoModule() {
        #expect(MangledName.module(of: "__libc_start_main") == nil)
        #expect(MangledName.module(of: "") == nil)
        #expect(MangledName.module(of: "$s") == nil)
        #expect(MangledName.module(of: "$s99x") == nil)
        #expect(MangledName.module(of: "$s99999999999999999999999x") == nil)
    }
}
