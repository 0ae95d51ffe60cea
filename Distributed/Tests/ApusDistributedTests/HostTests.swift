import Foundation
import Testing

/// Hosts with a network between them: namespaces of this machine, which only root can make.
@Suite(.serialized, .enabled(if: getuid() == 0))
struct HostTests {
    @Test func hostsTrainAsOneMachine() throws {
        try withProcesses { processes in
            let (here, there): (String, String) = ("\(processes.folder)/here", "\(processes.folder)/there")
            let one = try processes.mpirun(4, "distributed-digits", ["--distributed", "--epochs", "1", "--output", here])
            #expect(one.status == 0, "\(one.output)")
            let two = try processes.hosts(2, 2, "distributed-digits", ["--distributed", "--epochs", "1", "--output", there])
            #expect(two.status == 0, "\(two.output)")
            let curves: [String] = try [here, there].map { try String(contentsOfFile: "\($0)/losses.csv", encoding: .utf8) }
            #expect(curves[0] == curves[1] && curves[0].split(separator: "\n").count == 23)
        }
    }

    /// A host that can't be reached any more ends the job within seconds, with a message.
    @Test func aCutCableEndsAll() throws {
        try withProcesses { processes in
            let result = try processes.hosts(
                2, 1, "distributed-digits", ["--distributed", "--epochs", "1000", "--timeout", "10", "--output", processes.folder],
                cutAfter: 8)
            #expect(result.status != 0 && result.seconds < 40, "\(result)")
            #expect(
                result.output.contains("lost communication") || result.output.contains("did not end within"), "\(result.output)")
        }
    }
}
